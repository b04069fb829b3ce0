//! Random stories against the model: our broker does nothing that the model forbids, a difference
//! is found and made short, and what is printed of it is a scenario.
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

#[path = "support/scenario.rs"]
mod scenario;

use std::time::Duration;

use nats_conformance::{
    explore::{Act, Limits, Story, explore, print, stories},
    target::Target,
};
use nats_reference_server::{Config, Profile, Server};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use scenario::{newest, told};

fn limits(seed: u64, stories_max: u64) -> Limits {
    let timeout = Duration::from_secs(20);
    Limits { seed, first: 1, ops_max: 60, stories_max, until: None, timeout }
}

#[test]
fn the_broker_does_what_the_model_allows() {
    let seed = u64::from(rand::random::<u32>());
    let servers = [(); 2].map(|()| Server::builder().start_blocking().unwrap());
    let addrs = servers.each_ref().map(Server::addr);
    let explored = explore(&addrs, &newest(), &limits(seed, 200), |_| {}).unwrap();
    if let Some(found) = explored.found {
        let text = print(&found.tale, &newest(), "Found by chance");
        panic!("seed {seed}, story {}: {}\n\n{text}", found.number, found.why);
    }
    let told = explored.told;
    assert_eq!(told.stories, 200);
    assert_eq!(told.ops, told.kinds.values().sum::<u64>());
    assert_eq!(told.kinds.len(), 9, "{:?}", told.kinds);
}

/// The model of a newer release sees the older one's lonely requests answered otherwise, in a story
/// that has nothing in it but that. The same one is found, however many are told at a time, and
/// when it is told alone.
#[test]
fn a_difference_is_found_and_made_short() {
    let config = Config { profile: Profile::V2_11, ..Config::default() };
    let servers =
        [(); 3].map(|()| Server::builder().config(config.clone()).start_blocking().unwrap());
    let addrs = servers.each_ref().map(Server::addr);
    let find = |servers: usize, limits: &Limits| {
        explore(&addrs[..servers], &newest(), limits, |_| {}).unwrap().found.unwrap()
    };
    let found = find(1, &limits(7, 2_000));
    assert!(found.again && found.why.expected[0].contains("Nats-Subject"), "{}", found.why);
    let ops: Vec<&str> = found.tale.ops.iter().map(|op| op.act.kind()).collect();
    assert!(matches!(ops[..], ["SUB", "PUB" | "HPUB"]), "{:?}", found.tale);
    let several = find(3, &limits(7, 2_000));
    assert_eq!((several.number, &several.tale), (found.number, &found.tale));
    let alone = find(2, &Limits { first: found.number, ..limits(7, 1) });
    assert_eq!((alone.number, &alone.tale), (found.number, &found.tale));
}

/// What is printed can be read, has no mistake, and holds where the story does.
#[test]
fn a_printed_story_is_a_scenario_that_holds() {
    let mut runner = TestRunner::deterministic();
    let strategy = stories(30);
    for _ in 0..100 {
        let story = strategy.new_tree(&mut runner).unwrap().current();
        if !depends_on_chance(&story) {
            let text = print(&story, &newest(), "Found by chance");
            assert_eq!(told(&text, &Target::Embedded), None, "{text}");
        }
    }
}

/// Which member of a group is chosen changes what a maximum leaves; and a scenario can't wait until
/// the server has forgotten a connection.
fn depends_on_chance(story: &Story) -> bool {
    let any = |is: fn(&Act) -> bool| story.ops.iter().any(|op| is(&op.act));
    let groups = any(|act| matches!(act, Act::Subscribe { queue: Some(_), .. }));
    let maxima = any(|act| matches!(act, Act::Unsubscribe { max: Some(1..), .. }));
    groups && maxima || any(|act| matches!(act, Act::Reconnect))
}
