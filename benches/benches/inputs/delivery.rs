//! Messages on their way: the line that is written for a receiver, its queue, and routing.

use std::hint::black_box;

use bytes::Bytes;
use nats_reference_server::{
    bench::{Outbox, Side},
    protocol::{Publish, encode},
};

/// Messages in one measurement.
pub(crate) const MESSAGES: usize = 64;

const HEADER: &[u8] = b"NATS/1.0\r\nTrace: 1\r\n\r\n";
const SID: &[u8] = b"17";

/// A message that owns its bytes.
#[derive(Debug)]
pub(crate) struct Message {
    subject: String,
    reply: Option<&'static [u8]>,
    header: Option<(usize, &'static [u8])>,
    size: String,
    body: Bytes,
    /// Whether a receiver shares its body instead of copying it.
    is_shared: bool,
}

/// A name for each kind of message.
pub(crate) const KINDS: [&str; 5] = ["plain", "reply", "header", "plain 1k", "plain 64k"];

impl Message {
    /// A message of that kind, or a plain one.
    pub(crate) fn new(kind: &str) -> Message {
        let payload_bytes = match kind {
            "plain 1k" => 1 << 10,
            "plain 64k" => 64 << 10,
            _ => 16,
        };
        let header = (kind == "header").then_some((HEADER.len(), &b"22"[..]));
        let mut body = header.map_or(Vec::new(), |_| HEADER.to_vec());
        body.resize(body.len() + payload_bytes, b'x');
        Message {
            subject: "orders.eu.created".to_owned(),
            reply: (kind == "reply").then_some(b"_INBOX.Wz4yDnqZ.17"),
            header,
            size: body.len().to_string(),
            is_shared: payload_bytes > 16 << 10,
            body: body.into(),
        }
    }

    /// As the parser would hand it on.
    pub(crate) fn publish(&self) -> Publish<'_> {
        Publish {
            subject: self.subject.as_bytes(),
            reply: self.reply,
            header: self.header,
            size: self.size.as_bytes(),
            body: &self.body,
            rest: None,
        }
    }
}

/// Writes the control line of the message again and again, and answers how many bytes that made.
pub(crate) fn encode(out: &mut Vec<u8>, message: &Message, takes_headers: bool) -> usize {
    out.clear();
    for _ in 0..MESSAGES {
        black_box(encode::delivery(out, &black_box(message.publish()), SID, takes_headers));
    }
    out.len()
}

/// Queues short answers for a receiver, and sends them.
pub(crate) fn append(outbox: &Outbox) -> usize {
    for _ in 0..MESSAGES {
        outbox.append(black_box(encode::PONG));
    }
    outbox.take()
}

/// Queues the message for a receiver again and again, and sends all.
pub(crate) fn deliver(outbox: &Outbox, message: &Message) -> usize {
    let shared = message.is_shared.then_some(&message.body);
    for _ in 0..MESSAGES {
        outbox.deliver(&black_box(message.publish()), SID, shared);
    }
    outbox.take()
}

/// A publisher and receivers, with what is published.
#[derive(Debug)]
pub(crate) struct Room {
    publisher: Side,
    receivers: Vec<Side>,
    messages: Vec<Message>,
}

/// A name for each kind of room.
pub(crate) const ROOMS: [&str; 4] = ["one", "wildcards", "fan-out", "queue"];

impl Room {
    /// Each subject has one receiver; or wildcards lead to it, or there are 32 receivers, or it is
    /// a queue group of eight.
    pub(crate) fn new(kind: &str) -> Room {
        let publisher = Side::first();
        let receivers = match kind {
            "fan-out" => 32,
            "queue" => 8,
            _ => 1,
        };
        let receivers: Vec<_> = (0..receivers).map(|_| publisher.another()).collect();
        let messages: Vec<_> = (0..MESSAGES)
            .map(|n| Message { subject: format!("orders.eu.{n}"), ..Message::new("plain") })
            .collect();
        for receiver in &receivers {
            match kind {
                "wildcards" => {
                    for pattern in ["orders.>", "orders.*.*", "*.eu.*"] {
                        receiver.subscribe(pattern.as_bytes(), None, pattern.as_bytes());
                    }
                }
                _ => {
                    let queue = (kind == "queue").then_some(&b"workers"[..]);
                    for subject in messages.iter().map(|message| message.subject.as_bytes()) {
                        receiver.subscribe(subject, queue, subject);
                    }
                }
            }
        }
        let mut room = Room { publisher, receivers, messages };
        assert!(room.publish() > MESSAGES, "all of it arrives");
        room
    }

    /// Publishes one message to each subject and sends what waits; the routes are known.
    pub(crate) fn publish(&mut self) -> usize {
        publish(&mut self.publisher, &self.messages, &self.receivers)
    }

    /// A publisher that knows no routes.
    pub(crate) fn stranger(&self) -> Side {
        self.publisher.another()
    }

    /// As [`publish`](Room::publish), by somebody else.
    pub(crate) fn publish_by(&self, publisher: &mut Side) -> usize {
        publish(publisher, &self.messages, &self.receivers)
    }
}

fn publish(publisher: &mut Side, messages: &[Message], receivers: &[Side]) -> usize {
    for message in messages {
        publisher.publish(&black_box(message.publish()));
    }
    publisher.ring();
    receivers.iter().map(Side::take).sum()
}
