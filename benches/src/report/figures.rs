//! The figures of all reports, as text.

use super::grid::Grid;
use crate::{
    curves,
    record::{Block, Metric, Record, ShapeRecord},
    statistics::{Comparison, Verdict, compare, compare_one, median_score},
};

/// All shapes and targets: medians, and ratios to the base.
pub(super) fn figures(record: &Record) -> Grid {
    let header = [
        "shape",
        "target",
        "per s",
        "to base",
        "beside, per s",
        "server µs",
        "to base",
        "cores",
        "load's",
        "peak MiB",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "B each",
    ];
    let mut rows = Vec::new();
    for shape in &record.shapes {
        for (at, target) in record.targets.iter().enumerate() {
            let score = |metric| median_score(record, &shape.id, &target.name, metric);
            let number = |metric| score(metric).map_or_else(String::new, significant);
            let mebibytes = score(Metric::PeakMemory).map(|bytes| significant(bytes / 1_048_576.0));
            rows.push([
                if at == 0 { shape.id.clone() } else { String::new() },
                target.name.clone(),
                number(Metric::Rate),
                ratio(record, shape, at, Metric::Rate),
                number(Metric::BesideRate),
                number(Metric::ServerCpu),
                ratio(record, shape, at, Metric::ServerCpu),
                number(Metric::ServerCores),
                number(Metric::GeneratorCores),
                mebibytes.unwrap_or_default(),
                number(Metric::LatencyP50),
                number(Metric::LatencyP99),
                number(Metric::LatencyP999),
                number(Metric::MemoryEach),
            ]);
        }
    }
    Grid::new(header, 2..14, rows)
}

fn ratio(record: &Record, shape: &ShapeRecord, target: usize, metric: Metric) -> String {
    let (Some(base), Some(target)) = (record.targets.first(), record.targets.get(target)) else {
        return String::new();
    };
    if base.name == target.name {
        return String::new();
    }
    match compare_one(record, shape, &base.name, &target.name, metric) {
        Some(Comparison { ratio, interval: Some(interval), .. }) => {
            format!("×{ratio:.2} [{:.2}, {:.2}]", interval.low, interval.high)
        }
        Some(Comparison { ratio, .. }) => format!("×{ratio:.2}"),
        None => String::new(),
    }
}

/// What is judged; also the figures that have no say, unless there is no room for them.
pub(super) fn verdicts(record: &Record, threshold: f64, all: bool) -> Grid {
    let header = [
        "shape",
        "metric",
        "target",
        "base",
        "new",
        "change",
        "95 % interval",
        "pairs",
        "noise",
        "verdict",
    ];
    let mut rows = Vec::new();
    for comparison in compare(record) {
        let Some(verdict) = comparison.verdict(threshold) else { continue };
        // The rate in bytes says what the rate says.
        if comparison.metric == Metric::BytesPerSecond || !(all || comparison.primary) {
            continue;
        }
        let noise = floor(record, &comparison);
        rows.push([
            comparison.shape.clone(),
            comparison.metric.name().to_owned(),
            comparison.target.clone(),
            significant(comparison.base_median),
            significant(comparison.median),
            percent(comparison.ratio),
            comparison.interval.map_or_else(
                || "too few pairs".to_owned(),
                |interval| format!("{} … {}", percent(interval.low), percent(interval.high)),
            ),
            comparison.pairs.to_string(),
            noise.map_or_else(String::new, |floor| format!("{:.1} %", floor * 100.0)),
            match (comparison.primary, verdict) {
                (true, verdict) => verdict.word().to_owned(),
                // Only metrics that were named in advance have a say.
                (false, Verdict::Inconclusive) => String::new(),
                (false, verdict) => format!("({})", verdict.word()),
            },
        ]);
    }
    Grid::new(header, 3..9, rows)
}

/// How far the base strays from itself by this metric, if that was measured.
#[must_use]
pub fn floor(record: &Record, comparison: &Comparison) -> Option<f64> {
    let same = |noise: &&crate::record::Noise| {
        noise.shape == comparison.shape && noise.metric == comparison.metric
    };
    record.noise.iter().find(same).map(|noise| noise.floor)
}

/// What else must be known of the figures.
pub(super) fn notes(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    let mut wrong: Vec<(&Block, &str, usize)> = Vec::new();
    for block in &record.blocks {
        let Some(why) = &block.invalid else { continue };
        let same = wrong.iter_mut().find(|(other, what, _)| {
            what == why && other.shape == block.shape && other.target == block.target
        });
        match same {
            Some((_, _, times)) => *times += 1,
            None => wrong.push((block, why, 1)),
        }
    }
    for (Block { shape, target, .. }, why, times) in wrong {
        let own = |block: &&Block| block.shape == *shape && block.target == *target;
        let rounds = record.blocks.iter().filter(own).count();
        lines.push(format!("no score: {target}, {shape}, {times} of {rounds} rounds: {why}"));
    }
    for (shape, target) in limited_by_the_load(record) {
        lines.push(format!(
            "the load was the limit: {target}, {shape}; the broker could be faster than this"
        ));
    }
    for noise in record.noise.iter().filter(|noise| is_primary(record, noise)) {
        let percent = noise.floor * 100.0;
        let metric = noise.metric.name();
        lines.push(format!("noise: {} {metric} strays {percent:.1} % from itself", noise.shape));
    }
    lines.extend(curves::troubles(record));
    lines.push(method(record));
    lines
}

/// How and where it was measured.
fn method(record: &Record) -> String {
    let machine = &record.machine;
    let busy = machine.foreign_cpu_seconds.map(|seconds| {
        let share = seconds / machine.elapsed_seconds.max(0.001);
        format!("; others kept {share:.2} of {} cores busy meanwhile", machine.cores)
    });
    format!(
        "{} rounds of {} s, seed {}; {}, {} cores{}",
        record.method.rounds,
        record.method.seconds,
        record.seed,
        machine.cpu,
        machine.cores,
        busy.unwrap_or_default(),
    )
}

/// Where the generator had no rest, and the server had some.
fn limited_by_the_load(record: &Record) -> Vec<(&str, &str)> {
    let mut limited = Vec::new();
    for shape in record.shapes.iter().filter(|shape| !shape.keeps_the_load_busy()) {
        for target in &record.targets {
            let cores = |metric| median_score(record, &shape.id, &target.name, metric);
            let busy = cores(Metric::GeneratorCores).is_some_and(|cores| cores > 0.95);
            if busy && cores(Metric::ServerCores).is_none_or(|cores| cores < 0.9) {
                limited.push((shape.id.as_str(), target.name.as_str()));
            }
        }
    }
    limited
}

fn is_primary(record: &Record, noise: &crate::record::Noise) -> bool {
    record
        .shapes
        .iter()
        .any(|shape| shape.id == noise.shape && shape.primary.contains(&noise.metric))
}

pub(crate) fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// Three digits, or all before the point, in groups of three.
pub(crate) fn significant(value: f64) -> String {
    if value.abs() < 1000.0 {
        let digits = match value.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            size if size >= 1.0 => 2,
            _ => 3,
        };
        return format!("{value:.digits$}");
    }
    let plain = format!("{value:.0}");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.01234, 1.234, 12.34, 123.4, 1234.4, 1_234_567.0, -5000.0].map(significant);
        assert_eq!(shown, ["0.012", "1.23", "12.3", "123", "1,234", "1,234,567", "-5,000"]);
    }
}
