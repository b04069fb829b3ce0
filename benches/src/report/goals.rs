//! Which goals are met, for a terminal.

use super::{Grid, significant, terminal::table};
use crate::goals::Goal;

/// A line for each goal, and how many are met.
#[must_use]
pub fn goals(goals: &[Goal]) -> String {
    let row = |goal: &Goal| {
        let value = goal.value.map_or_else(|| "no score".to_owned(), significant);
        let met = if goal.is_met() { "met" } else { "not met" };
        [
            goal.shape.clone(),
            goal.metric.name().to_owned(),
            value,
            significant(goal.wanted),
            goal.why.clone(),
            met.to_owned(),
        ]
    };
    let header = ["shape", "metric", "value", "goal", "which is", "goal is"];
    let grid = Grid::new(header, 2..4, goals.iter().map(row).collect());
    let met = goals.iter().filter(|goal| goal.is_met()).count();
    format!("{}\n{met} of {} goals are met", table(&grid), goals.len())
}
