//! Which sort of growth points show.

/// How a cost grows with a size, by the slope of a line through the logarithms of both.
///
/// A cost that is proportional to the size has slope 1, one that stays has 0. A logarithm has no
/// slope of its own, but over three to six powers of ten it is between these thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Slope below 0.05: less than twice for a million times as many.
    Constant,
    /// Below 0.5.
    Logarithmic,
    /// Up to 1.2.
    Linear,
    /// Above.
    Steeper,
}

impl Growth {
    /// Of a slope.
    #[must_use]
    pub fn of(slope: f64) -> Growth {
        match slope {
            slope if slope < 0.05 => Growth::Constant,
            slope if slope < 0.5 => Growth::Logarithmic,
            slope if slope <= 1.2 => Growth::Linear,
            _ => Growth::Steeper,
        }
    }

    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Growth::Constant => "constant",
            Growth::Logarithmic => "logarithmic",
            Growth::Linear => "linear",
            Growth::Steeper => "more than linear",
        }
    }
}

/// The slope of the least squares' line through the logarithms of sizes and costs; none for fewer
/// than three points.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let positive = points.iter().filter(|(size, cost)| *size > 0.0 && *cost > 0.0);
    let logarithms: Vec<(f64, f64)> = positive.map(|(size, cost)| (size.ln(), cost.ln())).collect();
    if logarithms.len() < 3 {
        return None;
    }
    let count = logarithms.len() as f64;
    let mean_x = logarithms.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logarithms.iter().map(|(_, y)| y).sum::<f64>() / count;
    let together: f64 = logarithms.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let spread: f64 = logarithms.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    Some(together / spread).filter(|slope| slope.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(cost: fn(f64) -> f64, decades: u32) -> Growth {
        let sizes = (0..=decades).map(|exponent| 10f64.powf(f64::from(exponent)));
        let points: Vec<(f64, f64)> = sizes.map(|size| (size, cost(size))).collect();
        Growth::of(slope(&points).unwrap())
    }

    #[test]
    fn growth_is_named() {
        for decades in 3..=6 {
            assert_eq!(growth(|_| 0.7, decades), Growth::Constant);
            assert_eq!(growth(|size| 1.0 + size.log2(), decades), Growth::Logarithmic);
            assert_eq!(growth(|size| 0.3 * size, decades), Growth::Linear);
            assert_eq!(growth(|size| 0.3 * size * size, decades), Growth::Steeper);
        }
        assert_eq!(growth(|size| if size > 50.0 { 1.05 } else { 0.95 }, 4), Growth::Constant);
    }

    #[test]
    fn two_points_are_no_growth() {
        assert_eq!(slope(&[(1.0, 1.0), (10.0, 2.0)]), None);
        assert_eq!(slope(&[(1.0, 1.0), (10.0, 2.0), (100.0, 0.0)]), None);
    }
}
