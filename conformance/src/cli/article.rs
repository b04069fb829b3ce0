//! `article`: the experiments of the article that this project began with, as tables.

use clap::Args;
use nats_conformance::corpus::Corpus;

use super::{Stop, run::TargetArgs};

#[derive(Debug, Args)]
pub(super) struct ArticleArgs {
    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn article(_corpus: &Corpus, _args: ArticleArgs) -> Result<u8, Stop> {
    Err(Stop::usage("not yet"))
}
