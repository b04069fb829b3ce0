//! The server's own PINGs, and clients that do not answer them.

use super::{Area, Fault, client::Verb, talk::Talk};

const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";
/// Keep-alive takes its time, so nothing else is run with these faults.
const SLOW: &[&str] = &["tag:slow"];

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault { only: SLOW, ..Fault::new(Area::KeepAlive, name, what) }
}

fn is_ping(frame: &[u8]) -> bool {
    frame == PING
}

/// Delivers anything but PING.
fn without_ping(talk: &mut Talk, frame: &[u8]) {
    if is_ping(frame) {
        talk.say(PONG);
    } else {
        talk.deliver(frame);
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        frame: Some(|talk, frame| without_ping(talk, &frame)),
        found_by: &["core/ping/first", "core/ping/traffic-instead"],
        ..fault("never-pings", "The server never sends PING.")
    },
    Fault {
        frame: Some(|talk, frame| match talk.connected {
            true => talk.deliver(&frame),
            false => without_ping(talk, &frame),
        }),
        found_by: &["core/ping/without-connect"],
        ..fault("no-ping-without-connect", "A client that has not said CONNECT gets no PING.")
    },
    Fault {
        frame: Some(|talk, frame| {
            if is_ping(&frame) {
                talk.say(PONG);
            }
            talk.deliver(&frame);
        }),
        found_by: &["core/ping/stale-after-one", "core/ping/stale"],
        ..fault("stale-never-closed", "Who never answers PING is not closed.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let times = if is_ping(&frame) { 2 } else { 1 };
            talk.deliver(&frame.repeat(times));
        }),
        found_by: &["core/ping/first", "core/ping/traffic-instead"],
        ..fault("pings-twice", "The server sends two PINGs at a time.")
    },
    Fault {
        frame: Some(|talk, frame| {
            talk.count += u64::from(is_ping(&frame));
            match is_ping(&frame) && talk.count > 1 {
                true => talk.say(PONG),
                false => talk.deliver(&frame),
            }
        }),
        found_by: &["core/ping/interval", "core/ping/pong-is-no-traffic"],
        ..fault("pings-once", "The server sends one PING and no more.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Connect {
                talk.deliver(PING);
            }
        }),
        found_by: &["core/ping/first", "core/ping/traffic-instead"],
        ..fault("pings-at-once", "The first PING comes at once instead of after two seconds.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            talk.count += u64::from(op.is_message());
            if op.is_message() && talk.count % 5 == 0 {
                talk.deliver(PING);
            }
        }),
        found_by: &["core/ping/traffic-instead"],
        ..fault("pings-despite-traffic", "A client that is heard gets PING all the same.")
    },
    Fault {
        op: Some(|talk, op| {
            if op.verb != Verb::Pong {
                talk.pass(op);
            }
        }),
        found_by: &["core/ping/interval", "core/ping/pong-is-no-traffic"],
        ..fault("pong-not-heard", "A client that answers PING is closed as stale.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Pong {
                talk.say(b"UNSUB _none\r\n");
            }
        }),
        frame: Some(|talk, frame| {
            talk.count += u64::from(is_ping(&frame));
            // As if PONG were traffic that makes the next PING needless.
            match is_ping(&frame) && talk.count % 2 == 0 {
                true => talk.say(PONG),
                false => talk.deliver(&frame),
            }
        }),
        found_by: &["core/ping/stale", "core/ping/without-connect"],
        ..fault("pong-replaces-ping", "A PONG replaces the server's next PING.")
    },
    Fault {
        frame: Some(|talk, frame| {
            if !frame.starts_with(b"-ERR 'Stale") {
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/ping/stale-after-one", "core/ping/stale"],
        ..fault("stale-without-a-word", "A stale connection is closed without its error.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let ping = is_ping(&frame);
            talk.count += u64::from(ping);
            talk.deliver(&frame);
            if ping && talk.count == 2 && talk.memory.is_empty() {
                talk.fail("Stale Connection");
            }
        }),
        op: Some(|talk, op| {
            if op.verb == Verb::Pong {
                talk.memory = b"answered".to_vec();
            }
            talk.pass(op);
        }),
        found_by: &["core/ping/stale"],
        ..fault(
            "stale-at-second-ping",
            "The second unanswered PING is followed by the end at once.",
        )
    },
    Fault {
        frame: Some(|talk, frame| {
            let stale = frame.starts_with(b"-ERR 'Stale");
            if stale {
                talk.deliver(PING);
            }
            talk.deliver(&frame);
        }),
        found_by: &["core/ping/stale-after-one", "core/ping/stale"],
        ..fault("one-ping-too-many", "One more PING may stay unanswered than is configured.")
    },
];
