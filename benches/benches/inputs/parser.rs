//! Streams of operations, and the parser over them.

use std::hint::black_box;

use nats_reference_server::protocol::{Limits, Parser};

/// Operations in each stream.
pub(crate) const OPERATIONS: usize = 256;

const LIMITS: Limits = Limits { max_payload_bytes: 1 << 20, max_control_line_bytes: 4096 };

const PUB: &str = "PUB orders.eu.created 16\r\n0123456789abcdef\r\n";
const PUB_REPLY: &str = "PUB orders.eu.created _INBOX.Wz4yDnqZ.17 16\r\n0123456789abcdef\r\n";
const HPUB: &str =
    "HPUB orders.eu.created 22 38\r\nNATS/1.0\r\nTrace: 1\r\n\r\n0123456789abcdef\r\n";
const SUB: &str = "SUB orders.*.created 17\r\n";
const SUB_QUEUE: &str = "SUB orders.*.created workers 17\r\n";
const UNSUB: &str = "UNSUB 17 100\r\n";
const PING: &str = "PING\r\n";
const CONNECT: &str = concat!(
    r#"CONNECT {"verbose":false,"pedantic":false,"lang":"rust","version":"1.0.0","protocol":1,"#,
    r#""headers":true,"no_responders":true,"echo":true,"name":"bench"}"#,
    "\r\n"
);

/// A name for each kind of stream, as the functions below make them.
pub(crate) const KINDS: [&str; 10] =
    ["pub", "pub 1k", "pub reply", "hpub", "sub", "sub queue", "unsub", "ping", "connect", "mixed"];

/// Sizes of the pieces that a stream is cut into, besides whole.
pub(crate) const PIECES_BYTES: [usize; 2] = [7, 1460];

/// The stream of this kind: that many operations of one verb, or a mixture.
pub(crate) fn stream(kind: &str) -> Vec<u8> {
    let large = format!("PUB orders.eu.created 1024\r\n{}\r\n", "x".repeat(1024));
    let mixture = [PUB, SUB, PUB_REPLY, PING, PUB, HPUB, PUB, UNSUB].concat();
    let (text, operations) = match kind {
        "pub" => (PUB, 1),
        "pub 1k" => (&*large, 1),
        "pub reply" => (PUB_REPLY, 1),
        "hpub" => (HPUB, 1),
        "sub" => (SUB, 1),
        "sub queue" => (SUB_QUEUE, 1),
        "unsub" => (UNSUB, 1),
        "ping" => (PING, 1),
        "connect" => (CONNECT, 1),
        _ => (&*mixture, 8),
    };
    let stream = text.repeat(OPERATIONS / operations).into_bytes();
    assert_eq!(parse(&stream, stream.len()), OPERATIONS, "{kind}");
    stream
}

/// Parses everything in pieces of the given size, as a connection reads them, and answers how many
/// operations it was.
pub(crate) fn parse(stream: &[u8], piece_bytes: usize) -> usize {
    let mut parser = Parser::new(LIMITS);
    parser.allow_headers(true);
    let (mut start, mut operations) = (0, 0);
    for end in (piece_bytes..stream.len()).step_by(piece_bytes).chain([stream.len()]) {
        loop {
            let Ok((used, op)) = parser.next(&stream[start..end]) else { return 0 };
            start += used;
            match black_box(op) {
                Some(_) => operations += 1,
                None => break,
            }
        }
    }
    operations
}
