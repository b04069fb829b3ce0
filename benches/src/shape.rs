//! The shapes of load: what is sent to whom. A table of data.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, Result},
    record::Metric,
};

/// A kind of load, with its parameters but for the size of payloads.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it is called.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Payload sizes that are measured if none is asked for.
    pub sizes: &'static [usize],
    /// The parameters.
    pub load: Load,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Load {
    /// Messages flow as fast as they are received.
    Flow(Flow),
    /// Requests are answered.
    Request(Request),
    /// Requests are answered while messages flow, on other connections and another subject.
    Flood {
        /// What is measured.
        request: Request,
        /// What goes on beside.
        flow: Flow,
    },
    /// Messages flow while a subscriber of the same subject does not read.
    Stalled {
        /// What is measured.
        flow: Flow,
        /// After so many milliseconds another takes its place: it may have been cut off.
        replaced_after_ms: u64,
    },
    /// Connections are open, and silent.
    Idle {
        /// How many are measured.
        connections: usize,
        /// How many are open before.
        warm_up_connections: usize,
    },
    /// Subscriptions are made, and wait.
    Subscriptions {
        /// How many are measured.
        subscriptions: usize,
        /// How many are made before.
        warm_up_subscriptions: usize,
        /// The connections that they are shared among.
        connections: usize,
    },
    /// Connections come, subscribe, wait for PONG, and go.
    Churn {
        /// How many do so at a time.
        at_once: usize,
    },
}

/// Publishers, subscribers, and who hears whom.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Groups of clients with a subject of their own.
    pub lanes: usize,
    /// Publishing connections of each lane.
    pub publishers: usize,
    /// Subscribing connections of each lane; without any, PONG tells what has been taken.
    pub subscribers: usize,
    /// The subscribers share the messages as a queue group.
    pub queue: bool,
    /// Messages have headers.
    pub headers: bool,
    /// Subjects of each lane, in turn; more than one is subscribed to through wildcards.
    pub subjects: usize,
    /// Most bytes on their way at a time, to all subscribers together.
    pub window_bytes: usize,
}

/// Requesters and their service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Connections that ask; one more answers.
    pub connections: usize,
    /// Requests of each connection that wait for their answer at a time.
    pub in_flight: usize,
    /// Requests in a second, all connections together, sent on time whatever is unanswered; without
    /// it, each answer is followed by the next request.
    pub rate: Option<f64>,
}

/// One to one, on one subject.
pub(crate) const PLAIN: Flow = Flow {
    lanes: 1,
    publishers: 1,
    subscribers: 1,
    queue: false,
    headers: false,
    subjects: 1,
    window_bytes: 4 << 20,
};

/// All shapes.
pub const SHAPES: &[Entry] = &[
    Entry {
        name: "publish",
        meaning: "one publisher, nobody subscribed",
        sizes: &[16],
        load: Load::Flow(Flow { subscribers: 0, ..PLAIN }),
    },
    Entry {
        name: "pubsub",
        meaning: "one publisher, one subscriber",
        sizes: &[16, 128, 1024, 16_384, 65_536, 1_048_576],
        load: Load::Flow(PLAIN),
    },
    Entry {
        name: "fanout-10",
        meaning: "one publisher, ten subscribers, each gets all",
        sizes: &[128],
        load: Load::Flow(Flow { subscribers: 10, ..PLAIN }),
    },
    Entry {
        name: "fanout-100",
        meaning: "one publisher, a hundred subscribers, each gets all",
        sizes: &[128],
        load: Load::Flow(Flow { subscribers: 100, ..PLAIN }),
    },
    Entry {
        name: "fanin-10",
        meaning: "ten publishers, one subscriber",
        sizes: &[128],
        load: Load::Flow(Flow { publishers: 10, ..PLAIN }),
    },
    Entry {
        name: "pairs-4",
        meaning: "four publishers, each with a subscriber of its own",
        sizes: &[128],
        load: Load::Flow(Flow { lanes: 4, ..PLAIN }),
    },
    Entry {
        name: "queue-10",
        meaning: "one publisher, a queue group of ten",
        sizes: &[128],
        load: Load::Flow(Flow { subscribers: 10, queue: true, ..PLAIN }),
    },
    Entry {
        name: "wildcard",
        meaning: "10,000 subjects in turn, one of a hundred wildcard subscriptions hears each",
        sizes: &[128],
        load: Load::Flow(Flow { subjects: 10_000, ..PLAIN }),
    },
    Entry {
        name: "headers",
        meaning: "one publisher, one subscriber, two headers in each message",
        sizes: &[128],
        load: Load::Flow(Flow { headers: true, ..PLAIN }),
    },
    Entry {
        name: "request-1",
        meaning: "one requester, one request at a time",
        sizes: &[128],
        load: Load::Request(Request { connections: 1, in_flight: 1, rate: None }),
    },
    Entry {
        name: "request-64",
        meaning: "one requester, 64 requests at a time",
        sizes: &[128],
        load: Load::Request(Request { connections: 1, in_flight: 64, rate: None }),
    },
    Entry {
        name: "request-64x1",
        meaning: "64 requesters, one request at a time each",
        sizes: &[128],
        load: Load::Request(Request { connections: 64, in_flight: 1, rate: None }),
    },
    Entry {
        name: "request-open",
        meaning: "requests at a steady rate; latency from when each was due",
        sizes: &[128],
        load: Load::Request(Request { connections: 1, in_flight: 4096, rate: Some(10_000.0) }),
    },
    Entry {
        name: "flood",
        meaning: "one requester, one request at a time, beside a publisher at full speed",
        sizes: &[128],
        load: Load::Flood {
            request: Request { connections: 1, in_flight: 1, rate: None },
            flow: PLAIN,
        },
    },
    Entry {
        name: "stalled",
        meaning: "one publisher, one subscriber, and another that does not read",
        sizes: &[128],
        load: Load::Stalled { flow: PLAIN, replaced_after_ms: 250 },
    },
    Entry {
        name: "idle",
        meaning: "memory of a silent connection",
        sizes: &[0],
        load: Load::Idle { connections: 1000, warm_up_connections: 100 },
    },
    Entry {
        name: "subscriptions",
        meaning: "a million subscriptions of one connection: how fast, how large",
        sizes: &[0],
        load: Load::Subscriptions {
            subscriptions: 1_000_000,
            warm_up_subscriptions: 10_000,
            connections: 1,
        },
    },
    Entry {
        name: "churn",
        meaning: "connect, subscribe, PING, PONG, disconnect; sixteen at a time",
        sizes: &[0],
        load: Load::Churn { at_once: 16 },
    },
];

/// A load that is measured: all that must be equal for two figures to be comparable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// As in the table.
    pub name: String,
    /// As in the table.
    pub meaning: String,
    /// Bytes of each payload; 0 where there is none.
    pub payload_bytes: usize,
    /// The parameters.
    pub load: Load,
}

impl Entry {
    /// With a size of payloads.
    ///
    /// # Errors
    /// A size that is too small to number the messages.
    pub fn sized(&self, payload_bytes: usize) -> Result<Shape> {
        let least = if self.sizes == [0] { 0 } else { 16 };
        if payload_bytes < least {
            return Err(Error::Usage(format!(
                "--size {payload_bytes} is too small: each message is numbered, which takes 16 B"
            )));
        }
        Ok(Shape {
            name: self.name.to_owned(),
            meaning: self.meaning.to_owned(),
            payload_bytes,
            load: self.load,
        })
    }
}

impl Shape {
    /// Name and size, as `pubsub/128`.
    #[must_use]
    pub fn id(&self) -> String {
        match self.payload_bytes {
            0 => self.name.clone(),
            bytes => format!("{}/{bytes}", self.name),
        }
    }

    /// A hash of the parameters; figures with different hashes can't be compared.
    #[must_use]
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(&(&self.name, self.payload_bytes, self.load));
        HEXLOWER.encode(&Sha256::digest(text.unwrap_or_default())[..8])
    }

    /// What is counted, in the singular.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self.load {
            Load::Flow(_) | Load::Stalled { .. } => "message",
            Load::Request(_) | Load::Flood { .. } => "request",
            Load::Idle { .. } => "connection",
            Load::Subscriptions { .. } => "subscription",
            Load::Churn { .. } => "cycle",
        }
    }

    /// What a verdict rests on, named in advance.
    #[must_use]
    pub fn primary(&self) -> &'static [Metric] {
        match self.load {
            Load::Flow(_) | Load::Stalled { .. } | Load::Churn { .. } => {
                &[Metric::Rate, Metric::ServerCpu]
            }
            Load::Request(Request { rate: None, .. }) => {
                &[Metric::Rate, Metric::ServerCpu, Metric::LatencyP99]
            }
            Load::Flood { .. } => &[Metric::LatencyP50, Metric::LatencyP99],
            Load::Request(_) => &[Metric::ServerCpu, Metric::LatencyP50, Metric::LatencyP99],
            Load::Idle { .. } => &[Metric::MemoryEach],
            Load::Subscriptions { .. } => &[Metric::Rate, Metric::MemoryEach],
        }
    }
}

/// The shapes of these names, or all; a name such as `fanout` stands for all that begin with it
/// and a dash. Sizes, if any, apply to all shapes that have payloads.
///
/// # Errors
/// Names that no shape has, and sizes that are too small.
pub fn select(names: &[String], sizes: &[usize]) -> Result<Vec<Shape>> {
    let mut chosen: Vec<&Entry> = Vec::new();
    for name in names {
        let family = format!("{name}-");
        let before = chosen.len();
        chosen.extend(SHAPES.iter().filter(|entry| entry.name == name));
        if chosen.len() == before {
            chosen.extend(SHAPES.iter().filter(|entry| entry.name.starts_with(&family)));
        }
        if chosen.len() == before {
            let known: Vec<&str> = SHAPES.iter().map(|entry| entry.name).collect();
            return Err(Error::Usage(format!(
                "'{name}' is no shape; there are {} (`broker-bench shapes` explains them)",
                known.join(", ")
            )));
        }
    }
    if names.is_empty() {
        chosen.extend(SHAPES);
    }
    let mut shapes: Vec<Shape> = Vec::new();
    for entry in chosen {
        let sizes = if sizes.is_empty() || entry.sizes == [0] { entry.sizes } else { sizes };
        for size in sizes {
            let shape = entry.sized(*size)?;
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
    }
    Ok(shapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str], sizes: &[usize]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        select(&names, sizes).unwrap().iter().map(Shape::id).collect()
    }

    #[test]
    fn names_families_and_sizes_select() {
        assert_eq!(ids(&["fanout"], &[]), ["fanout-10/128", "fanout-100/128"]);
        assert_eq!(ids(&["pubsub", "idle"], &[16]), ["pubsub/16", "idle"]);
        assert_eq!(ids(&["pubsub", "pubsub"], &[16]), ["pubsub/16"]);
        assert!(ids(&[], &[]).len() > SHAPES.len());
        assert!(select(&["fan".into()], &[]).is_err());
        assert!(select(&["pubsub".into()], &[8]).is_err());
    }

    #[test]
    fn a_hash_tells_parameters_apart() {
        let all = select(&[], &[]).unwrap();
        let mut hashes: Vec<String> = all.iter().map(Shape::hash).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
    }
}
