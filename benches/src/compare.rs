//! A record beside an earlier one: what has changed between two runs that were not paired.
//!
//! Between the two the machine may have changed as much as the broker. So records of different
//! machines or loads are not compared, and intervals are those of two independent samples.

use crate::{
    record::{Block, Metric, Record, ShapeRecord},
    statistics::{Interval, Verdict, bootstrap_unpaired, median, scores},
};

/// What has become of a metric of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// [`ShapeRecord::id`].
    pub shape: String,
    /// Which; a primary one.
    pub metric: Metric,
    /// Who.
    pub target: String,
    /// The earlier median.
    pub base: f64,
    /// The later median.
    pub new: f64,
    /// Blocks of the earlier and of the later record.
    pub blocks: (usize, usize),
    /// The later median to the earlier one, with 95 % confidence; none for too few blocks.
    pub interval: Option<Interval>,
    /// Inconclusive without an interval.
    pub verdict: Verdict,
}

/// All that has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// What is no difference, such as 0.05.
    pub threshold: f64,
    /// By shape, target and metric.
    pub metrics: Vec<Change>,
    /// Who has no score any more, with the reason: worse than any figure.
    pub broken: Vec<String>,
    /// What is in one of the records alone, and who has a score again.
    pub others: Vec<String>,
    /// Why this is only advice; empty where it is a judgement.
    pub mismatches: Vec<String>,
}

impl Changes {
    /// Whether the later record is worse, and may be blamed for it.
    #[must_use]
    pub fn fail(&self) -> bool {
        let worse = |change: &Change| change.verdict == Verdict::Regressed;
        self.mismatches.is_empty() && (!self.broken.is_empty() || self.metrics.iter().any(worse))
    }
}

/// Why two records can't be compared: each field that differs, with both values.
#[must_use]
pub fn mismatches(base: &Record, new: &Record) -> Vec<String> {
    let (then, now) = (&base.machine, &new.machine);
    let fields = [
        ("machine.cpu", then.cpu.clone(), now.cpu.clone()),
        ("machine.cores", then.cores.to_string(), now.cores.to_string()),
        ("machine.kernel", then.kernel.clone(), now.kernel.clone()),
    ];
    let shapes = base.shapes.iter().filter_map(|shape| {
        let other = new.shapes.iter().find(|other| other.id == shape.id)?;
        Some((format!("hash of {}", shape.id), shape.hash.clone(), other.hash.clone()))
    });
    fields
        .map(|(name, then, now)| (name.to_owned(), then, now))
        .into_iter()
        .chain(shapes)
        .filter(|(_, then, now)| then != now)
        .map(|(name, then, now)| format!("{name} was '{then}' and is '{now}'"))
        .collect()
}

/// Compares each target with itself, by the primary metrics of all shapes that both records have.
#[must_use]
pub fn changes(base: &Record, new: &Record, threshold: f64) -> Changes {
    let mut all = Changes {
        threshold,
        metrics: Vec::new(),
        broken: Vec::new(),
        others: only_in_one(base, new),
        mismatches: mismatches(base, new),
    };
    for shape in &new.shapes {
        let Some(before) = base.shapes.iter().find(|other| other.id == shape.id) else { continue };
        for target in &new.targets {
            if !base.targets.iter().any(|other| other.name == target.name) {
                continue;
            }
            validity(&mut all, base, new, &shape.id, &target.name);
            let primary = before.primary.iter().filter(|metric| shape.primary.contains(metric));
            let change =
                |metric: &Metric| change(base, new, shape, &target.name, *metric, threshold);
            all.metrics.extend(primary.filter_map(change));
        }
    }
    all
}

fn only_in_one(base: &Record, new: &Record) -> Vec<String> {
    let names = |record: &Record| -> Vec<String> {
        let shapes = record.shapes.iter().map(|shape| format!("shape {}", shape.id));
        shapes.chain(record.targets.iter().map(|one| format!("target {}", one.name))).collect()
    };
    let (then, now) = (names(base), names(new));
    let gone = then.iter().filter(|name| !now.contains(name));
    let come = now.iter().filter(|name| !then.contains(name));
    gone.map(|name| format!("only in the base: {name}"))
        .chain(come.map(|name| format!("new: {name}")))
        .collect()
}

/// Whether a target has begun, or ceased, to do wrong.
fn validity(all: &mut Changes, base: &Record, new: &Record, shape: &str, target: &str) {
    let wrong = |record: &Record| {
        let own = |block: &&Block| block.shape == shape && block.target == target;
        record.blocks.iter().filter(own).find_map(|block| block.invalid.clone())
    };
    match (wrong(base), wrong(new)) {
        (None, Some(why)) => all.broken.push(format!("{target}, {shape}: {why}")),
        (Some(why), None) => {
            all.others.push(format!("mended: {target}, {shape} (it was: {why})"));
        }
        _ => {}
    }
}

fn change(
    base: &Record,
    new: &Record,
    shape: &ShapeRecord,
    target: &str,
    metric: Metric,
    threshold: f64,
) -> Option<Change> {
    let logarithms = |record: &Record| -> Vec<f64> {
        let scores = scores(record, &shape.id, target, metric);
        scores.iter().map(|(_, value)| value.ln()).filter(|value| value.is_finite()).collect()
    };
    let (then, now) = (logarithms(base), logarithms(new));
    let interval = bootstrap_unpaired(&then, &now, new.seed);
    let higher_is_better = metric.higher_is_better()?;
    Some(Change {
        shape: shape.id.clone(),
        metric,
        target: target.to_owned(),
        base: median(&then)?.exp(),
        new: median(&now)?.exp(),
        blocks: (then.len(), now.len()),
        interval,
        verdict: interval.map_or(Verdict::Inconclusive, |interval| {
            Verdict::of(interval, higher_is_better, threshold)
        }),
    })
}
