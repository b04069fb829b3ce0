//! Messages lost, doubled, or altered on their way.

use super::{Area, Fault, frame::Delivery, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Delivery, name, what)
}

/// Delivers the message with another payload; a header block stays as it is.
fn with_payload(talk: &mut Talk, message: Delivery, change: impl Fn(&[u8]) -> Vec<u8>) {
    let (header, payload) = message.parts();
    let body = [header, &change(payload)].concat();
    talk.deliver(&message.with_body(body).bytes());
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        delivery: Some(|talk, message| {
            talk.count += 1;
            if talk.count % 3 != 0 {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/request/many-replies", "core/sub/several-on-one-subject"],
        ..fault("lose-every-third-message", "Every third message of a connection is lost.")
    },
    Fault {
        delivery: Some(|talk, message| {
            if talk.sub(&message.sid).is_none_or(|sub| sub.delivered > 0) {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/connect/free-text[1]", "core/connect/optional"],
        ..fault("lose-first-message", "The first message of each subscription is lost.")
    },
    Fault {
        delivery: Some(|talk, message| {
            if !message.body.is_empty() {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/parse/control-line-limit", "article/acknowledged"],
        ..fault("lose-empty-messages", "Messages without a payload are lost.")
    },
    Fault {
        delivery: Some(|talk, message| talk.deliver(&message.bytes().repeat(2))),
        found_by: &["core/connect/free-text[1]", "core/connect/optional"],
        ..fault("double-every-message", "Every message comes twice.")
    },
    Fault {
        delivery: Some(|talk, message| {
            talk.count += 1;
            let times = if talk.count % 10 == 0 { 2 } else { 1 };
            talk.deliver(&message.bytes().repeat(times));
        }),
        found_by: &["core/delivery/order-across-subscriptions", "core/parse/pipelined"],
        ..fault("double-every-tenth-message", "Every tenth message comes twice.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let same = [&message.subject[..], b" ", &message.body].concat();
            let other_sid = talk.memory != message.sid;
            if talk.own.last().is_some_and(|(_, last)| *last == same) && other_sid {
                return;
            }
            talk.memory.clone_from(&message.sid);
            talk.own = vec![(Vec::new(), same)];
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/sub/several-on-one-subject", "core/subjects/many-tokens[1]"],
        ..fault(
            "one-copy-per-connection",
            "A connection gets one copy, though several of its subscriptions match.",
        )
    },
    Fault {
        delivery: Some(|talk, message| {
            with_payload(talk, message, |payload| {
                let mut payload = payload.to_vec();
                if let Some(last) = payload.last_mut() {
                    *last ^= 1;
                }
                payload
            });
        }),
        found_by: &["core/connect/free-text[1]", "core/connect/optional"],
        ..fault("corrupt-last-byte", "The last byte of each payload is another one.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_payload(talk, message, |payload| {
                let end = payload.iter().position(|byte| *byte == 0);
                payload[..end.unwrap_or(payload.len())].to_vec()
            });
        }),
        found_by: &["core/parse/payload-is-bytes", "core/parse/leading-zeros[1]"],
        ..fault("payload-ends-at-nul", "A payload ends at its first zero byte.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_payload(talk, message, |payload| payload.trim_ascii_end().to_vec());
        }),
        found_by: &["core/parse/payload-is-bytes", "core/parse/leading-zeros[1]"],
        ..fault("payload-trimmed", "Blanks and line ends at the end of a payload are lost.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_payload(talk, message, |payload| {
                String::from_utf8_lossy(payload).into_owned().into_bytes()
            });
        }),
        found_by: &["core/parse/payload-is-bytes", "core/parse/leading-zeros[1]"],
        ..fault("payload-as-utf8", "Payload bytes that are no UTF-8 are replaced.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_payload(talk, message, |payload| payload[..payload.len().min(0xffff)].to_vec());
        }),
        found_by: &["core/parse/leading-zeros[1]", "core/info/max-payload-default"],
        ..fault("payload-cut-at-64-kib", "Of a large payload the first 65535 bytes arrive.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            message.body.extend_from_slice(b"\r\n");
            let body = std::mem::take(&mut message.body);
            talk.deliver(&message.with_body(body).bytes());
        }),
        found_by: &["core/connect/free-text[1]", "core/connect/optional"],
        ..fault("size-counts-line-end", "The size of a message counts its CR LF as well.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            if let Some(sub) = talk.sub(&message.sid) {
                message.subject.clone_from(&sub.pattern);
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["article/at-most-once", "core/wildcards/arrow[1]"],
        ..fault(
            "subject-of-the-subscription",
            "MSG names the pattern subscribed to, not the subject published to.",
        )
    },
    Fault {
        delivery: Some(|talk, mut message| {
            message.subject.make_ascii_lowercase();
            talk.deliver(&message.bytes());
        }),
        found_by: &["article/request-reply", "core/subjects/literal[2]"],
        ..fault("subject-in-lower-case", "MSG names the subject in lower case.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            message.reply = None;
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/request/interest-of-any-kind[1]", "article/request-reply"],
        ..fault("lose-reply", "The reply subject is lost.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            match &message.reply {
                Some(reply) => talk.memory.clone_from(reply),
                None if !talk.memory.is_empty() => message.reply = Some(talk.memory.clone()),
                None => {}
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/parse/cut-once[1]", "core/parse/byte-by-byte"],
        ..fault(
            "stale-reply",
            "A message without a reply subject gets that of the message before it.",
        )
    },
    Fault {
        delivery: Some(|talk, mut message| {
            let other = talk.held.pop().and_then(|frame| Delivery::parse(&frame));
            match other {
                Some(mut other) if other.body.len() == message.body.len() => {
                    let middle = message.body.len() / 2;
                    message.body[middle..].swap_with_slice(&mut other.body[middle..]);
                    talk.deliver(&[other.bytes(), message.bytes()].concat());
                }
                other => {
                    talk.deliver(&other.map(|other| other.bytes()).unwrap_or_default());
                    match message.body.len() > 10_000 {
                        true => talk.hold(message.bytes()),
                        false => talk.deliver(&message.bytes()),
                    }
                }
            }
        }),
        only: &["core/delivery"],
        found_by: &["core/delivery/frames-not-mixed"],
        ..fault("large-messages-mixed", "The second halves of large messages are exchanged.")
    },
    Fault {
        remembers: true,
        op: Some(|talk, op| {
            talk.pass(op);
            let Some((pattern, _, sid)) = op.subscription() else { return };
            let last = talk.shared().published.get(pattern).cloned();
            if let Some(body) = last.as_deref().and_then(|body| body.strip_suffix(b"\r\n")) {
                let (subject, sid) = (pattern.to_vec(), sid.to_vec());
                let message = Delivery {
                    subject,
                    sid,
                    reply: None,
                    header: None,
                    size: vec![],
                    body: vec![],
                };
                talk.hold(message.with_body(body.to_vec()).bytes());
            }
        }),
        found_by: &["core/delivery/late-subscriber"],
        ..fault(
            "last-message-kept",
            "Who subscribes late gets the last message that was published before.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            talk.release();
            match op.is_message() {
                true => talk.hold_op(op.clone()),
                false => talk.pass(op),
            }
        }),
        client_end: Some(|talk, rest| {
            talk.held_ops.clear();
            talk.say(&rest);
            talk.ends_server = true;
        }),
        found_by: &["core/delivery/publisher-leaves"],
        ..fault(
            "leavers-last-message-lost",
            "A message is lost if its publisher closes right behind it.",
        )
    },
];
