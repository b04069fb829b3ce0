//! Cases, a target, and what comes of them: results, one after the other.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    scenario::{Case, Level, Scenario, Version, cases},
    stage::Stage,
    story::{Failure, Settings, tell},
    target::{
        Facts, Target, TargetError,
        file::{Deviation, deviation},
    },
    transcript::Event,
};

/// What a case came to. A skip is never a pass.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The server is as the scenario says.
    Pass,
    /// A MUST is broken.
    Fail,
    /// A SHOULD is broken.
    Warn,
    /// A MAY is otherwise.
    Info,
    /// Not asked, with the reason.
    Skip,
    /// Broken, and known to be.
    Known,
    /// The harness could not judge.
    Error,
}

impl Verdict {
    /// All of them, in the order of reports.
    pub const ALL: [Verdict; 7] = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Warn,
        Verdict::Info,
        Verdict::Skip,
        Verdict::Known,
        Verdict::Error,
    ];

    /// Whether it is a finding: something is not as it should be, and nobody has explained it.
    pub fn is_finding(self) -> bool {
        matches!(self, Verdict::Fail | Verdict::Warn | Verdict::Error)
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Warn => "warn",
            Verdict::Info => "info",
            Verdict::Skip => "skip",
            Verdict::Known => "known",
            Verdict::Error => "error",
        }
    }
}

/// What a run needs beside cases.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is judged.
    pub target: Target,
    /// How stories are told.
    pub settings: Settings,
    /// Scenarios at a time.
    pub jobs: usize,
    /// Capabilities that the target lacks.
    pub lacks: BTreeSet<String>,
    /// Deviations of the target's release that are known.
    pub known: Vec<Deviation>,
}

/// A case and what came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The case.
    pub case: Case,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, if it is not a pass.
    pub message: Option<String>,
    /// What broke.
    pub failure: Option<Failure>,
    /// Everything that went over the wire.
    pub events: Vec<Event>,
    /// How long the story took.
    pub duration: Duration,
    /// The end of the server's log, if something broke.
    pub log: Option<String>,
}

/// The release a target is judged as: what was told, else what it claims, else the newest.
pub fn judged_as(told: Option<Version>, facts: &Facts) -> Version {
    let claimed = || facts.version.as_deref().and_then(Version::parse);
    told.or_else(claimed).unwrap_or(Version(vec![u32::MAX]))
}

/// Runs the cases and hands each result on as it comes; the order is that of completion. Begins no
/// more of them once the receiver is gone: it has seen enough.
pub async fn run(
    plan: Arc<Plan>,
    chosen: Vec<Case>,
    results: mpsc::UnboundedSender<Outcome>,
) -> Result<(), TargetError> {
    let jobs = if plan.target.can_be_configured() { plan.jobs } else { 1 };
    let places = Arc::new(Semaphore::new(jobs));
    let mut tasks = JoinSet::new();
    for group in groups(chosen) {
        let (plan, results, places) = (plan.clone(), results.clone(), places.clone());
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _place = places.acquire().await;
            if results.is_closed() { Ok(()) } else { scenario(&plan, group, &results).await }
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished.unwrap_or(Ok(()))?;
    }
    Ok(())
}

/// The cases of one scenario share a server and run one after the other, unless they change it.
fn groups(chosen: Vec<Case>) -> Vec<Vec<Case>> {
    let mut groups: Vec<Vec<Case>> = Vec::new();
    for case in chosen {
        match groups.last_mut() {
            Some(group)
                if Arc::ptr_eq(&group[0].scenario, &case.scenario)
                    && !case.scenario.needs_own_server() =>
            {
                group.push(case);
            }
            _ => groups.push(vec![case]),
        }
    }
    groups
}

async fn scenario(
    plan: &Plan,
    group: Vec<Case>,
    results: &mpsc::UnboundedSender<Outcome>,
) -> Result<(), TargetError> {
    let scenario = group[0].scenario.clone();
    if let Some(reason) = reason_to_skip(&scenario, plan) {
        for case in group {
            let _ = results.send(outcome(case, Verdict::Skip, Some(reason.clone())));
        }
        return Ok(());
    }
    let mut stage = match Stage::start(&plan.target, &scenario, plan.settings.seed).await {
        Ok(stage) => stage,
        // Without a configuration, or where nothing runs, it is the target that can't be reached.
        Err(error) if scenario.header.config.is_none() => return Err(error),
        Err(error) => {
            for case in group {
                let _ = results.send(outcome(case, Verdict::Error, Some(error.to_string())));
            }
            return Ok(());
        }
    };
    for case in group {
        let started = Instant::now();
        let told = tell(&case, &mut stage, &plan.settings).await;
        let mut outcome = judge(case, told.failure, &plan.known);
        outcome.events = told.events;
        outcome.duration = started.elapsed();
        if outcome.verdict != Verdict::Pass {
            outcome.log = stage.log();
        }
        let _ = results.send(outcome);
    }
    stage.stop().await;
    Ok(())
}

fn reason_to_skip(scenario: &Scenario, plan: &Plan) -> Option<String> {
    let header = &scenario.header;
    if let Some(word) = header.needs.iter().find(|word| plan.lacks.contains(&word.value)) {
        return Some(format!("needs {}", word.value));
    }
    if header.config.is_some() && !plan.target.can_be_configured() {
        return Some("a server that is already running can't be configured".to_owned());
    }
    let version = &plan.settings.version;
    if let Some(since) = header.since.as_ref().filter(|since| !version.at_least(since)) {
        return Some(format!("true since {since} only"));
    }
    if let Some(until) = header.until.as_ref().filter(|until| !version.at_most(until)) {
        return Some(format!("true until {until} only"));
    }
    None
}

/// The verdict on a story: a pure function of what went wrong and what is known.
pub fn judge(case: Case, failure: Option<Failure>, known: &[Deviation]) -> Outcome {
    let (verdict, message) = match (&failure, deviation(known, &case.id)) {
        (None, None) => (Verdict::Pass, None),
        (None, Some(deviation)) => {
            let text = format!("no longer deviates, but is listed as known: {}", deviation.reason);
            (Verdict::Fail, Some(text))
        }
        (Some(failure), _) if failure.is_error => (Verdict::Error, Some(failure.message.clone())),
        (Some(_), Some(deviation)) => (Verdict::Known, Some(deviation.reason.clone())),
        (Some(failure), None) => {
            let verdict = match case.scenario.header.level {
                Level::Must => Verdict::Fail,
                Level::Should => Verdict::Warn,
                Level::May => Verdict::Info,
            };
            (verdict, Some(failure.message.clone()))
        }
    };
    Outcome { failure, ..outcome(case, verdict, message) }
}

fn outcome(case: Case, verdict: Verdict, message: Option<String>) -> Outcome {
    let duration = Duration::ZERO;
    Outcome { case, verdict, message, failure: None, events: Vec::new(), duration, log: None }
}

/// The cases that any of the selectors names: an id, part of a path, `*` for anything, `tag:word`,
/// or a clause. No selector names all of them; the second list holds selectors that name none.
pub fn select(scenarios: &[Arc<Scenario>], selectors: &[String]) -> (Vec<Case>, Vec<String>) {
    let all: Vec<Case> = scenarios.iter().flat_map(cases).collect();
    if selectors.is_empty() {
        return (all, Vec::new());
    }
    let useless = selectors
        .iter()
        .filter(|selector| !all.iter().any(|case| names(selector, case)))
        .cloned()
        .collect();
    let chosen = all.into_iter().filter(|case| selectors.iter().any(|s| names(s, case))).collect();
    (chosen, useless)
}

/// Whether a selector names the case.
pub fn names(selector: &str, case: &Case) -> bool {
    let header = &case.scenario.header;
    match selector.strip_prefix("tag:") {
        Some(tag) => header.tags.iter().any(|other| other == tag),
        None => {
            let folder = format!("{}/*", selector.trim_end_matches('/'));
            matches(selector, &case.id)
                || matches(selector, &case.scenario.id)
                || matches(&folder, &case.id)
                || header.spec.iter().any(|clause| matches(selector, &clause.value))
        }
    }
}

/// Whether a text is what a pattern says; `*` stands for anything, also for nothing.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => {
            let Some(tail) = text.strip_prefix(head) else { return false };
            let starts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            starts.into_iter().any(|at| matches(rest, &tail[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    fn scenario(id: &str, header: &str, story: &str) -> Arc<Scenario> {
        let text = format!("title: {id}\n{header}\n\n{story}");
        Arc::new(parse(id, &text).unwrap())
    }

    fn failure(is_error: bool) -> Failure {
        let (message, waiting) = ("it broke".to_owned(), Vec::new());
        Failure { span: 0..1, message, expected: None, got: None, waiting, is_error }
    }

    #[test]
    fn the_verdict_follows_from_failure_level_and_what_is_known() {
        let deviation = |id: &str| Deviation {
            id: id.to_owned(),
            reason: "we chose so".to_owned(),
            link: None,
            since: None,
            until: None,
        };
        let ours = [deviation("a/other"), deviation("a/c*")];
        let others = [deviation("a/other"), deviation("b/*")];
        let stale = "no longer deviates, but is listed as known: we chose so";
        let broken = || Some(failure(false));
        let error = || Some(failure(true));
        for (level, failure, known, verdict, message) in [
            ("MUST", None, &others, Verdict::Pass, None),
            ("MUST", broken(), &others, Verdict::Fail, Some("it broke")),
            ("SHOULD", broken(), &others, Verdict::Warn, Some("it broke")),
            ("MAY", broken(), &others, Verdict::Info, Some("it broke")),
            ("MUST", error(), &others, Verdict::Error, Some("it broke")),
            ("SHOULD", error(), &others, Verdict::Error, Some("it broke")),
            ("MAY", error(), &others, Verdict::Error, Some("it broke")),
            ("MUST", None, &ours, Verdict::Fail, Some(stale)),
            ("SHOULD", None, &ours, Verdict::Fail, Some(stale)),
            ("MAY", None, &ours, Verdict::Fail, Some(stale)),
            ("MUST", broken(), &ours, Verdict::Known, Some("we chose so")),
            ("SHOULD", broken(), &ours, Verdict::Known, Some("we chose so")),
            ("MAY", broken(), &ours, Verdict::Known, Some("we chose so")),
            ("MUST", error(), &ours, Verdict::Error, Some("it broke")),
        ] {
            let scenario = scenario("a/case", &format!("spec: X\nlevel: {level}"), "a connects\n");
            let case = cases(&scenario).remove(0);
            let of = format!("{level} {failure:?} {known:?}");
            let outcome = judge(case, failure.clone(), known);
            assert_eq!((outcome.verdict, outcome.message.as_deref()), (verdict, message), "{of}");
            assert_eq!(outcome.failure, failure, "{of}");
        }
    }

    #[test]
    fn selectors_name_cases() {
        let one = "spec: CORE-A-001, CORE-B-001\nlevel: MUST\ntags: quick pubsub";
        let two = "spec: CORE-B-002\nlevel: MUST";
        let rows = "for x in\n  | 1\n  | 2\n  a connects\n  a> <x>\n";
        let scenarios = [scenario("a/one", one, "a connects\n"), scenario("a/b/two", two, rows)];
        let all = ["a/one", "a/b/two[1]", "a/b/two[2]"];
        let (first, rows) = (&all[..1], &all[1..]);
        for (selectors, chosen, useless) in [
            (&[][..], &all[..], &[][..]),
            (&["a"], &all, &[]),
            (&["a/"], &all, &[]),
            (&["a/b"], rows, &[]),
            (&["a/one"], first, &[]),
            (&["a/b/two"], rows, &[]),
            (&["a/b/two[2]"], &all[2..], &[]),
            (&["a/on"], &[], &["a/on"]),
            (&["*one"], first, &[]),
            (&["a/b/two[3]"], &[], &["a/b/two[3]"]),
            (&["tag:quick"], first, &[]),
            (&["tag:quic"], &[], &["tag:quic"]),
            (&["CORE-A-001"], first, &[]),
            (&["CORE-B-*"], &all, &[]),
            (&["CORE-B"], &[], &["CORE-B"]),
            (&["a/one", "a/one", "nothing"], first, &["nothing"]),
        ] {
            let selectors: Vec<String> = selectors.iter().map(|s| (*s).to_owned()).collect();
            let (cases, left) = select(&scenarios, &selectors);
            let left: Vec<&str> = left.iter().map(String::as_str).collect();
            let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
            assert_eq!((&ids[..], &left[..]), (chosen, useless), "{selectors:?}");
        }
    }

    #[test]
    fn rows_that_change_their_server_have_one_each() {
        for (deed, servers) in [("alice dials", 1), ("the server shuts down", 2)] {
            let table = format!("for x in\n  | a\n  | b\n  {deed}\n  alice dials\n");
            let text = format!("title: t\nspec: X\nlevel: MUST\n\n{table}");
            let scenario = crate::scenario::parse("t", &text).unwrap();
            assert_eq!(groups(cases(&Arc::new(scenario))).len(), servers, "{deed}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, is) in [
            ("core/*", "core/sub/max", true),
            ("core/*/max", "core/sub/max", true),
            ("*", "", true),
            ("core", "core/sub", false),
            ("*max", "core/sub/max", true),
            ("a*b*c", "a-b-b", false),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }
}
