//! The generator: one thread drives all connections of a load, and checks each delivery.
//!
//! It knows what each byte of a delivery must be before it comes, so it compares and never parses.
//! That makes it faster than any broker, and independent of all of them.

mod beside;
mod crowd;
mod flow;
mod frames;
mod plan;
mod request;
mod verify;
mod wire;

use std::{
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

pub(crate) use self::wire::{PATIENCE, line};
pub use self::{frames::Dialect, verify::Faults};
use crate::{
    error::{Error, Result},
    process::Usage,
    shape::{Load, Shape},
};

/// Whom the load is for.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its process, if it is known.
    pub pid: Option<u32>,
    /// What it speaks.
    pub dialect: Dialect,
}

/// How long.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Not measured, at the beginning.
    pub warm_up: Duration,
    /// Measured.
    pub measured: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why it does not count.
    pub invalid: Option<String>,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Units in them.
    pub count: u64,
    /// Deliveries beside them, which are not what is measured.
    pub beside: u64,
    /// Payload bytes in them.
    pub payload_bytes: u64,
    /// What the server used.
    pub server: Option<Usage>,
    /// What this program used.
    pub generator: Usage,
    /// Bytes of memory of a unit.
    pub memory_each: Option<f64>,
    /// Nanoseconds from a request to its answer.
    pub latency: Option<Histogram<u64>>,
    /// Nanoseconds by which requests left late.
    pub send_lag: Option<Histogram<u64>>,
}

/// Puts a shape's load on a server.
///
/// # Errors
/// Connections that can't be opened. What a server does wrong later makes the outcome invalid.
pub fn run(server: Address, shape: &Shape, timing: Timing) -> Result<Outcome> {
    match shape.load {
        Load::Flow(flow) => flow::run(server, flow, shape.payload_bytes, timing),
        Load::Request(request) => request::run(server, request, shape.payload_bytes, timing),
        Load::Flood { request, flow } => {
            beside::flood(server, request, flow, shape.payload_bytes, timing)
        }
        Load::Stalled { flow, replaced_after_ms } => {
            let replaced_after = Duration::from_millis(replaced_after_ms);
            beside::stalled(server, flow, replaced_after, shape.payload_bytes, timing)
        }
        Load::Idle { connections, warm_up_connections } => {
            crowd::idle(server, connections, warm_up_connections)
        }
        Load::Subscriptions { subscriptions, warm_up_subscriptions, connections } => {
            crowd::subscriptions(server, subscriptions, warm_up_subscriptions, connections)
        }
        Load::Churn { at_once } => crowd::churn(server, at_once, timing),
    }
}

/// Subscriptions and connections that are there, and silent, until they are dropped.
///
/// # Errors
/// They can't be made.
pub fn bystanders(
    server: Address,
    subscriptions: usize,
    connections: usize,
) -> Result<Vec<TcpStream>> {
    crowd::bystanders(server, subscriptions, connections)
}

/// For times of up to a minute, three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3)
        .map_err(|error| Error::Usage(format!("no histogram: {error}")))
}

/// A moment of the measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Instant,
    count: u64,
    server: Option<Usage>,
    generator: Usage,
}

impl Moment {
    pub(crate) fn now(server: Address, count: u64) -> Moment {
        Moment {
            at: Instant::now(),
            count,
            server: server.pid.and_then(Usage::of),
            generator: Usage::own(),
        }
    }

    /// What was between an earlier moment and this.
    pub(crate) fn since(self, earlier: Moment) -> Outcome {
        Outcome {
            seconds: (self.at - earlier.at).as_secs_f64(),
            count: self.count - earlier.count,
            server: self.server.zip(earlier.server).map(|(now, then)| now.since(then)),
            generator: self.generator.since(earlier.generator),
            ..Outcome::default()
        }
    }
}

/// Notices the two moments between which is measured.
#[derive(Debug)]
pub(crate) struct Watch {
    server: Address,
    timing: Timing,
    start: Instant,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl Watch {
    pub(crate) fn start(server: Address, timing: Timing) -> Watch {
        Watch { server, timing, start: Instant::now(), first: None, last: None }
    }

    /// Looks at the clock; whether the measurement is over.
    pub(crate) fn look(&mut self, now: Instant, count: u64) -> bool {
        match (self.first, self.last) {
            (None, _) if now - self.start >= self.timing.warm_up => {
                self.first = Some(Moment::now(self.server, count));
            }
            (Some(first), None) if now - first.at >= self.timing.measured => {
                self.last = Some(Moment::now(self.server, count));
            }
            _ => {}
        }
        self.last.is_some()
    }

    /// When the measurement ended, if it has.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.last.map(|last| last.at)
    }

    /// Whether a moment is in what is, or was, measured.
    pub(crate) fn covers(&self, moment: Instant) -> bool {
        self.first.is_some_and(|first| first.at <= moment)
            && self.last.is_none_or(|last| moment <= last.at)
    }

    /// What was measured; nothing if it did not come to that.
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.since(first),
            _ => Outcome::default(),
        }
    }
}
