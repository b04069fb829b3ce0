//! What was measured, raw, in a form that other programs read. Reports are made of it alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::shape::{Load, Request, Shape};

/// Goes up when a record of an earlier version can no longer be read.
pub const SCHEMA: u32 = 1;

/// One run of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// The version of `broker-bench`.
    pub tool_version: String,
    /// The arguments that it was called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When it began, RFC 3339.
    pub date: String,
    /// The order of blocks, and all other chance, comes from it. By itself the program takes one of
    /// 32 bits, which every reader of JSON can hold.
    pub seed: u64,
    /// How it was measured.
    pub method: Method,
    /// Where it was measured.
    pub machine: Machine,
    /// Who was measured; the first is the base that others are compared with.
    pub targets: Vec<TargetRecord>,
    /// What was measured.
    pub shapes: Vec<ShapeRecord>,
    /// All figures, in the order of their measuring. After `--calibrate` there are some of a target
    /// `NAME (again)` that is not in `targets`: the base, measured twice.
    pub blocks: Vec<Block>,
    /// The base compared with itself; only after `--calibrate`.
    pub noise: Vec<Noise>,
    /// What was measured by `curves`, which has no shapes and no blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
}

/// One target with so much of something, once, in a fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// What grows.
    pub curve: Curve,
    /// [`TargetRecord::name`].
    pub target: String,
    /// How much of it there is.
    pub size: u64,
    /// The first is 0.
    pub round: usize,
    /// Why it has no figures.
    pub invalid: Option<String>,
    /// Microseconds of processor that the server spent on a delivery.
    pub server_cpu: Option<f64>,
    /// Deliveries in a second.
    pub rate: Option<f64>,
}

/// What grows while the cost of a delivery is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Subscriptions to other subjects, of a connection that is silent.
    Subscriptions,
    /// Connections that are silent.
    Connections,
    /// Subscribers, each of which gets all.
    Fanout,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Blocks of each shape and target.
    pub rounds: usize,
    /// Seconds that each block is measured.
    pub seconds: f64,
    /// Seconds before, which are not measured.
    pub warm_up_seconds: f64,
}

/// Where it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that this program may use.
    pub cores: usize,
    /// Memory of the machine, bytes.
    pub memory_bytes: u64,
    /// The operating system's kernel.
    pub kernel: String,
    /// How the processor's clock is governed, where the system tells.
    pub governor: Option<String>,
    /// Runnable threads, averaged over the minute before.
    pub load_before: Option<f64>,
    /// Runnable threads, averaged over the last minute.
    pub load_after: Option<f64>,
    /// Seconds of processor that other processes used while it was measured, by all processors.
    pub foreign_cpu_seconds: Option<f64>,
    /// Seconds from the first block to the end of the last.
    pub elapsed_seconds: f64,
}

/// Who was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Unique in the record; a path is shortened to its last parts.
    pub name: String,
    /// What sort of a target.
    pub kind: TargetKind,
    /// `version` of its INFO.
    pub version: Option<String>,
    /// What a program says to `--version`, if anything.
    pub description: Option<String>,
}

/// What sort of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// The broker of this workspace, in a process of its own.
    Embedded,
    /// A program that takes `-a` and `-p`.
    Program,
    /// Running already.
    Url,
    /// Copies bytes without reading them: the limit that the system sets.
    Relay,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShapeRecord {
    /// Name and size, as `pubsub/128`; blocks refer to it.
    pub id: String,
    /// Figures with different hashes can't be compared.
    pub hash: String,
    /// What is counted, in the singular: message, request, connection …
    pub unit: String,
    /// What verdicts rest on, named in advance.
    pub primary: Vec<Metric>,
    /// All parameters.
    pub shape: Shape,
}

impl ShapeRecord {
    /// That the generator is busy says nothing: it keeps looking at the clock, or floods.
    #[must_use]
    pub fn keeps_the_load_busy(&self) -> bool {
        let paced = |load| matches!(load, Load::Request(Request { rate: Some(_), .. }));
        paced(self.shape.load) || matches!(self.shape.load, Load::Flood { .. })
    }
}

/// One target under one shape, once, in a fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// [`ShapeRecord::id`].
    pub shape: String,
    /// [`TargetRecord::name`].
    pub target: String,
    /// Blocks of the same round and shape are pairs. The first is 0.
    pub round: usize,
    /// Why it has no score: messages lost, the rate not kept, the connection gone.
    pub invalid: Option<String>,
    /// Seconds that were measured.
    pub seconds: f64,
    /// What was counted in them, in the shape's unit.
    pub count: u64,
    /// The figures; those that the system did not tell are left out.
    pub metrics: BTreeMap<Metric, f64>,
    /// Of requests.
    pub latency: Option<Distribution>,
    /// By how much requests left later than they were due; that is in `latency` as well.
    pub send_lag: Option<Distribution>,
}

/// Times, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// Their mean.
    pub mean_ns: f64,
    /// Half are shorter.
    pub p50_ns: u64,
    /// 90 % are shorter.
    pub p90_ns: u64,
    /// 99 % are shorter.
    pub p99_ns: u64,
    /// 99.9 % are shorter.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// All of it: an `HdrHistogram` of three digits in the format V2, deflated, as base64.
    pub hdr: String,
}

/// How far a shape's metric strays from itself on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// [`ShapeRecord::id`].
    pub shape: String,
    /// Which.
    pub metric: Metric,
    /// Half the width of the interval of the base's ratio to itself, or the interval's farther end:
    /// 0.03 is 3 %.
    pub floor: f64,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Units in a second; messages are counted where they are delivered.
    Rate,
    /// Deliveries in a second beside what is measured; processor time is of both together.
    BesideRate,
    /// Payload bytes in a second.
    BytesPerSecond,
    /// Microseconds of processor that the server spent on a unit.
    ServerCpu,
    /// Microseconds of processor that the load's generator spent on a unit.
    GeneratorCpu,
    /// Processors that the server kept busy.
    ServerCores,
    /// Processors that the generator kept busy; close to 1, and it is what limits the rate.
    GeneratorCores,
    /// Times per unit that a thread of the server gave up its processor by itself.
    Switches,
    /// The most memory that the server had, bytes.
    PeakMemory,
    /// Bytes of memory that a unit takes.
    MemoryEach,
    /// Half of all latencies are shorter, microseconds.
    LatencyP50,
    /// 99 % of all latencies are shorter, microseconds.
    LatencyP99,
    /// 99.9 % of all latencies are shorter, microseconds.
    LatencyP999,
    /// The longest latency, microseconds.
    LatencyMax,
}

impl Metric {
    /// All of them, in the order of reports.
    pub const ALL: [Metric; 14] = [
        Metric::Rate,
        Metric::BesideRate,
        Metric::BytesPerSecond,
        Metric::ServerCpu,
        Metric::GeneratorCpu,
        Metric::ServerCores,
        Metric::GeneratorCores,
        Metric::Switches,
        Metric::PeakMemory,
        Metric::MemoryEach,
        Metric::LatencyP50,
        Metric::LatencyP99,
        Metric::LatencyP999,
        Metric::LatencyMax,
    ];

    /// As in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// The unit of its figures; `unit` stands for the shape's.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.facts().1
    }

    /// Whether more is better; none where neither is.
    #[must_use]
    pub fn higher_is_better(self) -> Option<bool> {
        self.facts().2
    }

    fn facts(self) -> (&'static str, &'static str, Option<bool>) {
        const MORE: Option<bool> = Some(true);
        const LESS: Option<bool> = Some(false);
        match self {
            Metric::Rate => ("rate", "units/s", MORE),
            Metric::BesideRate => ("beside_rate", "messages/s", MORE),
            Metric::BytesPerSecond => ("bytes_per_second", "B/s", MORE),
            Metric::ServerCpu => ("server_cpu", "µs/unit", LESS),
            Metric::GeneratorCpu => ("generator_cpu", "µs/unit", None),
            Metric::ServerCores => ("server_cores", "cores", None),
            Metric::GeneratorCores => ("generator_cores", "cores", None),
            Metric::Switches => ("switches", "per unit", LESS),
            Metric::PeakMemory => ("peak_memory", "B", LESS),
            Metric::MemoryEach => ("memory_each", "B/unit", LESS),
            Metric::LatencyP50 => ("latency_p50", "µs", LESS),
            Metric::LatencyP99 => ("latency_p99", "µs", LESS),
            Metric::LatencyP999 => ("latency_p999", "µs", LESS),
            Metric::LatencyMax => ("latency_max", "µs", LESS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for metric in Metric::ALL {
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{}\"", metric.name()));
        }
    }
}
