//! The report for programs, versioned: a reader can trust what stands in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    run::{Outcome, Verdict},
    scenario::Level,
    target::Facts,
    transcript::Event,
};

/// Goes up with every change that a reader could stumble over.
pub const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Where the results come from.
    pub provenance: Provenance,
    /// How many cases came to each verdict; every verdict is named, also with 0.
    pub summary: BTreeMap<String, usize>,
    /// The text of every scenario that has a case here, by id: a recorded run can be shown again
    /// by a program that has other scenarios.
    #[serde(default)]
    pub scenarios: BTreeMap<String, String>,
    /// Sorted by id.
    pub cases: Vec<CaseReport>,
}

/// Where results come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Provenance {
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
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// One case.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

impl Report {
    /// The report of outcomes.
    pub fn new(provenance: Provenance, outcomes: &[Outcome], record: Record) -> Report {
        let scenario = |outcome: &Outcome| {
            let scenario = &outcome.case.scenario;
            (scenario.id.clone(), scenario.text.clone())
        };
        Report {
            schema: SCHEMA,
            provenance,
            summary: summary(outcomes),
            scenarios: outcomes.iter().map(scenario).collect(),
            cases: outcomes.iter().map(|outcome| case(outcome, record)).collect(),
        }
    }
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
