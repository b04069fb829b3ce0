//! All blocks of a run, in an order that is fair to all, and the record that comes of them.

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    error::{Error, Result},
    load::Timing,
    machine::Before,
    measure, order,
    record::{Block, Method, Record, SCHEMA, ShapeRecord, TargetRecord},
    shape::Shape,
    statistics::{self, Verdict, compare_one},
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
    /// More rounds where that is not enough for a verdict.
    pub more: Option<More>,
}

/// Goes on where verdicts are inconclusive.
#[derive(Debug, Clone, Copy)]
pub struct More {
    /// Up to so many rounds of a shape.
    pub rounds: usize,
    /// What is no difference.
    pub threshold: f64,
}

impl More {
    /// Whether a primary metric of the shape has no verdict yet.
    fn is_open(self, record: &Record, shape: &Shape) -> bool {
        let id = shape.id();
        let shape = record.shapes.iter().find(|other| other.id == id);
        let (Some(shape), Some((base, others))) = (shape, record.targets.split_first()) else {
            return false;
        };
        others.iter().any(|target| {
            shape.primary.iter().any(|metric| {
                compare_one(record, shape, &base.name, &target.name, *metric)
                    .and_then(|comparison| comparison.verdict(self.threshold))
                    .is_some_and(|verdict| verdict == Verdict::Inconclusive)
            })
        })
    }
}

/// What a record begins with, noted before anything is measured.
pub(crate) struct Heading {
    before: Before,
    date: String,
    targets: Vec<TargetRecord>,
}

impl Heading {
    /// Now; each target is started once to ask what it is.
    pub(crate) fn look(targets: &[Target]) -> Result<Heading> {
        let targets = targets.iter().map(Target::describe).collect::<Result<_>>()?;
        Ok(Heading { before: Before::look(), date: jiff::Timestamp::now().to_string(), targets })
    }

    /// A record without figures; of the machine as it is now.
    pub(crate) fn record(&self, method: Method, seed: u64) -> Record {
        Record {
            schema: SCHEMA,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: None,
            date: self.date.clone(),
            seed,
            method,
            machine: self.before.describe(),
            targets: self.targets.clone(),
            shapes: Vec::new(),
            blocks: Vec::new(),
            noise: Vec::new(),
            points: Vec::new(),
        }
    }
}

impl Session {
    /// Measures all; each block is shown as soon as it is there.
    ///
    /// # Errors
    /// Targets that don't start or can't be connected to. A server that fails later is recorded.
    pub fn run(&self, mut shown: impl FnMut(&Block)) -> Result<Record> {
        self.check()?;
        let heading = Heading::look(&self.targets)?;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let again = self.calibrate.then(|| self.targets[0].again());
        let targets: Vec<Target> = self.targets.iter().chain(&again).cloned().collect();
        let mut record = heading.record(self.method(), self.seed);
        record.shapes = self.shapes.iter().map(shape_record).collect();
        for shape in &self.shapes {
            let mut done = 0;
            let mut wanted = self.rounds;
            while done < wanted {
                for order in order::rounds(targets.len(), wanted - done, &mut random) {
                    for target in order {
                        let block = self.block(&targets[target], shape, done);
                        shown(&block);
                        record.blocks.push(block);
                    }
                    done += 1;
                }
                if self.more.is_some_and(|more| done < more.rounds && more.is_open(&record, shape))
                {
                    wanted = done + 2; // a round and its mirror
                }
            }
        }
        record.machine = heading.before.describe();
        if let Some(again) = again {
            record.noise = statistics::noise(&record, &self.targets[0].name, &again.name);
        }
        Ok(record)
    }

    /// What took long is not thrown away because one process did not come up.
    fn block(&self, target: &Target, shape: &Shape, round: usize) -> Block {
        measure::block(target, shape, self.timing(), round)
            .unwrap_or_else(|error| measure::failed(target, shape, round, &error))
    }

    fn timing(&self) -> Timing {
        let measured = Duration::from_secs_f64(self.seconds);
        Timing { warm_up: measured.mul_f64(0.3), measured }
    }

    fn method(&self) -> Method {
        let warm_up_seconds = self.timing().warm_up.as_secs_f64();
        Method { rounds: self.rounds, seconds: self.seconds, warm_up_seconds }
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
        if self.more.is_some_and(|more| more.rounds < self.rounds) {
            return usage("--rounds-max is less than --rounds");
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
