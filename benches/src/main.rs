//! `broker-bench`: see [`broker_bench`].

use std::{process::ExitCode, time::Duration};

use broker_bench::{
    error::Result, load::Timing, measure, record::Metric, serve, shape, target::Target,
};
use clap::{Parser, Subcommand};

/// Measures NATS brokers.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures targets under shapes of load.
    Run(Run),
    /// Our broker, until the standard input ends.
    #[command(hide = true)]
    Serve,
    /// The limit that the system sets, until the standard input ends.
    #[command(hide = true)]
    Relay,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Whom to measure: embedded, relay, nats-server@VERSION, a program's path, nats://HOST:PORT.
    #[arg(long = "target", required = true)]
    targets: Vec<String>,
    /// What to measure; without it, everything.
    #[arg(long = "shape", num_args = 1..)]
    shapes: Vec<String>,
    /// Payload bytes, instead of the shape's own.
    #[arg(long = "size", num_args = 1..)]
    sizes: Vec<usize>,
    /// Blocks of each shape and target.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Seconds that each block is measured.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Run(options) => run(&options),
        Command::Serve => serve::serve(),
        Command::Relay => broker_bench::relay::relay(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("broker-bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Run) -> Result<()> {
    let targets: Vec<Target> =
        options.targets.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    let measured = Duration::from_secs_f64(options.seconds);
    let timing = Timing { warm_up: measured.mul_f64(0.3), measured };
    for shape in shape::select(&options.shapes, &options.sizes)? {
        for round in 0..options.rounds {
            for target in &targets {
                let block = measure::block(target, &shape, timing, round)?;
                let metric = |metric| block.metrics.get(&metric).copied().unwrap_or(f64::NAN);
                println!(
                    "{:16} {:20} {:>10.0} {}s/s  server {:>7.3} µs ({:.2} cores)  generator {:.2} cores  {:.1} MiB p50 {:.0} p99 {:.0} each {:.0} {}",
                    block.shape,
                    block.target,
                    metric(Metric::Rate),
                    shape.unit(),
                    metric(Metric::ServerCpu),
                    metric(Metric::ServerCores),
                    metric(Metric::GeneratorCores),
                    metric(Metric::PeakMemory) / 1048576.0,
                    metric(Metric::LatencyP50),
                    metric(Metric::LatencyP99),
                    metric(Metric::MemoryEach),
                    block.invalid.as_deref().unwrap_or(""),
                );
            }
        }
    }
    Ok(())
}
