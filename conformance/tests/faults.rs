//! The suite on trial: a proxy puts one bug before a healthy broker, and the cases that the bug
//! names must find it. Without a bug the same proxy brings no finding, so it is the bug that is
//! found. A test for each fault: `cargo test --test faults -- queue` runs those about queues.

#![allow(clippy::expect_used, reason = "a test may stop where something is not there")]

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Arguments, Failed, Trial};
use nats_conformance::{
    corpus::Corpus,
    faults::{self, Fault},
    run::{Plan, judged_as, select},
    selftest::{self, Until, trial},
    story::{Cut, Settings},
    target::Target,
};
use serde_json::Map;
use tokio::runtime::Runtime;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is spent waiting for what does not come.
    arguments.test_threads.get_or_insert(8);
    let corpus = Arc::new(Corpus::built_in().unwrap_or_else(|error| panic!("{error}")));
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let facts = runtime.block_on(Target::Embedded.facts()).expect("the embedded broker starts");
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(10),
        cut: Cut::None,
        version: judged_as(None, &facts),
        credentials: Map::new(),
    };
    let target = Target::Embedded;
    let lacks = target.lacks();
    let plan = Arc::new(Plan { target, settings, jobs: 4, lacks, known: Vec::new() });
    let told_until = move |until, fault, selectors: &[&str]| {
        let selectors: Vec<String> = selectors.iter().map(|text| (*text).to_owned()).collect();
        let (cases, useless) = select(&corpus.scenarios, &selectors);
        assert_eq!(useless, [""; 0], "selectors that name nothing");
        let trial = trial(&plan, fault, cases, until);
        runtime.block_on(trial).expect("the embedded broker starts")
    };
    let told_until = Arc::new(told_until);
    let told = {
        let told_until = told_until.clone();
        Arc::new(move |fault, selectors: &[&str]| told_until(Until::AllAreTold, fault, selectors))
    };
    // A fault that begins when the server ends a connection is there only once the proxy has heard
    // of that, which on a busy machine can be too late: it has three chances. The others have one.
    let mut trials: Vec<Trial> = faults::all()
        .map(|fault| {
            let told = told.clone();
            let name = format!("{}::{}", fault.area, fault.name);
            Trial::test(name, move || match fault.equivalent {
                Some(_) => is_quiet(&told(fault, &["article", "core/sub", "core/info"])),
                None => {
                    let once = || is_found(fault, &told(fault, fault.found_by));
                    match fault.begins_at_an_end() {
                        true => once().or_else(|_| once()).or_else(|_| once()),
                        false => once(),
                    }
                }
            })
        })
        .collect();
    trials.push(Trial::test("without_a_fault_nothing_is_found", move || {
        let mut selectors: Vec<&str> =
            faults::all().flat_map(|fault| fault.found_by).copied().collect();
        selectors.sort_unstable();
        selectors.dedup();
        is_quiet(&told(&faults::NONE, &selectors))
    }));
    trials.push(Trial::test("one_finding_can_be_enough", move || {
        let told = |until| {
            let fault = faults::all().next().ok_or("no faults")?;
            Ok::<_, Failed>(told_until(until, fault, &["core/delivery", "article"]))
        };
        let (all, first) = (told(Until::AllAreTold)?, told(Until::OneFindsIt)?);
        match (all.caught.len(), first.caught.len()) {
            (2.., 1) => Ok(()),
            (all, first) => Err(Failed::from(format!("{first} findings of {all}"))),
        }
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn is_found(fault: &Fault, trial: &selftest::Trial) -> Result<(), Failed> {
    if trial.run.is_empty() {
        return Err(Failed::from("it names no case that could find it"));
    }
    let found = |id: &&String| trial.caught.iter().any(|catch| catch.id == **id);
    match trial.run.iter().find(|id| !found(id)) {
        None => Ok(()),
        Some(id) => Err(Failed::from(format!("{id} did not find this: {}", fault.what))),
    }
}

fn is_quiet(trial: &selftest::Trial) -> Result<(), Failed> {
    if trial.run.is_empty() {
        return Err(Failed::from("nothing was run"));
    }
    match trial.caught.iter().chain(&trial.errors).next() {
        None => Ok(()),
        Some(catch) => Err(Failed::from(format!("{} found {:?}", catch.id, catch.message))),
    }
}
