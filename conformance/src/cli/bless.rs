//! `bless`: brings a target file up to date, so that a run with it holds.

use std::{fs, path::Path, sync::Arc};

use clap::Args;
use nats_conformance::{
    corpus::Corpus,
    run::{Verdict, select},
    target::{
        bless::{Change, bless as update},
        file::TargetFile,
    },
};

use super::{
    FINDINGS, HELD, Stop,
    run::{SuiteArgs, collect, runtime},
    targets::{TargetArgs, prepare_single},
};

#[derive(Debug, Args)]
pub(super) struct BlessArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn bless(corpus: &Corpus, mut args: BlessArgs) -> Result<u8, Stop> {
    let Some(path) = args.target.file.take() else {
        return Err(Stop::usage("say with --target which file to write"));
    };
    let text = match path.exists() {
        true => fs::read_to_string(&path).map_err(|error| failed(&path, &error))?,
        false => "# How the target deviates, with reasons.\n".to_owned(),
    };
    let file = TargetFile::parse(&path.display().to_string(), &text)?;
    args.target.file = path.exists().then(|| path.clone());
    let chosen = args.suite.select(corpus)?;
    let seed = args.suite.seed();
    let runtime = runtime()?;
    let mut prepared = runtime.block_on(prepare_single(&args.target, seed))?;
    args.suite.settle(&mut prepared.plan);
    anstream::println!("{} cases on {}, seed {seed}", chosen.len(), prepared.server());
    let release = prepared.release();
    let outcomes = runtime.block_on(collect(Arc::new(prepared.plan), chosen, |_| None))?;
    let (all, _) = select(&corpus.scenarios, &[]);
    let blessed =
        update(&text, &file, &release, &outcomes, &all).map_err(|error| failed(&path, &error))?;
    if !blessed.changes.is_empty() {
        fs::write(&path, &blessed.text).map_err(|error| failed(&path, &error))?;
    }
    blessed.changes.iter().for_each(show);
    match blessed.changes.len() {
        0 => anstream::println!("{}: nothing to change", path.display()),
        count => anstream::println!("{}: {count} changes", path.display()),
    }
    let errors = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Error).count();
    if errors > 0 {
        anstream::println!(
            "{errors} cases could not be judged and are left as they were; see `run`"
        );
    }
    Ok(if errors > 0 { FINDINGS } else { HELD })
}

fn show(change: &Change) {
    match change {
        Change::Added(id) => anstream::println!("added     {id}: say why it deviates"),
        Change::Removed(id) => anstream::println!("removed   {id}"),
        Change::Narrowed(id, to) => anstream::println!("narrowed  {id} to {}", to.join(", ")),
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Stop {
    Stop::usage(format!("{}: {error}", path.display()))
}
