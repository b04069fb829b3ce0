//! `broker-bench`: see [`broker_bench`].

use std::{ffi::OsString, fs, path::PathBuf, process::ExitCode, str::FromStr};

use broker_bench::{
    error::{Error, Result},
    record::Record,
    relay, serve,
    session::{Session, targets},
    shape,
    statistics::{Comparison, Verdict, compare},
    table,
};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

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
    Run(Run),
    /// Judges whether one target is worse than another: exit code 1 if it is.
    Ab(Ab),
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

#[derive(Debug, Args)]
struct Run {
    /// Whom to measure: embedded, relay, nats-server@VERSION, a program's path, nats://HOST:PORT;
    /// NAME=TARGET names it. The first is the base.
    #[arg(long = "target", required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Blocks of each shape and target; intervals need five or more.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Ab {
    /// The base.
    #[arg(long = "a", value_name = "TARGET")]
    base: String,
    /// Who is judged.
    #[arg(long = "b", required = true, value_name = "TARGET")]
    others: Vec<String>,
    /// What is no difference: 5% or 0.05.
    #[arg(long, default_value = "5%")]
    threshold: Threshold,
    /// Blocks of each shape and target, five or more.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// What to measure; without it, everything.
    #[arg(long = "shape", num_args = 1.., value_name = "NAME")]
    shapes: Vec<String>,
    /// Payload bytes, instead of the shape's own.
    #[arg(long = "size", num_args = 1.., value_name = "BYTES")]
    sizes: Vec<usize>,
    /// Seconds that each block is measured; three tenths more come before.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Where the record goes.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Decides the order of blocks; by chance without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Measures the base twice, to see how far it strays from itself.
    #[arg(long)]
    calibrate: bool,
    /// The process of a target nats://HOST:PORT, if it is on this machine.
    #[arg(long)]
    pid: Option<u32>,
}

/// A share, more than 0.
#[derive(Debug, Clone, Copy)]
struct Threshold(f64);

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Threshold, String> {
        let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 0.01));
        match number.trim().parse::<f64>() {
            Ok(value) if value > 0.0 && value * scale < 1.0 => Ok(Threshold(value * scale)),
            _ => Err("a threshold is more than 0 and less than 100%, such as 5% or 0.05".into()),
        }
    }
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Run(options) => run(&options),
        Command::Ab(options) => ab(&options),
        Command::Shapes => {
            println!("{}", table::shapes());
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

fn run(options: &Run) -> Result<ExitCode> {
    let record = measure(&options.targets, options.rounds, &options.common)?;
    println!("{}", table::run(&record));
    Ok(ExitCode::SUCCESS)
}

fn ab(options: &Ab) -> Result<ExitCode> {
    let mut names = vec![options.base.clone()];
    names.extend_from_slice(&options.others);
    let Threshold(threshold) = options.threshold;
    let record = measure(&names, options.rounds, &options.common)?;
    println!("{}", table::ab(&record, threshold));
    let judged: Vec<Comparison> =
        compare(&record).into_iter().filter(|comparison| comparison.primary).collect();
    if let Some((comparison, floor)) = drowned(&record, &judged, threshold) {
        return Err(Error::Usage(format!(
            "a threshold of {:.1} % is too fine: on this machine {} {} strays {:.1} % from itself \
             with {} rounds\n  take a greater --threshold, more --rounds, longer --seconds, or a \
             quieter machine",
            threshold * 100.0,
            comparison.shape,
            comparison.metric.name(),
            floor * 100.0,
            options.rounds,
        )));
    }
    let regressed =
        judged.iter().any(|comparison| comparison.verdict(threshold) == Some(Verdict::Regressed));
    Ok(ExitCode::from(u8::from(regressed || broken(&record))))
}

/// A comparison whose noise is greater than the threshold.
fn drowned<'a>(
    record: &Record,
    judged: &'a [Comparison],
    threshold: f64,
) -> Option<(&'a Comparison, f64)> {
    let mut noisy: Vec<(&Comparison, f64)> = judged
        .iter()
        .filter_map(|comparison| Some((comparison, table::floor(record, comparison)?)))
        .filter(|(_, floor)| *floor > threshold)
        .collect();
    noisy.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    noisy.first().copied()
}

/// Whoever is judged did wrong where the base did not.
fn broken(record: &Record) -> bool {
    let base = record.targets.first().map(|target| target.name.as_str());
    let wrong = |shape: &str, of_base: bool| {
        record.blocks.iter().any(|block| {
            block.shape == shape
                && block.invalid.is_some()
                && (Some(block.target.as_str()) == base) == of_base
        })
    };
    record.shapes.iter().any(|shape| wrong(&shape.id, false) && !wrong(&shape.id, true))
}

fn measure(names: &[String], rounds: usize, common: &Common) -> Result<Record> {
    raise_open_files();
    let mut targets = targets(names)?;
    if let Some(pid) = common.pid {
        match &mut targets[..] {
            [one] => one.watch(pid)?,
            _ => return Err(Error::Usage("--pid is for one target alone".into())),
        }
    }
    let session = Session {
        targets,
        shapes: shape::select(&common.shapes, &common.sizes)?,
        rounds,
        seconds: common.seconds,
        seed: common.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        calibrate: common.calibrate,
    };
    let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(session.blocks() as u64).with_style(style);
    let record = session.run(|block| {
        bar.set_message(format!("{} {}", block.shape, block.target));
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    if let Some(path) = &common.json {
        write(path, &record)?;
    }
    Ok(record)
}

fn write(path: &PathBuf, record: &Record) -> Result<()> {
    let failed = |why: String| Error::File { path: path.clone(), why };
    let text = serde_json::to_string_pretty(record).map_err(|error| failed(error.to_string()))?;
    fs::write(path, text + "\n").map_err(|error| failed(format!("can't be written: {error}")))
}

/// Many connections need many files; servers inherit the limit.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If that is not allowed, connecting will say what is missing.
    let _ = setrlimit(Resource::Nofile, limit);
}
