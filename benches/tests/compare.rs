//! Two records beside each other, as functions and on the command line.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use broker_bench::{
    compare::{changes, mismatches},
    record::{Metric, Record},
    report::{comparison, read, save},
    statistics::Verdict,
};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/record.json")
}

/// The same with so many times the processor time for one target.
fn slower(factor: f64) -> Record {
    let mut record = read(&data()).unwrap();
    let wanted = |target: &str, shape: &str| target == "embedded" && shape == "pubsub/128";
    for block in record.blocks.iter_mut().filter(|block| wanted(&block.target, &block.shape)) {
        *block.metrics.get_mut(&Metric::ServerCpu).unwrap() *= factor;
    }
    record
}

fn verdict(record: &Record, threshold: f64) -> Verdict {
    let changes = changes(&read(&data()).unwrap(), record, threshold);
    let mut own = changes.metrics.iter().filter(|change| change.metric == Metric::ServerCpu);
    own.find(|one| one.target == "embedded" && one.shape == "pubsub/128").unwrap().verdict
}

#[test]
fn a_change_has_one_of_four_verdicts() {
    assert_eq!(verdict(&slower(2.0), 0.05), Verdict::Regressed);
    assert_eq!(verdict(&slower(0.5), 0.05), Verdict::Improved);
    assert_eq!(verdict(&slower(1.0), 0.5), Verdict::Equivalent);
    assert_eq!(verdict(&slower(1.05), 0.05), Verdict::Inconclusive);
}

#[test]
fn what_differs_is_named() {
    let base = read(&data()).unwrap();
    assert_eq!(mismatches(&base, &base), Vec::<String>::new());
    let mut other = base.clone();
    other.machine.cpu = "Another".into();
    other.machine.cores = 64;
    other.machine.kernel = "Linux version 7".into();
    other.shapes[0].hash = "0".into();
    let all = mismatches(&base, &other);
    assert_eq!(all[0], "machine.cpu was 'Example CPU' and is 'Another'");
    assert_eq!(all[1], "machine.cores was '2' and is '64'");
    assert!(all[2].starts_with("machine.kernel was") && all[3].contains("hash of pubsub/128 was"));
    assert_eq!(all.len(), 4);
}

#[test]
fn reports_of_a_comparison() {
    let mut record = slower(2.0);
    let block = record.blocks.iter_mut().find(|block| block.target == "nats-server@2.15.1");
    block.unwrap().invalid = Some("1 lost".into());
    for block in record.blocks.iter_mut().filter(|block| block.target == "relay") {
        block.invalid = None;
    }
    record.shapes.remove(2);
    let changes = changes(&read(&data()).unwrap(), &record, 0.05);
    assert!(changes.fail());
    insta::assert_snapshot!("terminal", comparison::terminal(&changes));
    insta::assert_snapshot!("markdown", comparison::markdown(&changes));
}

fn compare(new: &Record, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.json");
    save(&path, new).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker-bench"));
    command.arg("compare").arg(data()).arg(path).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn exit_codes() {
    assert_eq!(compare(&slower(1.0), &[]).status.code(), Some(0));
    let worse = compare(&slower(2.0), &[]);
    assert_eq!(worse.status.code(), Some(1));
    assert!(text(&worse.stdout).contains("regressed: embedded, pubsub/128: server_cpu +100.0 %"));
    assert_eq!(compare(&slower(2.0), &["--threshold", "100"]).status.code(), Some(2));
    let mut elsewhere = slower(2.0);
    elsewhere.machine.cores = 64;
    let refused = compare(&elsewhere, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("machine.cores was '2' and is '64'"));
    let forced = compare(&elsewhere, &["--force"]);
    assert_eq!(forced.status.code(), Some(0));
    assert!(text(&forced.stdout).contains("advisory only: machine.cores"));
}

#[test]
fn without_a_base_there_is_no_comparison() {
    let output = Command::new(env!("CARGO_BIN_EXE_broker-bench"))
        .args(["compare", "not-there.json"])
        .arg(data())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("no comparison: not-there.json is not there"));
}
