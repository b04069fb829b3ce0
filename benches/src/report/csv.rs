//! All blocks, raw, for spreadsheets and data frames.

use std::path::PathBuf;

use csv::Writer;

use crate::{
    error::{Error, Result},
    record::{Block, Distribution, Metric, Record},
};

/// A line for each block, in the order of their measuring; what there is not is empty.
///
/// # Errors
/// None that is known; the writer of CSV may have some.
pub fn csv(record: &Record) -> Result<String> {
    let failed = |why: String| Error::File { path: PathBuf::from("the CSV"), why };
    let mut writer = Writer::from_writer(Vec::new());
    let mut header: Vec<&str> =
        vec!["shape", "hash", "target", "round", "invalid", "seconds", "count"];
    header.extend(Metric::ALL.map(Metric::name));
    header.extend(["latency_count", "latency_min_ns", "latency_mean_ns", "latency_p90_ns"]);
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for block in &record.blocks {
        writer.write_record(line(record, block)).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

fn line(record: &Record, block: &Block) -> Vec<String> {
    let hash = record.shapes.iter().find(|shape| shape.id == block.shape);
    let mut line = vec![
        block.shape.clone(),
        hash.map_or_else(String::new, |shape| shape.hash.clone()),
        block.target.clone(),
        block.round.to_string(),
        block.invalid.clone().unwrap_or_default(),
        block.seconds.to_string(),
        block.count.to_string(),
    ];
    let text = |value: Option<&f64>| value.map_or_else(String::new, ToString::to_string);
    line.extend(Metric::ALL.map(|metric| text(block.metrics.get(&metric))));
    line.extend(match &block.latency {
        Some(Distribution { count, min_ns, mean_ns, p90_ns, .. }) => {
            [count.to_string(), min_ns.to_string(), mean_ns.to_string(), p90_ns.to_string()]
        }
        None => Default::default(),
    });
    line
}
