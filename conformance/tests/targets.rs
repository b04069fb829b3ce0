//! The command line with several targets, target files, `bless` and `diff`, on the embedded broker.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use nats_conformance::{
    report::read,
    target::{Target, file::TargetFile},
};
use nats_reference_server::Server;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with scenarios that hold, do not hold, and are skipped, and what a test writes.
struct Place(TempDir);

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

const HEAD: &str = "spec: CORE-PING-001\nlevel: MUST\n";

/// What PING is said to be answered with.
fn told(answer: &str) -> String {
    format!("alice connects\nalice> PING\nalice< {answer}\n")
}

impl Place {
    fn new() -> Place {
        let place = Place(TempDir::new().unwrap());
        place.scenario("holds", "", &told("PONG"));
        place.scenario("wrong", "", &told("PANG"));
        place.scenario("secret", "needs: gateways\n", &told("PONG"));
        let rows = "for word in\n  | PANG\n  | PONG\n  | PUNG\n";
        let body = "  alice connects\n  alice> PING\n  alice< <word>\n";
        place.scenario("rows", "", &format!("{rows}{body}"));
        place
    }

    fn scenario(&self, name: &str, header: &str, story: &str) {
        let text = format!("title: It is {name}\n{HEAD}{header}\n{story}");
        self.write(&format!("scenarios/{name}.nats"), &text);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("scenarios")).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program with these words, in this folder.
    fn says(&self, words: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_nats-conformance"))
            .args(["--scenarios", "scenarios"])
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// A line of the output, its runs of blanks made one.
    fn line(&self, start: &str) -> String {
        let line = self.out.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no line {start:?} in\n{}{}", self.out, self.err));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn is_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        words.iter().for_each(|word| assert!(self.err.contains(word), "{word:?}: {}", self.err));
    }
}

/// Two targets, of which the second is judged with what a file says of it.
const MATRIX: &str = "[[target]]\nname = \"plain\"\nembedded = true\n\n[[target]]\nname = \
                      \"other\"\nembedded = true\nas = \"2.10\"\nfile = \"other.toml\"\n";
const OTHER: &str = "[[known]]\nid = \"wrong\"\nreason = \"it says PONG\"\n";

#[test]
fn targets_of_a_matrix_are_judged_with_one_seed_and_shown_side_by_side() {
    let place = Place::new();
    place.write("matrix.toml", MATRIX);
    place.write("other.toml", OTHER);
    let said = place.says("run --matrix matrix.toml --seed 7 --json run.json --junit run.xml");
    assert_eq!(said.code, Some(1), "{}", said.err);
    // As they come: the first target's findings stand before the second begins.
    let at = |text: &str| said.out.find(text).unwrap_or_else(|| panic!("{text}: {}", said.out));
    assert!(at("on plain, seed 7") < at("FAIL wrong"));
    assert!(at("FAIL wrong") < at("6 cases on other, seed 7"));
    assert!(at("6 cases on other, seed 7") < at("\nscenario "));
    assert_eq!(said.line("scenario"), "scenario plain other");
    assert_eq!(said.line("rows"), "rows fail 2/3 fail 2/3");
    assert_eq!(said.line("wrong"), "wrong fail known");
    assert!(!said.out.contains("\nholds "), "{}", said.out);
    let totals = said.line("plain");
    assert!(totals.starts_with("plain 6 2 3 0 0 1 0 0 "), "{totals}");
    let totals = said.line("other");
    assert!(totals.starts_with("other 6 2 2 0 0 1 1 0 "), "{totals}");
    assert_eq!(said.line("skipped"), "skipped 1 on plain, 1 on other: needs gateways");

    let reports = read::read(&place.path("run.json")).unwrap();
    let provenance: Vec<_> = reports
        .iter()
        .map(|report| (report.name(), report.provenance.seed, &*report.provenance.judged_as))
        .collect();
    assert_eq!(provenance, [("plain", 7, "2.15.1"), ("other", 7, "2.10")]);
    assert_eq!(reports[0].provenance.suite, reports[1].provenance.suite);
    let xml = place.read("run.xml");
    for suite in ["plain.scenarios", "other.scenarios"] {
        assert!(xml.contains(&format!("<testsuite name=\"{suite}\" tests=\"6\"")), "{xml}");
        assert!(xml.contains(&format!("name=\"wrong\" classname=\"{suite}\"")), "{xml}");
    }
}

#[test]
fn options_name_several_targets_too() {
    let place = Place::new();
    let server = Server::builder().start_blocking().unwrap();
    let url = server.client_url();
    let said = place.says(&format!("run holds --embedded --server {url} --server {url} -v"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.out.matches("pass  holds").count(), 3, "{}", said.out);
    assert!(said.out.contains("Every scenario that was asked holds"), "{}", said.out);
    let address = url.trim_start_matches("nats://");
    for name in ["embedded 2.15.1", &format!("nats://{address} 2.15.1 (nats://{address}) #2")] {
        assert!(said.line(name).starts_with(&format!("{name} 1 1 0")), "{}", said.out);
    }
}

#[test]
fn one_target_is_reported_as_ever() {
    let place = Place::new();
    for flags in ["", "--embedded"] {
        let said = place.says(&format!("run {flags} --seed 7 --json run.json"));
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert_eq!(said.out.lines().next(), Some("6 cases on embedded (2.15.1), seed 7"));
        let last: Vec<&str> = said.out.lines().rev().take(2).collect();
        assert_eq!(last[1], "skipped 1: needs gateways");
        assert!(last[0].starts_with("6 cases in "), "{last:?}");
        assert!(last[0].ends_with(" s: 2 pass, 3 fail, 1 skip"), "{last:?}");
        let report: Value = serde_json::from_str(&place.read("run.json")).unwrap();
        assert_eq!(report["summary"]["fail"], 3);
        assert_eq!(report["cases"][0]["id"], "holds");
    }
}

#[test]
fn the_command_that_shows_it_again_has_all_that_matters() {
    let place = Place::new();
    place.write("mine.toml", "");
    let said = place.says("run wrong --as 2.10 --target mine.toml --cut every-byte --seed 7");
    let again = "= again: nats-conformance run 'wrong' --as 2.10 --target mine.toml --cut \
                 every-byte --seed 7 --trace";
    assert_eq!(said.line("   = again").trim(), again);
}

#[test]
fn a_target_that_is_not_there_ends_the_run_before_it_begins() {
    let place = Place::new();
    // Nobody listens where somebody has just left.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap();
    let said = place.says(&format!("run --embedded --server {port}"));
    said.is_refused(3, &["can't connect to", &port.to_string()]);
    assert_eq!(said.out, "");
}

#[test]
fn what_is_said_of_one_target_can_not_be_said_of_several() {
    let place = Place::new();
    place.write("matrix.toml", MATRIX);
    place.write("other.toml", OTHER);
    for words in ["--embedded --server 127.0.0.1:1 --as 2.10", "--matrix matrix.toml --target x"] {
        let said = place.says(&format!("run {words}"));
        said.is_refused(2, &["--as and --target speak of one target", "--matrix"]);
    }
    let said = place.says("bless --matrix matrix.toml --target x.toml");
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(!place.path("x.toml").exists());
}

#[test]
fn mistakes_in_a_matrix_name_the_file_and_the_target() {
    let place = Place::new();
    let one = "[[target]]\nname = \"a\"\n";
    for (text, words) in [
        ("", "no target"),
        (one, "the target \"a\" needs one of server_bin, server and embedded"),
        (&format!("{one}embedded = true\nserver = \"x:1\"\n"), "the target \"a\" needs one of"),
        (&format!("{one}embedded = true\nas = \"new\"\n"), "the target \"a\" `as`: expected a"),
        (&format!("{one}embedded = true\n").repeat(2), "the target \"a\" needs a name that no"),
        (&format!("{one}colour = \"red\"\n"), "unknown field `colour`"),
    ] {
        place.write("matrix.toml", text);
        place.says("run --matrix matrix.toml").is_refused(2, &["matrix.toml: ", words]);
    }
    place.says("run --matrix none.toml").is_refused(2, &["none.toml: "]);
}

#[test]
fn mistakes_in_a_target_file_name_the_file_and_the_entry() {
    let place = Place::new();
    let entry = |id: &str, reason: &str| format!("[[known]]\nid = {id:?}\nreason = {reason:?}\n");
    for (text, words) in [
        ("lacks = [\"tlz\"]\n", "no capability \"tlz\""),
        ("[[known]]\nid = \"wrong\"\n", "\"wrong\" has no reason"),
        (&entry("wrong", " "), "\"wrong\" has no reason"),
        (&entry("wrung", "r"), "\"wrung\" names no case"),
    ] {
        place.write("mine.toml", text);
        place.says("run --target mine.toml").is_refused(2, &["mine.toml: ", words]);
    }
    place.says("run --target none.toml").is_refused(2, &["none.toml"]);
}

#[test]
fn an_entry_that_no_longer_deviates_is_a_finding() {
    let place = Place::new();
    place.write("mine.toml", "[[known]]\nid = \"holds\"\nreason = \"it did not\"\n");
    let said = place.says("run holds --target mine.toml");
    assert_eq!(said.code, Some(1), "{}", said.out);
    let words = "no longer deviates, but is listed as known: it did not";
    assert!(said.out.contains("FAIL holds") && said.out.contains(words), "{}", said.out);
    // It may be of another release.
    place.write("mine.toml", "[[known]]\nid = \"holds\"\nreason = \"r\"\nuntil = \"2.14\"\n");
    assert_eq!(place.says("run holds --target mine.toml").code, Some(0));
}

#[test]
fn what_people_should_do_about_a_target_file_is_said() {
    let place = Place::new();
    let entry = |id: &str, reason: &str| format!("[[known]]\nid = {id:?}\nreason = {reason:?}\n");
    let file = entry("wrong", "to be explained") + &entry("secret", "no lock");
    place.write("mine.toml", &file);
    let said = place.says("run wrong secret --target mine.toml");
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let expected = "\
warning: mine.toml: \"wrong\" is still to be explained; say why the target deviates
note: mine.toml: \"secret\": its cases were all skipped, so it is neither confirmed nor refuted
";
    assert_eq!(said.err, expected);
    place.write("mine.toml", &entry("wrong", "it says PONG"));
    assert_eq!(place.says("run wrong --target mine.toml").err, "");
}

#[test]
fn a_blessed_run_holds() {
    let place = Place::new();
    let said = place.says("bless --target mine.toml");
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    for line in ["added rows[1]: say why", "added rows[3]: say why", "added wrong: say why"] {
        let id = line.split([' ', ':']).nth(1).unwrap();
        let found = said.line(&format!("added     {id}:"));
        assert!(found.starts_with(line), "{found}");
    }
    assert!(said.out.ends_with("mine.toml: 3 changes\n"), "{}", said.out);
    let run = place.says("run --target mine.toml");
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert_eq!(run.err.matches("is still to be explained").count(), 3, "{}", run.err);

    // Somebody explains, somebody mends, and something else breaks.
    let text = place.read("mine.toml").replacen("to be explained", "historical", 1);
    place.write("mine.toml", &format!("# Mine alone.\n{text}"));
    place.scenario("wrong", "", &told("PONG"));
    place.scenario("holds", "", &told("PANG"));
    let said = place.says("bless --target mine.toml");
    assert!(said.out.contains("removed   wrong\nadded     holds: "), "{}", said.out);
    let expected = "\
# Mine alone.
# How the target deviates, with reasons.

[[known]]
id = \"rows[1]\"
reason = \"historical\"

[[known]]
id = \"rows[3]\"
reason = \"to be explained\"

[[known]]
id = \"holds\"
reason = \"to be explained\"
";
    assert_eq!(place.read("mine.toml"), expected);
    assert_eq!(place.says("run --target mine.toml").code, Some(0));
    let said = place.says("bless --target mine.toml");
    assert!(said.out.ends_with("mine.toml: nothing to change\n"), "{}", said.out);
    assert_eq!(place.read("mine.toml"), expected);
}

#[test]
fn a_diff_lists_every_transition_and_fails_if_something_got_worse() {
    let place = Place::new();
    place.says("run --json old.json");
    let said = place.says("diff old.json old.json");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.ends_with("0 new, 0 gone, 6 as before\n"), "{}", said.out);

    place.scenario("wrong", "", &told("PONG"));
    place.says("run --json better.json");
    let better = place.says("diff old.json better.json");
    assert_eq!(better.code, Some(0), "{}", better.err);
    let line = better.line("    fail → pass");
    assert_eq!(line, "fail → pass wrong (the scenario has changed)");
    assert!(better.line("  the scenarios are not").contains("sha256:"), "{}", better.out);

    let worse = place.says("diff better.json old.json");
    assert_eq!(worse.code, Some(1), "{}", worse.err);
    assert!(worse.line("    pass → fail").starts_with("pass → fail wrong"), "{}", worse.out);
    let json = place.says("diff --json better.json old.json");
    let diffs: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json.code, Some(1));
    assert_eq!(diffs[0]["transitions"][0]["id"], "wrong");
    assert_eq!(diffs[0]["transitions"][0]["kind"], "newly-failing");

    place.write("newer.json", "{\"schema\": 99}");
    place.says("diff old.json newer.json").is_refused(2, &["newer.json has schema 99"]);
    place.write("other.json", "{\"tests\": []}");
    place.says("diff other.json old.json").is_refused(2, &["other.json is no JSON report"]);
    place.says("diff old.json none.json").is_refused(2, &["can't read none.json"]);
}

/// The files of the targets that this repository judges. The broker lacks the same as a program and
/// embedded; but embedded, it is no program.
#[test]
fn the_repositorys_target_files_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets");
    let files: Vec<TargetFile> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| TargetFile::read(&entry.unwrap().path()).unwrap())
        .collect();
    let ours = files.iter().find(|file| file.name.as_deref() == Some("nats-reference-server"));
    let mut lacks: BTreeSet<String> = ours.unwrap().lacks.iter().cloned().collect();
    assert!(lacks.insert("program".to_owned()));
    assert_eq!(lacks, Target::Embedded.lacks());
}
