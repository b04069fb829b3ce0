//! Which goals are met.

use super::{Grid, markdown, significant, terminal};
use crate::goals::{Goal, Verdict};

/// For a terminal: a line for each goal, and how many are met.
#[must_use]
pub fn goals(goals: &[Goal]) -> String {
    format!("{}\n{}", terminal::table(&grid(goals)), summary(goals))
}

/// For a page in Markdown.
#[must_use]
pub fn goals_markdown(goals: &[Goal]) -> String {
    format!("{}\n{}\n", markdown::table(&grid(goals)), summary(goals))
}

fn grid(goals: &[Goal]) -> Grid {
    let figure = |value: Option<f64>, without: &str| value.map_or(without.to_owned(), significant);
    let row = |goal: &Goal| {
        [
            goal.shape.clone(),
            goal.metric.name().to_owned(),
            figure(goal.value, "no score"),
            significant(goal.wanted),
            figure(goal.limit, ""),
            goal.why.clone(),
            word(goal.verdict()).to_owned(),
        ]
    };
    let header = ["shape", "metric", "value", "goal", "limit", "where the goal is from", "goal is"];
    Grid::new(header, 2..5, goals.iter().map(row).collect())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not met",
        Verdict::OutOfReach => "out of reach",
    }
}

fn summary(goals: &[Goal]) -> String {
    let count = |verdict| goals.iter().filter(|goal| goal.verdict() == verdict).count();
    let beyond = match count(Verdict::OutOfReach) {
        0 => String::new(),
        count => format!("; {count} are out of reach: the limit misses them, too"),
    };
    format!("{} of {} goals are met{beyond}", count(Verdict::Met), goals.len())
}
