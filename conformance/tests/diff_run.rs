//! The same to two servers: a difference is found, made short, and printed as a scenario that tells
//! them apart; what is known is passed over; and cuts make none.
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

#[path = "support/scenario.rs"]
mod scenario;
mod support;

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use nats_conformance::{
    explore::{
        Found, Limits, Op,
        differential::{Differing, Explained, Servers, Tale, compare, telling},
        stories,
        stream::{Deaf, Ear, Heard},
        streams,
    },
    target::Target,
};
use nats_reference_server::{Builder, Profile, Server};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use regex::bytes::Regex;
use scenario::{newest, told};
use serde_json::Value;
use support::{conformance, text};
use tempfile::TempDir;

fn limits(first: u64, stories_max: u64) -> Limits {
    let timeout = Duration::from_secs(20);
    Limits { seed: 1, first, ops_max: 40, stories_max, until: None, timeout }
}

/// Two servers, and doubles of them for the streams.
struct Both {
    stories: [Server; 2],
    streams: [Server; 2],
}

impl Both {
    fn start(a: impl Fn(Builder) -> Builder, b: impl Fn(Builder) -> Builder) -> Both {
        let start = |builder: Builder| builder.start_blocking().unwrap();
        let pair = || [start(a(Server::builder())), start(b(Server::builder()))];
        Both { stories: pair(), streams: pair() }
    }

    fn servers(&self) -> Servers {
        let addrs = |pair: &[Server; 2]| pair.each_ref().map(Server::addr);
        Servers { stories: addrs(&self.stories), streams: addrs(&self.streams) }
    }

    fn targets(&self) -> [Target; 2] {
        self.stories.each_ref().map(|server| Target::running(&server.client_url()).unwrap())
    }

    /// The first difference among stories of a kind: streams have odd numbers.
    fn first(&self, stream: bool) -> Found<Tale, Differing> {
        let numbers = (1..2_000).filter(|number| (number % 2 == 1) == stream);
        let alone = |number| {
            compare(&[self.servers()], &newest(), &[], &limits(number, 1), |_| {}).unwrap().found
        };
        numbers.filter_map(alone).next().unwrap()
    }
}

/// For both kinds, what is printed holds on the first server, and does not on the second.
#[test]
fn what_is_printed_tells_the_servers_apart() {
    let older = |builder: Builder| builder.profile(Profile::V2_11);
    let narrow = |builder: Builder| builder.max_payload_bytes(4);
    let few = |builder: Builder| builder.max_subscriptions(1);
    let same = |builder: Builder| builder;
    for (what, both, kinds) in [
        ("payload", Both::start(same, narrow), &[true, false][..]),
        ("subscriptions", Both::start(same, few), &[true]),
        ("release", Both::start(same, older), &[false]),
    ] {
        for stream in kinds {
            let found = both.first(*stream);
            assert!(found.again, "{what}: {}", found.tale);
            let title = |holds_on| format!("It holds on {holds_on:?}");
            let telling = telling(&found.tale, &found.why, &newest(), title).unwrap();
            assert_eq!(telling.holds_on, Some(0), "{what}: {}", telling.text);
            let [a, b] = both.targets();
            assert_eq!(told(&telling.text, &a), None, "{what}: {}", telling.text);
            assert!(told(&telling.text, &b).is_some(), "{what}: {}", telling.text);
        }
    }
}

/// Two servers of a kind, with several jobs.
#[test]
fn the_same_is_no_difference() {
    let pairs = [(); 2].map(|()| Both::start(|builder| builder, |builder| builder));
    let servers = pairs.each_ref().map(Both::servers);
    let explored = compare(&servers, &newest(), &[], &limits(1, 400), |_| {}).unwrap();
    if let Some(found) = explored.found {
        let (a, b) = (found.why.said(0), found.why.said(1));
        panic!("{}:\n{}\n{a}\n{b}", found.number, found.tale);
    }
    assert_eq!(explored.told.stories, 400);
    assert!(explored.told.kinds["line of bytes"] > 200 && explored.told.kinds["reconnect"] > 20);
}

/// A payload that one of them refuses is left in a stream of one line. Once that is known, it is
/// passed over and counted.
#[test]
fn a_known_difference_is_passed_over() {
    let both = Both::start(|builder| builder, |builder| builder.max_payload_bytes(4));
    let found = both.first(true);
    let Tale::Stream(lines) = &found.tale else { panic!("{}", found.tale) };
    assert!(lines.len() == 1 && lines[0].windows(4).any(|part| part == b"PUB "), "{lines:?}");
    let known = |sent: &str| Explained {
        sent: Regex::new(sent).unwrap(),
        reason: "for this test".to_owned(),
        used: AtomicU64::new(0),
    };
    let known = [known("(?i)pub"), known("no such bytes")];
    let explored = compare(&[both.servers()], &newest(), &known, &limits(1, 60), |_| {}).unwrap();
    assert!(explored.found.is_none() && explored.told.stories == 60);
    let used = known.each_ref().map(|known| known.used.load(Ordering::Relaxed));
    assert!(used[0] > 0 && used[1] == 0, "{used:?}");
}

/// What a connection sends, cut anywhere, is answered as if it came at once.
#[test]
fn cuts_make_no_difference() {
    let server = Server::builder().start_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut ear = Ear::new(server.addr(), Duration::from_secs(20));
    let story = stories(40).prop_map(|story| {
        // Which member of a group is chosen is no matter of cuts.
        let is_free = |op: &&Op| op.act.kind() != "SUB of a group";
        let ops = story.ops.iter().filter(is_free).map(Op::bytes);
        [vec![b"CONNECT {\"headers\":true}\r\n".to_vec()], ops.collect()].concat()
    });
    let lines = prop_oneof![streams(12), story];
    let cases = (lines, vec(any::<prop::sample::Index>(), 1..12));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() };
    let ear = std::cell::RefCell::new(&mut ear);
    let done = TestRunner::new(config).run(&cases, |(lines, cuts)| {
        let bytes = lines.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|two| &bytes[two[0]..two[1]]).collect();
        let mut ear = ear.borrow_mut();
        let whole = runtime.block_on(ear.hear(&[&bytes]));
        let cut = runtime.block_on(ear.hear(&pieces));
        prop_assert!(whole.is_ok(), "{:?}", whole);
        let text = |heard: Result<Heard, Deaf>| heard.map(|heard| heard.to_string());
        prop_assert_eq!(text(whole), text(cut), "{:?}", pieces);
        Ok(())
    });
    done.unwrap();
}

/// The program keeps what it finds: it can be run as a scenario, and told again by its number.
#[test]
fn what_is_found_is_kept() {
    let both = Both::start(|builder| builder, |builder| builder.max_payload_bytes(4));
    let [a, b] = both.stories.each_ref().map(Server::client_url);
    let folder = TempDir::new().unwrap();
    let (keep, json) = (folder.path().join("kept"), folder.path().join("summary.json"));
    let known = folder.path().join("known.toml");
    fs::write(&known, "[[known]]\nsent = 'nothing'\nreason = 'to see that it is unused'\n")
        .unwrap();
    let diff_run = |more: &[&str]| {
        let fixed = ["diff-run", "--a", &a, "--b", &b, "--seed", "1", "--keep", text(&keep)];
        conformance(&[&fixed, more].concat())
    };
    let said = diff_run(&["--json", text(&json), "--known", text(&known)]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("unused: nothing"), "{}", said.out);
    let summary: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&summary["differences"], &summary["known"][0]["used"]), (&1.into(), &0.into()));
    let entry = fs::read_dir(&keep).unwrap().next().unwrap().unwrap().file_name();
    let id = entry.to_str().unwrap().strip_suffix(".nats").unwrap();
    let run = |url: &str| {
        let code = conformance(&["run", id, "--scenarios", text(&keep), "--server", url]).code;
        (url == a, code)
    };
    assert_eq!([run(&a), run(&b)], [(true, 0), (false, 1)]);
    let nothing = diff_run(&["--minutes", "0"]);
    assert_eq!(nothing.code, 2, "{}{}", nothing.out, nothing.err);
    let number = id.rsplit('-').next().unwrap();
    let again = diff_run(&["--only", number]);
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(again.out.contains("\n0 stories") && again.out.contains(id), "{}", again.out);
}
