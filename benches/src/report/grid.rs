//! A table before it has a form.

use std::ops::Range;

/// Cells as text, without the columns that are empty in all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) header: Vec<&'static str>,
    /// Of each column, whether it is aligned to the right.
    pub(crate) numbers: Vec<bool>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// Of whole rows; `numbers` are the columns to be aligned to the right.
    pub(crate) fn new<const COLUMNS: usize>(
        header: [&'static str; COLUMNS],
        numbers: Range<usize>,
        rows: Vec<[String; COLUMNS]>,
    ) -> Grid {
        let used = |at: &usize| rows.iter().any(|row| !row[*at].is_empty());
        let used: Vec<usize> = (0..COLUMNS).filter(used).collect();
        Grid {
            header: used.iter().map(|at| header[*at]).collect(),
            numbers: used.iter().map(|at| numbers.contains(at)).collect(),
            rows: rows
                .into_iter()
                .map(|mut row| used.iter().map(|at| std::mem::take(&mut row[*at])).collect())
                .collect(),
        }
    }

    /// Nothing to be shown.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
