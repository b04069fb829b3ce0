//! The report for programs, versioned: a reader can trust what stands in it.

use std::{collections::BTreeMap, thread};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    run::{Outcome, Verdict},
    scenario::Level,
    story::Cut,
    target::Facts,
    transcript::Event,
};

/// Goes up with every change that a reader could stumble over.
pub const SCHEMA: u32 = 1;

/// One target judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this format.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// Where the results come from.
    pub provenance: Provenance,
    /// How many cases came to each verdict; every verdict is named, also with 0.
    pub summary: BTreeMap<String, usize>,
    /// The text of every scenario that has a case here, by id: a recorded run can be shown again
    /// by a program that has other scenarios.
    #[serde(default)]
    pub scenarios: BTreeMap<String, String>,
    /// All cases that were chosen, sorted by id.
    pub cases: Vec<CaseReport>,
}

/// Several targets judged in one run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    /// The version of this format.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// One report for each target, in the order in which they were judged.
    pub runs: Vec<Report>,
}

/// A file of results: of one target, or of several.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "Results of nats-conformance")]
enum Document<'a> {
    One(&'a Report),
    Several(Runs),
}

/// Where results come from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// What reports call the target: `nats-server 2.15.1`. Unique in a run of several.
    #[serde(default)]
    pub name: String,
    /// What was judged, as it was named; without credentials.
    pub target: String,
    /// What it said of itself.
    pub server: Facts,
    /// The release it was judged as.
    pub judged_as: String,
    /// The version of this program.
    pub harness_version: String,
    /// Repeats the run.
    pub seed: u64,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Which scenarios were run, as a hash of their ids and texts: results can be compared only as
    /// far as this is the same.
    #[serde(default)]
    pub suite: String,
    /// What was asked for, as on the command line; empty for everything.
    #[serde(default)]
    pub selectors: Vec<String>,
    /// How what was sent was cut into pieces.
    #[serde(default)]
    pub cut: Cut,
    /// How long the target had for an answer, in milliseconds.
    #[serde(default)]
    pub timeout_ms: u64,
    /// What the target lacks: scenarios that need it were skipped.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The machine of the harness.
    #[serde(default)]
    pub host: Host,
}

/// The machine that the harness ran on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// The operating system: `linux`.
    pub os: String,
    /// The processor: `x86_64`.
    pub arch: String,
    /// Processors that the harness could use; 0 if that is not known.
    pub cores: usize,
}

impl Host {
    /// This machine.
    pub fn this() -> Host {
        Host {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cores: thread::available_parallelism().map_or(0, usize::from),
        }
    }
}

/// One case.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CaseReport {
    /// `core/sub/max[2]`.
    pub id: String,
    /// What a correct server does.
    pub title: String,
    /// The row as it was written, for cases of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The clauses it shows, the main one first.
    pub clauses: Vec<String>,
    /// Words to select by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its force.
    pub level: Level,
    /// What it came to.
    pub verdict: Verdict,
    /// How long the story took, in milliseconds.
    pub duration_ms: f64,
    /// Why, if it is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The line of the scenario that did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// The timed wire transcript: of a case that is not a pass, or of every case if that was
    /// asked for; see [`Record`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<String>,
    /// The end of the server's log, where it has one and something broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// Whose wire transcripts are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Record {
    /// Those of cases that are not a pass.
    #[default]
    Broken,
    /// Those of all cases, long ones without their middle.
    All,
}

/// The text of a file of results. One target has its report at the top, several are listed below
/// `runs`; `several` is what was asked for, also if only one came to an end.
///
/// # Errors
/// What the JSON writer says.
pub fn write(reports: &[Report], several: bool) -> serde_json::Result<String> {
    let document = match reports {
        [report] if !several => Document::One(report),
        _ => Document::Several(Runs { schema: SCHEMA, runs: reports.to_vec() }),
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

/// The JSON Schema of the files that [`write()`] makes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document>()
}

impl Report {
    /// The report of outcomes; the provenance's `suite` is filled in.
    pub fn new(provenance: Provenance, outcomes: &[Outcome], record: Record) -> Report {
        let scenario = |outcome: &Outcome| {
            let scenario = &outcome.case.scenario;
            (scenario.id.clone(), scenario.text.clone())
        };
        let scenarios = outcomes.iter().map(scenario).collect();
        Report {
            schema: SCHEMA,
            provenance: Provenance { suite: suite(&scenarios), ..provenance },
            summary: summary(outcomes),
            scenarios,
            cases: outcomes.iter().map(|outcome| case(outcome, record)).collect(),
        }
    }

    /// What to call the target.
    pub fn name(&self) -> &str {
        match &*self.provenance.name {
            "" => &self.provenance.target,
            name => name,
        }
    }

    /// How many cases came to a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.summary.get(verdict.word()).copied().unwrap_or(0)
    }
}

/// A hash of scenarios: the same for the same ids and texts, and for nothing else.
pub fn suite(scenarios: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for text in scenarios.iter().flat_map(|(id, text)| [id, text]) {
        // The length keeps the end of one text apart from the beginning of the next.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// How many cases came to each verdict.
pub fn summary(outcomes: &[Outcome]) -> BTreeMap<String, usize> {
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    Verdict::ALL.iter().map(|verdict| (verdict.word().to_owned(), count(*verdict))).collect()
}

fn case(outcome: &Outcome, record: Record) -> CaseReport {
    let header = &outcome.case.scenario.header;
    let failure = outcome.failure.as_ref();
    let transcript = match (outcome.verdict, record) {
        (Verdict::Pass, Record::Broken) => Vec::new(),
        _ => transcript(&outcome.events),
    };
    CaseReport {
        id: outcome.case.id.clone(),
        title: header.title.value.clone(),
        row: outcome.case.row_text().map(str::to_owned),
        clauses: header.spec.iter().map(|clause| clause.value.clone()).collect(),
        tags: header.tags.clone(),
        level: header.level,
        verdict: outcome.verdict,
        duration_ms: (outcome.duration.as_secs_f64() * 1e6).round() / 1e3,
        message: outcome.message.clone(),
        line: failure.map(|failure| line_of(&outcome.case.scenario.text, failure.span.start)),
        expected: failure.and_then(|failure| failure.expected.clone()),
        got: failure.and_then(|failure| failure.got.clone()),
        transcript,
        log: outcome.log.clone(),
    }
}

/// A line for each event. A story of thousands of messages keeps its beginning and its end.
fn transcript(events: &[Event]) -> Vec<String> {
    const HEAD: usize = 150;
    const TAIL: usize = 150;
    if events.len() <= HEAD + TAIL {
        return events.iter().map(Event::line).collect();
    }
    let left_out = events.len() - HEAD - TAIL;
    let (head, tail) = (&events[..HEAD], &events[events.len() - TAIL..]);
    let mut lines: Vec<String> = head.iter().map(Event::line).collect();
    lines.push(format!("… {left_out} more"));
    lines.extend(tail.iter().map(Event::line));
    lines
}

/// The number of the line at a place, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::read::parse;

    fn report(name: &str) -> Report {
        let provenance = Provenance { name: name.to_owned(), ..Provenance::default() };
        Report::new(provenance, &[], Record::Broken)
    }

    fn names(text: &str) -> Vec<String> {
        let reports = parse("run.json", text).unwrap();
        reports.iter().map(|report| report.name().to_owned()).collect()
    }

    fn error(text: &str) -> String {
        parse("run.json", text).unwrap_err().to_string()
    }

    #[test]
    fn one_target_stands_at_the_top_and_several_in_a_list() {
        let one = write(&[report("a")], false).unwrap();
        let value: serde_json::Value = serde_json::from_str(&one).unwrap();
        assert_eq!(value["summary"]["pass"], 0);
        assert_eq!(names(&one), ["a"]);
        let two = write(&[report("a"), report("b")], true).unwrap();
        let value: serde_json::Value = serde_json::from_str(&two).unwrap();
        assert_eq!(value["runs"][1]["provenance"]["name"], "b");
        assert_eq!(names(&two), ["a", "b"]);
        assert_eq!(names(&write(&[report("a")], true).unwrap()), ["a"]);
    }

    #[test]
    fn a_report_without_what_came_later_is_read() {
        let text = r#"{"schema": 1, "provenance": {"target": "embedded",
            "server": {"version": "2.15.1", "server_name": null, "git_commit": null,
                       "built_with": null, "headers": true},
            "judged_as": "2.15.1", "harness_version": "0.1.0", "seed": 1,
            "started": "2026-11-25T01:20:58Z", "duration_ms": 5}, "summary": {}, "cases": []}"#;
        assert_eq!(names(text), ["embedded"]);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let newer =
            "run.json has schema 2, this program reads up to 1; use a newer nats-conformance";
        assert_eq!(error(r#"{"schema": 2, "anything": "else"}"#), newer);
        for (text, what) in [
            ("", "EOF"),
            ("[]", "invalid length 0"),
            ("{}", "missing field `schema`"),
            (r#"{"schema": 1}"#, "missing field `provenance`"),
            (r#"{"schema": 1, "runs": [{}]}"#, "missing field `schema`"),
        ] {
            let error = error(text);
            let start = "run.json is no JSON report of nats-conformance: ";
            assert!(error.starts_with(start) && error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_suite_is_its_ids_and_texts() {
        let of = |pairs: &[(&str, &str)]| {
            suite(&pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect())
        };
        let one = of(&[("a", "x"), ("b", "y")]);
        assert_eq!(one, of(&[("b", "y"), ("a", "x")]));
        assert!(one.starts_with("sha256:") && one.len() == 71, "{one}");
        for other in [&[("a", "x")][..], &[("a", "x"), ("b", "z")], &[("a", "xby")], &[("ab", "")]]
        {
            assert_ne!(one, of(other));
        }
    }
}
