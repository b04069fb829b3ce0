//! Readers that get sizes and payloads wrong.

use super::{
    Area, Fault,
    client::{Op, Verb, number},
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Parsing, name, what)
}

/// The last word of a message's line: its size.
fn size_word(op: &Op) -> &[u8] {
    op.args().last().copied().unwrap_or_default()
}

/// A payload as it should end, and whether it does not.
fn whole_body(op: &Op) -> (Vec<u8>, bool) {
    let size = op.size().unwrap_or(0).min(op.body.len());
    let body = [&op.body[..size], b"\r\n"].concat();
    let wrong = !op.body.is_empty() && body != op.body;
    (body, wrong)
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| {
            match op.is_message() && size_word(op).len() > 1 && op.size().is_some() {
                true => {
                    let args = op.args();
                    let zeros = |word: &&[u8]| word.iter().all(u8::is_ascii_digit);
                    let plain: Vec<Vec<u8>> = args
                        .iter()
                        .enumerate()
                        .map(|(at, word)| match at > 0 && zeros(word) {
                            true => {
                                let start =
                                    word.iter().position(|b| *b != b'0').unwrap_or(word.len() - 1);
                                word[start..].to_vec()
                            }
                            false => word.to_vec(),
                        })
                        .collect();
                    let plain: Vec<&[u8]> = plain.iter().map(Vec::as_slice).collect();
                    talk.pass(&op.with(&plain));
                }
                false => talk.pass(op),
            }
        }),
        found_by: &["core/parse/leading-zeros[1]", "core/headers/leading-zeros"],
        ..fault("leading-zeros-dropped", "Sizes are written anew, without zeros before them.")
    },
    Fault {
        op: Some(|talk, op| {
            let wrong = op.size() == talk.max_payload() && op.size().is_some();
            talk.fail_if(op, wrong, "Maximum Payload Violation");
        }),
        found_by: &["core/info/max-payload", "core/info/max-payload-default"],
        ..fault("payload-limit-one-less", "The largest payload that is allowed is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let max = talk.max_payload().unwrap_or(0);
            let over = op.is_message() && op.size() == Some(max + 1);
            let behind = std::mem::replace(&mut talk.count, u64::from(over));
            match (over, behind) {
                (true, _) => talk.swallow(),
                // Its payload.
                (_, 1) if op.verb == Verb::Other => {}
                _ => talk.pass(op),
            }
        }),
        found_by: &["core/parse/payload-limit", "core/parse/payload-limit-of-info"],
        ..fault("payload-limit-one-more", "A payload one byte too long is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            let max = talk.max_payload().unwrap_or(0);
            let payload = match (op.verb, &op.args()[..]) {
                (Verb::Hpub, [.., header, size]) => number(size)
                    .zip(number(header))
                    .map(|(size, header)| size.saturating_sub(header)),
                _ => None,
            };
            let small = payload.is_some_and(|payload| payload <= max as u64);
            talk.swallow_if(op, small && op.size() > Some(max));
        }),
        found_by: &["core/parse/payload-limit-with-headers[1]"],
        ..fault(
            "payload-limit-without-headers",
            "Header blocks do not count for the payload limit.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            let (body, wrong) = whole_body(op);
            let behind = std::mem::replace(&mut talk.count, u64::from(wrong));
            match (wrong, behind) {
                (true, _) => talk.pass(&Op { body, ..op.clone() }),
                // What is left of the line that was too long.
                (_, 1) if op.verb == Verb::Other => {}
                _ => talk.pass(op),
            }
        }),
        found_by: &["core/parse/payload-end[1]", "core/parse/command-swallowed"],
        ..fault("payload-end-unchecked", "What stands where a payload should end is not looked at.")
    },
    Fault {
        op: Some(|talk, op| {
            let early = op.body.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 2);
            match early {
                Some(end) if end < op.body.len() => {
                    let args = op.args();
                    let size = (end - 2).to_string();
                    let args = [&args[..args.len() - 1], &[size.as_bytes()]].concat();
                    talk.pass(&op.with(&args).with_body(&op.body[..end]));
                    talk.say(&op.body[end..]);
                }
                _ => talk.pass(op),
            }
        }),
        found_by: &["core/verbose/each-command", "core/parse/payload-shorter-than-declared"],
        ..fault("payload-ends-at-line-end", "A payload ends at its first CR LF, whatever its size.")
    },
    Fault {
        op: Some(|talk, op| {
            let start = op.line.len() + op.end.len();
            let cut = op.seams.iter().any(|seam| *seam > start);
            talk.swallow_if(op, cut && op.is_message());
        }),
        found_by: &["core/parse/payload-shorter-than-declared", "core/verbose/after-the-payload"],
        ..fault("payloads-in-one-piece", "A payload that comes in several pieces is lost.")
    },
    Fault {
        op: Some(|talk, op| {
            let word = size_word(op);
            let long = word.len() > 9 && word.iter().all(u8::is_ascii_digit);
            talk.fail_if(op, op.verb == Verb::Pub && long, "Maximum Payload Violation");
        }),
        found_by: &["core/parse/size-too-long[1]"],
        ..fault("long-sizes-told", "A size of ten digits is too large, with an error.")
    },
    Fault {
        op: Some(|talk, op| {
            let number = size_word(op).iter().all(u8::is_ascii_digit);
            let wrong = op.verb == Verb::Pub && op.args().len() > 1 && !number;
            talk.unknown_if(op, wrong);
        }),
        found_by: &["core/parse/bad-sizes[1]", "core/parse/publish-arguments[5]"],
        ..fault("bad-sizes-told", "A size that is no number is an unknown operation.")
    },
    Fault {
        op: Some(|talk, op| {
            let number = size_word(op).iter().all(u8::is_ascii_digit);
            talk.swallow_if(op, op.verb == Verb::Pub && op.args().len() > 1 && !number);
        }),
        found_by: &["core/parse/bad-sizes[1]", "core/parse/publish-arguments[5]"],
        ..fault("bad-sizes-ignored", "PUB with a size that is no number is passed over.")
    },
    Fault {
        op: Some(|talk, op| {
            let complete = op.size().map(|size| size + 2) == Some(op.body.len());
            match op.is_message() && complete && talk.is_verbose() {
                true => {
                    // Acknowledged by us as soon as the line has come; too late is too late.
                    talk.pass(op);
                    talk.deliver(b"+OK\r\n");
                }
                false => talk.pass(op),
            }
        }),
        found_by: &["core/verbose/pipelined", "core/connect/optional"],
        ..fault("messages-acknowledged-twice", "In verbose mode a message gets two +OK.")
    },
];

impl Op {
    fn with_body(mut self, body: &[u8]) -> Op {
        self.body = body.to_vec();
        self
    }
}
