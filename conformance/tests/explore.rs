//! Random stories against the model: our broker does nothing that the model forbids, a difference
//! is found and made short, and what is printed of it is a scenario.
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{sync::Arc, time::Duration};

use nats_conformance::{
    corpus::Corpus,
    explore::{Act, Limits, Story, differential::compare, explore, print, stories},
    lint::lint,
    scenario::{Version, cases, parse},
    stage::Stage,
    story::{Cut, Settings, tell},
    target::Target,
};
use nats_reference_server::{Profile, Server};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::Map;
use tokio::runtime::Runtime;

fn limits(seed: u64, stories_max: u64) -> Limits {
    let timeout = Duration::from_secs(10);
    Limits { seed, ops_max: 60, stories_max, until: None, timeout }
}

fn newest() -> Version {
    Version::parse(Profile::default().version()).unwrap()
}

#[test]
fn the_broker_does_what_the_model_allows() {
    let seed = u64::from(rand::random::<u32>());
    let server = Server::builder().start_blocking().unwrap();
    let runtime = Runtime::new().unwrap();
    let told = explore(runtime.handle(), server.addr(), &newest(), &limits(seed, 200), |_| {});
    if let Err(broken) = told {
        let text = print(&broken.story, &newest(), "Found by chance");
        panic!("seed {seed}, story {}: {}\n\n{text}", broken.number, broken.why);
    }
}

/// The model of a newer release sees the older one's lonely requests answered otherwise, in a story
/// that has nothing in it but that.
#[test]
fn a_difference_is_found_and_made_short() {
    let server = Server::builder()
        .config(nats_reference_server::Config { profile: Profile::V2_11, ..Default::default() })
        .start_blocking()
        .unwrap();
    let runtime = Runtime::new().unwrap();
    let told = explore(runtime.handle(), server.addr(), &newest(), &limits(7, 2_000), |_| {});
    let broken = told.unwrap_err();
    assert!(broken.why.expected[0].contains("Nats-Subject"), "{}", broken.why);
    let ops: Vec<&str> = broken.story.ops.iter().map(|op| kind(&op.act)).collect();
    assert_eq!(ops, ["SUB", "PUB"], "{:?}", broken.story);
}

fn kind(act: &Act) -> &'static str {
    match act {
        Act::Subscribe { .. } => "SUB",
        Act::Publish { .. } => "PUB",
        _ => "something else",
    }
}

/// The same bytes make no difference between two servers of a kind. Between two that take payloads
/// of other sizes, the stream that is left is a payload of such a size.
#[test]
fn two_servers_are_told_apart_by_a_short_stream() {
    let start = |max_payload_bytes| {
        Server::builder().max_payload_bytes(max_payload_bytes).start_blocking().unwrap()
    };
    let (narrow, wide, other) = (start(4), start(1 << 20), start(1 << 20));
    let runtime = Runtime::new().unwrap();
    let limits = Limits { ops_max: 12, ..limits(1, 300) };
    let same = compare(runtime.handle(), (wide.addr(), other.addr()), &[], &limits, |_| {});
    assert_eq!(same.unwrap().stories, 300);
    let found = compare(runtime.handle(), (narrow.addr(), wide.addr()), &[], &limits, |_| {});
    let lines = found.unwrap_err().lines;
    assert!(lines.len() == 1 && lines[0].starts_with(b"PUB "), "{lines:?}");
}

/// What is printed can be read, has no mistake, and holds where the story does.
#[test]
fn a_printed_story_is_a_scenario_that_holds() {
    let corpus = Corpus::built_in().unwrap();
    let runtime = Runtime::new().unwrap();
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(10),
        cut: Cut::None,
        version: newest(),
        credentials: Map::new(),
    };
    let mut runner = TestRunner::deterministic();
    let strategy = stories(30);
    for _ in 0..100 {
        let story = strategy.new_tree(&mut runner).unwrap().current();
        if depends_on_chance(&story) {
            continue;
        }
        let text = print(&story, &newest(), "Found by chance");
        let scenario = parse("found", &text).unwrap_or_else(|p| panic!("{p:?}\n{text}"));
        let problems = lint(&scenario, &corpus);
        assert!(problems.is_empty(), "{problems:?}\n{text}");
        let case = cases(&Arc::new(scenario)).remove(0);
        let told = runtime.block_on(async {
            let target = Target::Embedded;
            let mut stage = Stage::start(&target, &case.scenario, settings.seed).await.unwrap();
            tell(&case, &mut stage, &settings).await
        });
        assert_eq!(told.failure, None, "{text}");
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
