//! `diff-run`: the same random stories and bytes to two servers, until they answer differently.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use clap::{Args, ValueHint};
use nats_conformance::{
    explore::{
        Found,
        differential::{Differing, Explained, Servers, Tale, compare, telling},
    },
    run::judged_as,
    scenario::Version,
    target::Target,
};
use regex::bytes::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    FINDINGS, HELD, Stop,
    chance::{Chance, ChanceArgs, start},
    run::runtime,
};

#[derive(Debug, Args)]
pub(super) struct DiffRunArgs {
    /// One server: `embedded`, nats://host:port, or a program.
    #[arg(long, value_name = "TARGET")]
    a: String,
    /// The other one.
    #[arg(long, value_name = "TARGET")]
    b: String,
    #[command(flatten)]
    chance: ChanceArgs,
    /// A file of differences that are known, with reasons.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    known: Option<PathBuf>,
}

pub(super) fn run(args: &DiffRunArgs) -> Result<u8, Stop> {
    let seed = args.chance.seed();
    let explained = args.known.as_deref().map_or(Ok(Vec::new()), known)?;
    let targets = [target(&args.a)?, target(&args.b)?];
    let names = [targets[0].name(), targets[1].name()];
    let runtime = runtime()?;
    let release = judged_as(None, &runtime.block_on(targets[0].facts())?);
    anstream::println!("{} beside {}, seed {seed}", names[0], names[1]);
    let jobs = args.chance.jobs(&[&targets[0], &targets[1]]);
    let one = runtime.block_on(start(&targets[0], jobs * 2))?;
    let other = runtime.block_on(start(&targets[1], jobs * 2))?;
    let pairs: Vec<_> = one.iter().zip(&other).map(|(a, b)| [a.addr(), b.addr()]).collect();
    let servers: Vec<_> =
        pairs.chunks(2).map(|pairs| Servers { stories: pairs[0], streams: pairs[1] }).collect();
    let chance = args.chance.begin(seed)?;
    let explored =
        compare(&servers, &release, &explained, &chance.limits, |told| chance.progress(told));
    for instance in one.into_iter().chain(other) {
        runtime.block_on(instance.stop());
    }
    let explored = explored.map_err(|error| Stop::usage(error.to_string()))?;
    let differences = usize::from(explored.found.is_some());
    chance.end(&names, &explored.told, differences, json!(used(&explained)))?;
    tell_of_known(&explained);
    let Some(found) = explored.found else { return Ok(HELD) };
    show(&chance, &found, &release, args)?;
    Ok(FINDINGS)
}

/// The difference, and the scenario that tells the two apart.
fn show(
    chance: &Chance<'_>,
    found: &Found<Tale, Differing>,
    release: &Version,
    args: &DiffRunArgs,
) -> Result<(), Stop> {
    let (number, names) = (found.number, [&args.a, &args.b]);
    let gone = if found.again { "" } else { ", once and not again" };
    anstream::println!("\nStory {number} makes a difference{gone}:\n{}", found.tale);
    for (at, name) in names.iter().enumerate() {
        anstream::println!("{name}:\n{}", found.why.said(at));
    }
    let title = |holds_on: Option<usize>| {
        let so = holds_on.map_or_else(
            || "neither server does so".to_owned(),
            |at| format!("so does {}, and not {}", names[at], names[1 - at]),
        );
        format!("Story {number} of seed {}: {so}", chance.limits.seed)
    };
    let Some(telling) = telling(&found.tale, &found.why, release, title) else {
        return Ok(());
    };
    let mut again = format!("nats-conformance diff-run --a {} --b {}", args.a, args.b);
    if let Some(path) = &args.known {
        again.push_str(&format!(" --known {}", path.display()));
    }
    chance.keep(number, &telling.text, &again)
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
        Ok(Explained { sent, reason: known.reason, used: AtomicU64::new(0) })
    };
    file.known.into_iter().map(explained).collect()
}

/// How often each known difference was met, for programs.
fn used(explained: &[Explained]) -> Vec<Value> {
    let one = |known: &Explained| {
        let used = known.used.load(Ordering::Relaxed);
        json!({ "sent": known.sent.as_str(), "reason": known.reason, "used": used })
    };
    explained.iter().map(one).collect()
}

/// The same for people. What was never met may be no difference any more.
fn tell_of_known(explained: &[Explained]) {
    for known in explained {
        match known.used.load(Ordering::Relaxed) {
            0 => anstream::println!("  unused: {} explains no difference of this run", known.sent),
            used => anstream::println!("  known, {used} times: {}", known.reason),
        }
    }
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
