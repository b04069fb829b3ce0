//! Bencher's metric format (BMF): benchmarks, their measures, and of each a value with its bounds.

use serde_json::{Map, Value, json};

use crate::{
    record::{Metric, Record},
    statistics::{median, scores},
};

/// All metrics of all shapes and targets: the median, the least and the greatest of the blocks.
#[must_use]
pub fn bencher(record: &Record) -> Value {
    let mut benchmarks = Map::new();
    for shape in &record.shapes {
        for target in &record.targets {
            let mut measures = Map::new();
            for metric in Metric::ALL {
                let scores = scores(record, &shape.id, &target.name, metric);
                let values: Vec<f64> = scores.iter().map(|(_, value)| *value).collect();
                let Some(value) = median(&values) else { continue };
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                // Measures are known by slugs, which have no underscores.
                measures.insert(
                    metric.name().replace('_', "-"),
                    json!({ "value": value, "lower_value": least, "upper_value": greatest }),
                );
            }
            if !measures.is_empty() {
                benchmarks.insert(format!("{} {}", shape.id, target.name), measures.into());
            }
        }
    }
    Value::Object(benchmarks)
}
