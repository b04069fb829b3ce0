//! `compare`: a record beside an earlier one.

use std::{path::PathBuf, process::ExitCode};

use broker_bench::{
    compare::changes,
    error::{Error, Result},
    report::{comparison, read, write},
};
use clap::Args;

use super::Threshold;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The earlier record; where there is none, there is nothing to compare with, and no failure.
    base: PathBuf,
    /// The later record, of the same machine, shapes and targets.
    new: PathBuf,
    /// What is no difference: 5% or 0.05.
    #[arg(long, default_value = "5%")]
    threshold: Threshold,
    /// Compares records of different machines or loads as well; then nothing fails.
    #[arg(long)]
    force: bool,
    /// Where a report for a pull request's comment goes.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Compare {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let new = read(&self.new)?;
        if !self.base.exists() {
            let base = self.base.display();
            eprintln!(
                "broker-bench: no comparison: {base} is not there; keep a record as the base"
            );
            return Ok(ExitCode::SUCCESS);
        }
        let Threshold(threshold) = self.threshold;
        let changes = changes(&read(&self.base)?, &new, threshold);
        if !changes.mismatches.is_empty() && !self.force {
            return Err(Error::Usage(format!(
                "these records can't be compared:\n  {}\n  measure both on one machine with the \
                 same shapes, or use --force for a comparison that is only advice",
                changes.mismatches.join("\n  ")
            )));
        }
        if changes.metrics.is_empty() && changes.broken.is_empty() {
            let why = "these records have no target with a score under the same shape; name \
                       targets alike in both, with NAME=TARGET";
            return Err(Error::Usage(why.into()));
        }
        println!("{}", comparison::terminal(&changes));
        if let Some(path) = &self.markdown {
            write(path, &comparison::markdown(&changes))?;
        }
        Ok(ExitCode::from(u8::from(changes.fail())))
    }
}
