//! `diff`: two files of results.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use nats_conformance::report::{
    diff::{diff as compare, is_worse},
    read::{ReadError, read},
};

use super::{FINDINGS, HELD, Stop};

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A JSON report of before.
    #[arg(value_name = "OLD", value_hint = ValueHint::FilePath)]
    old: PathBuf,
    /// A JSON report of now.
    #[arg(value_name = "NEW", value_hint = ValueHint::FilePath)]
    new: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn diff(args: &DiffArgs) -> Result<u8, Stop> {
    let diffs = compare(&read(&args.old)?, &read(&args.new)?);
    if args.json {
        let text = serde_json::to_string_pretty(&diffs);
        println!("{}", text.map_err(|error| Stop::usage(error.to_string()))?);
    } else {
        let texts: Vec<String> = diffs.iter().map(|diff| diff.text()).collect();
        anstream::println!("{}", texts.join("\n\n"));
    }
    Ok(if is_worse(&diffs) { FINDINGS } else { HELD })
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Stop {
        Stop::usage(error.to_string())
    }
}
