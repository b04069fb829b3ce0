//! The broker's parser: however a stream is cut, it makes the same operations of it and keeps no
//! more than a line and a payload.

use nats_reference_server::protocol::{Limits, Parser};

const LIMITS: Limits = Limits { max_payload_bytes: 64, max_control_line_bytes: 48 };

/// The longest verb, a blank, a line, its payload, and two line ends.
const KEPT_MAX: usize = 8 + 1 + 48 + 2 + 64 + 2;

/// Operations of a stream that comes in such pieces, and its error.
fn parsed<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    headers: bool,
    announces: bool,
) -> Vec<String> {
    let mut parser = Parser::new(LIMITS);
    parser.allow_headers(headers);
    parser.announce(announces);
    let (mut waiting, mut seen) = (Vec::new(), Vec::new());
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            let (used, op) = match parser.next(&waiting) {
                Ok(step) => step,
                Err(error) => {
                    seen.push(format!("error: {error}"));
                    return seen;
                }
            };
            let more = op.is_some();
            seen.extend(op.map(|op| format!("{op:?}")));
            waiting.drain(..used);
            if !more {
                break;
            }
        }
        assert!(waiting.len() <= KEPT_MAX, "{} bytes are kept", waiting.len());
    }
    seen
}

/// The first byte chooses headers and announcements, the second one the size of the pieces.
pub(crate) fn check(data: &[u8]) {
    let [how, size, stream @ ..] = data else { return };
    let (headers, announces) = (how & 1 == 0, how & 2 != 0);
    let size = usize::from(*size).max(1);
    let single = parsed(stream.chunks(1), headers, announces);
    assert_eq!(parsed(std::iter::once(stream), headers, announces), single, "whole and bytewise");
    assert_eq!(parsed(stream.chunks(size), headers, announces), single, "in pieces of {size}");
}
