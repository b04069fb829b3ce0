//! The Test Anything Protocol, version 14.

use std::fmt::Write as _;

use super::{
    json::{CaseReport, Report},
    table::{Table, is_finding, scenario_of},
};
use crate::run::Verdict;

/// The runs; several are a subtest each. What is not a finding and not a pass is a `TODO`, which
/// consumers do not count as a failure; what was not asked is a `SKIP`.
pub fn tap(reports: &[Report]) -> String {
    let table = Table::new(reports);
    let mut text = "TAP version 14\n".to_owned();
    if let [column] = &table.columns[..] {
        cases(&mut text, "", &column.report.cases);
        return text;
    }
    // Writing to a String can't fail.
    let _ = writeln!(text, "1..{}", table.columns.len());
    for (at, column) in table.columns.iter().enumerate() {
        let name = escaped(&column.name);
        let _ = writeln!(text, "# Subtest: {name}");
        cases(&mut text, "    ", &column.report.cases);
        let ok = if column.findings() == 0 { "ok" } else { "not ok" };
        let _ = writeln!(text, "{ok} {} - {name}", at + 1);
    }
    text
}

fn cases(text: &mut String, indent: &str, cases: &[CaseReport]) {
    let _ = writeln!(text, "{indent}1..{}", cases.len());
    for (at, case) in cases.iter().enumerate() {
        let ok =
            if matches!(case.verdict, Verdict::Pass | Verdict::Skip) { "ok" } else { "not ok" };
        let reason = escaped(case.message.as_deref().unwrap_or_default());
        let directive = match case.verdict {
            Verdict::Skip => format!(" # SKIP {reason}"),
            Verdict::Known => format!(" # TODO known: {reason}"),
            Verdict::Info => format!(" # TODO a MAY: {reason}"),
            _ => String::new(),
        };
        let (id, title) = (escaped(&case.id), escaped(&case.title));
        let _ = writeln!(text, "{indent}{ok} {} - {id}: {title}{directive}", at + 1);
        if is_finding(case.verdict) {
            diagnostic(text, indent, case);
        }
    }
}

/// What was found, in YAML; a JSON string is a YAML string.
fn diagnostic(text: &mut String, indent: &str, case: &CaseReport) {
    let _ = writeln!(text, "{indent}  ---");
    let mut say = |key: &str, value: &str| {
        let _ = writeln!(text, "{indent}  {key}: {}", serde_json::Value::from(value));
    };
    say("severity", case.verdict.word());
    case.row.iter().for_each(|row| say("row", row));
    case.message.iter().for_each(|message| say("message", message));
    case.expected.iter().for_each(|expected| say("expected", expected));
    case.got.iter().for_each(|got| say("got", got));
    if let Some(line) = case.line {
        let (_, scenario) = scenario_of(&case.id);
        say("at", &format!("scenarios/{scenario}.nats:{line}"));
    }
    let _ = writeln!(text, "{indent}  ...");
}

/// A description on one line that holds no directive.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            '#' | '\\' => safe.extend(['\\', letter]),
            _ if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}
