//! What `explore` and `diff-run` have in common: how long they go on, what they say meanwhile, and
//! where they keep what they find.

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    thread::available_parallelism,
    time::{Duration, Instant},
};

use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use nats_conformance::{
    explore::{Limits, Told},
    target::{Instance, Target, TargetError},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Stop, is_watched, report::write, run::Seconds};

#[derive(Debug, Args)]
pub(super) struct ChanceArgs {
    /// Stop after so many minutes.
    #[arg(long, value_name = "N", default_value = "1")]
    minutes: f64,
    /// Stop after so many stories; the minutes hold as well.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    stories: Option<u64>,
    /// Tell this story of the seed alone.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    only: Option<u64>,
    /// Operations of a story, at most; the same seed makes other stories of another number.
    #[arg(long, value_name = "N", default_value = "100")]
    ops: NonZero<usize>,
    /// Feed all randomness from this number; it is printed first.
    #[arg(long)]
    seed: Option<u64>,
    /// Stories at a time, each with a server of its own; a running server is told one after the
    /// other. The same story is found however many there are.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// How long a server may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
    /// Write a story that does not hold into this folder, as a scenario.
    #[arg(long, value_name = "DIR", default_value = "explored", value_hint = ValueHint::DirPath)]
    keep: PathBuf,
    /// Write what was told, as JSON, to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    json: Option<PathBuf>,
}

/// One run of stories by chance.
pub(super) struct Chance<'a> {
    args: &'a ChanceArgs,
    pub(super) limits: Limits,
    started: Instant,
    bar: ProgressBar,
}

/// What the JSON file says of a run.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    command: String,
    date: String,
    servers: &'a [String],
    seed: u64,
    seconds: f64,
    stories: u64,
    ops: u64,
    ops_per_second: f64,
    connections: u64,
    kinds: Value,
    differences: usize,
    known: Value,
}

impl ChanceArgs {
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()))
    }

    /// How many are told at a time to these targets.
    pub(super) fn jobs(&self, targets: &[&Target]) -> usize {
        let processors = || available_parallelism().map_or(1, NonZero::get);
        match targets.iter().all(|target| target.can_be_configured()) {
            true => self.jobs.map_or_else(processors, NonZero::get),
            false => 1,
        }
    }

    /// The clock runs from here.
    pub(super) fn begin(&self, seed: u64) -> Result<Chance<'_>, Stop> {
        let minutes = Duration::try_from_secs_f64(self.minutes * 60.0)
            .map_err(|_| Stop::usage("--minutes wants a number that is not negative"))?;
        let started = Instant::now();
        let limits = Limits {
            seed,
            first: self.only.unwrap_or(1),
            stories_max: if self.only.is_some() { 1 } else { self.stories.unwrap_or(u64::MAX) },
            until: started.checked_add(minutes).filter(|_| self.only.is_none()),
            ops_max: self.ops.get(),
            timeout: self.timeout.0,
        };
        Ok(Chance { args: self, limits, started, bar: spinner() })
    }
}

impl Chance<'_> {
    pub(super) fn progress(&self, told: &Told) {
        self.bar.set_message(format!("{} stories, {} operations", told.stories, told.ops));
        self.bar.tick();
    }

    /// Says what was told and held, and writes it where that is asked for. `known` is told with it.
    pub(super) fn end(
        &self,
        servers: &[String],
        told: &Told,
        differences: usize,
        known: Value,
    ) -> Result<(), Stop> {
        self.bar.finish_and_clear();
        if told.stories == 0 && differences == 0 {
            return Err(Stop::usage("the time was up before a story was told"));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let Told { stories, ops, connections, .. } = told;
        let ops_per_second = (told.ops as f64 / seconds).round();
        anstream::println!(
            "{stories} stories held: {ops} operations of {connections} connections in \
             {seconds:.1} s, {ops_per_second} a second"
        );
        let kinds: Vec<String> =
            told.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        anstream::println!("  {}", kinds.join(", "));
        let Some(path) = &self.args.json else { return Ok(()) };
        let summary = Summary {
            command: command(),
            date: Timestamp::now().to_string(),
            servers,
            seed: self.limits.seed,
            seconds: (seconds * 10.0).round() / 10.0,
            stories: told.stories,
            ops: told.ops,
            ops_per_second,
            connections: told.connections,
            kinds: json!(told.kinds),
            differences,
            known,
        };
        let text = serde_json::to_string_pretty(&summary)
            .map_err(|error| Stop::usage(format!("no summary: {error}")))?;
        write(path, &format!("{text}\n"))
    }

    /// Shows a scenario, keeps it, and says how to come back to it.
    pub(super) fn keep(&self, number: u64, scenario: &str, again: &str) -> Result<(), Stop> {
        let (folder, seed) = (&self.args.keep, self.limits.seed);
        let path = folder.join(format!("seed-{seed}-story-{number}.nats"));
        let failed = |error| Stop::usage(format!("can't write {}: {error}", path.display()));
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(&path, scenario).map_err(failed)?;
        let ops = self.args.ops;
        anstream::println!("\n{scenario}\n   = kept as {}", path.display());
        anstream::println!("   = again: {again} --seed {seed} --only {number} --ops {ops}");
        anstream::println!("   = as a scenario: {}", run_kept(folder, seed, number));
        Ok(())
    }
}

fn run_kept(folder: &Path, seed: u64, number: u64) -> String {
    format!("nats-conformance run seed-{seed}-story-{number} --scenarios {}", folder.display())
}

/// So many servers of a target.
pub(super) async fn start(target: &Target, count: usize) -> Result<Vec<Instance>, TargetError> {
    let mut instances = Vec::new();
    for _ in 0..count {
        instances.push(target.start(None).await?);
    }
    Ok(instances)
}

fn command() -> String {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    format!("nats-conformance {}", words.join(" "))
}

fn spinner() -> ProgressBar {
    let bar = match is_watched() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}
