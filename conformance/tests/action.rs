//! The step of the GitHub Action that judges: what its inputs become on the command line, and what
//! becomes of the exit code.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use regex::Regex;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What `ci/action.sh` made of its environment.
struct Done {
    code: i32,
    /// The arguments of the program, each in brackets.
    arguments: String,
    summary: String,
    outputs: String,
}

/// Runs the step with a program that says how it was called and ends with this code.
fn step(inputs: &[(&str, &str)], code: i32) -> Done {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let script = "#!/usr/bin/env bash\nprintf '[%s]' \"$@\"\n\
        echo 'all of it' >\"${@: -1}\"\nexit $CODE\n";
    fs::write(path("program"), script).unwrap();
    fs::set_permissions(path("program"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(path("summary"), "before\n").unwrap();
    let done = Command::new(root().join("ci/action.sh"))
        .env("PROGRAM", path("program"))
        .env("CODE", code.to_string())
        .env("GITHUB_STEP_SUMMARY", path("summary"))
        .env("GITHUB_OUTPUT", path("outputs"))
        .envs(inputs.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    let (arguments, summary) = said.split_once("[--markdown]").unwrap();
    assert!(summary.starts_with('[') && summary.ends_with(']'), "{said}");
    Done {
        code: done.status.code().unwrap(),
        arguments: arguments.to_owned(),
        summary: fs::read_to_string(path("summary")).unwrap(),
        outputs: fs::read_to_string(path("outputs")).unwrap(),
    }
}

#[test]
fn inputs_become_options() {
    for (inputs, arguments) in [
        (&[][..], "[run]"),
        (&[("SERVER", "nats://127.0.0.1:1")], "[run][--server][nats://127.0.0.1:1]"),
        (&[("SERVER_BIN", "./a b")], "[run][--server-bin][./a b]"),
        (&[("SERVER_BIN", "./a\n./b\n")], "[run][--server-bin][./a][--server-bin][./b]"),
        (
            &[("TARGET", "t.toml"), ("JSON", "r.json"), ("JUNIT", "r.xml"), ("HTML", "r.html")],
            "[run][--target][t.toml][--json][r.json][--junit][r.xml][--html][r.html]",
        ),
        (
            &[("SELECTORS", "core/s*  tag:queue\nCORE-PING-001"), ("ARGUMENTS", "--seed 7")],
            "[run][--seed][7][core/s*][tag:queue][CORE-PING-001]",
        ),
        (&[("SERVER", ""), ("SELECTORS", " ")], "[run]"),
        (&[("SELECTORS", "$(touch /tmp/never) `id` ;")], "[run][$(touch][/tmp/never)][`id`][;]"),
    ] {
        assert_eq!(step(inputs, 0).arguments, arguments, "{inputs:?}");
    }
}

#[test]
fn the_exit_code_is_handed_on_and_the_summary_shown() {
    for code in 0..4 {
        let done = step(&[], code);
        assert_eq!(done.code, code);
        assert_eq!(done.outputs, format!("exit-code={code}\n"));
        assert_eq!(done.summary, "before\nall of it\n");
    }
}

#[test]
fn every_input_is_used_and_described() {
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let (inputs, rest) = action.split_once("\noutputs:").unwrap();
    let (_, inputs) = inputs.split_once("inputs:").unwrap();
    let guide = fs::read_to_string(root().join("docs/test-your-own-server.md")).unwrap();
    let find = |pattern: &str, text: &str| -> BTreeSet<String> {
        let found = Regex::new(pattern).unwrap();
        found.captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    let declared = find(r"(?m)^  ([a-z-]+):$", inputs);
    assert_eq!(find(r"inputs\.([a-z-]+)", rest), declared);
    for input in &declared {
        assert!(guide.contains(&format!("`{input}`")), "{input} is not in the guide");
    }
    // What the step is given is what the script reads.
    let script = fs::read_to_string(root().join("ci/action.sh")).unwrap();
    let given = find(r"(?m)^        ([A-Z_]+): ", rest.split_once("action.sh").unwrap().1);
    let read = find(r"\$\{?([A-Z_]+)", &script);
    assert!(given.is_subset(&read), "{given:?} {read:?}");
}
