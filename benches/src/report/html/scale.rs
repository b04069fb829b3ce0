//! Axes with round numbers at their ticks.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// What an axis covers, logarithmic but for [`Scale::rows`].
#[derive(Debug, Clone)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    ticks: Vec<f64>,
    /// Where on the axis a value is.
    place: fn(f64) -> f64,
}

impl Scale {
    /// Around all that are more than 0, with a little room; none of none.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Scale> {
        let values: Vec<f64> = values.filter(|value| *value > 0.0 && value.is_finite()).collect();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let room = (high / low).powf(0.04).max(1.02);
        let (low, high) = (low / room, high * room);
        Some(Scale { low, high, ticks: ticks(low, high), place: f64::ln })
    }

    /// From the top down, without ticks.
    pub(super) fn rows(height: f64) -> Scale {
        Scale { low: height, high: 0.0, ticks: Vec::new(), place: |value| value }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (low, high) = ((self.place)(self.low), (self.place)(self.high));
        let share = ((self.place)(*value) - low) / (high - low);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

/// Five or so round numbers: powers of ten, 1 2 5, or steps of one width.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let inside = |value: &f64| *value >= low && *value <= high;
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let every = |factors: &[f64], step: usize| -> Vec<f64> {
        let tens = decades.clone().step_by(step).map(|exponent| 10f64.powi(exponent));
        tens.flat_map(|ten| factors.iter().map(move |factor| ten * factor)).filter(inside).collect()
    };
    match high / low {
        ratio if ratio > 1e6 => every(&[1.0], 2),
        ratio if ratio > 3000.0 => every(&[1.0], 1),
        ratio if ratio > 30.0 => every(&[1.0, 3.0], 1),
        ratio if ratio > 8.0 => every(&[1.0, 2.0, 5.0], 1),
        _ => even(low, high),
    }
}

/// Steps of 1, 2 or 5 times a power of ten.
fn even(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    let ten = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * ten);
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * ten);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|at| at as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_has_some_round_ticks() {
        for (low, high) in [(0.98, 1.03), (0.5, 2.0), (16.0, 1e6), (3.0, 3e7), (7.0, 90.0)] {
            let ticks = ticks(low, high);
            assert!((3..=9).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (low..=high).contains(tick)), "{ticks:?}");
        }
    }

    #[test]
    fn what_is_not_positive_has_no_place() {
        assert!(Scale::of([0.0, -1.0, f64::NAN].into_iter()).is_none());
        let scale = Scale::of([0.0, 5.0].into_iter()).unwrap();
        assert!(scale.low < 5.0 && scale.high > 5.0 && scale.low > 4.0);
    }

    #[test]
    fn a_factor_is_as_wide_everywhere() {
        let scale = Scale::of([1.0, 100.0].into_iter()).unwrap();
        let at = |value: f64| scale.map(&value, (0, 1000));
        assert!((at(10.0) - at(1.0) - (at(100.0) - at(10.0))).abs() <= 1);
        assert_eq!(Scale::rows(200.0).map(&50.0, (200, 0)), 50);
    }
}
