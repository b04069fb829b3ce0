//! Several targets side by side, for people at a terminal.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{CellAlignment, Table, presets};

use super::json::{CaseReport, Report};
use crate::run::Verdict;

/// The worst first: what stands for a scenario whose cases came to several verdicts.
const WORST_FIRST: [Verdict; 7] = [
    Verdict::Error,
    Verdict::Fail,
    Verdict::Warn,
    Verdict::Info,
    Verdict::Known,
    Verdict::Pass,
    Verdict::Skip,
];

/// Scenarios that do not simply hold on every target, then how many cases came to what on each,
/// then why some were not asked.
pub fn side_by_side(reports: &[Report]) -> String {
    let mut text = String::new();
    let differing = differing(reports);
    // Writing to a String can't fail.
    match differing.is_empty() {
        true => {
            let _ = writeln!(text, "Every scenario that was asked holds on every target.\n");
        }
        false => {
            let mut table = table();
            table.set_header(["scenario"].into_iter().chain(reports.iter().map(Report::name)));
            for (scenario, cells) in differing {
                table.add_row([scenario.to_owned()].into_iter().chain(cells));
            }
            let _ = writeln!(text, "{}\n", lines(&table));
        }
    }
    let _ = write!(text, "{}", lines(&totals(reports)));
    for (reason, skipped) in skips(reports) {
        let _ = write!(text, "\nskipped {skipped}: {reason}");
    }
    text
}

/// A row for each scenario with a verdict that is neither pass nor skip.
fn differing(reports: &[Report]) -> BTreeMap<&str, Vec<String>> {
    let mut scenarios: BTreeMap<&str, Vec<Vec<Verdict>>> = BTreeMap::new();
    for (at, report) in reports.iter().enumerate() {
        for case in &report.cases {
            let columns = scenarios.entry(scenario(case)).or_default();
            columns.resize(reports.len(), Vec::new());
            columns[at].push(case.verdict);
        }
    }
    let holds = |verdict: &Verdict| matches!(verdict, Verdict::Pass | Verdict::Skip);
    scenarios.retain(|_, columns| !columns.iter().flatten().all(holds));
    let cells = |columns: Vec<Vec<Verdict>>| columns.iter().map(|cases| cell(cases)).collect();
    scenarios.into_iter().map(|(scenario, columns)| (scenario, cells(columns))).collect()
}

/// The worst verdict, and of how many of the cases.
fn cell(cases: &[Verdict]) -> String {
    let count = |verdict: Verdict| cases.iter().filter(|other| **other == verdict).count();
    match WORST_FIRST.into_iter().find(|verdict| count(*verdict) > 0) {
        None => "-".to_owned(),
        Some(worst) if count(worst) == cases.len() => worst.word().to_owned(),
        Some(worst) => format!("{} {}/{}", worst.word(), count(worst), cases.len()),
    }
}

fn totals(reports: &[Report]) -> Table {
    let mut table = table();
    let words = Verdict::ALL.iter().map(|verdict| verdict.word());
    table.set_header(["target", "cases"].into_iter().chain(words).chain(["seconds"]));
    for report in reports {
        let counts = Verdict::ALL.iter().map(|verdict| report.count(*verdict).to_string());
        let seconds = format!("{:.1}", report.provenance.duration_ms as f64 / 1e3);
        let first = [report.name().to_owned(), report.cases.len().to_string()];
        table.add_row(first.into_iter().chain(counts).chain([seconds]));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Reasons, and how many cases of which targets were skipped for them.
fn skips(reports: &[Report]) -> Vec<(&str, String)> {
    let mut reasons: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for report in reports {
        for case in report.cases.iter().filter(|case| case.verdict == Verdict::Skip) {
            let reason = case.message.as_deref().unwrap_or_default();
            let targets = reasons.entry(reason).or_default();
            match targets.last_mut() {
                Some((name, count)) if *name == report.name() => *count += 1,
                _ => targets.push((report.name(), 1)),
            }
        }
    }
    let words = |targets: Vec<(&str, usize)>| -> String {
        let words = targets.iter().map(|(name, count)| format!("{count} on {name}"));
        words.collect::<Vec<_>>().join(", ")
    };
    reasons.into_iter().map(|(reason, targets)| (reason, words(targets))).collect()
}

fn scenario(case: &CaseReport) -> &str {
    case.id.split('[').next().unwrap_or(&case.id)
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn lines(table: &Table) -> String {
    let lines: Vec<String> =
        table.lines().map(|line| line.trim_end().trim_start_matches(' ').to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made::report;

    #[test]
    fn only_what_differs_is_shown_and_all_is_counted() {
        use Verdict::{Error, Fail, Known, Pass, Skip};
        let a = [("x", Pass), ("y", Pass), ("z[1]", Pass), ("z[2]", Skip), ("k", Pass)];
        let b = [("x", Skip), ("y", Error), ("z[1]", Fail), ("z[2]", Pass), ("k", Known)];
        let text = side_by_side(&[report("one 1.0", &a), report("two 2.0", &b)]);
        let expected = "\
scenario  one 1.0   two 2.0
k         pass      known
y         pass      error
z         pass 1/2  fail 1/2

target   cases  pass  fail  warn  info  skip  known  error  seconds
one 1.0      5     4     0     0     0     1      0      0      1.5
two 2.0      5     1     1     0     0     1      1      1      1.5
skipped 1 on one 1.0, 1 on two 2.0: why skip";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_differs_where_all_hold_or_were_not_asked() {
        let a = report("a", &[("x", Verdict::Pass), ("y", Verdict::Skip)]);
        let b = report("b", &[("x", Verdict::Skip)]);
        let text = side_by_side(&[a, b]);
        assert!(text.starts_with("Every scenario that"), "{text}");
    }
}
