//! The command line.

mod article;
mod bless;
mod chance;
mod changes;
mod coverage;
mod diff;
mod diff_run;
mod explore;
mod faults;
mod look;
mod report;
mod run;
mod selftest;
mod targets;

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
  nats-conformance run --server-bin ./old --server-bin ./new --json run.json
  nats-conformance diff before.json run.json           which verdicts are other ones
  nats-conformance bless --server-bin ./mine --target mine.toml
  nats-conformance run 'core/sub/*' CORE-PING-001 tag:article
  nats-conformance show core/wildcards/star
  nats-conformance article --server-bin ./nats-server
  nats-conformance faults --fault max-off-by-one --server nats://127.0.0.1:4222
  nats-conformance explore --minutes 10 --server-bin ./nats-server
  nats-conformance diff-run --a ./nats-server --b ./mine    the same stories to both

Exit codes: 0 all held, 1 findings (fail, warn, error), 2 bad usage or scenario,
3 the target could not be started or reached; of several targets the worst.";

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
    /// Bring a target file up to date, so that a run with it holds.
    Bless(Box<bless::BlessArgs>),
    /// Say which cases came to another verdict from one JSON report to the next.
    Diff(diff::DiffArgs),
    /// Tell from runs on several releases what changed on the wire, as Markdown.
    Changes(changes::ChangesArgs),
    /// Show recorded runs again, side by side; without an option, as Markdown.
    Report(report::ReportArgs),
    /// Replay the article's experiments and show who received what.
    Article(article::ArticleArgs),
    /// Tell random stories and compare with a model.
    Explore(explore::ExploreArgs),
    /// Tell the same random stories, malformed ones too, to two servers and compare.
    DiffRun(diff_run::DiffRunArgs),
    /// List bugs that a server might have, or put one before a healthy server.
    Faults(faults::FaultsArgs),
    /// Run the suite against one bug after the other: does it find them?
    Selftest(selftest::SelftestArgs),
    /// List scenarios.
    List(look::ListArgs),
    /// Write scenarios as plain data, for programs in any language.
    Export(look::ExportArgs),
    /// Show a scenario with the clauses it is about, or a clause with its scenarios.
    Show(look::ShowArgs),
    /// Say which clauses the scenarios show; exit code 1 if a MUST or SHOULD is forgotten.
    Coverage(coverage::CoverageArgs),
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
        Command::Bless(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| bless::bless(&corpus, *args))
        }
        Command::Diff(args) => diff::diff(&args),
        Command::Changes(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| changes::changes_of(&corpus, &args))
        }
        Command::Report(args) => report::report(&args),
        Command::Article(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| article::article(&corpus, args))
        }
        Command::Explore(args) => explore::run(&args),
        Command::DiffRun(args) => diff_run::run(&args),
        Command::Faults(args) => faults::faults(&args),
        Command::Selftest(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| selftest::selftest(&corpus, &args))
        }
        Command::List(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| look::list(&corpus, &args))
        }
        Command::Export(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| look::export(&corpus, &args))
        }
        Command::Show(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| look::show(&corpus, &args))
        }
        Command::Coverage(args) => {
            corpus().map_err(Stop::from).and_then(|corpus| coverage::coverage(&corpus, &args))
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
