//! A target under a shape, once.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use hdrhistogram::{
    Histogram,
    serialization::{Serializer as _, V2DeflateSerializer},
};

use crate::{
    error::{Error, Result},
    load::{self, Outcome, Timing},
    process::peak_resident_bytes,
    record::{Block, Distribution, Metric},
    shape::Shape,
    target::Target,
};

/// Starts a fresh process and measures it.
///
/// # Errors
/// It does not start, or can't be connected to.
pub fn block(target: &Target, shape: &Shape, timing: Timing, round: usize) -> Result<Block> {
    let mut running = target.start()?;
    let mut outcome = load::run(running.address, shape, timing)?;
    if let (Some(why), Some(status)) = (&mut outcome.invalid, running.ended()) {
        *why = format!("the server ended by itself, {status}; {why}");
    }
    if outcome.count == 0 && outcome.invalid.is_none() {
        outcome.invalid = Some("nothing came while it was measured; take longer --seconds".into());
    }
    let peak = running.address.pid.and_then(peak_resident_bytes);
    Ok(Block {
        shape: shape.id(),
        target: target.name.clone(),
        round,
        metrics: metrics(&outcome, peak),
        seconds: outcome.seconds,
        count: outcome.count,
        latency: outcome.latency.as_ref().map(distribution),
        send_lag: outcome.send_lag.as_ref().map(distribution),
        invalid: outcome.invalid,
    })
}

/// What is recorded of a measurement that did not come about.
#[must_use]
pub fn failed(target: &Target, shape: &Shape, round: usize, error: &Error) -> Block {
    Block {
        shape: shape.id(),
        target: target.name.clone(),
        round,
        invalid: Some(error.to_string()),
        seconds: 0.0,
        count: 0,
        metrics: BTreeMap::new(),
        latency: None,
        send_lag: None,
    }
}

fn metrics(outcome: &Outcome, peak: Option<u64>) -> BTreeMap<Metric, f64> {
    let (count, seconds) = (outcome.count as f64, outcome.seconds);
    let server = outcome.server;
    // What the server did beside took its share of the processor.
    let done = (outcome.count + outcome.beside) as f64;
    let beside = Some(outcome.beside).filter(|beside| *beside > 0);
    let micros = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let latency = |quantile: f64| {
        let latency = outcome.latency.as_ref()?;
        Some(micros(latency.value_at_quantile(quantile)))
    };
    let bytes = Some(outcome.payload_bytes).filter(|bytes| *bytes > 0);
    let all = [
        (Metric::Rate, Some(count / seconds)),
        (Metric::BesideRate, beside.map(|beside| beside as f64 / seconds)),
        (Metric::BytesPerSecond, bytes.map(|bytes| bytes as f64 / seconds)),
        (Metric::ServerCpu, server.map(|usage| usage.cpu_seconds * 1e6 / done)),
        (Metric::GeneratorCpu, Some(outcome.generator.cpu_seconds * 1e6 / done)),
        (Metric::ServerCores, server.map(|usage| usage.cpu_seconds / seconds)),
        (Metric::GeneratorCores, Some(outcome.generator.cpu_seconds / seconds)),
        (Metric::Switches, server.map(|usage| usage.voluntary_switches as f64 / done)),
        (Metric::PeakMemory, peak.map(|bytes| bytes as f64)),
        (Metric::MemoryEach, outcome.memory_each),
        (Metric::LatencyP50, latency(0.5)),
        (Metric::LatencyP99, latency(0.99)),
        (Metric::LatencyP999, latency(0.999)),
        (Metric::LatencyMax, latency(1.0)),
    ];
    all.into_iter()
        .filter_map(|(metric, value)| Some((metric, value?)))
        .filter(|(_, value)| value.is_finite())
        .collect()
}

fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let mut bytes = Vec::new();
    // Into memory it can't fail; if it did, the percentiles below still tell.
    let hdr = match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => BASE64.encode(&bytes),
        Err(_) => String::new(),
    };
    Distribution {
        count: histogram.len(),
        min_ns: histogram.min(),
        mean_ns: histogram.mean(),
        p50_ns: histogram.value_at_quantile(0.5),
        p90_ns: histogram.value_at_quantile(0.9),
        p99_ns: histogram.value_at_quantile(0.99),
        p999_ns: histogram.value_at_quantile(0.999),
        max_ns: histogram.max(),
        hdr,
    }
}
