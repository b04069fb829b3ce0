//! Which plots a record has.

use data_encoding::BASE64;
use hdrhistogram::{Histogram, serialization::Deserializer};

use super::plot::{Axis, Group, Line, Row, lines, rows};
use crate::{
    error::Result,
    load::histogram,
    record::{Block, Curve, Metric, Record, ShapeRecord},
    report::significant,
    statistics::{compare_one, median_score, scores},
};

/// A plot with what it shows.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) meaning: &'static str,
    pub(super) svg: String,
}

/// All plots that there is something for.
pub(super) fn all(record: &Record) -> Result<Vec<Plot>> {
    let mut plots = by_size(record)?;
    plots.push(processor_time(record)?);
    for (metric, what) in [(Metric::ServerCpu, "server CPU"), (Metric::Rate, "rate")] {
        plots.push(ratios(record, metric, what)?);
        plots.push(blocks(record, metric, what)?);
    }
    plots.extend(latencies(record)?);
    plots.extend(curves(record)?);
    plots.retain(|plot| !plot.svg.is_empty());
    Ok(plots)
}

const PER_SECOND: Axis = Axis { label: "per second", show: short };
const MICROSECONDS: Axis = Axis { label: "µs", show: micros };
const BYTES: Axis = Axis { label: "payload, bytes", show: short };
const RATIO: Axis = Axis { label: "ratio to the base", show: ratio };
/// Of what is shorter than a share of all; 1000 stands for 99.9 %.
const PERCENTILE: Axis = Axis { label: "percentile", show: percentile };

/// Rates by payload size, where a shape was measured with several.
fn by_size(record: &Record) -> Result<Vec<Plot>> {
    let mut names: Vec<&str> = record.shapes.iter().map(|one| one.shape.name.as_str()).collect();
    names.dedup();
    let mut plots = Vec::new();
    for name in names {
        let sizes: Vec<&ShapeRecord> =
            record.shapes.iter().filter(|one| one.shape.name == name).collect();
        if sizes.len() < 2 {
            continue;
        }
        let point = |shape: &ShapeRecord, target: &str| {
            let rate = median_score(record, &shape.id, target, Metric::Rate)?;
            Some((shape.shape.payload_bytes as f64, rate))
        };
        let all = each_target(record, |target| {
            sizes.iter().filter_map(|shape| point(shape, target)).collect()
        });
        let title = format!("{name}: throughput by payload size");
        let svg = lines(&title, BYTES, PER_SECOND, &all)?;
        plots.push(Plot {
            title,
            meaning: "Medians of deliveries in a second; higher is better.",
            svg,
        });
    }
    Ok(plots)
}

fn each_target(record: &Record, points: impl Fn(&str) -> Vec<(f64, f64)>) -> Vec<Line> {
    let targets = record.targets.iter().enumerate();
    targets
        .map(|(at, target)| Line { target: at, points: points(&target.name), dots: true })
        .collect()
}

/// A group for each shape, with a row for each target.
fn groups(record: &Record, row: impl Fn(&ShapeRecord, usize, &str) -> Option<Row>) -> Vec<Group> {
    let group = |shape: &ShapeRecord| {
        let targets = record.targets.iter().enumerate();
        let rows = targets.filter_map(|(at, target)| row(shape, at, &target.name)).collect();
        Group { label: shape.id.clone(), rows }
    };
    record.shapes.iter().map(group).filter(|group: &Group| !group.rows.is_empty()).collect()
}

fn processor_time(record: &Record) -> Result<Plot> {
    let all = groups(record, |shape, target, name| {
        let centre = Some(median_score(record, &shape.id, name, Metric::ServerCpu)?);
        Some(Row { target, centre, ..Row::default() })
    });
    let title = "Server CPU by shape".to_owned();
    let meaning = "Median microseconds of processor for each message, request …; lower is better.";
    let svg = rows(&title, MICROSECONDS, None, &all)?;
    Ok(Plot { title, meaning, svg })
}

fn ratios(record: &Record, metric: Metric, what: &str) -> Result<Plot> {
    let Some(base) = record.targets.first() else {
        return Ok(Plot { title: String::new(), meaning: "", svg: String::new() });
    };
    let all = groups(record, |shape, target, name| {
        if target == 0 {
            return None;
        }
        let comparison = compare_one(record, shape, &base.name, name, metric)?;
        let span = comparison.interval.map(|interval| (interval.low, interval.high));
        Some(Row { target, centre: Some(comparison.ratio), span, marks: Vec::new() })
    });
    let title = format!("Ratio to {}: {what}", base.name);
    let meaning = "Median ratio of neighbouring blocks, with its 95 % confidence interval.";
    let svg = rows(&title, RATIO, Some(1.0), &all)?;
    Ok(Plot { title, meaning, svg })
}

/// Every block: two crowds in a row are a broker with two ways to be.
fn blocks(record: &Record, metric: Metric, what: &str) -> Result<Plot> {
    let base = record.targets.first().map_or("", |target| target.name.as_str());
    let all = groups(record, |shape, target, name| {
        // Where the base has no score, there is nothing to put others beside.
        let unit = median_score(record, &shape.id, base, metric)?;
        let marks: Vec<f64> =
            scores(record, &shape.id, name, metric).iter().map(|(_, value)| value / unit).collect();
        (!marks.is_empty()).then_some(Row { target, marks, ..Row::default() })
    });
    let title = format!("Every block: {what}");
    let meaning = "A dot for each block, in ratio to the base's median. Two crowds in a row mean \
                   that medians hide something.";
    let svg = rows(&title, RATIO, Some(1.0), &all)?;
    Ok(Plot { title, meaning, svg })
}

/// Percentiles of latency, where there were requests.
fn latencies(record: &Record) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for shape in &record.shapes {
        let mut all = Vec::new();
        for (at, target) in record.targets.iter().enumerate() {
            let of = |block: &&Block| block.shape == shape.id && block.target == target.name;
            if let Some(merged) = merged(record.blocks.iter().filter(of)) {
                all.push(Line { target: at, points: percentiles(&merged), dots: false });
            }
        }
        let title = format!("{}: latency", shape.id);
        let svg = lines(&title, PERCENTILE, MICROSECONDS, &all)?;
        let meaning = "All blocks' requests together; lower is better.";
        plots.push(Plot { title, meaning, svg });
    }
    Ok(plots)
}

/// All histograms of blocks with a score as one; those that can't be read are left out.
fn merged<'a>(blocks: impl Iterator<Item = &'a Block>) -> Option<Histogram<u64>> {
    let mut all = histogram().ok()?;
    for block in blocks.filter(|block| block.invalid.is_none()) {
        let Some(latency) = &block.latency else { continue };
        let Ok(bytes) = BASE64.decode(latency.hdr.as_bytes()) else { continue };
        let one: Histogram<u64> = match Deserializer::new().deserialize(&mut &bytes[..]) {
            Ok(one) => one,
            Err(_) => continue,
        };
        all.add(one).ok()?;
    }
    Some(all).filter(|all| !all.is_empty())
}

/// From the shortest to where a percentile would be a single request, in microseconds.
fn percentiles(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let last = (histogram.len() as f64).min(1e5);
    (0..)
        .map(|step| 10f64.powf(f64::from(step) / 16.0))
        .take_while(|rarity| *rarity <= last)
        .map(|rarity| {
            let value = histogram.value_at_quantile(1.0 - 1.0 / rarity);
            (rarity, value as f64 / 1000.0)
        })
        .collect()
}

fn curves(record: &Record) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for curve in Curve::ALL {
        let all = each_target(record, |target| curve.medians(record, target));
        let title = format!("Server CPU by {}", curve.counted());
        let x = Axis { label: curve.counted(), show: short };
        let svg = lines(&title, x, MICROSECONDS, &all)?;
        let meaning =
            "Server microseconds for each delivery; a level line means that it costs nothing.";
        plots.push(Plot { title, meaning, svg });
    }
    Ok(plots)
}

/// 1500000 as 1.5M.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", plain(value / 1e6)),
        value if value >= 1e3 => format!("{}k", plain(value / 1e3)),
        value => plain(value),
    }
}

/// 2500 as 2,500, and 30 without a point.
fn micros(value: f64) -> String {
    if value < 1000.0 { plain(value) } else { significant(value) }
}

fn ratio(value: f64) -> String {
    format!("×{}", plain(value))
}

/// Without noughts at the end.
fn plain(value: f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4)
}

fn percentile(rarity: f64) -> String {
    format!("{}%", plain(100.0 - 100.0 / rarity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        assert_eq!([1.0, 2500.0, 3e6].map(short), ["1", "2.5k", "3M"]);
        assert_eq!([0.03, 30.0, 2500.0].map(micros), ["0.03", "30", "2,500"]);
        assert_eq!([1.0, 10.0, 1000.0].map(percentile), ["0%", "90%", "99.9%"]);
        assert_eq!(ratio(0.1 + 0.2), "×0.3");
    }

    #[test]
    fn percentiles_end_where_requests_do() {
        let mut histogram = histogram().unwrap();
        for value in 1..=1000 {
            histogram.record(value * 1000).unwrap();
        }
        let points = percentiles(&histogram);
        assert!(points.last().is_some_and(|(rarity, _)| *rarity > 800.0 && *rarity <= 1000.0));
        assert!(points.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }
}
