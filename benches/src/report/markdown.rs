//! A report for a pull request's comment.

use std::fmt::Write as _;

use super::{
    figures::{figures, notes, verdicts},
    grid::Grid,
};
use crate::{curves, record::Record};

/// Verdicts if there is a threshold, the table of figures, and what must be known of them.
#[must_use]
pub fn markdown(record: &Record, threshold: Option<f64>) -> String {
    let mut text = String::from("### Benchmark\n\n");
    if let Some(threshold) = threshold {
        let percent = threshold * 100.0;
        // Writing into a string can't fail.
        let _ = writeln!(text, "Verdicts, with a threshold of {percent} %:\n");
        text += &table(&verdicts(record, threshold, false));
        text += "\nAll figures:\n\n";
    }
    let tables = [figures(record), curves::grid(record)];
    text += &tables.iter().map(table).collect::<String>();
    text += "\n<details><summary>How it was measured</summary>\n\n";
    for note in notes(record) {
        let _ = writeln!(text, "- {}", escape(&note));
    }
    if let Some(command) = &record.command {
        let _ = writeln!(text, "- `{}`", command.replace('`', "'"));
    }
    text + "\n</details>\n"
}

/// Nothing, if there are no rows.
pub(super) fn table(grid: &Grid) -> String {
    if grid.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let align = |right: &bool| if *right { "---:".to_owned() } else { "---".to_owned() };
    let mut text = line(grid.header.iter().map(|cell| escape(cell)).collect());
    text += &line(grid.numbers.iter().map(align).collect());
    for row in &grid.rows {
        text += &line(row.iter().map(|cell| escape(cell)).collect());
    }
    text
}

/// So that a name is neither a column's end nor a tag.
pub(super) fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
