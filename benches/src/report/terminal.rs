//! What a record says, as tables for a terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::{
    figures::{figures, notes, verdicts},
    grid::Grid,
};
use crate::{curves, record::Record, shape::SHAPES};

/// The shapes there are.
#[must_use]
pub fn shapes() -> String {
    let rows = SHAPES.iter().map(|entry| {
        let sizes: Vec<String> = entry.sizes.iter().map(ToString::to_string).collect();
        let sizes = if entry.sizes == [0] { "-".to_owned() } else { sizes.join(" ") };
        [entry.name.to_owned(), sizes, entry.meaning.to_owned()]
    });
    table(&Grid::new(["shape", "payload bytes", "what it means"], 1..2, rows.collect()))
}

/// All shapes and targets: medians, and ratios to the base.
#[must_use]
pub fn run(record: &Record) -> String {
    with_notes(&figures(record), record)
}

/// Verdicts, and the figures that have none.
#[must_use]
pub fn ab(record: &Record, threshold: f64) -> String {
    with_notes(&verdicts(record, threshold, true), record)
}

/// How costs grow.
#[must_use]
pub fn curves(record: &Record) -> String {
    with_notes(&curves::grid(record), record)
}

fn with_notes(grid: &Grid, record: &Record) -> String {
    format!(
        "{}
{}",
        table(grid),
        notes(record).join(
            "
"
        )
    )
}

/// Columns of numbers are aligned to the right.
pub(crate) fn table(grid: &Grid) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(&grid.header);
    for (at, right) in grid.numbers.iter().enumerate() {
        if let Some(column) = table.column_mut(at).filter(|_| *right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &grid.rows {
        table.add_row(row);
    }
    table.to_string()
}
