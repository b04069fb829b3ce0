//! What a record says, as tables for a terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::figures::{HEADER, VERDICTS, notes, rows, verdicts};
use crate::{curves, record::Record, shape::SHAPES};

/// The shapes there are.
#[must_use]
pub fn shapes() -> String {
    let rows = SHAPES.iter().map(|entry| {
        let sizes: Vec<String> = entry.sizes.iter().map(ToString::to_string).collect();
        let sizes = if entry.sizes == [0] { "-".to_owned() } else { sizes.join(" ") };
        [entry.name.to_owned(), sizes, entry.meaning.to_owned()]
    });
    table(&["shape", "payload bytes", "what it means"], 1..2, rows)
}

/// All shapes and targets: medians, and ratios to the base.
#[must_use]
pub fn run(record: &Record) -> String {
    format!("{}\n{}", table(&HEADER, 2..HEADER.len(), rows(record)), notes(record).join("\n"))
}

/// Verdicts, and the figures that have none.
#[must_use]
pub fn ab(record: &Record, threshold: f64) -> String {
    let rows = verdicts(record, threshold, true);
    format!("{}\n{}", table(&VERDICTS, 3..9, rows), notes(record).join("\n"))
}

/// How costs grow.
#[must_use]
pub fn curves(record: &Record) -> String {
    let growth = table(&curves::HEADER, 2..4, curves::rows(record));
    format!("{growth}\n{}", notes(record).join("\n"))
}

/// A table whose columns of numbers are aligned to the right.
pub(crate) fn table<Row: IntoIterator<Item = String>>(
    header: &[&str],
    numbers: std::ops::Range<usize>,
    rows: impl IntoIterator<Item = Row>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for at in numbers {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}
