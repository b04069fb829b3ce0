//! The command line.

mod article;
mod faults;
mod look;
mod run;
mod selftest;

use std::{
    io::{IsTerminal, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};
use nats_conformance::{
    corpus::{Corpus, CorpusError},
    target::TargetError,
};

/// All held.
const HELD: u8 = 0;
/// Something is not as it should be.
const FINDINGS: u8 = 1;
/// A command line or a scenario that can't be meant.
const USAGE: u8 = 2;
/// The target could not be started or reached.
const NO_TARGET: u8 = 3;

const AFTER_HELP: &str = "\
Examples:
  nats-conformance                                     everything, on the embedded broker
  nats-conformance run --server-bin ./nats-server      everything, on a program
  nats-conformance run --server nats://127.0.0.1:4222  what a running server can be asked
  nats-conformance run 'core/sub/*' CORE-PING-001 tag:article
  nats-conformance show core/wildcards/star
  nats-conformance article --server-bin ./nats-server
  nats-conformance faults --fault max-off-by-one --server nats://127.0.0.1:4222

Exit codes: 0 all held, 1 findings (fail, warn, error), 2 bad usage or scenario,
3 the target could not be started or reached.";

#[derive(Debug, Parser)]
#[command(version, about = "The conformance suite for NATS servers", after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Take the scenarios below this folder instead of the built-in ones.
    #[arg(long, global = true, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell scenarios to a server and say what held.
    Run(Box<run::RunArgs>),
    /// Replay the article's experiments and show who received what.
    Article(article::ArticleArgs),
    /// List bugs that a server might have, or put one before a healthy server.
    Faults(faults::FaultsArgs),
    /// Run the suite against one bug after the other: does it find them?
    Selftest(selftest::SelftestArgs),
    /// List scenarios.
    List(look::ListArgs),
    /// Show a scenario with the clauses it is about.
    Show(look::ShowArgs),
    /// Look for mistakes in scenarios.
    Check(Paths),
    /// Format scenarios.
    Fmt(look::FmtArgs),
}

#[derive(Debug, Args)]
struct Paths {
    /// Files or folders; without any, the scenarios of the run.
    paths: Vec<PathBuf>,
}

/// What ends the program before its work is done.
#[derive(Debug)]
struct Stop {
    code: u8,
    message: String,
}

impl Stop {
    fn usage(message: impl Into<String>) -> Stop {
        Stop { code: USAGE, message: message.into() }
    }
}

impl From<CorpusError> for Stop {
    fn from(error: CorpusError) -> Stop {
        Stop::usage(error.to_string())
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Stop {
        Stop { code: NO_TARGET, message: error.to_string() }
    }
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.color {
        Colour::Always => ColorChoice::Always.write_global(),
        Colour::Never => ColorChoice::Never.write_global(),
        Colour::Auto => {}
    }
    let command = cli.command.unwrap_or_else(|| Command::Run(Box::default()));
    let corpus = || match &cli.scenarios {
        Some(folder) => Corpus::load(folder),
        None => Corpus::built_in(),
    };
    let done = match command {
        Command::Run(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| run::run(&corpus, *args))
        }
        Command::Article(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| article::article(&corpus, args))
        }
        Command::Faults(args) => faults::faults(&args),
        Command::Selftest(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| selftest::selftest(&corpus, &args))
        }
        Command::List(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| look::list(&corpus, &args))
        }
        Command::Show(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| look::show(&corpus, &args))
        }
        Command::Check(args) => look::check(corpus, &args.paths),
        Command::Fmt(args) => look::fmt(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(stop) => {
            anstream::eprintln!("nats-conformance: {}", stop.message);
            ExitCode::from(stop.code)
        }
    }
}

/// Whether people are watching.
fn is_watched() -> bool {
    stdout().is_terminal() && stderr().is_terminal()
}
