//! Curves, small, on our broker and on the relay.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use broker_bench::{curves::Plan, record::Curve, target::Target};

fn plan(targets: &[&str], most: u64) -> Plan {
    let ours = |name: &&str| {
        let target: Target = name.parse().unwrap();
        target.with_program(env!("CARGO_BIN_EXE_broker-bench"))
    };
    Plan {
        targets: targets.iter().map(ours).collect(),
        curves: Curve::ALL.to_vec(),
        most: Some(most),
        rounds: 1,
        seconds: 0.4,
        seed: 7,
    }
}

#[test]
fn every_curve_has_its_points() {
    let plan = plan(&["embedded", "relay"], 20);
    let mut shown = 0;
    let record = plan.run(|_| shown += 1).unwrap();
    assert_eq!((record.points.len(), shown), (plan.points(), 18));
    let sizes: Vec<u64> = record.points.iter().step_by(2).map(|point| point.size).collect();
    assert_eq!(sizes, [1, 10, 20].repeat(3));
    let mut unlucky = 0;
    for point in &record.points {
        if point.target == "relay" && point.curve == Curve::Subscriptions {
            assert_eq!(point.invalid.as_deref(), Some("a relay knows no subscriptions"));
            continue;
        }
        // A busy machine may keep us off the processor for all of so short a time, but not often.
        if point.invalid.as_ref().is_some_and(|why| why.starts_with("nothing came")) {
            unlucky += 1;
            assert!(unlucky <= 3, "{point:?}");
            continue;
        }
        assert_eq!(point.invalid, None, "{point:?}");
        assert!(point.rate.unwrap() > 0.0 && point.server_cpu.unwrap() >= 0.0, "{point:?}");
    }
}

#[test]
fn more_connections_than_files_are_refused() {
    let why = plan(&["embedded"], 1 << 40).run(|_| ()).unwrap_err().to_string();
    assert!(why.contains("idle connections take") && why.contains("ulimit -Hn"), "{why}");
    let why = plan(&["embedded"], 0).run(|_| ()).unwrap_err().to_string();
    assert!(why.contains("--most"), "{why}");
}
