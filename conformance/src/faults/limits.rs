//! Limits that are not kept, or kept where there are none.

use std::time::Duration;

use super::{
    Area, Fault,
    client::Verb,
    talk::{Order, Talk},
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

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        // Read to its end, also if the client doesn't: else the cut would not be seen here.
        hoards: true,
        server_end: Some(|talk| {
            talk.ends_client = true;
            if talk.client_ended {
                return;
            }
            for sub in talk.subs.values() {
                let ghost = [b"SUB ", &sub.pattern[..], b" _ghost\r\n"].concat();
                talk.tell_others(|| Order::ToServer(ghost.clone()));
            }
        }),
        delivery: Some(|talk, message| {
            if message.sid != b"_ghost" {
                talk.deliver(&message.bytes());
            }
        }),
        only: &["core/limits/slow-consumer*"],
        found_by: &["core/limits/slow-consumer-is-gone"],
        ..fault(
            "cut-off-leaves-interest",
            "A client that is cut off, as a slow one is, leaves its subscriptions behind.",
        )
    },
    Fault {
        op: Some(Talk::pass_or_pong),
        frame: Some(|talk, frame| {
            talk.failed |= frame.starts_with(b"-ERR 'maximum connections");
            without_error(talk, &frame, "maximum connections");
        }),
        server_end: Some(|talk| talk.ends_client = !talk.failed || talk.client_ended),
        client_end: Some(|talk, _| talk.end()),
        found_by: &["core/limits/connections", "core/life/half-close"],
        ..fault("max-connections-ignored", "More connections than configured are let in.")
    },
    Fault {
        frame: Some(|talk, frame| {
            without_error(talk, &frame, "maximum connections");
        }),
        found_by: &["core/limits/connections"],
        ..fault("max-connections-without-a-word", "One connection too many is closed silently.")
    },
    Fault {
        frame: Some(|talk, frame| match frame.starts_with(b"-ERR 'maximum subscriptions") {
            true if talk.is_verbose() => talk.deliver(b"+OK\r\n"),
            true => {}
            false => talk.deliver(&frame),
        }),
        found_by: &["core/sub/limit", "core/sub/limit-per-connection"],
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
            if frame == b"+OK\r\n" && talk.count > 0 {
                talk.count += 1;
                if talk.count == 3 {
                    talk.count = 0;
                    return;
                }
            }
            talk.deliver(&frame);
        }),
        found_by: &["core/connect/repeated", "core/sub/limit"],
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
        found_by: &["core/sub/twenty-thousand"],
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
        found_by: &["core/sub/limit-per-connection"],
        ..fault("unsub-makes-no-room", "UNSUB makes no room below the limit of subscriptions.")
    },
    Fault {
        open: Some(|talk| {
            let open = talk.shared().talks.len();
            if open > 16 {
                talk.fail("maximum connections exceeded");
            }
        }),
        found_by: &["core/life/many-connections"],
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
        found_by: &["core/info/max-payload-default"],
        ..fault("fast-consumer-cut", "A client is cut off after 100 KB, however fast it reads.")
    },
    Fault {
        patience: Some(Duration::from_secs(1)),
        only: &["core/connect/no-deadline", "core/parse/slow-payload"],
        found_by: &["core/connect/no-deadline", "core/parse/slow-payload"],
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
        only: &["core/limits/slow-consumer*"],
        found_by: &["core/limits/slow-consumer", "core/limits/slow-consumer-is-gone"],
        ..fault("fast-producer-cut", "A client that has published ten megabytes is cut off.")
    },
    Fault {
        frame: Some(|talk, frame| match frame.ends_with(b", too many tokens'\r\n") {
            true => {}
            false => talk.deliver(&frame),
        }),
        found_by: &["core/subjects/token-limit"],
        ..fault("max-tokens-ignored", "SUB with more tokens than configured is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.count += u64::from(op.is_message());
            talk.swallow_if(op, talk.count > 500 && op.is_message())
        }),
        only: &["core/life", "core/delivery", "core/queue"],
        found_by: &["core/delivery/order", "core/queue/shares"],
        ..fault("publishers-throttled", "Of a connection's messages the first 500 are taken.")
    },
];
