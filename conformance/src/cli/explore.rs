//! `explore`: random stories against the model, until one does not hold or the time is up.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use nats_conformance::explore::{Broken, Limits, Told, explore, print};

use super::{
    FINDINGS, HELD, Stop, is_watched,
    run::{Seconds, runtime},
    targets::{TargetArgs, prepare_single},
};

#[derive(Debug, Args)]
pub(super) struct ExploreArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Stop after so many minutes.
    #[arg(long, value_name = "N", default_value = "1")]
    minutes: f64,
    /// Stop after so many stories.
    #[arg(long, value_name = "N")]
    stories: Option<u64>,
    /// Operations of a story, at most.
    #[arg(long, value_name = "N", default_value = "200")]
    ops: usize,
    /// Feed all randomness from this number; it is printed first.
    #[arg(long)]
    seed: Option<u64>,
    /// How long a server may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
    /// Write a story that does not hold into this folder, as a scenario.
    #[arg(long, value_name = "DIR", default_value = "explored", value_hint = ValueHint::DirPath)]
    keep: PathBuf,
}

pub(super) fn run(args: &ExploreArgs) -> Result<u8, Stop> {
    let limit = Duration::try_from_secs_f64(args.minutes * 60.0)
        .map_err(|_| Stop::usage("--minutes wants a number that is not negative"))?;
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let runtime = runtime()?;
    let prepared = runtime.block_on(prepare_single(&args.target, seed))?;
    let (server, release) = (prepared.server(), prepared.plan.settings.version.clone());
    anstream::println!("exploring {server}, seed {seed}");
    let started = Instant::now();
    let limits = Limits {
        seed,
        ops_max: args.ops.max(1),
        stories_max: args.stories.unwrap_or(u64::MAX),
        until: started.checked_add(limit),
        timeout: args.timeout.0,
    };
    let instance = runtime.block_on(prepared.plan.target.start(None))?;
    let bar = spinner();
    let mut last = Told::default();
    let told = explore(runtime.handle(), instance.addr(), &release, &limits, |told| {
        last = told;
        bar.set_message(format!("{} stories, {} operations", told.stories, told.ops));
        bar.tick();
    });
    bar.finish_and_clear();
    runtime.block_on(instance.stop());
    let seconds = started.elapsed().as_secs_f64();
    anstream::println!(
        "{} stories of {} operations held in {seconds:.1} s",
        last.stories,
        last.ops
    );
    match told {
        Ok(_) => Ok(HELD),
        Err(broken) => {
            let title = format!("Story {} of seed {seed}, as short as it could be", broken.number);
            found(args, &broken, &print(&broken.story, &release, &title), seed)?;
            Ok(FINDINGS)
        }
    }
}

pub(super) fn spinner() -> ProgressBar {
    let bar = match is_watched() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn found(args: &ExploreArgs, broken: &Broken, scenario: &str, seed: u64) -> Result<(), Stop> {
    let path = args.keep.join(format!("seed-{seed}-story-{}.nats", broken.number));
    let failed = |error| Stop::usage(format!("can't write {}: {error}", path.display()));
    fs::create_dir_all(&args.keep).map_err(failed)?;
    fs::write(&path, scenario).map_err(failed)?;
    anstream::println!("\nStory {} does not hold: {}\n\n{scenario}", broken.number, broken.why);
    anstream::println!("   = kept as {}", path.display());
    anstream::println!(
        "   = again: nats-conformance run found --scenarios {}",
        args.keep.display()
    );
    Ok(())
}
