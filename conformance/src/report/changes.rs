//! What changed on the wire between releases, told from runs: every release is judged as the
//! newest one, so that what it does otherwise is a finding, with what was expected and what came.

use std::{collections::BTreeSet, fmt::Write as _};

use regex::Regex;
use serde_json::Value;
use thiserror::Error;

use super::json::{CaseReport, Report};
use crate::{clauses::Register, run::Verdict, scenario::Version};

/// Why the runs tell nothing.
#[derive(Debug, Error)]
pub enum NoChanges {
    /// One release has nothing to be compared with.
    #[error("runs of two releases at least are compared; there is {0}")]
    TooFew(usize),
    /// The target does not say what it is.
    #[error("the run on {0} does not know the server's release")]
    NoRelease(String),
    /// A finding would not mean the same in each run.
    #[error("{target} was judged as {judged_as}; judge all releases as the newest: --as {newest}")]
    JudgedOtherwise {
        /// The run.
        target: String,
        /// As what it was judged.
        judged_as: String,
        /// The newest release of all runs.
        newest: String,
    },
}

/// The document, as Markdown.
///
/// # Errors
/// Runs that can't be compared.
pub fn changes(runs: &[Report], register: &Register) -> Result<String, NoChanges> {
    let releases = Releases::new(runs)?;
    let mut text = String::new();
    let (oldest, newest) = (releases.name(0), releases.name(releases.runs.len() - 1));
    // Writing to a String can't fail.
    let _ =
        writeln!(text, "# What changed on the wire between nats-server {oldest} and {newest}\n");
    let _ = writeln!(
        text,
        "Made from runs of the suite on {} by `ci/changes.sh`.\n\
         Every release was judged as {newest}, so a release stands below where it does something\n\
         else. All other cases hold on all of them.\n",
        releases.names().join(", ")
    );
    releases.greeting(&mut text);
    releases.behaviour(register, &mut text);
    releases.given_up(&mut text);
    Ok(text)
}

/// The runs, oldest release first.
struct Releases<'a> {
    runs: Vec<(Version, &'a Report)>,
}

impl<'a> Releases<'a> {
    fn new(runs: &'a [Report]) -> Result<Releases<'a>, NoChanges> {
        if runs.len() < 2 {
            return Err(NoChanges::TooFew(runs.len()));
        }
        let mut sorted = Vec::new();
        for run in runs {
            let said = run.provenance.server.version.as_deref().and_then(Version::parse);
            let version =
                said.ok_or_else(|| NoChanges::NoRelease(run.provenance.target.clone()))?;
            sorted.push((version, run));
        }
        sorted.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
        let newest = sorted.last().map(|(version, _)| version.to_string()).unwrap_or_default();
        match runs.iter().find(|run| run.provenance.judged_as != newest) {
            None => Ok(Releases { runs: sorted }),
            Some(run) => Err(NoChanges::JudgedOtherwise {
                target: run.provenance.target.clone(),
                judged_as: run.provenance.judged_as.clone(),
                newest,
            }),
        }
    }

    fn name(&self, at: usize) -> String {
        self.runs[at].0.to_string()
    }

    fn names(&self) -> Vec<String> {
        (0..self.runs.len()).map(|at| self.name(at)).collect()
    }

    /// The keys of INFO that are not the same everywhere.
    fn greeting(&self, text: &mut String) {
        let info = |run: &'a Report| run.provenance.server.info.as_object();
        let keys: BTreeSet<&String> = self
            .runs
            .iter()
            .filter_map(|(_, run)| info(run))
            .flat_map(|keys| keys.keys())
            .collect();
        let _ = writeln!(text, "## The greeting\n");
        let _ = writeln!(text, "Keys of INFO that not every release has, and what they hold.\n");
        let mut header = vec!["key".to_owned()];
        header.extend(self.names());
        let mut rows = Vec::new();
        for key in keys {
            let cells: Vec<String> = self
                .runs
                .iter()
                .map(|(_, run)| {
                    info(run).and_then(|info| info.get(key)).map_or_else(String::new, kind)
                })
                .collect();
            if cells.iter().any(|cell| cell != &cells[0]) {
                rows.push([vec![format!("`{key}`")], cells].concat());
            }
        }
        table(text, &header, &rows);
    }

    /// What older releases do otherwise, by clause and scenario.
    fn behaviour(&self, register: &Register, text: &mut String) {
        let _ = writeln!(text, "\n## What clients see");
        let Some((_, newest)) = self.runs.last() else { return };
        let mut told: Vec<(&str, Vec<&CaseReport>)> = Vec::new();
        for case in &newest.cases {
            let differing = self.runs.iter().any(|(_, run)| self.differs(run, &case.id).is_some());
            let clause = case.clauses.first().map_or("", String::as_str);
            if differing {
                match told.iter_mut().find(|(other, _)| *other == clause) {
                    Some((_, cases)) => cases.push(case),
                    None => told.push((clause, vec![case])),
                }
            }
        }
        told.sort_by_key(|(clause, _)| register.clauses.iter().position(|c| c.id == **clause));
        for (clause, cases) in told {
            let known = register.find(clause);
            let (name, says) = known.map_or(("", ""), |known| (&known.name, &known.text));
            let _ = writeln!(text, "\n### {clause} {name}\n\n{says}");
            let mut seen = BTreeSet::new();
            for case in cases {
                // The rows of a scenario tell the same; the first one stands for them.
                if seen.insert(case.id.split('[').next().unwrap_or(&case.id)) {
                    self.case(case, text);
                }
            }
        }
    }

    fn case(&self, case: &CaseReport, text: &mut String) {
        let row = case.row.as_ref().map_or_else(String::new, |row| format!(" (`{}`)", row.trim()));
        let _ = writeln!(text, "\n`{}`: {}{row}\n", case.id, case.title);
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut expected = None;
        for (version, run) in &self.runs {
            let got = match self.differs(run, &case.id) {
                Some(found) if found.verdict == Verdict::Error => NO_START.to_owned(),
                Some(found) => {
                    expected = expected.or(found.expected.clone());
                    code(found.got.as_deref().or(found.message.as_deref()).unwrap_or_default())
                }
                None => String::new(),
            };
            match rows.last_mut() {
                Some(row) if row[1] == got => row[0] = format!("{} to {version}", first(&row[0])),
                _ => rows.push(vec![version.to_string(), got]),
            }
        }
        let as_expected = expected.map_or("as told".to_owned(), |expected| code(&expected));
        for row in rows.iter_mut().filter(|row| row[1].is_empty()) {
            row[1].clone_from(&as_expected);
        }
        table(text, &["releases".to_owned(), "what comes".to_owned()], &rows);
    }

    /// The case of this run, if the release does something else.
    fn differs(&self, run: &'a Report, id: &str) -> Option<&'a CaseReport> {
        let case = run.cases.iter().find(|case| case.id == id)?;
        let differs = match case.verdict {
            Verdict::Pass | Verdict::Skip => false,
            Verdict::Fail | Verdict::Warn | Verdict::Info | Verdict::Known => true,
            // A program that knows no such option ends at once.
            Verdict::Error => {
                case.message.as_ref().is_some_and(|why| why.contains(" ended before"))
            }
        };
        differs.then_some(case)
    }

    /// Scenarios that are true of older releases only.
    fn given_up(&self, text: &mut String) {
        let Some((_, newest)) = self.runs.last() else { return };
        let gone = |case: &&CaseReport| {
            let reason = case.message.as_deref().unwrap_or_default();
            case.verdict == Verdict::Skip && reason.starts_with("true until")
        };
        let mut gone = newest.cases.iter().filter(gone).peekable();
        if gone.peek().is_none() {
            return;
        }
        let _ = writeln!(text, "\n## What is true no more\n");
        for case in gone {
            let reason = case.message.as_deref().unwrap_or_default();
            let _ = writeln!(text, "- `{}`: {} ({reason})", case.id, case.title);
        }
    }
}

/// What comes of a configuration that a release does not know.
const NO_START: &str = "the server does not start with this configuration";
/// In place of a whole log, which has other times in each run.
const LOGGED_OTHERWISE: &str = "the log does not hold this";

/// `2.9.10` of `2.9.10 to 2.11.11`.
fn first(releases: &str) -> &str {
    releases.split(' ').next().unwrap_or(releases)
}

/// What a value of INFO is, without what differs between two servers anyway.
fn kind(value: &Value) -> String {
    match value {
        Value::String(_) => "text".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Array(_) => "list".to_owned(),
        Value::Object(_) => "object".to_owned(),
        Value::Null => "null".to_owned(),
    }
}

/// As code in a table's cell, without what differs between two runs.
fn code(text: &str) -> String {
    if text == "no frame" || text.starts_with("nothing: ") {
        return "nothing".to_owned();
    }
    if text.starts_with('[') && text.contains(" [INF] ") {
        return LOGGED_OTHERWISE.to_owned();
    }
    let mut text = text.to_owned();
    for (pattern, instead) in [
        (r"\b[NX][A-Z2-7]{55}\b", "N…"),
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:…"),
        (r#""(port|client_id)":[0-9]+"#, "\"$1\":…"),
        (r"\b[0-9.]+(ms|µs|s)\b", "…$1"),
        (r"/\S*/nats-conformance-\w+/", "…/"),
        (r"\b_R_\.\w+\.\w+", "_R_.…"),
        // How a handshake is broken off, and what else might have come still, are up to chance.
        (r"(could not change to TLS): .*", "$1"),
        (r"^.*\\r\\n or ", ""),
        // A port alone, and what a server tells of itself, with its size before.
        (r"^([a-z.]+ = )?[0-9]{5}$", "$1…"),
        (r#"[0-9]+(\\r\\n\{"server":)\{.*"#, "#$1…"),
    ] {
        // The patterns are ours.
        if let Ok(pattern) = Regex::new(pattern) {
            text = pattern.replace_all(&text, instead).into_owned();
        }
    }
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

fn table(text: &mut String, header: &[String], rows: &[Vec<String>]) {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let _ = writeln!(text, "{}\n|{}", line(header), "---|".repeat(header.len()));
    for row in rows {
        let _ = writeln!(text, "{}", line(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of one case on a release.
    fn run(release: &str, judged_as: &str, verdict: &str, got: &str, info: &str) -> Report {
        let case = serde_json::json!({
            "id": "core/a[1]", "title": "It is so", "row": "x", "clauses": ["CORE-A-001"],
            "level": "MUST", "verdict": verdict, "duration_ms": 1.0, "expected": "new", "got": got,
        });
        let info: Value = serde_json::from_str(info).unwrap();
        serde_json::from_value(serde_json::json!({
            "schema": 1,
            "provenance": {
                "target": release, "judged_as": judged_as, "harness_version": "0", "seed": 1,
                "started": "2026-01-01T00:00:00Z", "duration_ms": 1,
                "server": { "version": release, "headers": true, "info": info },
            },
            "summary": {}, "cases": [case],
        }))
        .unwrap()
    }

    #[test]
    fn a_log_is_not_shown_as_a_whole() {
        let log = "[7] 2026/01/01 00:00:00.000000 [INF] Starting nats-server\n[7] 2026/01/01 …";
        assert_eq!(code(log), LOGGED_OTHERWISE);
        assert_eq!(code("[INF] alone"), "`[INF] alone`");
    }

    #[test]
    fn releases_that_do_the_same_stand_in_one_line() {
        let runs = [
            run("2.15.1", "2.15.1", "pass", "", r#"{"proto":1,"api_lvl":2}"#),
            run("2.9.10", "2.15.1", "fail", "on 127.0.0.1:4222", r#"{"proto":1}"#),
            run("2.10.26", "2.15.1", "fail", "on 127.0.0.1:4333", r#"{"proto":1}"#),
        ];
        let text = changes(&runs, &Register::default()).unwrap();
        assert!(text.contains("# What changed on the wire between nats-server 2.9.10 and 2.15.1"));
        assert!(text.contains("| `api_lvl` |  |  | number |"), "{text}");
        assert!(!text.contains("proto"), "{text}");
        assert!(
            text.contains("| 2.9.10 to 2.10.26 | `on 127.0.0.1:…` |\n| 2.15.1 | `new` |"),
            "{text}"
        );
    }

    #[test]
    fn what_differs_between_two_runs_is_left_out() {
        for (got, shown) in [
            ("nothing: 40 ms", "nothing"),
            ("34043", "`…`"),
            ("info.port = 34361", "`info.port = …`"),
            ("info.port = 80", "`info.port = 80`"),
            ("file /tmp/nats-conformance-zWhv3z/run.conf is valid", "`file …/run.conf is valid`"),
            (r#"MSG a 1  451\r\n{"server":{"seq":14}}\r\n"#, r#"`MSG a 1  #\r\n{"server":…`"#),
            ("took 12ms", "`took …ms`"),
            ("early could not change to TLS: tls handshake eof", "`early could not change to TLS`"),
            (r"-ERR 'a'\r\n or -ERR 'b'\r\n", r"`-ERR 'b'\r\n`"),
            (r#"{"_R_.V5fujR.tdTp2H":{"to":"in"}}"#, r#"`{"_R_.…":{"to":"in"}}`"#),
        ] {
            assert_eq!(code(got), shown);
        }
    }

    #[test]
    fn runs_that_can_not_be_compared_are_refused() {
        let newest = run("2.15.1", "2.15.1", "pass", "", "{}");
        let error = changes(std::slice::from_ref(&newest), &Register::default()).unwrap_err();
        assert!(matches!(error, NoChanges::TooFew(1)));
        let other = run("2.9.10", "2.9.10", "pass", "", "{}");
        let error = changes(&[newest, other], &Register::default()).unwrap_err();
        assert!(error.to_string().ends_with("--as 2.15.1"), "{error}");
    }
}
