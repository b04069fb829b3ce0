//! The points of curves: so much of something is there, and meanwhile messages flow.

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rustix::process::{Resource, getrlimit};

use crate::{
    error::{Error, Result},
    load::{self, Outcome, Timing},
    order,
    record::{Curve, Method, Point, Record},
    session::Heading,
    shape::{Flow, Load, PLAIN, Shape},
    target::Target,
};

const PAYLOAD_BYTES: usize = 128;
/// Messages on their way to each subscriber, so that fan-outs of all sizes have batches of one.
const EACH: usize = 32;
/// Files that are open besides: the listener, logs, the libraries' own.
const SPARE_FILES: u64 = 100;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom.
    pub targets: Vec<Target>,
    /// What grows.
    pub curves: Vec<Curve>,
    /// Up to how many; without it, as many as the curve says.
    pub most: Option<u64>,
    /// Points of each size and target.
    pub rounds: usize,
    /// Seconds that each is measured.
    pub seconds: f64,
    /// All chance comes from it.
    pub seed: u64,
}

impl Plan {
    /// Points that there will be.
    #[must_use]
    pub fn points(&self) -> usize {
        let sizes = self.curves.iter().map(|curve| self.sizes(*curve).len());
        sizes.sum::<usize>() * self.targets.len() * self.rounds
    }

    fn sizes(&self, curve: Curve) -> Vec<u64> {
        Curve::sizes(self.most.unwrap_or(curve.most()))
    }

    /// Measures all; each point is shown as soon as it is there.
    ///
    /// # Errors
    /// More connections than there may be files, and targets that don't start.
    pub fn run(&self, mut shown: impl FnMut(&Point)) -> Result<Record> {
        self.check()?;
        let heading = Heading::look(&self.targets)?;
        let measured = Duration::from_secs_f64(self.seconds);
        let timing = Timing { warm_up: measured.mul_f64(0.3), measured };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut points = Vec::new();
        for curve in &self.curves {
            for size in self.sizes(*curve) {
                let order = order::rounds(self.targets.len(), self.rounds, &mut random);
                for (round, order) in order.iter().enumerate() {
                    for target in order {
                        let point = point(&self.targets[*target], *curve, size, round, timing);
                        shown(&point);
                        points.push(point);
                    }
                }
            }
        }
        let method = Method {
            rounds: self.rounds,
            seconds: self.seconds,
            warm_up_seconds: timing.warm_up.as_secs_f64(),
        };
        Ok(Record { points, ..heading.record(method, self.seed) })
    }

    fn check(&self) -> Result<()> {
        let usage = |why: String| Err(Error::Usage(why));
        if self.targets.is_empty() || self.rounds == 0 || self.most == Some(0) {
            return usage("curves need a --target, and --rounds and --most of 1 or more".into());
        }
        if !(self.seconds >= 0.01 && self.seconds <= 3600.0) {
            return usage("--seconds must be between 0.01 and 3600".into());
        }
        let Some(files) = getrlimit(Resource::Nofile).maximum else { return Ok(()) };
        for curve in self.curves.iter().filter(|curve| **curve != Curve::Subscriptions) {
            let most = self.most.unwrap_or(curve.most());
            if most + SPARE_FILES > files {
                return usage(format!(
                    "{most} {} take {} open files, and this system allows {files}; take a \
                     --most of {} or less, or raise the limit (ulimit -Hn)",
                    curve.counted(),
                    most + SPARE_FILES,
                    files.saturating_sub(SPARE_FILES),
                ));
            }
        }
        Ok(())
    }
}

fn point(target: &Target, curve: Curve, size: u64, round: usize, timing: Timing) -> Point {
    let mut point = Point {
        curve,
        target: target.name.clone(),
        size,
        round,
        invalid: None,
        server_cpu: None,
        rate: None,
    };
    match measure(target, curve, size as usize, timing) {
        Ok(Outcome { invalid: None, count, seconds, server, .. }) if count > 0 => {
            point.rate = Some(count as f64 / seconds);
            point.server_cpu = server.map(|usage| usage.cpu_seconds * 1e6 / count as f64);
        }
        Ok(Outcome { invalid, .. }) => {
            let nothing = || "nothing came while it was measured; take longer --seconds".to_owned();
            point.invalid = Some(invalid.unwrap_or_else(nothing));
        }
        Err(error) => point.invalid = Some(error.to_string()),
    }
    point
}

fn measure(target: &Target, curve: Curve, size: usize, timing: Timing) -> Result<Outcome> {
    let running = target.start()?;
    let (subscriptions, connections, subscribers) = match curve {
        Curve::Subscriptions => (size, 0, 1),
        Curve::Connections => (0, size, 1),
        Curve::Fanout => (0, 0, size),
    };
    let window_bytes = match curve {
        Curve::Fanout => EACH * (PAYLOAD_BYTES + 20) * size,
        _ => PLAIN.window_bytes,
    };
    let shape = Shape {
        name: curve.name().to_owned(),
        meaning: curve.counted().to_owned(),
        payload_bytes: PAYLOAD_BYTES,
        load: Load::Flow(Flow { subscribers, window_bytes, ..PLAIN }),
    };
    let _bystanders = load::bystanders(running.address, subscriptions, connections)?;
    load::run(running.address, &shape, timing)
}
