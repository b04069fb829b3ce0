//! The status that tells a requester that nobody listens.

use super::{
    Area, Fault,
    client::Verb,
    frame::Delivery,
    talk::{Order, Talk},
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::NoResponders, name, what)
}

/// Changes what is a status.
fn status(talk: &mut Talk, message: Delivery, change: impl FnOnce(Delivery) -> Delivery) {
    match message.is_status() {
        true => talk.deliver(&change(message).bytes()),
        false => talk.deliver(&message.bytes()),
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        delivery: Some(|talk, message| {
            if !message.is_status() {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-missing", "Nobody is told that nobody listens.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Connect => {
                let json = String::from_utf8_lossy(op.json()).into_owned();
                let end = json.rfind('}').unwrap_or(json.len());
                let more = ",\"headers\":true,\"no_responders\":true}";
                let more = if json.contains(':') { more } else { &more[1..] };
                talk.say(format!("CONNECT{}{more}\r\n", &json[..end]).as_bytes());
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/connect/not-json[1]", "core/connect/null"],
        ..fault("status-for-everybody", "Clients are told that did not ask for it.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let times = if message.is_status() { 2 } else { 1 };
            talk.deliver(&message.bytes().repeat(times));
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-twice", "The status comes twice.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let other =
                talk.subs.values().find(|sub| sub.sid != message.sid).map(|s| s.sid.clone());
            status(talk, message, |message| Delivery {
                sid: other.unwrap_or_else(|| b"0".to_vec()),
                ..message
            });
        }),
        found_by: &["core/request/no-responders", "core/request/status-for-hpub"],
        ..fault("status-under-wrong-sid", "The status comes under another subscription's sid.")
    },
    Fault {
        delivery: Some(|talk, message| {
            status(talk, message, |message| {
                let body = [&message.body[..], b"no responders"].concat();
                message.with_body(body)
            });
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-with-payload", "The status has a payload.")
    },
    Fault {
        delivery: Some(|talk, message| {
            status(talk, message, |message| {
                let rest = message.body.get(12..).unwrap_or_default();
                let body = [b"NATS/1.0 404", rest].concat();
                message.with_body(body)
            });
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-404", "The status is 404 instead of 503.")
    },
    Fault {
        delivery: Some(|talk, message| {
            status(talk, message, |message| message.with_header(b"NATS/1.0 503\r\n\r\n"));
        }),
        found_by: &["core/request/no-responders", "core/request/status-size"],
        ..fault("status-without-subject", "The status does not say for which subject it is.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let subject = message.subject.clone();
            status(talk, message, |message| Delivery { reply: Some(subject), ..message });
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-with-reply", "The status has a reply subject.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let sid = message.sid.clone();
            let max = talk.sub(&sid).and_then(|sub| sub.max).filter(|_| message.is_status());
            talk.deliver(&message.bytes());
            if max == Some(1) {
                talk.say(&[b"UNSUB ", &sid[..], b"\r\n"].concat());
            }
        }),
        found_by: &["core/request/status-does-not-count"],
        ..fault("status-counts", "The status counts for the maximum of its subscription.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let hpub = talk.last_op.as_ref().is_some_and(|op| op.verb == Verb::Hpub);
            let hpub = hpub || talk.memory == b"HPUB";
            if !(message.is_status() && hpub) {
                talk.deliver(&message.bytes());
            }
        }),
        op: Some(|talk, op| {
            if op.is_message() {
                talk.memory = if op.verb == Verb::Hpub { b"HPUB".to_vec() } else { Vec::new() };
            }
            talk.pass(op);
        }),
        found_by: &["core/request/status-for-hpub"],
        ..fault("status-not-for-hpub", "A request with headers gets no status.")
    },
    Fault {
        frame: Some(|talk, frame| {
            if Delivery::parse(&frame).is_some_and(|message| message.is_status()) {
                talk.deliver(&frame);
                return talk.release_frames();
            }
            talk.release_frames();
            match &frame[..] {
                b"+OK\r\n" => talk.hold(frame),
                _ => talk.deliver(&frame),
            }
        }),
        found_by: &["core/request/status-behind-ok"],
        ..fault("status-before-ok", "The status comes before the acknowledgement of its request.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let queue = talk.sub(&message.sid).is_some_and(|sub| sub.queue.is_some());
            if let Some(reply) = message.reply.as_ref().filter(|_| queue) {
                let shared = talk.shared();
                for (id, sid, _) in shared.askers.iter().filter(|(_, _, other)| other == reply) {
                    let status =
                        [b"HMSG ", &reply[..], b" ", sid, b" 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"];
                    if let Some(asker) = shared.talks.get(id) {
                        // Who is gone needs no status.
                        let _ = asker.send(Order::ToClient(status.concat()));
                    }
                }
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/request/interest-of-any-kind[4]", "core/queue/is-interest"],
        ..fault("queues-are-no-interest", "The status comes though a queue group has the request.")
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args();
            let asker = talk.options.get("no_responders") == Some(&true.into());
            let first = talk.subs.values().find(|sub| sub.queue.is_none()).map(|s| s.sid.clone());
            talk.pass(op);
            if let (true, [subject, _], Verb::Pub, Some(sid)) = (asker, &args[..], op.verb, first) {
                let words = [&b"HMSG "[..], *subject, b" ", &sid].concat();
                talk.deliver(&[&words[..], b" 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"].concat());
            }
        }),
        found_by: &["core/request/no-reply-no-status", "core/request/status-does-not-count"],
        ..fault("status-without-request", "A message without a reply subject brings a status.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            let asker = talk.options.get("no_responders") == Some(&true.into());
            if let (Some(reply), true) = (op.reply(), asker)
                && !talk.subs.values().any(|sub| sub.pattern == reply && sub.queue.is_none())
                && !talk.subs.values().any(|sub| sub.pattern.ends_with(b"*"))
            {
                let words = [b"HMSG ", reply, b" 0 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"];
                talk.deliver(&words.concat());
            }
        }),
        found_by: &["core/request/status-needs-a-listener"],
        ..fault("status-without-listener", "The status comes though its reply has no subscription.")
    },
    Fault {
        delivery: Some(|talk, message| {
            status(talk, message, |mut message| {
                message.header = Some(b"16".to_vec());
                message
            });
        }),
        found_by: &["core/request/one-status", "core/request/no-responders"],
        ..fault("status-length-fixed", "The status always tells a header length of 16.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let copies: Vec<Vec<u8>> = match message.is_status() {
                true => talk.subs.values().map(|sub| sub.sid.clone()).collect(),
                false => vec![message.sid.clone()],
            };
            for sid in copies {
                talk.deliver(&Delivery { sid, ..message.clone() }.bytes());
            }
        }),
        found_by: &["core/request/one-status", "core/request/status-by-wildcard"],
        ..fault("status-to-each-subscription", "Each subscription of the requester gets a status.")
    },
    Fault {
        op: Some(|talk, op| {
            let wild = op.args().first().is_some_and(|subject| {
                subject.contains(&b'*') || subject.windows(2).any(|pair| pair == b"..")
            });
            talk.swallow_if(op, op.is_message() && op.reply().is_some() && wild)
        }),
        found_by: &["core/request/unmatchable[1]"],
        ..fault(
            "status-for-valid-only",
            "A request to a subject nobody could match gets no status.",
        )
    },
];
