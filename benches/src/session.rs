//! All blocks of a run, in an order that is fair to all, and the record that comes of them.

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    error::{Error, Result},
    load::Timing,
    machine::Before,
    measure, order,
    record::{Block, Method, Record, SCHEMA, ShapeRecord},
    shape::Shape,
    statistics,
    target::Target,
};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whom; the first is the base.
    pub targets: Vec<Target>,
    /// Under what.
    pub shapes: Vec<Shape>,
    /// Blocks of each.
    pub rounds: usize,
    /// Seconds that each block is measured; three tenths of it come before, unmeasured.
    pub seconds: f64,
    /// All chance comes from it.
    pub seed: u64,
    /// The base is measured a second time, to see how far it strays from itself.
    pub calibrate: bool,
}

impl Session {
    /// Measures all; each block is shown as soon as it is there.
    ///
    /// # Errors
    /// Targets that don't start or can't be connected to. A server that fails later is recorded.
    pub fn run(&self, mut shown: impl FnMut(&Block)) -> Result<Record> {
        self.check()?;
        let mut targets = self.targets.clone();
        let mut described = Vec::new();
        for target in &mut targets {
            described.push(target.describe()?);
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let before = Before::look();
        let date = jiff::Timestamp::now().to_string();
        let again = self.calibrate.then(|| targets[0].again());
        targets.extend(again.clone());
        let measured = Duration::from_secs_f64(self.seconds);
        let timing = Timing { warm_up: measured.mul_f64(0.3), measured };
        let mut blocks = Vec::new();
        for shape in &self.shapes {
            for (round, order) in
                order::rounds(targets.len(), self.rounds, &mut random).iter().enumerate()
            {
                for target in order {
                    // What took long is not thrown away because one process did not come up.
                    let target = &targets[*target];
                    let block = measure::block(target, shape, timing, round)
                        .unwrap_or_else(|error| measure::failed(target, shape, round, &error));
                    shown(&block);
                    blocks.push(block);
                }
            }
        }
        let mut record = Record {
            schema: SCHEMA,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            date,
            seed: self.seed,
            method: Method {
                rounds: self.rounds,
                seconds: self.seconds,
                warm_up_seconds: timing.warm_up.as_secs_f64(),
            },
            machine: before.describe(),
            targets: described,
            shapes: self.shapes.iter().map(shape_record).collect(),
            blocks,
            noise: Vec::new(),
        };
        if let Some(again) = again {
            record.noise = statistics::noise(&record, &targets[0].name, &again.name);
        }
        Ok(record)
    }

    /// Blocks that there will be.
    #[must_use]
    pub fn blocks(&self) -> usize {
        (self.targets.len() + usize::from(self.calibrate)) * self.shapes.len() * self.rounds
    }

    fn check(&self) -> Result<()> {
        let usage = |why: &str| Err(Error::Usage(why.to_owned()));
        if self.targets.is_empty() {
            return usage("there is no target; name one with --target");
        }
        if self.rounds == 0 {
            return usage("--rounds 0 measures nothing; use 1 or more");
        }
        if !(self.seconds >= 0.01 && self.seconds <= 3600.0) {
            return usage("--seconds must be between 0.01 and 3600");
        }
        if self.calibrate && self.rounds < statistics::LEAST_PAIRS {
            let least = statistics::LEAST_PAIRS;
            return usage(&format!("--calibrate needs --rounds {least} or more"));
        }
        Ok(())
    }
}

fn shape_record(shape: &Shape) -> ShapeRecord {
    ShapeRecord {
        id: shape.id(),
        hash: shape.hash(),
        unit: shape.unit().to_owned(),
        primary: shape.primary().to_vec(),
        shape: shape.clone(),
    }
}

/// Reads targets; equal names get a number.
///
/// # Errors
/// Names that are no targets.
pub fn targets(names: &[String]) -> Result<Vec<Target>> {
    let mut all: Vec<Target> = Vec::new();
    for name in names {
        let mut target: Target = name.parse()?;
        let plain = target.name.clone();
        let mut count = 1;
        while all.iter().any(|other| other.name == target.name) {
            count += 1;
            target.name = format!("{plain}#{count}");
        }
        all.push(target);
    }
    Ok(all)
}
