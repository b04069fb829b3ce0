//! What the pages say of connections that are over.

use std::time::Duration;

use nats_reference_server::Server;
use serde_json::json;
use socket2::SockRef;

use crate::peers::{Client, Target, eventually};

const QUIET: &str = r#"{"verbose":false}"#;

fn ours() -> Target {
    Target::ours(Server::builder())
}

#[test]
fn closed_connections_have_a_reason() {
    let target = ours();
    drop(target.connect(QUIET));
    target.closed(1);
    let client = target.connect(QUIET);
    SockRef::from(client.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    target.closed(2);
    for (nth, wrong) in [(3, "FROB\r\n"), (4, "-ERR 'x'\r\n"), (5, "PUB a 9999999\r\n")] {
        let mut client = target.connect(QUIET);
        client.send(wrong);
        client.end();
        target.closed(nth);
    }
    let page = target.json("/connz?state=closed&sort=stop");
    let reasons: Vec<&str> = page["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|connection| connection["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "Maximum Message Payload Exceeded",
            "Parse Error",
            "Protocol Violation",
            "Read Error",
            "Client Closed"
        ]
    );
}

#[test]
fn who_does_not_answer_is_stale() {
    let interval = Duration::from_millis(50);
    let target = Target::ours(Server::builder().ping_interval(interval).ping_max(1));
    Client::greeted(target.clients).end();
    target.closed(1);
    let page = target.json("/connz?state=closed");
    assert_eq!(page["connections"][0]["reason"], "Stale Connection");
    let varz = target.json("/varz");
    assert_eq!(varz["stale_connections"], 1);
    assert_eq!(varz["stale_connection_stats"]["clients"], 1);
}

#[test]
fn slow_and_surplus_connections_are_told() {
    let builder = Server::builder().max_pending_bytes(64 << 10).max_payload_bytes(32 << 10);
    let target = Target::ours(builder.max_connections(2));
    let (mut slow, mut fast) = (target.connect(QUIET), target.connect(QUIET));
    Client::greeted(target.clients).end();
    target.closed(1);
    slow.say("SUB flood 1\r\n");
    let message = format!("PUB flood 30000\r\n{}\r\n", "x".repeat(30_000));
    eventually(|| {
        fast.say(&message);
        target.json("/varz")["slow_consumers"] == 1
    });
    let page = target.json("/connz?state=closed&sort=stop");
    let reason = |nth: usize| page["connections"][nth]["reason"].as_str().unwrap();
    assert_eq!(reason(0), "Slow Consumer (Pending Bytes)");
    assert_eq!(reason(1), "Maximum Connections Exceeded");
    assert_eq!(target.json("/varz")["slow_consumer_stats"]["clients"], 1);
    drop(slow);
}

#[test]
fn as_many_closed_connections_are_remembered_as_asked() {
    let builder = Server::builder().config_text("max_closed_clients: 3").unwrap();
    let target = Target::ours(builder);
    for nth in 1..=6_u64 {
        drop(target.connect(QUIET));
        eventually(|| target.json("/varz")["connections"] == 0);
        assert_eq!(target.json("/connz?state=closed")["total"], nth.min(3));
    }
    let page = target.json("/connz?state=closed");
    assert_eq!(page["connections"][0]["cid"], 4);
}

#[test]
fn some_subscriptions_of_a_closed_connection_are_remembered() {
    let target = ours();
    for (nth, bytes, kept) in [(1, 1, 64), (2, 1000, 4)] {
        let tail = "x".repeat(bytes);
        let mut client = target.connect(QUIET);
        let subs = (0..100).map(|sid| format!("SUB {sid}.{tail} {sid}\r\n"));
        client.say(&subs.collect::<String>());
        drop(client);
        target.closed(nth);
        let page = target.json("/connz?state=closed&subs=1&sort=stop");
        let told = &page["connections"][0];
        let list = told["subscriptions_list"].as_array().unwrap();
        assert_eq!((&told["subscriptions"], list.len()), (&json!(100), kept));
    }
}

#[test]
fn who_takes_nothing_in_time_is_told() {
    let target = Target::ours(Server::builder().write_deadline(Duration::from_millis(100)));
    let (mut slow, mut fast) = (target.connect(QUIET), target.connect(QUIET));
    slow.say("SUB flood 1\r\n");
    // More than the buffers of both sockets have room for, and less than may wait.
    let message = format!("PUB flood 1000000\r\n{}\r\n", "x".repeat(1_000_000));
    (0..40).for_each(|_| fast.say(&message));
    target.closed(1);
    let page = target.json("/connz?state=closed");
    assert_eq!(page["connections"][0]["reason"], "Slow Consumer (Write Deadline)");
    assert_eq!(target.json("/varz")["slow_consumers"], 1);
    drop(slow);
}
