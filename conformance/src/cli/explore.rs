//! `explore`: random stories against the model, until one does not hold or the time is up.

use clap::Args;
use nats_conformance::explore::{explore, print};
use serde_json::json;

use super::{
    FINDINGS, HELD, Stop,
    chance::{ChanceArgs, start},
    run::runtime,
    targets::{TargetArgs, prepare_single},
};

#[derive(Debug, Args)]
pub(super) struct ExploreArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    chance: ChanceArgs,
}

pub(super) fn run(args: &ExploreArgs) -> Result<u8, Stop> {
    let seed = args.chance.seed();
    let runtime = runtime()?;
    let prepared = runtime.block_on(prepare_single(&args.target, seed))?;
    let (server, release) = (prepared.server(), prepared.plan.settings.version.clone());
    let target = &prepared.plan.target;
    anstream::println!("exploring {server}, seed {seed}");
    let instances = runtime.block_on(start(target, args.chance.jobs(&[target])))?;
    let addrs: Vec<_> = instances.iter().map(|instance| instance.addr()).collect();
    let chance = args.chance.begin(seed)?;
    let explored = explore(&addrs, &release, &chance.limits, |told| chance.progress(told));
    for instance in instances {
        runtime.block_on(instance.stop());
    }
    let explored = explored.map_err(|error| Stop::usage(error.to_string()))?;
    let differences = usize::from(explored.found.is_some());
    chance.end(&[server], &explored.told, differences, json!([]))?;
    let Some(found) = explored.found else { return Ok(HELD) };
    let number = found.number;
    let gone = if found.again { "" } else { ", once and not again" };
    anstream::println!("\nStory {number} does not hold{gone}: {}", found.why);
    let title = format!("Story {number} of seed {seed}, as short as it could be");
    let again = format!("nats-conformance explore{}", prepared.again);
    chance.keep(number, &print(&found.tale, &release, &title), &again)?;
    Ok(FINDINGS)
}
