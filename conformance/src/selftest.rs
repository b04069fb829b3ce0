//! The suite on trial: one bug after the other is put before a healthy server, and the suite must
//! find it. Here is what one trial comes to, and what all of them say about the suite.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{Rng, seq::SliceRandom};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    faults::{self, Fault},
    run::{Plan, Verdict, run},
    scenario::Case,
    target::{Target, TargetError},
};

/// A case that noticed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Catch {
    /// The case.
    pub id: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it says.
    pub message: Option<String>,
}

/// What came of running cases against one fault.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The fault.
    pub fault: &'static str,
    /// See [`Fault::area`].
    pub area: faults::Area,
    /// See [`Fault::what`].
    pub what: &'static str,
    /// See [`Fault::equivalent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivalent: Option<&'static str>,
    /// Cases told to the end; skipped ones are not among them.
    pub run: Vec<String>,
    /// Those that found something (`fail`, `warn`, `info`), in the order of ids.
    pub caught: Vec<Catch>,
    /// Those that could not judge.
    pub errors: Vec<Catch>,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
}

fn milliseconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

impl Trial {
    /// Whether it came out as it should: found, unless the protocol allows it.
    pub fn is_right(&self) -> bool {
        self.errors.is_empty() && self.caught.is_empty() == self.equivalent.is_some()
    }
}

/// Whether the case can be told through a proxy. One tagged `no-proxy` lets a server's own socket
/// run full, which a proxy that takes whole frames keeps it from.
pub fn can_be_tried(case: &Case) -> bool {
    !case.scenario.header.tags.iter().any(|tag| tag == "no-proxy")
}

/// The cases that a fault is run with out of those chosen: what it asks for, else all but those
/// tagged `slow` (time must pass) or `heavy` (much must be sent).
pub fn cases_for(fault: &Fault, chosen: &[Case]) -> Vec<Case> {
    let slow =
        |case: &Case| case.scenario.header.tags.iter().any(|tag| tag == "slow" || tag == "heavy");
    let wanted = |case: &Case| match fault.only {
        [] => !slow(case),
        only => only.iter().any(|selector| crate::run::names(selector, case)),
    };
    chosen.iter().filter(|case| wanted(case)).cloned().collect()
}

/// When a trial is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Once all cases have been told.
    AllAreTold,
    /// As soon as one has found the fault.
    OneFindsIt,
}

/// Scenarios in an order of chance, so that those that find most are not always asked last. The
/// cases of each stay together, as they share a server.
pub fn shuffled(cases: &[Case], random: &mut impl Rng) -> Vec<Case> {
    let same = |a: &Case, b: &Case| Arc::ptr_eq(&a.scenario, &b.scenario);
    let mut groups: Vec<&[Case]> = cases.chunk_by(same).collect();
    groups.shuffle(random);
    groups.concat()
}

/// Runs the cases with the fault put before the plan's target.
///
/// # Errors
/// A target that can't be started or reached.
pub async fn trial(
    plan: &Plan,
    fault: &'static Fault,
    cases: Vec<Case>,
    until: Until,
) -> Result<Trial, TargetError> {
    let started = Instant::now();
    let target = Target::Faulty { inner: Box::new(plan.target.clone()), fault };
    let lacks = plan.lacks.union(&target.lacks()).cloned().collect();
    let plan = Arc::new(Plan { target, lacks, ..plan.clone() });
    let (results, mut outcomes) = mpsc::unbounded_channel();
    let running = tokio::spawn(run(plan, cases, results));
    let (mut ran, mut caught, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    while (until == Until::AllAreTold || caught.is_empty())
        && let Some(outcome) = outcomes.recv().await
    {
        let id = outcome.case.id;
        if outcome.verdict != Verdict::Skip {
            ran.push(id.clone());
        }
        let catch = Catch { id, verdict: outcome.verdict, message: outcome.message };
        match catch.verdict {
            Verdict::Fail | Verdict::Warn | Verdict::Info => caught.push(catch),
            Verdict::Error => errors.push(catch),
            Verdict::Pass | Verdict::Skip | Verdict::Known => {}
        }
    }
    // Whoever runs cases for nobody stops.
    drop(outcomes);
    // A run that broke off has sent less than all; the error says why.
    if let Ok(done) = running.await {
        done?;
    }
    ran.sort();
    caught.sort_by(|a, b| a.id.cmp(&b.id));
    let Fault { name, area, what, equivalent, .. } = *fault;
    let duration = started.elapsed();
    Ok(Trial { fault: name, area, what, equivalent, run: ran, caught, errors, duration })
}

/// What all trials say about the suite.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// Without a fault: nothing may be found.
    pub healthy: Trial,
    /// In the order of the catalogue.
    pub trials: Vec<Trial>,
    /// Scenarios that were run and found no fault at all.
    pub unreached: Vec<String>,
}

impl Matrix {
    /// Sums up.
    pub fn new(healthy: Trial, trials: Vec<Trial>) -> Matrix {
        let scenario = |id: &String| id.split('[').next().unwrap_or_default().to_owned();
        let caught = trials.iter().flat_map(|trial| &trial.caught);
        let reached: BTreeSet<String> = caught.map(|catch| scenario(&catch.id)).collect();
        let all = trials.iter().chain([&healthy]).flat_map(|trial| &trial.run);
        let run: BTreeSet<String> = all.map(scenario).collect();
        let unreached = run.difference(&reached).cloned().collect();
        Matrix { healthy, trials, unreached }
    }

    /// Trials that did not come out as they should.
    pub fn wrong(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.is_right())
    }
}
