//! What one side writes the other one reads: operations by the broker's parser, deliveries by the
//! judge's reader, which have no code in common.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use nats_conformance::{
    explore::{Act, Op, Story, stories},
    wire::{self, Frame},
};
use nats_reference_server::protocol::{ClientOp, Limits, Parser, Publish, encode};
use proptest::prelude::*;

const LIMITS: Limits = Limits { max_payload_bytes: 1 << 20, max_control_line_bytes: 4096 };

/// The operation that the parser makes of these bytes, all of them.
fn parsed<T>(bytes: &[u8], look: impl FnOnce(ClientOp<'_>) -> T) -> T {
    let mut parser = Parser::new(LIMITS);
    parser.allow_headers(true);
    let mut at = 0;
    loop {
        match parser.next(&bytes[at..]).unwrap() {
            (used, Some(op)) => {
                assert_eq!(at + used, bytes.len());
                return look(op);
            }
            (used, None) => {
                assert!(used > 0, "{}", wire::shown(bytes));
                at += used;
            }
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The act that an operation is.
fn act(op: ClientOp<'_>) -> Act {
    match op {
        ClientOp::Subscribe { subject, queue, sid } => Act::Subscribe {
            pattern: text(subject).to_owned(),
            queue: queue.map(|queue| text(queue).to_owned()),
            sid: text(sid).parse().unwrap(),
        },
        ClientOp::Unsubscribe { sid, max } => {
            Act::Unsubscribe { sid: text(sid).parse().unwrap(), max: Some(max.try_into().unwrap()) }
        }
        ClientOp::Publish(message) => {
            let length = message.header.map(|(length, _)| length);
            let (header, payload) = message.body.split_at(length.unwrap_or(0));
            assert_eq!(text(message.size), message.body.len().to_string());
            Act::Publish {
                subject: text(message.subject).to_owned(),
                reply: message.reply.map(|reply| text(reply).to_owned()),
                header: length.map(|_| header.to_vec()),
                payload: payload.to_vec(),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn is_operation(op: &Op) -> bool {
    matches!(op.act, Act::Subscribe { .. } | Act::Unsubscribe { .. } | Act::Publish { .. })
}

/// Anything that may stand between blanks.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..20).prop_filter("a word", |word| {
        !word.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    })
}

proptest! {
    #[test]
    fn operations_are_read_as_they_were_written(story in stories(40)) {
        let Story { ops, .. } = story;
        for op in ops.iter().filter(|op| is_operation(op)) {
            let written = match op.act.clone() {
                // At once, said in fewer words.
                Act::Unsubscribe { sid, max: None } => Act::Unsubscribe { sid, max: Some(0) },
                act => act,
            };
            prop_assert_eq!(parsed(&op.bytes(), act), written);
        }
    }

    #[test]
    fn deliveries_are_read_as_they_were_written(
        (subject, sid, reply) in (word(), word(), prop::option::of(word())),
        header in prop::option::of(prop::collection::vec(any::<u8>(), 1..40)),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        takes_headers in any::<bool>(),
    ) {
        let block = header.clone().unwrap_or_default();
        let body = [&block[..], &payload].concat();
        let (length, total) = (block.len().to_string(), body.len().to_string());
        let message = Publish {
            subject: &subject,
            reply: reply.as_deref(),
            header: header.as_ref().map(|block| (block.len(), length.as_bytes())),
            size: total.as_bytes(),
            body: &body,
            rest: None,
        };
        let mut bytes = Vec::new();
        let sent = encode::delivery(&mut bytes, &message, &sid, takes_headers).to_vec();
        bytes.extend([&sent[..], b"\r\n"].concat());
        let digits = message.header.map(|(_, digits)| digits);
        let words = [reply.as_deref(), digits, Some(message.size)];
        let words: Vec<&[u8]> = words.into_iter().flatten().collect();
        let rest = [b" ", &words.join(&b' ')[..], b"\r\n", &body, b"\r\n"].concat();
        let (as_it_came, mut whole) = (Publish { rest: Some(&rest), ..message }, Vec::new());
        let could = encode::as_it_came(&mut whole, &as_it_came, &sid, takes_headers);
        prop_assert_eq!(could, takes_headers || header.is_none());
        prop_assert!(!could || whole == bytes);
        bytes.extend(b"PING\r\n");
        let Frame(frame) = wire::next(&mut bytes).unwrap().unwrap();
        prop_assert_eq!(bytes, b"PING\r\n");
        let end = frame.iter().position(|byte| *byte == b'\n').unwrap();
        let words: Vec<&[u8]> = frame[..end - 1].split(|byte| *byte == b' ').collect();
        let with_block = header.is_some() && takes_headers;
        let left = payload.len().to_string();
        let mut expected: Vec<&[u8]> =
            vec![if with_block { b"HMSG" } else { b"MSG" }, &subject, &sid];
        expected.extend(reply.as_deref());
        match with_block {
            true => expected.extend([length.as_bytes(), total.as_bytes()]),
            false => expected.push(left.as_bytes()),
        }
        prop_assert_eq!(words, expected);
        let sent = if with_block { &body } else { &payload };
        prop_assert_eq!(&frame[end + 1..frame.len() - 2], &sent[..]);
    }

    #[test]
    fn a_status_is_one_frame(
        (reply, sid) in (word(), word()),
        subject in prop::option::of("[a-z.]{1,20}"),
    ) {
        let mut bytes = Vec::new();
        encode::no_responders(&mut bytes, &reply, &sid, subject.as_deref().map(str::as_bytes));
        let Frame(frame) = wire::next(&mut bytes).unwrap().unwrap();
        prop_assert_eq!(&bytes, b"");
        let named = subject.map(|subject| format!("Nats-Subject: {subject}\r\n"));
        let block = format!("NATS/1.0 503\r\n{}\r\n", named.unwrap_or_default());
        let line = [b"HMSG ", &reply[..], b" ", &sid].concat();
        let sizes = format!(" {0} {0}\r\n{block}\r\n", block.len());
        prop_assert_eq!(frame, [&line[..], sizes.as_bytes()].concat());
    }
}
