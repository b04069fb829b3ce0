//! The suite on a server that is not ours: `tests/naive/naive_server.py`, with the mistakes of a
//! first evening. What `docs/test-your-own-server.md` shows of it is what the suite says.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::{Command, Stdio},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;
use support::{Said, conformance, text};
use tempfile::TempDir;

/// The command of the document.
const COMMAND: &str = "run article core/wildcards \
    --server-bin conformance/tests/naive/naive_server.py --seed 7";

/// What must be found, and nothing else may be.
const FINDINGS: &[(&str, &str)] = &[
    ("article/queue-is-random", "warn"), // it goes round
    ("core/wildcards/alone", "fail"),
    ("core/wildcards/arrow-misses[2]", "fail"),
    ("core/wildcards/arrow-misses[4]", "fail"),
    ("core/wildcards/documented-examples", "fail"),
    ("core/wildcards/documented-levels", "fail"),
    ("core/wildcards/several-stars", "fail"),
    ("core/wildcards/star-misses[10]", "fail"),
    ("core/wildcards/star-misses[2]", "fail"), // the star eats dots
    ("core/wildcards/star-misses[4]", "fail"),
    ("core/wildcards/star-misses[7]", "fail"),
    ("core/wildcards/star-misses[9]", "fail"),
];

/// Whether Python is there. On a build server it has to be.
fn has_python() -> bool {
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    let is_there = python.is_ok_and(|status| status.success());
    assert!(is_there || env::var_os("CI").is_none(), "CI has no python3: install it");
    if !is_there {
        eprintln!("SKIPPED: there is no python3, so the naive server can't be started");
    }
    is_there
}

/// One run for all tests: what it said, and its JSON report.
static RUN: LazyLock<(Said, Value)> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("run.json");
    let arguments: Vec<&str> = COMMAND
        .split_whitespace()
        .chain(["--json", text(&json), "--timeout", "20", "--trace"])
        .collect();
    let said = conformance(&arguments);
    let report = fs::read_to_string(&json).unwrap_or_else(|_| panic!("{}", said.err));
    (said, serde_json::from_str(&report).unwrap())
});

#[test]
fn its_mistakes_are_found() {
    if !has_python() {
        return;
    }
    let (said, report) = &*RUN;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(report["summary"]["error"], 0, "{}", said.out);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let cases = report["cases"].as_array().unwrap().iter();
    let found: BTreeMap<String, String> = cases
        .map(|case| (word(&case["id"]), word(&case["verdict"])))
        .filter(|(_, verdict)| !matches!(&**verdict, "pass" | "skip"))
        .collect();
    let expected = FINDINGS.iter().map(|(id, verdict)| ((*id).to_owned(), (*verdict).to_owned()));
    assert_eq!(found, expected.collect(), "{}", said.out);
}

#[test]
fn the_document_shows_what_is_said() {
    if !has_python() {
        return;
    }
    let time = Regex::new(r"in [\d.]+ s").unwrap();
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| time.replace(line, "in … s").trim_end().to_owned()).collect()
    };
    let said = lines(&RUN.0.out);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/test-your-own-server.md");
    let document = fs::read_to_string(path).unwrap();
    let (_, block) = document.split_once(&format!("$ nats-conformance {COMMAND}\n")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    // How many frames wait is a matter of time.
    let is_sure = |line: &String| !line.is_empty() && line != "…" && !line.contains("|   waiting ");
    let shown: Vec<String> = lines(block).into_iter().filter(is_sure).collect();
    assert!(shown.len() > 10, "{block}");
    for line in shown {
        assert!(said.contains(&line), "not said, but shown: {line}\n{}", RUN.0.out);
    }
}
