//! Header blocks that are lost, rewritten, or measured wrongly.

use super::{Area, Fault, client::Verb, frame::Delivery, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Headers, name, what)
}

/// Delivers the message with other header lines; the first one is the version line.
fn with_lines(talk: &mut Talk, message: Delivery, change: fn(&mut Vec<Vec<u8>>)) {
    let (header, _) = message.parts();
    let Some(text) = header.strip_suffix(b"\r\n\r\n").filter(|_| !message.is_status()) else {
        return talk.deliver(&message.bytes());
    };
    let mut lines: Vec<Vec<u8>> = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        .collect();
    change(&mut lines);
    let header = [&lines.join(&b"\r\n"[..])[..], b"\r\n\r\n"].concat();
    talk.deliver(&message.with_header(&header).bytes());
}

/// Up to the colon.
fn name(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b':').next().unwrap_or_default()
}

/// Changes the digits of a length.
fn digits(text: &mut Vec<u8>, change: impl Fn(u64) -> u64) {
    let number = String::from_utf8_lossy(text).parse().unwrap_or(0);
    *text = change(number).to_string().into_bytes();
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        delivery: Some(|talk, message| {
            if message.header.is_none() || message.is_status() {
                return talk.deliver(&message.bytes());
            }
            let payload = message.parts().1.to_vec();
            talk.deliver(&Delivery { header: None, ..message }.with_body(payload).bytes());
        }),
        found_by: &["core/headers/length-unchecked[1]", "core/headers/no-payload"],
        ..fault("headers-stripped", "Nobody gets header blocks.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let header = if message.is_status() { message.header.clone() } else { None };
            talk.deliver(&Delivery { header, ..message }.bytes());
        }),
        found_by: &["core/headers/length-unchecked[1]", "core/headers/no-payload"],
        ..fault("headers-as-payload", "The header block is delivered as part of a plain payload.")
    },
    Fault {
        delivery: Some(|talk, message| with_lines(talk, message, |lines| lines[1..].sort())),
        found_by: &["core/headers/byte-for-byte", "core/headers/leading-zeros"],
        ..fault("header-lines-sorted", "Header lines come in another order.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_lines(talk, message, |lines| {
                for line in &mut lines[1..] {
                    let length = name(line).len();
                    line[..length].make_ascii_lowercase();
                }
            });
        }),
        found_by: &["core/headers/no-payload", "core/headers/status-line[1]"],
        ..fault("header-names-in-lower-case", "The names of headers come in lower case.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_lines(talk, message, |lines| {
                for line in &mut lines[1..] {
                    let end = line.trim_ascii_end().len();
                    line.truncate(end);
                }
            });
        }),
        found_by: &["core/headers/byte-for-byte", "core/headers/leading-zeros"],
        ..fault("header-values-trimmed", "Blanks at the end of header lines are lost.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_lines(talk, message, |lines| {
                let mut seen = Vec::new();
                lines.retain(|line| {
                    let new = !seen.contains(&name(line).to_vec());
                    seen.push(name(line).to_vec());
                    new
                });
            });
        }),
        found_by: &["core/headers/byte-for-byte", "core/headers/large-block"],
        ..fault("header-names-once", "Of several headers of one name the first one arrives.")
    },
    Fault {
        delivery: Some(|talk, message| {
            with_lines(talk, message, |lines| lines[0].truncate(b"NATS/1.0".len()));
        }),
        found_by: &["core/headers/status-line[1]", "core/headers/unchecked[9]"],
        ..fault("status-line-cut", "The status in a version line is lost.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            if let Some(header) = &mut message.header {
                digits(header, |length| length.saturating_sub(2));
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/headers/length-unchecked[1]", "core/headers/no-payload"],
        ..fault("header-length-short", "The header length does not count the empty line.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            if let Some(header) = &mut message.header {
                digits(header, |length| length);
                digits(&mut message.size, |size| size);
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/headers/leading-zeros"],
        ..fault("header-lengths-normalised", "Zeros before the lengths of HMSG are lost.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let (header, payload) = message.parts();
            let end = header.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
            match (end, &message.header) {
                (Some(end), Some(_)) if end < header.len() => {
                    let block = header[..end].to_vec();
                    let body = [&header[end..], payload].concat();
                    let plain = Delivery { header: Some(b"0".to_vec()), ..message };
                    talk.deliver(&plain.with_body(body).with_header(&block).bytes());
                }
                _ => talk.deliver(&message.bytes()),
            }
        }),
        found_by: &["core/headers/length-unchecked[2]"],
        ..fault("header-length-recounted", "The header length is counted anew from the block.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let wants = talk.options.get("headers") == Some(&true.into());
            match message.header.is_none() && wants {
                true => talk.deliver(&message.with_header(b"NATS/1.0\r\n\r\n").bytes()),
                false => talk.deliver(&message.bytes()),
            }
        }),
        found_by: &[
            "core/delivery/silence-for-the-publisher",
            "core/request/interest-of-any-kind[1]",
        ],
        ..fault("plain-becomes-hmsg", "Plain messages come with an empty header block.")
    },
    Fault {
        delivery: Some(|talk, mut message| {
            if message.header.is_some() && !message.is_status() {
                message.reply = None;
            }
            talk.deliver(&message.bytes());
        }),
        found_by: &["core/headers/relayed", "core/headers/stripped"],
        ..fault("headers-lose-reply", "A message with headers loses its reply subject.")
    },
    Fault {
        op: Some(|talk, op| {
            let header = op.verb == Verb::Hpub && !op.body.starts_with(b"NATS/1.0\r\n");
            let empty = op.args().iter().rev().nth(1) == Some(&&b"0"[..]);
            let versioned = op.body.is_empty() || op.body.starts_with(b"NATS/1.0 ");
            talk.silent_if(op, header && !empty && !versioned)
        }),
        found_by: &["core/headers/unchecked[1]"],
        ..fault("header-blocks-checked", "A header block without its version line is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args();
            let length = args.len().checked_sub(2).and_then(|at| super::client::number(args[at]));
            talk.silent_if(op, op.verb == Verb::Hpub && length.is_some_and(|length| length > 4096))
        }),
        found_by: &["core/headers/large-block"],
        ..fault("header-blocks-of-4-kib", "A header block of more than 4096 bytes is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let empty = op.args().iter().rev().nth(1) == Some(&&b"0"[..]);
            talk.silent_if(op, op.verb == Verb::Hpub && empty)
        }),
        found_by: &["core/headers/empty-block"],
        ..fault("empty-header-refused", "A header block of length 0 ends the connection.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, op.verb == Verb::Hpub && op.size().is_none())),
        found_by: &["core/headers/bad-lengths[1]", "core/headers/longer-than-total[1]"],
        ..fault("wrong-lengths-ignored", "HPUB with lengths that can't be is passed over.")
    },
];
