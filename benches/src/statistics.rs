//! What can be said of figures that scatter.
//!
//! A block is a process of its own, so blocks are what scatters; messages within one are not. Two
//! targets are compared by pairs of blocks that were measured next to each other, by the logarithm
//! of their ratio, which is as far from 0 for twice as for half.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::record::{Block, Metric, Noise, Record, ShapeRecord};

/// With fewer pairs there is no interval: not even their extremes would enclose the true median
/// in 93 of 100 cases.
pub const LEAST_PAIRS: usize = 5;

const RESAMPLES: usize = 4000;
const OUTSIDE: f64 = 0.05;

/// The middle one, or the mean of the middle two; none of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// An interval of ratios: 1.02 is 2 % more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// How far from 1 its farther end is: 0.05 if that is 1.05, or 1/1.05.
    #[must_use]
    pub fn reach(self) -> f64 {
        self.low.ln().abs().max(self.high.ln().abs()).exp_m1()
    }
}

/// The interval that encloses the median of such ratios' logarithms with 95 % confidence, by the
/// percentile bootstrap; none for fewer than [`LEAST_PAIRS`].
#[must_use]
pub fn bootstrap(logarithms: &[f64], seed: u64) -> Option<Interval> {
    if logarithms.len() < LEAST_PAIRS {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    percentiles(|| resampled(logarithms, &mut random))
}

/// The same of the difference between the medians of two samples that are not pairs: of logarithms
/// that were measured at other times.
#[must_use]
pub fn bootstrap_unpaired(base: &[f64], new: &[f64], seed: u64) -> Option<Interval> {
    if base.len().min(new.len()) < LEAST_PAIRS {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    percentiles(|| Some(resampled(new, &mut random)? - resampled(base, &mut random)?))
}

/// The median of as many values, each drawn by chance from these.
fn resampled(values: &[f64], random: &mut ChaCha8Rng) -> Option<f64> {
    let draw = |_| values[random.random_range(0..values.len())];
    median(&(0..values.len()).map(draw).collect::<Vec<_>>())
}

/// What encloses all but the outermost of many logarithms of ratios.
fn percentiles(one: impl FnMut() -> Option<f64>) -> Option<Interval> {
    let mut all: Vec<f64> = std::iter::repeat_with(one).take(RESAMPLES).flatten().collect();
    all.sort_by(f64::total_cmp);
    let tail = (all.len() as f64 * OUTSIDE / 2.0) as usize;
    let (low, high) = (all.get(tail)?, all.get(all.len() - 1 - tail)?);
    Some(Interval { low: low.exp(), high: high.exp() })
}

/// What an interval says about a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All of the interval is worse than the threshold allows.
    Regressed,
    /// All of it is better by more than the threshold.
    Improved,
    /// All of it is within the threshold.
    Equivalent,
    /// None of these can be said.
    Inconclusive,
}

impl Verdict {
    /// Of an interval of ratios to the base, for a threshold such as 0.05.
    #[must_use]
    pub fn of(interval: Interval, higher_is_better: bool, threshold: f64) -> Verdict {
        let limit = threshold.ln_1p();
        let (low, high) = (interval.low.ln(), interval.high.ln());
        let (better, worse) = if higher_is_better { (high, low) } else { (-low, -high) };
        // Now more is better, and `worse` is the lower end.
        if better < -limit {
            Verdict::Regressed
        } else if worse > limit {
            Verdict::Improved
        } else if worse >= -limit && better <= limit {
            Verdict::Equivalent
        } else {
            Verdict::Inconclusive
        }
    }

    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Regressed => "regressed",
            Verdict::Improved => "improved",
            Verdict::Equivalent => "equivalent",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

/// A target's metric under a shape, beside the base's.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// [`ShapeRecord::id`].
    pub shape: String,
    /// Which.
    pub metric: Metric,
    /// Verdicts rest on it.
    pub primary: bool,
    /// Who is compared with the base.
    pub target: String,
    /// The base's median.
    pub base_median: f64,
    /// The target's median.
    pub median: f64,
    /// Rounds in which both have a score.
    pub pairs: usize,
    /// Median of the pairs' ratios, target to base.
    pub ratio: f64,
    /// Where that is with 95 % confidence; none if there are too few pairs.
    pub interval: Option<Interval>,
}

impl Comparison {
    /// Whether it is a difference that matters; inconclusive without an interval, none where
    /// neither more nor less is better.
    #[must_use]
    pub fn verdict(&self, threshold: f64) -> Option<Verdict> {
        let higher_is_better = self.metric.higher_is_better()?;
        Some(match self.interval {
            Some(interval) => Verdict::of(interval, higher_is_better, threshold),
            None => Verdict::Inconclusive,
        })
    }
}

/// All scores of a target under a shape, by round.
#[must_use]
pub fn scores(record: &Record, shape: &str, target: &str, metric: Metric) -> Vec<(usize, f64)> {
    let blocks = record
        .blocks
        .iter()
        .filter(|block| block.shape == shape && block.target == target && block.invalid.is_none());
    blocks.filter_map(|block: &Block| Some((block.round, *block.metrics.get(&metric)?))).collect()
}

/// The median of a target's scores.
#[must_use]
pub fn median_score(record: &Record, shape: &str, target: &str, metric: Metric) -> Option<f64> {
    let values: Vec<f64> =
        scores(record, shape, target, metric).iter().map(|(_, value)| *value).collect();
    median(&values)
}

/// One target with the base, by one metric; none if no round has a score of both.
#[must_use]
pub fn compare_one(
    record: &Record,
    shape: &ShapeRecord,
    base: &str,
    target: &str,
    metric: Metric,
) -> Option<Comparison> {
    let base_scores = scores(record, &shape.id, base, metric);
    let logarithms: Vec<f64> = scores(record, &shape.id, target, metric)
        .iter()
        .filter_map(|(round, value)| {
            let (_, other) = base_scores.iter().find(|(other, _)| other == round)?;
            Some((value / other).ln()).filter(|ratio| ratio.is_finite())
        })
        .collect();
    Some(Comparison {
        shape: shape.id.clone(),
        metric,
        primary: shape.primary.contains(&metric),
        target: target.to_owned(),
        base_median: median_score(record, &shape.id, base, metric)?,
        median: median_score(record, &shape.id, target, metric)?,
        pairs: logarithms.len(),
        ratio: median(&logarithms)?.exp(),
        interval: bootstrap(&logarithms, record.seed),
    })
}

/// All targets with the first, by all metrics.
#[must_use]
pub fn compare(record: &Record) -> Vec<Comparison> {
    let Some((base, others)) = record.targets.split_first() else { return Vec::new() };
    let mut all = Vec::new();
    for shape in &record.shapes {
        for target in others {
            let one = |metric| compare_one(record, shape, &base.name, &target.name, metric);
            all.extend(Metric::ALL.into_iter().filter_map(one));
        }
    }
    all
}

/// How far the base strays from itself, if it was measured a second time under the name `again`.
#[must_use]
pub fn noise(record: &Record, base: &str, again: &str) -> Vec<Noise> {
    let mut all = Vec::new();
    for shape in &record.shapes {
        for metric in Metric::ALL {
            let interval = compare_one(record, shape, base, again, metric)
                .and_then(|comparison| comparison.interval);
            if let Some(interval) = interval {
                all.push(Noise { shape: shape.id.clone(), metric, floor: interval.reach() });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn equal_figures_have_a_narrow_interval_and_few_have_none() {
        let interval = bootstrap(&[0.1; 8], 1).unwrap();
        assert!((interval.low - 0.1f64.exp()).abs() < 1e-9 && interval.low == interval.high);
        assert_eq!(bootstrap(&[0.1; LEAST_PAIRS - 1], 1), None);
    }

    #[test]
    fn the_interval_encloses_the_truth_about_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for pairs in [6, 12] {
            let mut inside = 0;
            for seed in 0..100 {
                // The sum of twelve is close to a normal distribution around 0.
                let sample: Vec<f64> = (0..pairs)
                    .map(|_| (0..12).map(|_| random.random_range(-0.5..0.5)).sum::<f64>() * 0.05)
                    .collect();
                let interval = bootstrap(&sample, seed).unwrap();
                inside += usize::from(interval.low <= 1.0 && interval.high >= 1.0);
            }
            assert!(inside >= 88, "{inside} of 100 for {pairs} pairs");
        }
    }

    #[test]
    fn one_wild_block_does_not_move_the_interval_far() {
        let mut sample = vec![0.01, -0.01, 0.0, 0.02, -0.02, 0.01, 0.0, -0.01, 0.01, 0.0];
        sample[0] = 1.0;
        let interval = bootstrap(&sample, 1).unwrap();
        assert!(interval.low > 0.97 && interval.high < 1.03, "{interval:?}");
    }

    #[test]
    fn unpaired_samples_are_compared_by_their_medians() {
        let base = [0.0, 0.01, -0.01, 0.02, -0.02, 0.0];
        let new = base.map(|value| value + 0.1);
        let interval = bootstrap_unpaired(&base, &new, 1).unwrap();
        let truth = 0.1f64.exp();
        assert!(interval.low < truth && truth < interval.high, "{interval:?}");
        assert!(interval.low > 1.05 && interval.high < 1.16, "{interval:?}");
        assert_eq!(bootstrap_unpaired(&base, &new[..LEAST_PAIRS - 1], 1), None);
        assert_eq!(bootstrap_unpaired(&[], &new, 1), None);
    }

    #[test]
    fn verdicts() {
        let of = |low, high, more| Verdict::of(Interval { low, high }, more, 0.05);
        assert_eq!(of(0.80, 0.90, true), Verdict::Regressed);
        assert_eq!(of(0.80, 0.90, false), Verdict::Improved);
        assert_eq!(of(1.10, 1.20, true), Verdict::Improved);
        assert_eq!(of(1.10, 1.20, false), Verdict::Regressed);
        for more in [true, false] {
            assert_eq!(of(0.97, 1.03, more), Verdict::Equivalent);
            assert_eq!(of(0.80, 1.20, more), Verdict::Inconclusive);
            assert_eq!(of(0.90, 0.99, more), Verdict::Inconclusive);
            assert_eq!(of(1.02, 1.20, more), Verdict::Inconclusive);
        }
    }

    #[test]
    fn reach_is_symmetric() {
        let reach = |low, high| (Interval { low, high }).reach();
        assert!((reach(1.0 / 1.1, 1.02) - 0.1).abs() < 1e-9);
        assert!((reach(0.99, 1.1) - 0.1).abs() < 1e-9);
    }
}
