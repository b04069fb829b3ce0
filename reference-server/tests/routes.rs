//! A connection remembers where its subjects lead. What it remembers is never out of date.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::collections::BTreeMap;

use nats_reference_server::Server;
use proptest::prelude::*;
use support::Client;

const PATTERNS: [&str; 8] = ["a", "b", "*", ">", "a.b", "a.*", "a.>", "*.b"];
const SUBJECTS: [&str; 5] = ["a", "b", "a.b", "a.c", "a.b.c"];

#[derive(Debug, Clone)]
enum Step {
    /// Subscribes, or ends the subscription if there is one.
    Toggle(usize),
    Publish(usize),
}

fn naive_match(pattern: &str, subject: &str) -> bool {
    let (pattern, subject): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), subject.split('.').collect());
    let fits = |(token, other): (&&str, &&str)| *token == "*" || token == other;
    match pattern.split_last() {
        Some((&">", head)) => subject.len() > head.len() && head.iter().zip(&subject).all(fits),
        _ => pattern.len() == subject.len() && pattern.iter().zip(&subject).all(fits),
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..PATTERNS.len()).prop_map(Step::Toggle),
        3 => (0..SUBJECTS.len()).prop_map(Step::Publish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_change_of_interest_is_seen(steps in prop::collection::vec(step(), 1..60)) {
        let server = Server::builder().start_blocking().unwrap();
        let (mut ear, mut mouth) = (Client::connect(server.addr()), Client::connect(server.addr()));
        // Which sid each pattern has.
        let mut held: BTreeMap<usize, String> = BTreeMap::new();
        for (sid, step) in steps.into_iter().enumerate() {
            match step {
                Step::Toggle(at) => {
                    let line = match held.remove(&at) {
                        Some(sid) => format!("UNSUB {sid}\r\n"),
                        None => {
                            held.insert(at, sid.to_string());
                            format!("SUB {} {sid}\r\n", PATTERNS[at])
                        }
                    };
                    ear.send(line.as_bytes());
                    ear.fence();
                }
                Step::Publish(at) => {
                    mouth.send(format!("PUB {} 0\r\n\r\n", SUBJECTS[at]).as_bytes());
                    mouth.fence();
                    let mut heard: Vec<_> = ear.fence().into_iter().map(|got| got.sid).collect();
                    let due = held.iter().filter(|(pattern, _)| {
                        naive_match(PATTERNS[**pattern], SUBJECTS[at])
                    });
                    let mut due: Vec<_> = due.map(|(_, sid)| sid.clone()).collect();
                    heard.sort_unstable();
                    due.sort_unstable();
                    prop_assert_eq!(heard, due, "{}", SUBJECTS[at]);
                }
            }
        }
    }
}

/// More subjects than are remembered, and the first ones again, before and after a change.
#[test]
fn subjects_that_were_forgotten_are_found_again() {
    const SUBJECTS: usize = 20_000;
    let server = Server::builder().start_blocking().unwrap();
    let (mut ear, mut mouth) = (Client::connect(server.addr()), Client::connect(server.addr()));
    let publish = |mouth: &mut Client, count: usize| {
        let lines: String = (0..count).map(|n| format!("PUB s.{n} 0\r\n\r\n")).collect();
        mouth.send(lines.as_bytes());
        mouth.fence();
    };
    ear.send(b"SUB s.0 1\r\nSUB s.19999 2\r\n");
    ear.fence();
    publish(&mut mouth, SUBJECTS);
    publish(&mut mouth, 1);
    let sids = |ear: &mut Client| ear.fence().into_iter().map(|got| got.sid).collect::<Vec<_>>();
    assert_eq!(sids(&mut ear), ["1", "2", "1"]);
    ear.send(b"UNSUB 1\r\n");
    ear.fence();
    publish(&mut mouth, SUBJECTS);
    assert_eq!(sids(&mut ear), ["2"]);
}
