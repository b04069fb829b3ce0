//! Every shape, for a moment, on our broker and on the relay.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use broker_bench::{
    record::{Metric, Record},
    session::{More, Session, targets},
    shape::{Load, Shape, select},
    statistics::{Verdict, compare_one},
    target::Target,
};

/// The same load with less of everything.
fn small(mut shape: Shape) -> Shape {
    match &mut shape.load {
        Load::Flow(flow) | Load::Flood { flow, .. } => {
            flow.subjects = flow.subjects.min(500);
            // What is on its way takes a slow broker less than the time that is measured.
            flow.window_bytes /= 32;
        }
        Load::Request(request) => request.rate = request.rate.map(|_| 500.0),
        Load::Idle { connections, warm_up_connections } => {
            (*connections, *warm_up_connections) = (20, 5);
        }
        Load::Subscriptions { subscriptions, warm_up_subscriptions, .. } => {
            (*subscriptions, *warm_up_subscriptions) = (5000, 100);
        }
        Load::Stalled { replaced_after_ms, .. } => *replaced_after_ms = 50,
        Load::Churn { .. } => {}
    }
    shape
}

fn ours(name: &str) -> Target {
    let target: Target = name.parse().unwrap();
    target.with_program(env!("CARGO_BIN_EXE_broker-bench"))
}

fn session(targets: &[&str], shapes: Vec<Shape>, rounds: usize) -> Session {
    Session {
        targets: targets.iter().map(|name| ours(name)).collect(),
        shapes,
        rounds,
        seconds: 0.2,
        seed: 7,
        calibrate: false,
        more: None,
    }
}

#[test]
fn every_shape_gives_a_valid_record() {
    let shapes: Vec<Shape> = select(&[], &[]).unwrap().into_iter().map(small).collect();
    let record = session(&["embedded", "relay"], shapes.clone(), 1).run(|_| ()).unwrap();
    assert_eq!(record.blocks.len(), 2 * shapes.len());
    let mut unlucky = 0;
    for block in &record.blocks {
        if block.target == "relay" && block.shape == "subscriptions" {
            assert!(block.invalid.is_some());
            continue;
        }
        let place = format!("{} {}", block.shape, block.target);
        // A busy machine may keep us off the processor for all of so short a time, but not often.
        if block.invalid.as_ref().is_some_and(|why| {
            why.starts_with("the rate was not kept") || why.starts_with("nothing came")
        }) {
            unlucky += 1;
            assert!(unlucky <= 3, "{place}: {:?}", block.invalid);
            continue;
        }
        assert_eq!(block.invalid, None, "{place}");
        assert!(block.count > 0, "{place}");
        assert!(block.metrics.values().all(|value| value.is_finite()), "{place}");
        let shape = record.shapes.iter().find(|shape| shape.id == block.shape).unwrap();
        for metric in &shape.primary {
            assert!(block.metrics.contains_key(metric), "{place} {}", metric.name());
        }
        assert!(block.metrics[&Metric::PeakMemory] > 1e6, "{place}");
        let requests = shape.unit == "request";
        assert_eq!(block.latency.is_some(), requests, "{place}");
        if let Some(latency) = &block.latency {
            assert!(latency.count > 0 && latency.p50_ns <= latency.p99_ns, "{place}");
            assert!(latency.hdr.len() > 20, "{place}");
        }
    }
    let json = serde_json::to_string(&record).unwrap();
    let again: Record = serde_json::from_str(&json).unwrap();
    assert!(again == record, "a record is not what was written of it");
}

#[test]
fn rounds_are_pairs_and_the_base_can_be_compared_with_itself() {
    let shapes = select(&["pubsub".into()], &[16]).unwrap().into_iter().map(small).collect();
    let session = Session { calibrate: true, ..session(&["embedded"], shapes, 5) };
    let mut shown = 0;
    let record = session.run(|_| shown += 1).unwrap();
    assert_eq!((shown, session.blocks()), (10, 10));
    for round in 0..5 {
        let names: Vec<&str> = record
            .blocks
            .iter()
            .filter(|block| block.round == round)
            .map(|block| block.target.as_str())
            .collect();
        assert!(names.contains(&"embedded") && names.contains(&"embedded (again)"), "{names:?}");
    }
    let floor = record.noise.iter().find(|noise| noise.metric == Metric::Rate).unwrap().floor;
    assert!(floor > 0.0, "two processes are never the same");
}

/// Whether the first rounds leave a primary metric of the only shape without a verdict.
fn is_undecided(record: &Record, rounds: usize, threshold: f64) -> bool {
    let mut record = record.clone();
    record.blocks.retain(|block| block.round < rounds);
    let [shape] = &record.shapes[..] else { panic!("{:?}", record.shapes) };
    let [base, other] = &record.targets[..] else { panic!("{:?}", record.targets) };
    let verdict = |metric: &Metric| {
        compare_one(&record, shape, &base.name, &other.name, *metric)?.verdict(threshold)
    };
    shape.primary.iter().any(|metric| verdict(metric) == Some(Verdict::Inconclusive))
}

#[test]
fn without_a_verdict_there_are_more_rounds_up_to_a_budget() {
    let measured = |names: [&str; 2], threshold| {
        let shapes = select(&["pubsub".into()], &[16]).unwrap().into_iter().map(small).collect();
        let more = Some(More { rounds: 9, threshold });
        let session = Session { more, seconds: 0.05, ..session(&names, shapes, 5) };
        let record = session.run(|_| ()).unwrap();
        let rounds = record.blocks.iter().map(|block| block.round + 1).max().unwrap();
        (record, rounds)
    };
    assert_eq!(measured(["embedded", "relay"], 1e15).1, 5, "all is equivalent at once");
    // Hardly to be told apart; now and then five rounds say by chance that they are.
    let (record, rounds) = measured(["embedded", "again=embedded"], 1e-9);
    let expected = [5, 7].into_iter().find(|rounds| !is_undecided(&record, *rounds, 1e-9));
    assert_eq!(rounds, expected.unwrap_or(9));
}

#[test]
fn options_that_measure_nothing_are_refused() {
    let shapes = || select(&["pubsub".into()], &[16]).unwrap();
    let why = |session: Session| session.run(|_| ()).unwrap_err().to_string();
    assert!(why(session(&["embedded"], shapes(), 0)).contains("--rounds 0"));
    assert!(why(session(&[], shapes(), 1)).contains("--target"));
    let short = Session { seconds: 0.0, ..session(&["embedded"], shapes(), 1) };
    assert!(why(short).contains("--seconds"));
    let early = Session { calibrate: true, ..session(&["embedded"], shapes(), 2) };
    assert!(why(early).contains("--rounds 5"));
    let more = Some(More { rounds: 3, threshold: 0.05 });
    let less = Session { more, ..session(&["embedded"], shapes(), 5) };
    assert!(why(less).contains("--rounds-max"));
}

#[test]
fn equal_names_get_numbers() {
    let names: Vec<String> = ["relay", "relay", "x=relay"].map(String::from).to_vec();
    let all: Vec<String> = targets(&names).unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(all, ["relay", "relay#2", "x"]);
}
