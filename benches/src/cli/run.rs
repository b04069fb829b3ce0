//! `run`: figures of all targets.

use std::{path::PathBuf, process::ExitCode};

use broker_bench::{
    error::{Error, Result},
    record::Record,
    report::{Files, save, terminal},
    session::{More, Session, targets},
    shape,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Whom to measure: embedded, relay, nats-server@VERSION, a program's path, nats://HOST:PORT;
    /// NAME=TARGET names it. The first is the base.
    #[arg(long = "target", required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Blocks of each shape and target; intervals need five or more.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// What to measure; without it, everything.
    #[arg(long = "shape", num_args = 1.., value_name = "NAME")]
    shapes: Vec<String>,
    /// Payload bytes, instead of the shape's own.
    #[arg(long = "size", num_args = 1.., value_name = "BYTES")]
    sizes: Vec<usize>,
    /// Seconds that each block is measured; three tenths more come before.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Where the record goes.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Decides the order of blocks; by chance without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Measures the base twice, to see how far it strays from itself.
    #[arg(long)]
    calibrate: bool,
    /// The process of a target nats://HOST:PORT, if it is on this machine.
    #[arg(long)]
    pid: Option<u32>,
    #[command(flatten)]
    files: Files,
}

impl Run {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let record = self.common.measure(&self.targets, self.rounds, None)?;
        println!("{}", terminal::run(&record));
        self.common.write(&record, None)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Common {
    pub(super) fn measure(
        &self,
        names: &[String],
        rounds: usize,
        more: Option<More>,
    ) -> Result<Record> {
        super::raise_open_files();
        let mut targets = targets(names)?;
        if let Some(pid) = self.pid {
            match &mut targets[..] {
                [one] => one.watch(pid)?,
                _ => return Err(Error::Usage("--pid is for one target alone".into())),
            }
        }
        let session = Session {
            targets,
            shapes: shape::select(&self.shapes, &self.sizes)?,
            rounds,
            seconds: self.seconds,
            seed: self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
            calibrate: self.calibrate,
            more,
        };
        let bar = progress(session.blocks());
        let mut record = session.run(|block| {
            bar.set_message(format!("{} {}", block.shape, block.target));
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        record.command = Some(super::command_line());
        if let Some(path) = &self.json {
            save(path, &record)?;
        }
        Ok(record)
    }

    /// The reports that are asked for.
    pub(super) fn write(&self, record: &Record, threshold: Option<f64>) -> Result<()> {
        self.files.write(record, threshold)
    }
}

/// How far it is.
pub(super) fn progress(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_style(style)
}
