//! What has changed between two records, as text.

use super::{
    figures::{percent, significant},
    grid::Grid,
    markdown::{escape, table},
    terminal,
};
use crate::{
    compare::{Change, Changes},
    statistics::Verdict,
};

/// A table of all metrics, and what matters most below it.
#[must_use]
pub fn terminal(changes: &Changes) -> String {
    let table = terminal::table(&grid(changes));
    format!("{table}\n{}", transitions(changes).join("\n"))
}

/// The same for a pull request's comment, what matters most first.
#[must_use]
pub fn markdown(changes: &Changes) -> String {
    let transitions = transitions(changes);
    let items: String = transitions.iter().map(|line| format!("- {}\n", escape(line))).collect();
    let table = table(&grid(changes));
    format!("### Benchmark, beside the base\n\n{items}\n{table}")
}

fn grid(changes: &Changes) -> Grid {
    let header = [
        "shape",
        "metric",
        "target",
        "base",
        "new",
        "change",
        "95 % interval",
        "blocks",
        "verdict",
    ];
    let row = |change: &Change| {
        let interval = change.interval.map_or_else(
            || "too few blocks".to_owned(),
            |interval| format!("{} … {}", percent(interval.low), percent(interval.high)),
        );
        let (then, now) = change.blocks;
        [
            change.shape.clone(),
            change.metric.name().to_owned(),
            change.target.clone(),
            significant(change.base),
            significant(change.new),
            percent(change.new / change.base),
            interval,
            format!("{then}, {now}"),
            change.verdict.word().to_owned(),
        ]
    };
    Grid::new(header, 3..8, changes.metrics.iter().map(row).collect())
}

/// What is not as it was, the worst first, and a summary.
fn transitions(changes: &Changes) -> Vec<String> {
    let mut lines: Vec<String> =
        changes.broken.iter().map(|what| format!("no score any more: {what}")).collect();
    for verdict in [Verdict::Regressed, Verdict::Improved] {
        let of = changes.metrics.iter().filter(|change| change.verdict == verdict);
        lines.extend(of.map(|Change { target, shape, metric, base, new, .. }| {
            let change = percent(new / base);
            format!("{}: {target}, {shape}: {} {change}", verdict.word(), metric.name())
        }));
    }
    lines.extend(changes.others.iter().cloned());
    let count = |verdict| changes.metrics.iter().filter(|one| one.verdict == verdict).count();
    let words = [Verdict::Regressed, Verdict::Improved, Verdict::Equivalent, Verdict::Inconclusive]
        .map(|verdict| format!("{} {}", count(verdict), verdict.word()));
    lines.push(format!("threshold {:.1} %: {}", changes.threshold * 100.0, words.join(", ")));
    let advice = changes.mismatches.iter();
    lines.extend(advice.map(|why| format!("advisory only: {why}")));
    lines
}
