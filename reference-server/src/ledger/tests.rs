//! What is remembered, and for how long.

use super::*;
use crate::router::Client;

fn client(id: u64) -> Client {
    Client::new(id, 1 << 20)
}

#[test]
fn the_first_reason_stays() {
    let client = client(1);
    client.ledger.ends(Reason::SLOW_PENDING);
    client.ledger.ends(Reason::CLIENT_CLOSED);
    let history = History::new(1);
    history.add(&client);
    let past = history.past();
    let reasons: Vec<_> = past.closed.iter().map(|record| record.stop.map(|it| it.1)).collect();
    assert_eq!(reasons, [Some(Reason::SLOW_PENDING)]);
    assert_eq!(past.all.slow_consumers, 1);
}

#[test]
fn the_last_ones_are_kept_and_all_are_counted() {
    let history = History::new(3);
    for id in 1..=6 {
        let client = client(id);
        let account = Some("A".to_owned());
        client.ledger.introduce(Identity { account, ..Identity::default() });
        client.ledger.heard(Instant::now(), Traffic { msgs: 1, bytes: id });
        history.add(&client);
    }
    let past = history.past();
    let kept: Vec<u64> = past.closed.iter().map(|record| record.cid).collect();
    assert_eq!(kept, [4, 5, 6]);
    assert_eq!(past.all.received, Traffic { msgs: 6, bytes: 21 });
    assert_eq!(past.by_account["A"], past.all);
}

#[test]
fn a_round_trip_is_known_from_connect_on() {
    let client = client(1);
    assert_eq!(Record::of(&client).rtt, Duration::ZERO);
    client.ledger.introduce(Identity::default());
    assert!(Record::of(&client).rtt > Duration::ZERO);
    client.ledger.measured(Duration::from_millis(7));
    client.ledger.introduce(Identity::default());
    assert_eq!(Record::of(&client).rtt, Duration::from_millis(7));
}

#[test]
fn every_word_of_goodbye_has_its_reason() {
    for (words, text) in [
        ("Stale Connection", "Stale Connection"),
        ("Authorization Violation", "Authentication Failure"),
        ("Authentication Timeout", "Authentication Timeout"),
        ("Maximum Payload Violation", "Maximum Message Payload Exceeded"),
        ("maximum control line exceeded", "Maximum Control Line Exceeded"),
        ("maximum connections exceeded", "Maximum Connections Exceeded"),
        ("invalid client protocol", "Bad Client Protocol Version"),
        ("no responders requires headers support", "No Responders Requires Headers"),
        ("the client sent -ERR", "Parse Error"),
        ("malformed arguments", "Protocol Violation"),
        ("Unknown Protocol Operation", "Protocol Violation"),
    ] {
        assert_eq!(Reason::behind(words).text, text, "{words}");
    }
}
