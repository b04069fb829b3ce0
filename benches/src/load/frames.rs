//! Bytes that are sent, and bytes that must come: encoded before the measurement, never parsed.

use super::verify::STAMP_BYTES;

/// The headers that messages have where a shape has headers.
const HEADERS: &str =
    "NATS/1.0\r\nTrace-Id: 4bf92f3577b34da6a3ce929d\r\nContent-Type: application/json\r\n\r\n";

/// So many bytes of a payload's end are compared.
const TAIL_BYTES: usize = 64;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// NATS: what is published is written anew for who gets it.
    Nats,
    /// The relay's: what is published is what a NATS server would deliver.
    Relay,
}

/// What all messages of a publisher have in common.
#[derive(Debug, Clone)]
pub(crate) struct Message<'a> {
    pub(crate) subject: &'a str,
    pub(crate) reply: Option<&'a str>,
    pub(crate) sid: usize,
    pub(crate) headers: bool,
    pub(crate) payload_bytes: usize,
}

impl Message<'_> {
    /// What comes before the payload when it is published.
    pub(crate) fn published(&self, dialect: Dialect) -> Vec<u8> {
        match dialect {
            Dialect::Nats => self.head("PUB", None),
            Dialect::Relay => self.delivered(),
        }
    }

    /// What comes before the payload when it is delivered.
    pub(crate) fn delivered(&self) -> Vec<u8> {
        self.head("MSG", Some(self.sid))
    }

    fn head(&self, verb: &str, sid: Option<usize>) -> Vec<u8> {
        let mut line = format!("{}{verb} {}", if self.headers { "H" } else { "" }, self.subject);
        if let Some(sid) = sid {
            line += &format!(" {sid}");
        }
        if let Some(reply) = self.reply {
            line += &format!(" {reply}");
        }
        let size = self.payload_bytes;
        if self.headers {
            line += &format!(" {} {}\r\n{HEADERS}", HEADERS.len(), HEADERS.len() + size);
        } else {
            line += &format!(" {size}\r\n");
        }
        line.into_bytes()
    }
}

/// A payload without its stamp, and the end of its frame.
pub(crate) fn payload(bytes: usize) -> Vec<u8> {
    let mut payload: Vec<u8> = (b'a'..=b'w').cycle().take(bytes).collect();
    payload.extend_from_slice(b"\r\n");
    payload
}

/// Frames that are sent over and over, with new numbers each time.
#[derive(Debug)]
pub(crate) struct Batches {
    bytes: Vec<u8>,
    frame: usize,
    /// Where a frame's message number is.
    number: usize,
    /// Frames in a batch.
    count: usize,
    /// Frames in all; batches take turns.
    cycle: usize,
    /// The number of the next message.
    next: u64,
}

impl Batches {
    /// Of messages whose heads, all of one length, take turns. About `wanted` frames are a batch;
    /// a whole number of batches is a whole number of turns. `end` follows every batch.
    pub(crate) fn new(
        heads: &[Vec<u8>],
        payload_bytes: usize,
        publisher: u32,
        wanted: usize,
        end: &[u8],
    ) -> Batches {
        let count = match heads.len() {
            1 => wanted.max(1),
            turns => (1..=wanted.clamp(1, turns)).rev().find(|n| turns % n == 0).unwrap_or(1),
        };
        let cycle = heads.len().max(count);
        let body = payload(payload_bytes);
        let mut bytes = Vec::new();
        for at in 0..cycle {
            bytes.extend_from_slice(&heads[at % heads.len()]);
            let stamp = bytes.len();
            bytes.extend_from_slice(&body);
            bytes[stamp..stamp + 4].copy_from_slice(&publisher.to_le_bytes());
            if (at + 1) % count == 0 {
                bytes.extend_from_slice(end);
            }
        }
        let frame = heads[0].len() + body.len();
        Batches { bytes, frame, number: heads[0].len() + 4, count, cycle, next: 0 }
    }

    /// Frames in a batch.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Messages numbered so far.
    pub(crate) fn numbered(&self) -> u64 {
        self.next
    }

    /// Numbers the next batch and answers where it is in [`bytes`](Batches::bytes).
    pub(crate) fn arm(&mut self) -> std::ops::Range<usize> {
        let batches = self.cycle / self.count;
        let length = self.bytes.len() / batches;
        let which = (self.next / self.count as u64) as usize % batches;
        let start = which * length;
        let frames = &mut self.bytes[start..start + self.count * self.frame];
        for frame in frames.chunks_exact_mut(self.frame) {
            frame[self.number..self.number + 8].copy_from_slice(&self.next.to_le_bytes());
            self.next += 1;
        }
        start..start + length
    }

    /// All batches.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What must come.
#[derive(Debug)]
pub(crate) struct Expected {
    /// Heads of one length, one behind the other, in turn.
    heads: Vec<u8>,
    head: usize,
    turns: u64,
    /// Publishers with heads of their own, or 1.
    rows: u32,
    frame: usize,
    tail: Vec<u8>,
}

impl Expected {
    /// All publishers have the same heads.
    pub(crate) fn new(heads: &[Vec<u8>], payload_bytes: usize) -> Expected {
        Expected::by_publisher(heads, 1, payload_bytes)
    }

    /// Each publisher has its share of the heads.
    pub(crate) fn by_publisher(heads: &[Vec<u8>], rows: usize, payload_bytes: usize) -> Expected {
        let body = payload(payload_bytes);
        let tail = payload_bytes.saturating_sub(TAIL_BYTES).max(STAMP_BYTES);
        Expected {
            heads: heads.concat(),
            head: heads[0].len(),
            turns: (heads.len() / rows) as u64,
            rows: rows as u32,
            frame: heads[0].len() + body.len(),
            tail: body[tail..].to_vec(),
        }
    }

    /// Bytes of a frame.
    pub(crate) fn frame(&self) -> usize {
        self.frame
    }

    /// Which of the heads a message has.
    #[inline]
    pub(crate) fn turn(&self, publisher: u32, number: u64) -> usize {
        let turn = if self.turns == 1 { 0 } else { (number % self.turns) as usize };
        if self.rows == 1 { turn } else { publisher as usize * self.turns as usize + turn }
    }

    /// Payload and end of a frame.
    pub(crate) fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[self.head..]
    }

    /// The publisher's and the message's number, if this frame is exactly as it must be.
    #[inline]
    pub(crate) fn stamp(&self, frame: &[u8]) -> Option<(u32, u64)> {
        let (publisher, rest) = frame.get(self.head..)?.split_first_chunk::<4>()?;
        let publisher = u32::from_le_bytes(*publisher);
        let number = u64::from_le_bytes(*rest.first_chunk::<8>()?);
        if self.rows > 1 && publisher >= self.rows {
            return None;
        }
        let turn = self.turn(publisher, number) * self.head;
        let right = frame[..self.head] == self.heads[turn..turn + self.head]
            && frame[frame.len() - self.tail.len()..] == self.tail[..];
        right.then_some((publisher, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: bool) -> Message<'static> {
        Message { subject: "a.b", reply: None, sid: 7, headers, payload_bytes: 16 }
    }

    #[test]
    fn heads_are_those_of_the_protocol() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let plain = message(false);
        assert_eq!(text(plain.published(Dialect::Nats)), "PUB a.b 16\r\n");
        assert_eq!(text(plain.published(Dialect::Relay)), "MSG a.b 7 16\r\n");
        let asking = Message { reply: Some("r"), ..plain };
        assert_eq!(text(asking.published(Dialect::Nats)), "PUB a.b r 16\r\n");
        assert_eq!(text(asking.delivered()), "MSG a.b 7 r 16\r\n");
        let with = text(message(true).published(Dialect::Nats));
        let (size, total) = (HEADERS.len(), HEADERS.len() + 16);
        assert_eq!(with, format!("HPUB a.b {size} {total}\r\n{HEADERS}"));
    }

    #[test]
    fn what_is_sent_is_what_is_expected() {
        let heads: Vec<Vec<u8>> = ["a.0", "a.1", "a.2"]
            .map(|subject| Message { subject, ..message(false) }.delivered())
            .to_vec();
        let mut batches = Batches::new(&heads, 100, 5, 2, b"");
        let expected = Expected::new(&heads, 100);
        for number in 0..10 {
            let range = batches.arm();
            let mut frame = batches.bytes()[range].to_vec();
            assert_eq!(expected.stamp(&frame), Some((5, number)));
            *frame.last_mut().unwrap() = 0;
            assert_eq!(expected.stamp(&frame), None, "its end is wrong");
        }
    }

    #[test]
    fn another_subject_than_the_numbers_is_wrong() {
        let heads = ["a.0", "a.1"].map(|subject| Message { subject, ..message(false) }.delivered());
        let mut batches = Batches::new(&heads[..1], 16, 0, 2, b"PING\r\n");
        let expected = Expected::new(&heads, 16);
        let range = batches.arm();
        let frames = &batches.bytes()[range];
        assert!(frames.ends_with(b"PING\r\n"));
        let (first, second) = frames.split_at(expected.frame());
        assert_eq!(expected.stamp(first), Some((0, 0)));
        assert_eq!(expected.stamp(&second[..expected.frame()]), None);
    }
}
