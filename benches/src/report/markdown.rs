//! A report for a pull request's comment.

use std::fmt::Write as _;

use super::figures::{HEADER, VERDICTS, notes, rows, verdicts};
use crate::{curves, record::Record};

/// Verdicts if there is a threshold, the table of figures, and what must be known of them.
#[must_use]
pub fn markdown(record: &Record, threshold: Option<f64>) -> String {
    let mut text = String::from("### Benchmark\n\n");
    if let Some(threshold) = threshold {
        let percent = threshold * 100.0;
        // Writing into a string can't fail.
        let _ = writeln!(text, "Verdicts, with a threshold of {percent} %:\n");
        text += &table(&VERDICTS, 3..9, &verdicts(record, threshold, false));
        text += "\nAll figures:\n\n";
    }
    if !record.shapes.is_empty() {
        text += &table(&HEADER, 2..HEADER.len(), &rows(record));
    }
    if !record.points.is_empty() {
        text += &table(&curves::HEADER, 2..4, &curves::rows(record));
    }
    text += "\n<details><summary>How it was measured</summary>\n\n";
    for note in notes(record) {
        let _ = writeln!(text, "- {}", escape(&note));
    }
    if let Some(command) = &record.command {
        let _ = writeln!(text, "- `{}`", command.replace('`', "'"));
    }
    text + "\n</details>\n"
}

/// Without the columns that are empty.
pub(super) fn table<const COLUMNS: usize>(
    header: &[&str; COLUMNS],
    numbers: std::ops::Range<usize>,
    rows: &[[String; COLUMNS]],
) -> String {
    let used: Vec<usize> =
        (0..COLUMNS).filter(|at| rows.iter().any(|row| !row[*at].is_empty())).collect();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut text = line(&mut used.iter().map(|at| header[*at].to_owned()));
    text += &line(
        &mut used
            .iter()
            .map(|at| if numbers.contains(at) { "---:".to_owned() } else { "---".to_owned() }),
    );
    for row in rows {
        text += &line(&mut used.iter().map(|at| escape(&row[*at])));
    }
    text
}

/// So that a name is neither a column's end nor a tag.
pub(super) fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
