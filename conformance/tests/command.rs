//! The built program as a user meets it: exit codes, what it says, and what it writes.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    net::TcpListener,
    path::Path,
    process::Command,
    thread,
};

use nats_reference_server::Server;
use serde_json::Value;
use support::{Said, conformance, said, text};
use tempfile::TempDir;

/// A folder with one scenario, `own/case`.
fn folder(story: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    let header = "title: A case of our own\nspec:  CORE-PING-001\nlevel: MUST\n";
    fs::write(folder.path().join("own/case.nats"), format!("{header}\n{story}")).unwrap();
    folder
}

/// Runs and reads the JSON report.
fn report(arguments: &[&str]) -> (Said, Value) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.json");
    let said = conformance(&[&["run", "--json", text(&path)], arguments].concat());
    let json = fs::read_to_string(path).unwrap_or_else(|_| panic!("{}", said.err));
    (said, serde_json::from_str(&json).unwrap())
}

/// The verdict of each case.
fn verdicts(report: &Value) -> BTreeMap<String, String> {
    let cases = report["cases"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    cases.map(|case| (text(&case["id"]), text(&case["verdict"]))).collect()
}

#[test]
fn what_holds_is_0() {
    let said = conformance(&["run", "core/ping/pong", "--verbose", "--seed", "7"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("1 cases on embedded ("), "{}", said.out);
    assert!(said.out.contains("seed 7"), "{}", said.out);
    assert!(said.out.contains("pass  core/ping/pong\n"), "{}", said.out);
    assert!(said.out.trim_end().ends_with("1 pass"), "{}", said.out);
}

#[test]
fn findings_are_1() {
    let folder = folder("alice connects\nalice> PING\nalice< +OK\n");
    let said = conformance(&["run", "--scenarios", text(folder.path())]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for part in [
        "FAIL own/case  MUST CORE-PING-001  on embedded",
        "because   another frame came",
        "expected  +OK\\r\\n",
        "got       PONG\\r\\n",
        "1 fail",
    ] {
        assert!(said.out.contains(part), "no {part:?} in\n{}", said.out);
    }
}

#[test]
fn a_story_that_cannot_be_told_is_a_finding_as_well() {
    let folder =
        folder("for n in\n  | word\n  alice connects\n  alice> PING\n  check n.a exists\n");
    let story = "let a = word\nalice connects\nalice> PUB a.<\"x\" x a> 0\n";
    fs::write(folder.path().join("own/case.nats"), header_of(folder.path()) + story).unwrap();
    let said = conformance(&["run", "--scenarios", text(folder.path())]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("ERROR own/case"), "{}", said.out);
    assert!(said.out.contains("`a` is \"word\", not a number"), "{}", said.out);
}

/// The header of a folder's scenario, with its blank line.
fn header_of(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("own/case.nats")).unwrap();
    text.split_inclusive("\n\n").next().unwrap().to_owned()
}

#[test]
fn usage_is_2() {
    let nobody = TempDir::new().unwrap();
    let broken = folder("alice conects\n");
    let (nobody, broken) = (text(nobody.path()), text(broken.path()));
    for (arguments, says) in [
        (&["run", "pong"][..], "no case is named by \"pong\"; did you mean \"core/ping/pong\"?"),
        (&["run", "core/ping/pnog"], "did you mean \"core/ping/pong\"?"),
        (&["run", "tag:nothing"], "no case is named by \"tag:nothing\""),
        (&["run", "--scenarios", nobody], "no scenario (a file that ends in .nats)"),
        (&["run", "--scenarios", broken], "did you mean `alice connects`?"),
        (&["run", "--scenarios", broken], "own/case.nats:5:1"),
        (&["run", "--scenarios", "/nowhere"], "can't read /nowhere"),
        (&["run", "--unheard-of"], "unexpected argument '--unheard-of'"),
        (&["run", "--server", "ftp://a"], "\"ftp://a\" is no server's address"),
        (&["run", "--lacks", "legs"], "no capability \"legs\"; there are accounts,"),
        (&["run", "--timeout", "0"], "expected a number above 0"),
        (&["run", "--as", "new"], "expected a release such as 2.12"),
        (&["run", "core/ping/pong", "--json", "/nowhere/a.json"], "can't write /nowhere/a.json"),
        (&["list", "pong"], "no case is named by \"pong\""),
        (&["show", "core/ping/none"], "no scenario and no clause \"core/ping/none\""),
        (&["check", broken], "did you mean `alice connects`?"),
        (&["fmt", broken], "did you mean `alice connects`?"),
    ] {
        let said = conformance(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(says), "{arguments:?}: no {says:?} in\n{}", said.err);
    }
}

#[test]
fn no_target_is_3() {
    // Bound and given back: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    for (arguments, says) in [
        (["--server", &url], "can't connect to nats://127.0.0.1:"),
        (["--server-bin", "/bin/false"], "/bin/false ended before it was ready, exit status: 1"),
        (["--server-bin", "/nowhere/server"], "can't start /nowhere/server"),
    ] {
        let said = conformance(&[&["run", "core/ping/pong"], &arguments[..]].concat());
        assert_eq!(said.code, 3, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(says), "{arguments:?}: no {says:?} in\n{}", said.err);
    }
}

/// A server that says this to everybody, and then reads.
fn greeter(greeting: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Who has left need not hear it.
            let _ = stream.write_all(greeting.as_bytes());
            open.push(stream);
        }
    });
    url
}

#[test]
fn a_broken_greeting_is_a_finding() {
    for (greeting, says) in [
        ("HELLO\r\n", "a frame that no server sends: HELLO"),
        ("INFO {\r\n", "INFO without a JSON object"),
        ("INFO {}\n", "a line that does not end in CR LF"),
        ("PING\r\n", "PING"),
    ] {
        let said = conformance(&["run", "core/ping/pong", "--server", &greeter(greeting)]);
        assert_eq!(said.code, 1, "{greeting:?}: {}{}", said.out, said.err);
        assert!(said.out.contains(says), "{greeting:?}: no {says:?} in\n{}", said.out);
    }
}

#[test]
fn a_running_server_is_not_configured() {
    let server = Server::builder().start_blocking().unwrap();
    let (said, report) = report(&["core/ping", "core/info", "--server", &server.client_url()]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let skipped = report["summary"]["skip"].as_u64().unwrap();
    assert!(skipped > 0 && report["summary"]["pass"].as_u64().unwrap() > 0, "{}", said.out);
    let reason = "a server that is already running can't be configured";
    assert!(said.out.contains(&format!(": {reason}\n")), "{}", said.out);
    let cases = report["cases"].as_array().unwrap().iter();
    let skips: Vec<_> = cases.filter(|case| case["verdict"] == "skip").collect();
    assert_eq!(skips.len() as u64, skipped);
    assert!(skips.iter().any(|case| case["message"] == reason));
}

#[test]
fn colours_are_for_terminals() {
    let run = |arguments: &[&str], no_color: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nats-conformance"));
        command.args(["run", "core/ping/pong", "--verbose"]).args(arguments);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        said(&mut command).out.contains('\x1b')
    };
    assert!(run(&["--color", "always"], false), "this test could not fail");
    assert!(!run(&[], false), "away from a terminal");
    assert!(!run(&[], true), "NO_COLOR");
    assert!(!run(&["--color", "never"], false), "--color never");
}

#[test]
fn the_json_report_adds_up() {
    let (said, report) = report(&["core/ping", "core/connect"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let words: Vec<&String> = report["summary"].as_object().unwrap().keys().collect();
    assert_eq!(words, ["error", "fail", "info", "known", "pass", "skip", "warn"]);
    let verdicts = verdicts(&report);
    for word in words {
        let count = verdicts.values().filter(|verdict| *verdict == word).count();
        assert_eq!(report["summary"][word], count, "{word}");
    }
    let listed = conformance(&["list", "core/ping", "core/connect"]).out;
    assert!(listed.contains(&format!("\n{} cases of ", verdicts.len())), "{listed}");
}

#[test]
fn the_junit_report_is_one() {
    let files = TempDir::new().unwrap();
    let path = files.path().join("run.xml");
    let own = folder("for word in\n  | PING\n  | PONG\n  a connects\n  a> <word>\n  a< PONG\n");
    let scenarios = text(own.path());
    let said = conformance(&["run", "--scenarios", scenarios, "--junit", text(&path)]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let xml = fs::read_to_string(path).unwrap();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    assert_eq!((report.tests, report.failures, cases.len()), (2, 1, 2), "{xml}");
    assert_eq!(cases[0].name.as_str(), "case[1]");
}

/// Entries that are not the same in both, shortened.
fn differences(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<String> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let different = keys.into_iter().filter(|key| a.get(*key) != b.get(*key));
    let short =
        |of: &BTreeMap<String, String>, key| format!("{:.200}", of.get(key).map_or("", |v| v));
    different.map(|key| format!("{key}: {} and {}", short(a, key), short(b, key))).collect()
}

#[test]
fn cuts_change_no_verdict() {
    let selection = ["core/parse", "core/delivery", "core/headers", "--seed", "7"];
    let cut = |how: &str| verdicts(&report(&[&selection[..], &["--cut", how]].concat()).1);
    let whole = cut("none");
    assert!(whole.len() > 50, "{}", whole.len());
    assert_eq!(differences(&cut("every-byte"), &whole), [""; 0]);
    assert_eq!(differences(&cut("random"), &whole), [""; 0]);
}

/// What each peer of each case sent with this seed, without the times.
fn sent(seed: &str) -> BTreeMap<String, String> {
    let selection = ["core/request", "core/sub", "article/request-reply"];
    let options = ["--cut", "random", "--record", "all", "--seed", seed];
    let (_, report) = report(&[&selection[..], &options].concat());
    let mut sent = BTreeMap::<String, String>::new();
    for case in report["cases"].as_array().unwrap() {
        let lines: Vec<&str> = case["transcript"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        // Of long ones the middle is left out, and where it begins is a matter of timing.
        for line in lines.iter().filter(|_| !lines.iter().any(|line| line.starts_with('…'))) {
            let (_, said) = line.trim_start().split_once(' ').unwrap();
            if let Some((peer, text)) = said.split_once(" > ") {
                let peer = format!("{} {}", case["id"], peer.trim_end());
                sent.entry(peer).or_default().push_str(text);
            }
        }
    }
    sent
}

#[test]
fn a_seed_repeats_the_bytes_that_are_sent() {
    let seven = sent("7");
    assert!(seven.len() > 20, "{}", seven.len());
    assert_eq!(differences(&sent("7"), &seven), [""; 0]);
    assert_ne!(differences(&sent("8"), &seven), [""; 0], "fresh ids come from the seed");
}

#[test]
fn scenarios_are_listed_and_shown() {
    let said = conformance(&["list", "core/ping/pong"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("core/ping/pong"), "{}", said.out);
    let said = conformance(&["list", "--json"]);
    let cases: Value = serde_json::from_str(&said.out).unwrap();
    assert!(cases.as_array().unwrap().len() > 400);
    for key in ["id", "title", "clauses", "level", "tags"] {
        assert!(!cases[0][key].is_null(), "{key}");
    }
    let said = conformance(&["show", "core/wildcards/star-misses[2]"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "CORE-WILD-001  wildcard.star, MUST",
        "Source: ",
        "scenarios/core/wildcards/star-misses.nats",
        "title:",
    ] {
        assert!(said.out.contains(part), "no {part:?} in\n{}", said.out);
    }
}

#[test]
fn scenarios_are_checked_and_formatted() {
    let folder = folder("alice  connects\nalice> PING\nalice< PONG\n");
    let path = text(folder.path());
    let said = conformance(&["check", path]);
    assert_eq!((said.code, &*said.out), (0, "1 scenarios, 1 cases: fine\n"), "{}", said.err);
    let said = conformance(&["check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = conformance(&["fmt", "--check", path]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.ends_with("1 of 1 files would be changed\n"), "{}", said.out);
    assert_eq!(conformance(&["fmt", path]).code, 0);
    let said = conformance(&["fmt", "--check", path]);
    assert_eq!(said.code, 0, "{}", said.out);
    let formatted = fs::read_to_string(folder.path().join("own/case.nats")).unwrap();
    assert!(formatted.contains("\nalice connects\n"), "{formatted}");
}
