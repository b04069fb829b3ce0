//! Several runs as one table: a row for each case, a column for each target.

use std::{cmp::Ordering, collections::BTreeMap};

use super::json::{CaseReport, Report};
use crate::run::Verdict;

/// The runs side by side.
#[derive(Debug)]
pub struct Table<'a> {
    /// A column for each run.
    pub columns: Vec<Column<'a>>,
    /// Sorted by scenario, then by row.
    pub rows: Vec<Row<'a>>,
}

/// One run.
#[derive(Debug)]
pub struct Column<'a> {
    /// The run itself.
    pub report: &'a Report,
    /// What people call it: `nats-server 2.15.1`; no two are alike.
    pub name: String,
    /// The same as part of a link: letters, digits, `.` and `-`.
    pub key: String,
}

/// One case.
#[derive(Debug)]
pub struct Row<'a> {
    /// `core/sub/max[2]`.
    pub id: &'a str,
    /// What came of it in each run; nothing where the run did not have it.
    pub cases: Vec<Option<&'a CaseReport>>,
}

impl<'a> Table<'a> {
    /// The runs in the order given.
    pub fn new(reports: &'a [Report]) -> Table<'a> {
        let mut columns: Vec<Column> = Vec::new();
        for report in reports {
            let plain = name(report);
            let mut name = plain.clone();
            for number in 2.. {
                if !columns.iter().any(|other| other.key == key(&name)) {
                    break;
                }
                name = format!("{plain} ({number})");
            }
            columns.push(Column { report, key: key(&name), name });
        }
        let mut cases: BTreeMap<&str, Vec<Option<&CaseReport>>> = BTreeMap::new();
        for (at, report) in reports.iter().enumerate() {
            for case in &report.cases {
                let row = cases.entry(&case.id).or_insert_with(|| vec![None; reports.len()]);
                row[at] = Some(case);
            }
        }
        let mut rows: Vec<Row> = cases.into_iter().map(|(id, cases)| Row { id, cases }).collect();
        rows.sort_by(|a, b| by_row(a.id, b.id));
        Table { columns, rows }
    }

    /// The number of findings in all runs.
    pub fn findings(&self) -> usize {
        self.columns.iter().map(Column::findings).sum()
    }
}

impl<'a> Row<'a> {
    /// A case that says what the row is about; all runs of one suite say the same.
    pub fn any(&self) -> Option<&'a CaseReport> {
        self.cases.iter().flatten().next().copied()
    }

    /// Whether servers that were asked came to different verdicts. Who was not asked says nothing.
    pub fn differs(&self) -> bool {
        let mut asked = self.cases.iter().flatten().map(|case| case.verdict);
        let first = asked.find(|verdict| *verdict != Verdict::Skip);
        asked.any(|verdict| verdict != Verdict::Skip && Some(verdict) != first)
    }
}

impl Column<'_> {
    /// How many of its cases came to this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.report.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// How many of its cases are findings.
    pub fn findings(&self) -> usize {
        self.report.cases.iter().filter(|case| is_finding(case.verdict)).count()
    }

    /// The command that runs this again, or only one case of it, with its transcript.
    pub fn again(&self, id: Option<&str>) -> String {
        let target = &self.report.provenance.target;
        let flags = match target.as_str() {
            "embedded" => String::new(),
            url if url.contains("://") => format!(" --server {}", quoted(url)),
            path => format!(" --server-bin {}", quoted(path)),
        };
        let seed = self.report.provenance.seed;
        match id {
            None => format!("nats-conformance run{flags} --seed {seed}"),
            Some(id) => format!("nats-conformance run {}{flags} --seed {seed} --trace", quoted(id)),
        }
    }
}

/// Whether a verdict makes a run fail.
pub fn is_finding(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Warn | Verdict::Error)
}

/// The sign that says a verdict to those who see no colours.
pub fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Warn => "!",
        Verdict::Info => "i",
        Verdict::Skip => "–",
        Verdict::Known => "≈",
        Verdict::Error => "?",
    }
}

/// The folder and the id of a case's scenario: `core/sub` and `core/sub/max`.
pub fn scenario_of(id: &str) -> (&str, &str) {
    let scenario = id.split('[').next().unwrap_or(id);
    (scenario.rsplit_once('/').map_or("", |(folder, _)| folder), scenario)
}

/// As the run calls it; else the last part of a path, or the address, and the release, where it
/// says one.
fn name(report: &Report) -> String {
    if !report.provenance.name.is_empty() {
        return report.provenance.name.clone();
    }
    let target = &report.provenance.target;
    let short = match target.contains("://") {
        true => target,
        false => target.rsplit(['/', '\\']).next().unwrap_or(target),
    };
    let release = report.provenance.server.version.as_ref();
    let release: Option<String> = release.map(|version| version.chars().take(40).collect());
    match release {
        Some(version) if !short.contains(&version) => format!("{short} {version}"),
        _ => short.to_owned(),
    }
}

fn key(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    let words = name.split(|letter| !plain(letter)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// `x[10]` stands behind `x[9]`.
fn by_row(a: &str, b: &str) -> Ordering {
    let parts = |id: &str| {
        let (scenario, row) = id.split_once('[').unwrap_or((id, ""));
        (scenario.to_owned(), row.trim_end_matches(']').parse::<u32>().unwrap_or(0))
    };
    parts(a).cmp(&parts(b))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/.:_-@".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
