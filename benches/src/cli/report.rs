//! `report`: reports of a record, later.

use std::{path::PathBuf, process::ExitCode};

use broker_bench::{
    error::Result,
    report::{Files, read, terminal},
};
use clap::Args;

use super::Threshold;

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A record that was written by --json.
    record: PathBuf,
    /// With verdicts: what is no difference, 5% or 0.05.
    #[arg(long)]
    threshold: Option<Threshold>,
    #[command(flatten)]
    files: Files,
}

impl Report {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let record = read(&self.record)?;
        let threshold = self.threshold.map(|Threshold(threshold)| threshold);
        if self.files.is_none() {
            let text = match threshold {
                Some(threshold) => terminal::ab(&record, threshold),
                None if record.shapes.is_empty() => terminal::curves(&record),
                None => terminal::run(&record),
            };
            println!("{text}");
        }
        self.files.write(&record, threshold)?;
        Ok(ExitCode::SUCCESS)
    }
}
