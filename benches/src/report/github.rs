//! What github-action-benchmark's tools `customSmallerIsBetter` and `customBiggerIsBetter` read: a
//! list of `name`, `unit`, `value`, and if there is, `range` and `extra`.

use serde_json::{Value, json};

use super::figures::significant;
use crate::{
    record::Record,
    statistics::{median, scores},
};

/// The primary metrics of all shapes and targets of which more is better, or of which less is.
#[must_use]
pub fn github(record: &Record, bigger_is_better: bool) -> Value {
    let mut entries = Vec::new();
    for shape in &record.shapes {
        let metrics = shape.primary.iter();
        for metric in metrics.filter(|metric| metric.higher_is_better() == Some(bigger_is_better)) {
            for target in &record.targets {
                let values: Vec<f64> = scores(record, &shape.id, &target.name, *metric)
                    .iter()
                    .map(|(_, value)| *value)
                    .collect();
                let Some(value) = median(&values) else { continue };
                // Half of all blocks are as close to the median as that.
                let distances: Vec<f64> =
                    values.iter().map(|other| (other - value).abs()).collect();
                let range = median(&distances).unwrap_or_default();
                entries.push(json!({
                    "name": format!("{} {} {}", shape.id, target.name, metric.name()),
                    "unit": metric.unit().replace("unit", &shape.unit),
                    "value": value,
                    "range": format!("± {}", significant(range)),
                    "extra": format!("{} blocks, {}", values.len(), shape.shape.meaning),
                }));
            }
        }
    }
    Value::Array(entries)
}
