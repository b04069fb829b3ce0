//! UNSUB: maxima that are miscounted, and ends that come too late or not at all.

use super::{
    Area, Fault,
    client::{Op, Verb},
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Unsub, name, what)
}

/// UNSUB with another maximum.
fn with_max(talk: &mut Talk, op: &Op, max: impl Fn(&Talk, &[u8], u64) -> u64) {
    match op.removal() {
        Some((sid, Some(given))) => {
            let max = max(talk, sid, given).to_string();
            talk.pass(&op.with(&[sid, max.as_bytes()]));
        }
        _ => talk.pass(op),
    }
}

fn is_removal(op: &Op) -> bool {
    op.verb == Verb::Unsub && op.args().len() == 1
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| with_max(talk, op, |_, _, max| max + 1)),
        found_by: &["core/sub/maximum-already-reached[1]", "core/sub/maximum-digits[1]"],
        ..fault("max-off-by-one", "A maximum lets one more message through.")
    },
    Fault {
        op: Some(|talk, op| with_max(talk, op, |_, _, max| max.saturating_sub(1).max(1))),
        found_by: &["core/sub/maximum-digits[1]", "core/sub/maximum"],
        ..fault("max-one-too-few", "A maximum lets one message less through.")
    },
    Fault {
        op: Some(|talk, op| {
            with_max(talk, op, |talk, sid, max| max + talk.sub(sid).map_or(0, |sub| sub.delivered));
        }),
        found_by: &["core/sub/maximum-already-reached[1]", "core/sub/maximum-counts-from-sub"],
        ..fault("max-counts-from-unsub", "A maximum counts from UNSUB instead of from SUB.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, Some(_))) => talk.pass(&op.with(&[sid])),
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-taken-back", "core/sub/maximum-digits[1]"],
        ..fault("max-ends-at-once", "UNSUB with a maximum ends the subscription at once.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((_, Some(_))) => talk.swallow(),
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-already-reached[1]", "core/sub/maximum-digits[1]"],
        ..fault("max-ignored", "UNSUB with a maximum has no effect.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, Some(max))) if talk.sub(sid).is_some_and(|sub| sub.delivered >= max) => {
                talk.swallow();
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-already-reached[1]"],
        ..fault("reached-max-ignored", "A maximum that was reached before UNSUB has no effect.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((_, Some(_))) => talk.swallow(),
            _ => talk.pass(op),
        }),
        delivery: Some(|talk, message| {
            let max = talk.sub(&message.sid).and_then(|sub| sub.max).unwrap_or(u64::MAX);
            let key = (message.sid.clone(), message.subject.clone());
            let count = talk.own.iter().filter(|other| **other == key).count() as u64;
            talk.own.push(key);
            if count < max {
                talk.deliver(&message.bytes());
            }
            // The book ends the subscription at its maximum, which this server does not.
            if let Some(sub) = talk.subs.get_mut(&message.sid) {
                sub.delivered = 0;
            }
        }),
        found_by: &["core/sub/maximum-already-reached[3]", "core/sub/maximum-over-subjects"],
        ..fault("max-counts-each-subject", "The maximum of a wildcard counts for each subject.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, Some(_))) if talk.sub(sid).is_some_and(|sub| sub.max.is_some()) => {
                talk.swallow();
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-replaced[1]"],
        ..fault("second-max-ignored", "A second UNSUB with a maximum has no effect.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, None)) if talk.sub(sid).is_some_and(|sub| sub.max.is_some()) => {
                talk.swallow();
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-taken-back"],
        ..fault("max-outlives-unsub", "UNSUB does not end a subscription that has a maximum.")
    },
    Fault {
        op: Some(|talk, op| {
            if let Some((_, _, sid)) = op.subscription()
                && talk.sub(sid).is_some_and(|sub| sub.max.is_some())
            {
                talk.say(&[b"UNSUB ", sid, b"\r\n"].concat());
            }
            talk.pass(op);
        }),
        found_by: &["core/sub/repeated-sub-keeps-maximum"],
        ..fault("repeated-sub-lifts-max", "Repeating a SUB takes its maximum back.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            let args = op.args();
            let Some(subject) = args.first().filter(|_| op.is_message()) else { return };
            if talk.options.get("echo") != Some(&false.into()) {
                return;
            }
            let mut less = Vec::new();
            for sub in talk.subs.values_mut() {
                if let Some(max) = sub.max.filter(|max| *max > 1 && sub.pattern == *subject) {
                    sub.max = Some(max - 1);
                    less.push(format!("{} {}", String::from_utf8_lossy(&sub.sid), max - 1));
                }
            }
            for line in less {
                talk.say(format!("UNSUB {line}\r\n").as_bytes());
            }
        }),
        found_by: &["core/sub/echo-does-not-count"],
        ..fault("max-counts-own-messages", "Messages held back because of echo count as well.")
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args();
            match op.verb == Verb::Unsub
                && args.len() == 2
                && op.removal().is_some_and(|r| r.1.is_none())
            {
                true => talk.swallow(),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/sub/maximum-too-long[1]", "core/sub/maximum-not-a-number[1]"],
        ..fault("wrong-max-ignored", "UNSUB with a maximum that is no number has no effect.")
    },
    Fault {
        op: Some(|talk, op| match &op.args()[..] {
            [sid, max] if op.verb == Verb::Unsub && max.len() > 1 && max[0] == b'0' => {
                talk.pass(&op.with(&[sid]));
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-digits[2]"],
        ..fault("max-without-leading-zeros", "A maximum with leading zeros counts as none.")
    },
    Fault {
        op: Some(|talk, op| match &op.args()[..] {
            [sid, max] if op.verb == Verb::Unsub && max.len() > 9 => {
                let end = max.len() - 9;
                talk.pass(&op.with(&[sid, &max[end..]]));
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-too-long[2]"],
        ..fault("max-of-ten-digits", "Of a maximum of more than nine digits the last nine count.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, is_removal(op))),
        found_by: &["core/request/no-reply-no-status", "core/sub/unsub"],
        ..fault("unsub-ignored", "UNSUB has no effect.")
    },
    Fault {
        op: Some(|talk, op| {
            let late = std::mem::take(&mut talk.held_ops);
            match op.verb {
                // PING goes first; the next operation finds what is late in its place.
                Verb::Ping if talk.last_op.as_ref().is_some_and(is_removal) => {
                    talk.held_ops = late;
                    talk.pass(op);
                    return;
                }
                _ => late.iter().for_each(|op| talk.pass(op)),
            }
            match is_removal(op) && talk.options.get("verbose") == Some(&false.into()) {
                true => talk.held_ops.push(op.clone()),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/sub/unsub-before-pong"],
        ..fault("unsub-behind-pong", "UNSUB works only after the PONG that follows it.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, None)) if talk.sub(sid).is_some() => {
                let next = talk.sub(sid).map_or(1, |sub| sub.delivered + 1).to_string();
                talk.pass(&op.with(&[sid, next.as_bytes()]));
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/maximum-too-long[1]", "core/request/no-reply-no-status"],
        ..fault("one-more-after-unsub", "One more message is delivered after UNSUB.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, _)) if talk.sub(sid).is_none() && !talk.old_sids.contains(sid) => {
                talk.say(b"SUB . _none\r\n");
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/unsub-unknown", "core/parse/control-line-configured[6]"],
        ..fault("unknown-unsub-is-an-error", "UNSUB of a sid that nobody knows is an error.")
    },
];
