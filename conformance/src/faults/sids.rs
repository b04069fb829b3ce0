//! Deliveries under the wrong sid, and sids that are more than opaque words.

use super::{
    Area, Fault,
    client::Verb,
    talk::{Order, Talk},
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Sids, name, what)
}

fn is_used(talk: &Talk, sid: &[u8]) -> bool {
    talk.sub(sid).is_some()
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        delivery: Some(|talk, mut message| {
            message.sid.push(b'0');
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/connect/free-text[1]", "core/connect/optional"],
        ..fault("wrong-sid", "The sid of a delivery is one that the client never gave.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            let mut sids = talk.subs.keys();
            if let (Some(first), Some(second)) = (sids.next(), sids.next()) {
                match &message.sid {
                    sid if sid == first => message.sid.clone_from(second),
                    sid if sid == second => message.sid.clone_from(first),
                    _ => {}
                }
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/wildcards/arrow-misses[3]", "core/wildcards/star-misses[3]"],
        ..fault("two-sids-mixed-up", "Two subscriptions of a connection change sids.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            message.sid.make_ascii_lowercase();
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/sub/opaque-sid[4]", "core/sub/sids-with-case"],
        ..fault("sid-in-lower-case", "Sids come back in lower case.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            let zeros = message.sid.iter().take_while(|byte| **byte == b'0').count();
            let digits = message.sid.iter().all(u8::is_ascii_digit);
            if digits && message.sid.len() > 1 {
                message.sid.drain(..zeros.min(message.sid.len() - 1));
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/sub/opaque-sid[8]"],
        ..fault("sid-as-number", "Sids are read as numbers, so 007 comes back as 7.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            message.sid.truncate(64);
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/sub/opaque-sid[14]"],
        ..fault("sid-cut-at-64-bytes", "Of a long sid 64 bytes come back.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, _, sid)) if !sid.iter().all(u8::is_ascii_alphanumeric) => {
                talk.refuse_silently();
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/opaque-sid[5]"],
        ..fault("sid-must-be-alphanumeric", "A sid with other than letters and digits is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Unsub {
                talk.tell_others(|| Order::ToServer(op.bytes()));
            }
        }),
        found_by: &["core/sub/unsub-unknown", "core/sub/sids-per-connection"],
        ..fault(
            "sids-shared-by-connections",
            "UNSUB ends subscriptions of all connections that use the sid.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            if let Some((_, _, sid)) = op.subscription()
                && is_used(talk, sid)
            {
                talk.say(&[b"UNSUB ", sid, b"\r\n"].concat());
            }
            talk.pass(op);
        }),
        found_by: &["core/sub/duplicate-sid", "core/sub/repeated-sub-keeps-maximum"],
        ..fault("used-sid-replaces", "SUB with a sid in use replaces the old subscription.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, _, sid)) if is_used(talk, sid) => {
                let alias = [b"~", sid].concat();
                let mut args = op.args();
                args.pop();
                args.push(&alias);
                talk.pass(&op.with(&args));
            }
            _ => talk.pass(op),
        }),
        delivery: Some(super::unalias),
        found_by: &["core/sub/repeated-sub", "core/sub/duplicate-sid"],
        ..fault("used-sid-adds", "SUB with a sid in use makes one more subscription.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, _, sid)) if is_used(talk, sid) => talk.refuse_silently(),
            _ => talk.pass(op),
        }),
        found_by: &["core/connect/repeated-subscriptions", "core/connect/repeated-subscriptions"],
        ..fault("used-sid-closes", "SUB with a sid in use ends the connection.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, _, sid)) if talk.old_sids.contains(sid) => talk.swallow(),
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/sid-used-again"],
        ..fault("sid-used-up", "A sid can't be used again after its subscription has ended.")
    },
];
