//! `goals`: which goals a broker has reached in a record.

use std::{path::PathBuf, process::ExitCode};

use broker_bench::{
    error::Result,
    goals::{Standard, goals},
    report,
};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Goals {
    /// A record that was written by --json.
    record: PathBuf,
    /// Whose goals they are: a target of the record.
    #[arg(long, value_name = "NAME")]
    broker: String,
    /// Other targets; the best of them counts under each shape.
    #[arg(long, required = true, num_args = 1.., value_name = "NAME")]
    against: Vec<String>,
    /// The target that shows what the system allows.
    #[arg(long, value_name = "NAME")]
    limit: Option<String>,
    /// Where a table in Markdown goes.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Goals {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Goals { record, broker, against, limit, markdown } = self;
        let record = report::read(&record)?;
        let goals = goals(&record, &Standard { broker, against, limit })?;
        println!("{}", report::goals(&goals));
        if let Some(path) = markdown {
            report::write(&path, &report::goals_markdown(&goals))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
