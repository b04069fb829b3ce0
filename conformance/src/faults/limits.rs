//! Limits that are not kept, or kept where there are none.

use std::time::Duration;

use super::{
    Area, Fault,
    client::{Op, Verb},
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Limits, name, what)
}

/// A subscription of the proxy's own, which takes up room.
const ROOM: &[u8] = b"SUB _none _room\r\n";

fn without_error(talk: &mut Talk, frame: &[u8], start: &str) {
    if !frame.starts_with(format!("-ERR '{start}").as_bytes()) {
        talk.deliver(frame);
    }
}

/// To the server while it is there; then PING is all that is answered.
fn alone(talk: &mut Talk, op: &Op) {
    match op.verb {
        Verb::Ping if talk.server_ended => talk.deliver(b"PONG\r\n"),
        _ => talk.pass(op),
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        hoards: true,
        only: &["core/limits"],
        // Cut into frames, or nothing of the fault would be looked at.
        frame: Some(|talk, frame| talk.deliver(&frame)),
        ..fault("slow-consumer-never-cut", "A client that does not read is never cut off.")
    },
    Fault {
        op: Some(alone),
        frame: Some(|talk, frame| {
            talk.failed |= frame.starts_with(b"-ERR 'maximum connections");
            without_error(talk, &frame, "maximum connections");
        }),
        server_end: Some(|talk| talk.ends_client = !talk.failed || talk.client_ended),
        client_end: Some(|talk, _| talk.end()),
        ..fault("max-connections-ignored", "More connections than configured are let in.")
    },
    Fault {
        frame: Some(|talk, frame| {
            without_error(talk, &frame, "maximum connections");
        }),
        ..fault("max-connections-without-a-word", "One connection too many is closed silently.")
    },
    Fault {
        frame: Some(|talk, frame| match frame.starts_with(b"-ERR 'maximum subscriptions") {
            true if talk.is_verbose() => talk.deliver(b"+OK\r\n"),
            true => {}
            false => talk.deliver(&frame),
        }),
        ..fault("max-subscriptions-ignored", "SUB above the limit is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Connect && !talk.connected {
                talk.say(ROOM);
                talk.count = 1;
            }
        }),
        frame: Some(|talk, frame| {
            // The second +OK is the answer to our own SUB.
            match frame == b"+OK\r\n" && talk.count > 0 {
                true => {
                    talk.count += 1;
                    if talk.count == 3 {
                        talk.count = 0;
                        return;
                    }
                }
                false => {}
            }
            talk.deliver(&frame);
        }),
        ..fault("max-subscriptions-one-less", "The last subscription that is allowed is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.count += u64::from(op.verb == Verb::Sub);
            match op.verb == Verb::Sub && talk.count > 1000 {
                true => talk.deliver(b"-ERR 'maximum subscriptions exceeded'\r\n"),
                false => talk.pass(op),
            }
        }),
        ..fault("thousand-subscriptions", "A connection may have a thousand subscriptions.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, None)) if talk.sub(sid).is_some() => {
                talk.pass(op);
                talk.say(&[b"SUB _none _room", sid, b"\r\n"].concat());
                talk.count += 1;
            }
            _ => talk.pass(op),
        }),
        frame: Some(|talk, frame| match frame == b"+OK\r\n" && talk.count > 0 {
            true => talk.count -= 1,
            false => talk.deliver(&frame),
        }),
        ..fault("unsub-makes-no-room", "UNSUB makes no room below the limit of subscriptions.")
    },
    Fault {
        open: Some(|talk| {
            let open = talk.shared().talks.len();
            if open > 16 {
                talk.fail("maximum connections exceeded");
            }
        }),
        ..fault("sixteen-connections", "The seventeenth connection is refused.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let counted = frame.starts_with(b"MSG ");
            talk.count += frame.len() as u64;
            match counted && talk.count > 100_000 {
                true => talk.end(),
                false => talk.deliver(&frame),
            }
        }),
        ..fault("fast-consumer-cut", "A client is cut off after 100 KB, however fast it reads.")
    },
    Fault {
        patience: Some(Duration::from_secs(1)),
        only: &["core/connect/no-deadline", "core/parse/slow-payload"],
        ..fault(
            "impatient",
            "Who says nothing for a second, or leaves a message unfinished, is closed.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            talk.count += op.body.len() as u64;
            match talk.count > 10_000_000 {
                true => talk.end(),
                false => talk.pass(op),
            }
        }),
        only: &["core/limits"],
        ..fault("fast-producer-cut", "A client that has published ten megabytes is cut off.")
    },
    Fault {
        frame: Some(|talk, frame| match frame.ends_with(b", too many tokens'\r\n") {
            true => {}
            false => talk.deliver(&frame),
        }),
        ..fault("max-tokens-ignored", "SUB with more tokens than configured is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.count += u64::from(op.is_message());
            match talk.count > 500 && op.is_message() {
                true => talk.swallow(),
                false => talk.pass(op),
            }
        }),
        only: &["core/life", "core/delivery", "core/queue"],
        ..fault("publishers-throttled", "Of a connection's messages the first 500 are taken.")
    },
];
