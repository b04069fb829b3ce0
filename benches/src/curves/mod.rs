//! What a delivery costs the server as something else grows: other subscriptions, other
//! connections, or those who get it.

mod growth;
mod measure;

pub use self::{
    growth::{Growth, slope},
    measure::Plan,
};
use crate::{
    record::{Curve, Record},
    report::{Grid, significant},
    statistics::median,
};

impl Curve {
    /// All of them.
    pub const ALL: [Curve; 3] = [Curve::Subscriptions, Curve::Connections, Curve::Fanout];

    /// As in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Curve::Subscriptions => "subscriptions",
            Curve::Connections => "connections",
            Curve::Fanout => "fanout",
        }
    }

    /// What its sizes count.
    #[must_use]
    pub fn counted(self) -> &'static str {
        match self {
            Curve::Subscriptions => "other subscriptions",
            Curve::Connections => "idle connections",
            Curve::Fanout => "subscribers that each get all",
        }
    }

    /// The greatest size, if none is asked for.
    #[must_use]
    pub fn most(self) -> u64 {
        match self {
            Curve::Subscriptions => 1_000_000,
            Curve::Connections | Curve::Fanout => 10_000,
        }
    }

    /// Powers of ten from 1, and the greatest size itself.
    #[must_use]
    pub fn sizes(most: u64) -> Vec<u64> {
        let tens = std::iter::successors(Some(1u64), |size| size.checked_mul(10));
        tens.take_while(|size| *size < most).chain([most]).collect()
    }

    /// A target's sizes with the median cost of a delivery, in microseconds.
    #[must_use]
    pub fn medians(self, record: &Record, target: &str) -> Vec<(f64, f64)> {
        let own = || {
            let points = record.points.iter();
            points.filter(|point| point.curve == self && point.target == target)
        };
        let mut sizes: Vec<u64> = own().map(|point| point.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let cost = |size: &u64| {
            let costs: Vec<f64> = own()
                .filter(|point| point.size == *size && point.invalid.is_none())
                .filter_map(|point| point.server_cpu)
                .collect();
            Some((*size as f64, median(&costs)?))
        };
        sizes.iter().filter_map(cost).collect()
    }
}

/// A line for each curve and target: how the cost of a delivery grows.
pub(crate) fn grid(record: &Record) -> Grid {
    let header = [
        "as these grow",
        "target",
        "slope",
        "last / first",
        "growth",
        "server µs a delivery, by size",
    ];
    let mut rows = Vec::new();
    for curve in Curve::ALL {
        for target in &record.targets {
            let points = curve.medians(record, &target.name);
            let (Some((_, first)), Some((_, last))) = (points.first(), points.last()) else {
                continue;
            };
            let slope = slope(&points);
            let costs: Vec<String> = points
                .iter()
                .map(|(size, cost)| format!("{size}: {}", significant(*cost)))
                .collect();
            rows.push([
                curve.name().to_owned(),
                target.name.clone(),
                slope.map_or_else(String::new, |slope| format!("{slope:.2}")),
                format!("×{:.2}", last / first),
                slope.map_or_else(String::new, |slope| Growth::of(slope).word().to_owned()),
                costs.join("  "),
            ]);
        }
    }
    Grid::new(header, 2..4, rows)
}

/// What went wrong: a line for all sizes of a curve and target with the same reason.
#[must_use]
pub fn troubles(record: &Record) -> Vec<String> {
    let mut all: Vec<(String, &str, Vec<u64>)> = Vec::new();
    for point in &record.points {
        let Some(why) = &point.invalid else { continue };
        let who = format!("no figure: {}, {}", point.target, point.curve.name());
        match all.iter_mut().find(|(other, reason, _)| *other == who && reason == why) {
            Some((_, _, sizes)) => sizes.push(point.size),
            None => all.push((who, why, vec![point.size])),
        }
    }
    let line = |(who, why, mut sizes): (String, &str, Vec<u64>)| {
        sizes.dedup();
        let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
        format!("{who} {}: {why}", sizes.join(", "))
    };
    all.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_ten_and_the_last() {
        assert_eq!(Curve::sizes(1000), [1, 10, 100, 1000]);
        assert_eq!(Curve::sizes(2500), [1, 10, 100, 1000, 2500]);
        assert_eq!(Curve::sizes(1), [1]);
    }
}
