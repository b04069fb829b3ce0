//! `changes`: what changed on the wire between releases, from recorded runs.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use nats_conformance::{
    corpus::Corpus,
    report::{changes::changes, read::read},
};

use super::{HELD, Stop};

const AFTER_HELP: &str = "\
Judge every release as the newest one, and compare the runs:
  for v in 2.9.10 2.15.1; do
    nats-conformance run --server-bin $v/nats-server --as 2.15.1 --json $v.json
  done
  nats-conformance changes *.json > wire-changes.md";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ChangesArgs {
    /// JSON reports of runs on different releases, all judged as the newest of them.
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    runs: Vec<PathBuf>,
}

pub(super) fn changes_of(corpus: &Corpus, args: &ChangesArgs) -> Result<u8, Stop> {
    let mut runs = Vec::new();
    for path in &args.runs {
        runs.extend(read(path)?);
    }
    let text = changes(&runs, &corpus.register).map_err(|error| Stop::usage(error.to_string()))?;
    print!("{text}");
    Ok(HELD)
}
