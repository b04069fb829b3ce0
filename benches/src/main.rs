//! `broker-bench`: see [`broker_bench`].

mod cli;

use std::{ffi::OsString, process::ExitCode};

use broker_bench::{relay, report::terminal, serve};
use clap::{Parser, Subcommand};

/// Puts the same load on NATS brokers in turn, checks each delivery, and says how they compare.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures targets under shapes of load; the first target is the base.
    Run(cli::Run),
    /// Judges whether one target is worse than another: exit code 1 if it is.
    Ab(cli::Ab),
    /// Measures what a delivery costs as subscriptions, connections or subscribers grow.
    Curves(cli::Curves),
    /// Judges a record by an earlier one of the same machine: exit code 1 if it is worse.
    Compare(cli::Compare),
    /// Says which goals a broker has reached, beside others and below a limit.
    Goals(cli::Goals),
    /// Makes reports of a record that was written by --json.
    Report(cli::Report),
    /// Lists the shapes of load.
    Shapes,
    /// Our broker, until the standard input ends.
    #[command(hide = true)]
    Serve,
    /// Another program, until the standard input ends.
    #[command(hide = true)]
    Guard {
        /// The program and its arguments.
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// The limit that the system sets, until the standard input ends.
    #[command(hide = true)]
    Relay,
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Run(options) => options.run(),
        Command::Ab(options) => options.run(),
        Command::Curves(options) => options.run(),
        Command::Compare(options) => options.run(),
        Command::Goals(options) => options.run(),
        Command::Report(options) => options.run(),
        Command::Shapes => {
            println!("{}", terminal::shapes());
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve => serve::serve().map(|()| ExitCode::SUCCESS),
        Command::Guard { command } => serve::guard(&command),
        Command::Relay => relay::relay().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("broker-bench: {error}");
        ExitCode::from(2)
    })
}
