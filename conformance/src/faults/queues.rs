//! Queue groups that deliver to too many, to too few, or to the wrong ones.

use super::{
    Area, Fault,
    client::{Op, Verb},
    frame::Delivery,
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Queues, name, what)
}

/// SUB with another queue group, or none.
fn regroup(talk: &mut Talk, op: &Op, queue: impl Fn(&[u8], &[u8]) -> Option<Vec<u8>>) {
    match op.subscription() {
        Some((pattern, Some(group), sid)) => match queue(pattern, group) {
            Some(queue) => talk.pass(&op.with(&[pattern, &queue, sid])),
            None => talk.pass(&op.with(&[pattern, sid])),
        },
        _ => talk.pass(op),
    }
}

/// The member that gets a message, given its number from 0 on and how many members there are.
type Choice = fn(u64, u64) -> u64;

/// Every member gets all messages from upstream; all but the chosen one's are dropped here.
fn choose(talk: &mut Talk, message: &Delivery, choice: Choice) {
    let sub = talk.sub(&message.sid).cloned();
    let place = sub.as_ref().and_then(|sub| talk.place(sub));
    let chosen = match (sub, place) {
        (Some(sub), Some((at, members))) => choice(sub.delivered, members as u64) == at as u64,
        _ => true,
    };
    if chosen {
        talk.deliver(&message.bytes());
    }
}

/// A number that looks drawn by chance and is the same in every connection.
fn scattered(number: u64) -> u64 {
    number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

fn ungrouped(talk: &mut Talk, op: &Op) {
    regroup(talk, op, |_, _| None);
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(ungrouped),
        found_by: &["core/request/status-needs-a-listener", "core/sub/queue-argument"],
        ..fault("queue-broadcast", "Every member of a queue group gets a copy.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, Some(group), sid)) => talk.pass(&op.with(&[b"_none", group, sid])),
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/queue-argument", "core/queue/names[1]"],
        ..fault("queue-gets-nothing", "Queue subscriptions get no messages.")
    },
    Fault {
        op: Some(ungrouped),
        delivery: Some(|talk, message| choose(talk, &message, |number, members| number % members)),
        found_by: &["core/request/status-needs-a-listener", "article/queue-is-random"],
        ..fault("queue-in-turns", "The members of a group are chosen in turns.")
    },
    Fault {
        op: Some(ungrouped),
        delivery: Some(|talk, message| choose(talk, &message, |_, _| 0)),
        found_by: &["core/request/status-needs-a-listener", "core/queue/one-of-five"],
        ..fault("queue-always-first", "All messages go to the member that joined first.")
    },
    Fault {
        op: Some(ungrouped),
        delivery: Some(|talk, message| {
            choose(talk, &message, |number, members| match scattered(number) % 2 {
                0 => 0,
                _ => scattered(number) / 2 % members,
            });
        }),
        found_by: &["core/request/status-needs-a-listener", "article/queue-is-random"],
        ..fault(
            "queue-prefers-first",
            "The member that joined first gets half of it besides its share.",
        )
    },
    Fault {
        op: Some(ungrouped),
        delivery: Some(|talk, message| {
            choose(talk, &message, |number, members| scattered(number / 20) % members);
        }),
        found_by: &["core/request/status-needs-a-listener", "core/sub/maximum-in-a-queue-group"],
        ..fault("queue-in-runs", "A member gets twenty messages in a row before another is chosen.")
    },
    Fault {
        op: Some(|talk, op| regroup(talk, op, |_, _| Some(b"all".to_vec()))),
        found_by: &["core/queue/names-compared", "article/several-groups"],
        ..fault("queue-names-ignored", "All groups on a subject are one, whatever their names.")
    },
    Fault {
        op: Some(|talk, op| regroup(talk, op, |_, group| Some(group.to_ascii_lowercase()))),
        found_by: &["core/queue/names-compared"],
        ..fault("queue-names-without-case", "Queue names are compared without regard to case.")
    },
    Fault {
        op: Some(|talk, op| {
            regroup(talk, op, |_, group| Some([group, &b"XXXXXXXX"[..]].concat()[..8].to_vec()));
        }),
        found_by: &["core/subjects/sys-queue"],
        ..fault("queue-names-cut", "Of a queue name eight letters count.")
    },
    Fault {
        op: Some(|talk, op| {
            regroup(talk, op, |pattern, group| Some([group, b"|", pattern].concat()));
        }),
        found_by: &["core/queue/one-group-across-patterns", "core/subjects/sys-queue"],
        ..fault("queue-split-by-pattern", "Members with other patterns are another group.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let Some(sub) = talk.sub(&message.sid).cloned() else {
                return talk.deliver(&message.bytes());
            };
            let shared = talk.shared();
            let mut patterns: Vec<&[u8]> = shared
                .members
                .iter()
                .filter(|(_, _, _, group)| Some(group) == sub.queue.as_ref())
                .map(|(_, _, pattern, _)| &pattern[..])
                .collect();
            patterns.dedup();
            let others = patterns.len().max(1) as u64;
            let lost = !scattered(sub.delivered).is_multiple_of(others);
            drop(shared);
            if !lost {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/queue/same-name-elsewhere", "core/queue/one-group-across-patterns"],
        ..fault(
            "queue-merged-across-subjects",
            "Groups of one name are one, also where the chosen member's subject does not match.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            regroup(talk, op, |pattern, group| {
                (!pattern.contains(&b'*') && !pattern.contains(&b'>')).then(|| group.to_vec())
            });
        }),
        found_by: &["core/queue/wildcards", "core/queue/one-group-across-patterns"],
        ..fault("queue-ignored-on-wildcards", "A wildcard subscription is in no group.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((pattern, Some(group), sid)) => {
                let is_member = talk
                    .subs
                    .values()
                    .any(|sub| sub.pattern == pattern && sub.queue.as_deref() == Some(group));
                match is_member {
                    true => talk.pass(&op.with(&[b"_none", group, sid])),
                    false => talk.pass(op),
                }
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/queue/shares"],
        ..fault("queue-once-a-connection", "Several memberships of a connection count once.")
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, None)) if talk.sub(sid).is_some_and(|sub| sub.queue.is_some()) => {
                talk.memory = sid.to_vec();
                talk.swallow();
            }
            _ => talk.pass(op),
        }),
        delivery: Some(|talk, message| {
            if talk.memory != message.sid {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/queue/member-unsubscribes", "core/queue/is-interest"],
        ..fault("queue-remembers-members", "A member that has unsubscribed is chosen all the same.")
    },
    Fault {
        delivery: Some(|talk, message| {
            if talk.sub(&message.sid).is_none_or(|sub| sub.queue.is_none()) || !talk.client_ended {
                talk.deliver(&message.bytes());
            }
        }),
        client_end: Some(|talk, _| talk.ends_client = true),
        only: &["core/queue", "core/life", "core/sub", "core/delivery/while-away"],
        found_by: &["core/queue/member-gone", "core/life/half-close"],
        ..fault(
            "connections-live-on",
            "A connection that was closed keeps its subscriptions, and its messages are lost.",
        )
    },
    Fault {
        remembers: true,
        op: Some(|talk, op| match op.verb {
            Verb::Connect if op.json().windows(12).any(|part| part == b"\"echo\":false") => {
                let json =
                    String::from_utf8_lossy(op.json()).replace("\"echo\":false", "\"echo\":true");
                talk.say(&[b"CONNECT", json.as_bytes(), b"\r\n"].concat());
            }
            _ => talk.pass(op),
        }),
        delivery: Some(|talk, message| {
            let body = [&message.body[..], b"\r\n"].concat();
            let own = (message.subject.clone(), body);
            let is_own = talk.options.get("echo") == Some(&false.into());
            if !(is_own && talk.own.contains(&own)) {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/sub/echo-does-not-count", "core/queue/echo-hands-on"],
        ..fault(
            "queue-loses-echo",
            "A message is lost if the chosen member is its publisher and wants no echo.",
        )
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((_, Some(group), _)) if !group.iter().all(u8::is_ascii_alphanumeric) => {
                talk.refuse_silently();
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/queue/names[10]", "core/queue/names-compared"],
        ..fault(
            "queue-names-checked",
            "A queue name with other than letters and digits is refused.",
        )
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((pattern, Some(group), sid)) => talk.pass(&op.with(&[pattern, sid, group])),
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/queue-argument", "core/queue/names[1]"],
        ..fault("queue-behind-sid", "SUB reads its last two words the other way round.")
    },
];
