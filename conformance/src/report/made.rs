//! Reports made by hand, for the tests of what is done with reports.

use super::json::{CaseReport, Provenance, Record, Report};
use crate::{run::Verdict, scenario::Level};

/// A run of 1.5 s on the target `name`, with these cases; all but passes have the message
/// `why VERDICT`.
pub(super) fn report(name: &str, cases: &[(&str, Verdict)]) -> Report {
    let provenance =
        Provenance { name: name.to_owned(), duration_ms: 1500, ..Provenance::default() };
    let mut report = Report::new(provenance, &[], Record::Broken);
    for (id, verdict) in cases {
        *report.summary.entry(verdict.word().to_owned()).or_default() += 1;
        report.cases.push(case(id, *verdict));
    }
    report
}

fn case(id: &str, verdict: Verdict) -> CaseReport {
    CaseReport {
        id: id.to_owned(),
        title: String::new(),
        row: None,
        clauses: Vec::new(),
        tags: Vec::new(),
        level: Level::Must,
        verdict,
        duration_ms: 1.0,
        message: (verdict != Verdict::Pass).then(|| format!("why {}", verdict.word())),
        line: None,
        expected: None,
        got: None,
        transcript: Vec::new(),
        log: None,
    }
}
