//! A story as a scenario, ready to be added to the suite.

use std::fmt::Write as _;

use super::{
    Act, Op, Options, Story,
    connection::connect_json,
    model::{Candidate, Delivery, Model, Outcome},
    stream::{Heard, Lines, is_message},
    teller::name,
};
use crate::scenario::Version;

/// The scenario, with what the model expects. Where a queue group leaves a choice, the first member
/// is taken to have been chosen, as far as counting goes.
pub fn print(story: &Story, release: &Version, title: &str) -> String {
    let mut model = Model::new(&story.peers, release.clone());
    let mut text = format!("title: {title}\nspec:  CORE-DLV-001\nlevel: MUST\n\n");
    for (peer, options) in story.peers.iter().enumerate() {
        // Who does nothing hears nothing.
        if story.ops.iter().any(|op| op.peer == peer) {
            connects(&mut text, peer, options);
        }
    }
    for op in &story.ops {
        if !model.is_open(op.peer) && op.act != Act::Reconnect {
            continue;
        }
        sent(&mut text, op, story);
        let outcome = model.step(op);
        expected(&mut text, op.peer, &outcome);
        outcome.deliveries.iter().for_each(|delivery| model.came(&delivery.0[0]));
        if op.act == Act::Flush {
            text.push_str("everyone is quiet\n");
        }
    }
    text.push_str("everyone is quiet\n");
    text
}

/// The scenario of a stream of bytes that were sent at once, with what a server answered. The
/// messages of a row may come in any order.
pub fn print_stream(lines: &Lines, heard: &Heard, title: &str) -> String {
    let mut text = format!("title: {title}\nspec:  CORE-PARSE-001\nlevel: MUST\ntags:  error\n\n");
    text.push_str("witness connects\nwitness> SUB > 1\nwitness is quiet\nsender dials\n");
    // Writing to a String can't fail.
    let _ = writeln!(text, "sender> {}\\\nsender half-closes", escaped(&lines.concat()));
    for row in heard.answers.chunk_by(|a, b| is_message(a) && is_message(b)) {
        let indent = in_any_order(&mut text, row.len());
        for frame in row {
            let _ = writeln!(text, "{indent}sender< {}", line(frame));
        }
    }
    text.push_str("sender is closed\n");
    for frame in &heard.witness {
        let _ = writeln!(text, "witness< {}", line(frame));
    }
    text.push_str("everyone is quiet\n");
    text
}

/// What stands before so many frames whose order is free, and how far they are indented.
fn in_any_order(text: &mut String, frames: usize) -> &'static str {
    match frames {
        0 | 1 => "",
        _ => {
            text.push_str("in any order\n");
            "  "
        }
    }
}

fn connects(text: &mut String, peer: usize, options: &Options) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{} connects {}", name(peer), connect_json(options));
}

fn sent(text: &mut String, op: &Op, story: &Story) {
    let peer = name(op.peer);
    let _ = match &op.act {
        Act::Subscribe { pattern, queue, sid } => {
            let queue = queue.as_ref().map_or_else(String::new, |queue| format!("{queue} "));
            writeln!(text, "{peer}> SUB {pattern} {queue}{sid}")
        }
        Act::Unsubscribe { sid, max: Some(max) } => writeln!(text, "{peer}> UNSUB {sid} {max}"),
        Act::Unsubscribe { sid, max: None } => writeln!(text, "{peer}> UNSUB {sid}"),
        Act::Publish { subject, reply, header, payload } => {
            let reply = reply.as_ref().map_or_else(String::new, |reply| format!("{reply} "));
            let body = [header.as_deref().unwrap_or_default(), payload].concat();
            let line = match header {
                Some(block) => format!("HPUB {subject} {reply}{} {}", block.len(), body.len()),
                None => format!("PUB {subject} {reply}{}", body.len()),
            };
            writeln!(text, "{peer}> {line}\n{peer}> {}", escaped(&body))
        }
        Act::Malformed(malformed) => {
            writeln!(text, "{peer}> {}\\", escaped(malformed.bytes.as_bytes()))
        }
        Act::Reconnect => {
            connects(text, op.peer, &story.peers[op.peer]);
            Ok(())
        }
        Act::Flush => Ok(()),
    };
}

fn expected(text: &mut String, by: usize, outcome: &Outcome) {
    for answer in &outcome.answers {
        let _ = writeln!(text, "{}< {}", name(by), line(answer));
    }
    let indent = in_any_order(text, outcome.deliveries.len());
    for delivery in &outcome.deliveries {
        delivered(text, indent, delivery);
    }
    if outcome.closes {
        let _ = writeln!(text, "{} is closed", name(by));
    }
}

fn delivered(text: &mut String, indent: &str, Delivery(candidates): &Delivery) {
    let mut peers: Vec<String> = candidates.iter().map(|candidate| name(candidate.peer)).collect();
    peers.dedup();
    let first = &candidates[0];
    let same_sid = candidates.iter().all(|candidate| candidate.sid == first.sid);
    let _ = writeln!(text, "{indent}{}< {}", peers.join("|"), frame(first, same_sid));
}

/// The whole frame in one line; the sid is left open where members of a group have several.
fn frame(candidate: &Candidate, with_sid: bool) -> String {
    let text = line(&candidate.frame);
    match with_sid {
        true => text,
        false => {
            let words: Vec<&str> = text.splitn(4, ' ').collect();
            match words[..] {
                [verb, subject, _, rest] => format!("{verb} {subject} <_> {rest}"),
                _ => text,
            }
        }
    }
}

/// A frame without its last line end, which the language adds.
fn line(frame: &[u8]) -> String {
    escaped(frame.strip_suffix(b"\r\n").unwrap_or(frame))
}

/// Bytes as the language writes them; a long run of one byte is written as a repetition.
fn escaped(bytes: &[u8]) -> String {
    const RUN: usize = 64;
    let mut text = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        let byte = letter(run[0]);
        let _ = match run.len() {
            RUN.. => write!(text, "<\"{byte}\" x {}>", run.len()),
            count => write!(text, "{}", byte.repeat(count)),
        };
    }
    text
}

fn letter(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\\' | b'<' | b'#' => format!("\\{}", char::from(byte)),
        b' '..=b'~' if byte != b'"' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}
