//! The page that people look at and send each other: one file, nothing loaded from anywhere.
//!
//! The page is fixed text; all that was recorded goes into it as JSON and becomes text on the
//! screen, never markup. What runs have in common is kept once: texts of scenarios, and the lines
//! of transcripts without their times.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    json::{Provenance, Report},
    table::{Column, Row, Table, is_finding, scenario_of, sign},
};
use crate::{run::Verdict, scenario::Level};

const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/style.css");
const SCRIPTS: [&str; 4] = [
    include_str!("assets/model.js"),
    include_str!("assets/matrix.js"),
    include_str!("assets/story.js"),
    include_str!("assets/script.js"),
];

/// The runs as one page.
///
/// # Errors
/// What the JSON writer says.
pub fn html(reports: &[Report]) -> Result<String, serde_json::Error> {
    let data = embedded(&data(reports)?);
    // The data comes last, so that nothing in it is taken for a placeholder.
    Ok(PAGE
        .replacen("{{style}}", STYLE, 1)
        .replacen("{{script}}", &SCRIPTS.concat(), 1)
        .replacen("{{data}}", &data, 1))
}

/// JSON that can stand inside `<script>`: outside strings none of these characters occurs, and
/// inside they may be written so.
fn embedded(json: &str) -> String {
    json.replace('&', r"\u0026")
        .replace('<', r"\u003c")
        .replace('>', r"\u003e")
        .replace('\u{2028}', r"\u2028")
        .replace('\u{2029}', r"\u2029")
}

/// What the page's script reads; `assets/model.js` is its reader.
#[derive(Debug, Serialize)]
struct Data<'a> {
    /// Goes up with every change of this structure.
    format: u32,
    verdicts: Vec<Sign>,
    targets: Vec<Target<'a>>,
    cases: Vec<Case<'a>>,
    /// Scenarios, each once.
    texts: Vec<&'a str>,
    /// Lines of transcripts without their times, each once: `alice    > PING\r\n`.
    lines: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Sign {
    word: &'static str,
    sign: &'static str,
    finding: bool,
}

#[derive(Debug, Serialize)]
struct Target<'a> {
    name: String,
    key: String,
    /// As recorded, so that what later versions write down is shown too.
    provenance: &'a Provenance,
    again: String,
}

#[derive(Debug, Serialize)]
struct Case<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<&'a str>,
    clauses: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    level: Level,
    differs: bool,
    /// In the order of the targets.
    results: Vec<Option<Outcome<'a>>>,
}

#[derive(Debug, Serialize)]
struct Outcome<'a> {
    verdict: Verdict,
    ms: f64,
    /// Index of its scenario's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    /// Microseconds since the event before (-1: no time), and the index of the line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<(i64, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a str>,
}

/// What many have in common.
#[derive(Default)]
struct Shared<'a> {
    texts: Once<'a>,
    lines: Once<'a>,
}

/// Texts, each kept once.
#[derive(Default)]
struct Once<'a> {
    all: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Once<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len() - 1
        })
    }
}

/// The data of a page, as JSON.
///
/// # Errors
/// What the JSON writer says.
pub fn data(reports: &[Report]) -> Result<String, serde_json::Error> {
    let table = Table::new(reports);
    let mut shared = Shared::default();
    let verdict = |verdict: &Verdict| Sign {
        word: verdict.word(),
        sign: sign(*verdict),
        finding: is_finding(*verdict),
    };
    serde_json::to_string(&Data {
        format: 1,
        verdicts: Verdict::ALL.iter().map(verdict).collect(),
        targets: table.columns.iter().map(target).collect(),
        cases: table.rows.iter().filter_map(|row| case(row, reports, &mut shared)).collect(),
        texts: shared.texts.all,
        lines: shared.lines.all,
    })
}

fn target<'a>(column: &Column<'a>) -> Target<'a> {
    Target {
        name: column.name.clone(),
        key: column.key.clone(),
        provenance: &column.report.provenance,
        again: column.again(None),
    }
}

fn case<'a>(row: &Row<'a>, reports: &'a [Report], shared: &mut Shared<'a>) -> Option<Case<'a>> {
    let any = row.any()?;
    let results = row.cases.iter().zip(reports).map(|(case, report)| {
        let text = report.scenarios.get(scenario_of(row.id).1);
        case.map(|case| Outcome {
            verdict: case.verdict,
            ms: case.duration_ms,
            text: text.map(|text| shared.texts.place(text)),
            message: case.message.as_deref(),
            line: case.line,
            expected: case.expected.as_deref(),
            got: case.got.as_deref(),
            events: events(&case.transcript, &mut shared.lines),
            log: case.log.as_deref(),
        })
    });
    Some(Case {
        id: row.id,
        title: &any.title,
        row: any.row.as_deref(),
        clauses: &any.clauses,
        tags: &any.tags,
        level: any.level,
        differs: row.differs(),
        results: results.collect(),
    })
}

/// A transcript as pairs of numbers. Its lines begin with seconds, to the microsecond; a line that
/// does not has no time.
fn events<'a>(transcript: &'a [String], lines: &mut Once<'a>) -> Vec<(i64, usize)> {
    let mut before = 0;
    let event = |line: &'a String| {
        let split = line.trim_start().split_once(' ');
        let Some((at, rest)) = split.and_then(|(at, rest)| Some((micros(at)?, rest))) else {
            return (-1, lines.place(line));
        };
        // Two readers may have written down their frames the other way round.
        let since = (at - before).max(0);
        before = before.max(at);
        (since, lines.place(rest))
    };
    transcript.iter().map(event).collect()
}

/// `0.001234` is 1234.
fn micros(seconds: &str) -> Option<i64> {
    let (whole, parts) = seconds.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(parts) || parts.len() != 6 {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(parts.parse().ok()?)
}
