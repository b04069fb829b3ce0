//! A scenario's rows, each a case of its own.

use std::sync::Arc;

use super::{Kind, Row, Scenario};

/// What is run and reported: a scenario, or one row of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// `core/sub/max`, or `core/sub/max[2]`.
    pub id: String,
    /// The story.
    pub scenario: Arc<Scenario>,
    /// The row, counted from 0.
    pub row: Option<usize>,
}

impl Case {
    /// The row as it was written, for reports.
    pub fn row_text(&self) -> Option<&str> {
        let row = rows(&self.scenario).get(self.row?)?;
        let text = self.scenario.text.get(row.span.clone())?;
        Some(text.trim_start_matches('|').trim())
    }
}

/// The cases of a scenario: one for each row of its table, or itself.
pub fn cases(scenario: &Arc<Scenario>) -> Vec<Case> {
    let rows = rows(scenario).len();
    let case = |id: String, row| Case { id, scenario: scenario.clone(), row };
    match rows {
        0 => vec![case(scenario.id.clone(), None)],
        _ => {
            (0..rows).map(|row| case(format!("{}[{}]", scenario.id, row + 1), Some(row))).collect()
        }
    }
}

fn rows(scenario: &Scenario) -> &[Row] {
    let table = scenario.body.iter().find_map(|statement| match &statement.kind {
        Kind::Table { rows, .. } => Some(&rows[..]),
        _ => None,
    });
    table.unwrap_or_default()
}
