//! Targets that don't start, and targets that must not stay.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use broker_bench::target::Target;

const PROGRAM: &str = env!("CARGO_BIN_EXE_broker-bench");

fn why(name: &str) -> String {
    let target: Target = name.parse().unwrap();
    target.with_program(PROGRAM).start().unwrap_err().to_string()
}

#[test]
fn a_program_that_ends_at_once_is_an_error_with_its_last_words() {
    let error = why("/bin/false");
    assert!(error.contains("false does not start: it ended at once"), "{error}");
    let error = why("/bin/ls");
    assert!(error.contains("\n  ") && error.contains("127.0.0.1"), "{error}");
}

#[test]
fn a_file_that_is_no_program_is_an_error() {
    let error = why(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(error.contains("can't be run") && error.contains("ermission"), "{error}");
}

#[test]
fn what_was_started_ends_with_its_target() {
    let target: Target = "embedded".parse().unwrap();
    let running = target.with_program(PROGRAM).start().unwrap();
    let pid = running.address.pid.unwrap();
    assert!(is_running(pid));
    drop(running);
    assert!(!is_running(pid));
}

#[test]
fn a_guarded_program_ends_when_nobody_is_left_to_want_it() {
    let mut guard = Command::new(PROGRAM)
        .args(["guard", "--", "sleep", "1000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(guard.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let pid = first.trim().parse().unwrap();
    assert!(is_running(pid));
    drop(guard.stdin.take()); // as the system does for a process that is killed
    let start = Instant::now();
    while is_running(pid) && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!is_running(pid));
    guard.wait().unwrap();
}

fn is_running(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
