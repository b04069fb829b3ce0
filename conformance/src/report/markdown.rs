//! The summary for the page of a build, in GitHub's Markdown.

use std::fmt::Write as _;

use super::{
    json::{CaseReport, Report},
    table::{Column, Row, Table, is_finding, scenario_of, sign},
};
use crate::run::Verdict;

/// So many findings are told in full; a page of a build holds 1 MiB.
const FINDINGS_MAX: usize = 100;
/// So many differences between servers are listed.
const DIFFERENCES_MAX: usize = 200;
/// Longer frames are cut.
const FRAME_CHARS_MAX: usize = 1000;

/// The runs: the verdict first, counts, findings, where servers differ, and how to repeat them.
pub fn markdown(reports: &[Report]) -> String {
    let table = Table::new(reports);
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(text, "## {}\n", headline(&table));
    counts(&mut text, &table);
    findings(&mut text, &table);
    differences(&mut text, &table);
    let again: Vec<String> = table.columns.iter().map(|column| column.again(None)).collect();
    let _ = writeln!(text, "\n**Again**\n\n{}", fenced("sh", &again.join("\n")));
    text
}

fn headline(table: &Table) -> String {
    let total: usize = table.columns.iter().map(|column| column.report.cases.len()).sum();
    let passed: usize = table.columns.iter().map(|column| column.count(Verdict::Pass)).sum();
    let on = match &table.columns[..] {
        [only] => format!(" on {}", plain(&only.name)),
        several => format!(" on {} servers", several.len()),
    };
    match table.findings() {
        0 if passed == total => format!("✅ NATS conformance: all {total} cases hold{on}"),
        0 => format!("✅ NATS conformance: no finding, {passed} of {total} cases hold{on}"),
        1 => format!("❌ NATS conformance: 1 finding in {total} cases{on}"),
        n => format!("❌ NATS conformance: {n} findings in {total} cases{on}"),
    }
}

fn counts(text: &mut String, table: &Table) {
    let always = |verdict| matches!(verdict, Verdict::Pass | Verdict::Fail | Verdict::Skip);
    let counted = |verdict| table.columns.iter().any(|column| column.count(verdict) > 0);
    let shown: Vec<Verdict> =
        Verdict::ALL.into_iter().filter(|verdict| always(*verdict) || counted(*verdict)).collect();
    let heads: Vec<String> =
        shown.iter().map(|verdict| format!("{} {}", sign(*verdict), verdict.word())).collect();
    let _ = writeln!(text, "| server | {} | cases | seconds |", heads.join(" | "));
    let _ = writeln!(text, "|---|{}--:|--:|", "--:|".repeat(shown.len()));
    for column in &table.columns {
        let counts: Vec<String> =
            shown.iter().map(|verdict| column.count(*verdict).to_string()).collect();
        let seconds = column.report.provenance.duration_ms as f64 / 1e3;
        let (name, all) = (plain(&column.name), column.report.cases.len());
        let _ = writeln!(text, "| {name} | {} | {all} | {seconds:.1} |", counts.join(" | "));
    }
    let _ = writeln!(text, "\nA skip was not asked and is never a pass.");
}

fn findings(text: &mut String, table: &Table) {
    let all: Vec<(&Column, &CaseReport)> = table
        .columns
        .iter()
        .flat_map(|column| column.report.cases.iter().map(move |case| (column, case)))
        .filter(|(_, case)| is_finding(case.verdict))
        .collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### Findings\n");
    for (column, case) in all.iter().take(FINDINGS_MAX) {
        finding(text, column, case);
    }
    if all.len() > FINDINGS_MAX {
        let _ = writeln!(text, "\n… and {} more, in the recorded run.", all.len() - FINDINGS_MAX);
    }
}

fn finding(text: &mut String, column: &Column, case: &CaseReport) {
    let (sign, word) = (sign(case.verdict), case.verdict.word());
    let level = format!("{:?}", case.level).to_uppercase();
    let clause = case.clauses.first().map_or("", |clause| clause);
    let _ = writeln!(
        text,
        "<details><summary>{sign} <b>{word}</b> <code>{}</code> on {}: {}</summary>\n",
        html(&case.id),
        html(&column.name),
        html(&case.title)
    );
    let mut lines = vec![format!("{level} {clause}")];
    let mut say = |what: &str, words: &Option<String>| {
        lines.extend(words.as_ref().map(|words| format!("{what:<9} {}", cut(words))));
    };
    say("row", &case.row);
    say("because", &case.message);
    say("expected", &case.expected);
    say("got", &case.got);
    if let Some(line) = case.line {
        let (_, scenario) = scenario_of(&case.id);
        lines.push(format!("at        scenarios/{scenario}.nats:{line}"));
        let source = column.report.scenarios.get(scenario);
        let said = source.and_then(|source| source.lines().nth(line.saturating_sub(1)));
        lines.extend(said.map(|said| format!("          {}", said.trim_start())));
    }
    lines.push(format!("again     {}", column.again(Some(&case.id))));
    let _ = writeln!(text, "{}\n\n</details>\n", fenced("text", &lines.join("\n")));
}

fn differences(text: &mut String, table: &Table) {
    let rows: Vec<&Row> = table.rows.iter().filter(|row| row.differs()).collect();
    if rows.is_empty() {
        return;
    }
    let names: Vec<String> = table.columns.iter().map(|column| plain(&column.name)).collect();
    let _ = writeln!(text, "\n### Where the servers differ\n");
    let _ = writeln!(text, "| case | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for row in rows.iter().take(DIFFERENCES_MAX) {
        let word = |case: &Option<&CaseReport>| match case {
            Some(case) => format!("{} {}", sign(case.verdict), case.verdict.word()),
            None => String::new(),
        };
        let words: Vec<String> = row.cases.iter().map(word).collect();
        let _ = writeln!(text, "| {} | {} |", plain(row.id), words.join(" | "));
    }
    if rows.len() > DIFFERENCES_MAX {
        let _ = writeln!(text, "\n… and {} more.", rows.len() - DIFFERENCES_MAX);
    }
}

/// Text as text: nothing of it is markup, in a table's cell either.
fn plain(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '@' | '!' => {
                safe.extend(['\\', letter]);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            _ if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}

/// The same within HTML tags, where a backslash means nothing.
pub(super) fn html(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '`' | '*' | '_' | '[' | ']' | '|' | '~' | '@' | '\\' | '!' => {
                let _ = write!(safe, "&#{};", u32::from(letter));
            }
            _ if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}

/// Text between fences that no line of it can end.
fn fenced(language: &str, text: &str) -> String {
    let runs = text.split(|letter| letter != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(FRAME_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
