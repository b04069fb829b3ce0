//! `curves`: what a delivery costs as something else grows.

use std::{path::PathBuf, process::ExitCode};

use broker_bench::{
    curves::Plan,
    error::Result,
    record::Curve,
    report::{Files, save, terminal},
    session::targets,
};
use clap::Args;

use super::run::progress;

#[derive(Debug, Args)]
pub(crate) struct Curves {
    /// Whom to measure, as for `run`.
    #[arg(long = "target", required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// What grows; without it, each in turn.
    #[arg(long = "curve", num_args = 1.., value_enum)]
    curves: Vec<Curve>,
    /// Up to how many; without it, a million subscriptions, and ten thousand of the others.
    #[arg(long, value_name = "COUNT")]
    most: Option<u64>,
    /// Measurements of each point; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that each is measured; three tenths more come before.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Where the record goes.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Decides the order of targets; by chance without it.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    files: Files,
}

impl Curves {
    pub(crate) fn run(self) -> Result<ExitCode> {
        super::raise_open_files();
        let plan = Plan {
            targets: targets(&self.targets)?,
            curves: if self.curves.is_empty() { Curve::ALL.to_vec() } else { self.curves },
            most: self.most,
            rounds: self.rounds,
            seconds: self.seconds,
            seed: self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        };
        let bar = progress(plan.points());
        let mut record = plan.run(|point| {
            bar.set_message(format!("{} {} {}", point.curve.name(), point.size, point.target));
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        record.command = Some(super::command_line());
        if let Some(path) = &self.json {
            save(path, &record)?;
        }
        println!("{}", terminal::curves(&record));
        self.files.write(&record, None)?;
        Ok(ExitCode::SUCCESS)
    }
}
