//! `diff-run`: the same random bytes to two servers, until they answer differently.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, ValueHint};
use nats_conformance::{
    explore::{
        Limits, Told,
        differential::{Differing, Explained, compare},
    },
    target::Target,
    wire::shown,
};
use regex::bytes::Regex;
use serde::Deserialize;

use super::{
    FINDINGS, HELD, Stop,
    explore::spinner,
    run::{Seconds, runtime},
};

#[derive(Debug, Args)]
pub(super) struct DiffRunArgs {
    /// One server: `embedded`, nats://host:port, or a program.
    #[arg(long, value_name = "TARGET")]
    a: String,
    /// The other one.
    #[arg(long, value_name = "TARGET")]
    b: String,
    /// Stop after so many minutes.
    #[arg(long, value_name = "N", default_value = "1")]
    minutes: f64,
    /// Stop after so many streams.
    #[arg(long, value_name = "N")]
    streams: Option<u64>,
    /// Lines of a stream, at most.
    #[arg(long, value_name = "N", default_value = "12")]
    lines: usize,
    /// Feed all randomness from this number; it is printed first.
    #[arg(long)]
    seed: Option<u64>,
    /// How long a server may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
    /// A file of differences that are known, with reasons.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    known: Option<PathBuf>,
}

pub(super) fn run(args: &DiffRunArgs) -> Result<u8, Stop> {
    let limit = Duration::try_from_secs_f64(args.minutes * 60.0)
        .map_err(|_| Stop::usage("--minutes wants a number that is not negative"))?;
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let explained = args.known.as_deref().map_or(Ok(Vec::new()), known)?;
    let (a, b) = (target(&args.a)?, target(&args.b)?);
    let runtime = runtime()?;
    let (one, other) = (runtime.block_on(a.start(None))?, runtime.block_on(b.start(None))?);
    anstream::println!("{} beside {}, seed {seed}", a.name(), b.name());
    let started = Instant::now();
    let limits = Limits {
        seed,
        ops_max: args.lines.max(1),
        stories_max: args.streams.unwrap_or(u64::MAX),
        until: started.checked_add(limit),
        timeout: args.timeout.0,
    };
    let bar = spinner();
    let mut last = Told::default();
    let addrs = (one.addr(), other.addr());
    let told = compare(runtime.handle(), addrs, &explained, &limits, |told| {
        last = told;
        bar.set_message(format!("{} streams, {} lines", told.stories, told.ops));
        bar.tick();
    });
    bar.finish_and_clear();
    runtime.block_on(one.stop());
    runtime.block_on(other.stop());
    let seconds = started.elapsed().as_secs_f64();
    anstream::println!(
        "{} streams of {} lines, the same in {seconds:.1} s",
        last.stories,
        last.ops
    );
    match told {
        Ok(_) => Ok(HELD),
        Err(differing) => {
            show(&differing, &a.name(), &b.name());
            Ok(FINDINGS)
        }
    }
}

fn show(differing: &Differing, a: &str, b: &str) {
    anstream::println!("\nStream {} makes a difference:", differing.number);
    for line in &differing.lines {
        anstream::println!("  sent     {}", shown(line));
    }
    for (name, heard) in [(a, &differing.a), (b, &differing.b)] {
        match heard {
            Ok(heard) => anstream::println!("{name}:\n{heard}"),
            Err(error) => anstream::println!("{name}:\n  {error}"),
        }
    }
}

/// What `--known` reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    #[serde(default)]
    known: Vec<Known>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// A regular expression, found in the bytes that are sent.
    sent: String,
    reason: String,
}

fn known(path: &Path) -> Result<Vec<Explained>, Stop> {
    let wrong = |what: &dyn std::fmt::Display| Stop::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let file: KnownFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    let explained = |known: Known| {
        if known.reason.trim().is_empty() {
            return Err(wrong(&format!("{:?} has no reason", known.sent)));
        }
        let sent = Regex::new(&known.sent).map_err(|error| wrong(&error))?;
        Ok(Explained { sent, reason: known.reason })
    };
    file.known.into_iter().map(explained).collect()
}

fn target(text: &str) -> Result<Target, Stop> {
    match text {
        #[cfg(feature = "embedded")]
        "embedded" => Ok(Target::Embedded),
        url if url.contains("://") => {
            Target::running(url).map_err(|error| Stop::usage(error.to_string()))
        }
        path => Ok(Target::Program(path.into())),
    }
}
