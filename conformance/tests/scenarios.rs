//! Each case of the suite as a test of its own against the embedded broker:
//! `cargo test --test scenarios -- core/sub` runs those whose id holds the words.

#![allow(clippy::expect_used, reason = "a test may stop where something is not there")]

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Arguments, Failed, Trial};
use nats_conformance::{
    corpus::Corpus,
    report::terminal,
    run::{Outcome, Plan, Verdict, judged_as, run, select},
    scenario::Case,
    story::{Cut, Settings},
    target::{Facts, Target},
};
use serde_json::Map;
use tokio::{runtime::Runtime, sync::mpsc};

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is spent waiting for answers.
    arguments.test_threads.get_or_insert(8);
    let corpus = Corpus::built_in().unwrap_or_else(|error| panic!("{error}"));
    let (cases, _) = select(&corpus.scenarios, &[]);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let facts = runtime.block_on(Target::Embedded.facts()).expect("the embedded broker starts");
    let trials = cases.into_iter().map(|case| trial(case, &runtime, &facts)).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(case: Case, runtime: &Arc<Runtime>, facts: &Facts) -> Trial {
    let target = Target::Embedded;
    let lacks = target.lacks();
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(20),
        cut: Cut::None,
        version: judged_as(None, facts),
        credentials: Map::new(),
    };
    let (header, version) = (&case.scenario.header, &settings.version);
    let ignored = header.needs.iter().any(|need| lacks.contains(&need.value))
        || header.since.as_ref().is_some_and(|since| !version.at_least(since))
        || header.until.as_ref().is_some_and(|until| !version.at_most(until));
    let plan = Arc::new(Plan { target, settings, jobs: 1, lacks, known: Vec::new() });
    let runtime = runtime.clone();
    Trial::test(case.id.clone(), move || match runtime.block_on(told(plan, case)) {
        outcome if outcome.verdict == Verdict::Pass => Ok(()),
        outcome => Err(Failed::from(terminal::failure(&outcome, "embedded", 1, "", true))),
    })
    .with_ignored_flag(ignored)
}

async fn told(plan: Arc<Plan>, case: Case) -> Outcome {
    let (results, mut outcomes) = mpsc::unbounded_channel();
    run(plan, vec![case], results).await.expect("the embedded broker starts");
    outcomes.recv().await.expect("a case has an outcome")
}
