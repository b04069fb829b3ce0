//! Cuts what a client says into operations. Tolerant: what is no operation passes as it is, and
//! nothing is held back that a server would act on.

/// A line longer than this can't become one that a server takes.
const LINE_BYTES_MAX: usize = 4100;
/// The payload limit until INFO has told another one.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Connect,
    Pub,
    Hpub,
    Sub,
    Unsub,
    Ping,
    Pong,
    /// INFO and +OK, which servers pass over.
    Ignored,
    /// Anything else, and lines that are not whole.
    Other,
}

/// Subject, queue group, sid.
pub(super) type Subscription<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// One operation, or bytes that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) verb: Verb,
    /// Without its end.
    pub(super) line: Vec<u8>,
    /// CR LF, LF, or nothing.
    pub(super) end: Vec<u8>,
    /// A payload and what stands where CR LF should.
    pub(super) body: Vec<u8>,
    /// Where in the bytes one read ended and the next began.
    pub(super) seams: Vec<usize>,
}

impl Op {
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.line[..], &self.end, &self.body].concat()
    }

    /// The words behind the verb.
    pub(super) fn args(&self) -> Vec<&[u8]> {
        let words = self.line.split(|byte| b" \t\r".contains(byte));
        words.filter(|word| !word.is_empty()).skip(1).collect()
    }

    /// What stands behind the verb of CONNECT.
    pub(super) fn json(&self) -> &[u8] {
        self.line.get("CONNECT".len()..).unwrap_or_default()
    }

    /// The same operation with other words behind its verb.
    pub(super) fn with(&self, args: &[&[u8]]) -> Op {
        let verb: &[u8] = match self.verb {
            Verb::Pub => b"PUB",
            Verb::Hpub => b"HPUB",
            Verb::Sub => b"SUB",
            Verb::Unsub => b"UNSUB",
            _ => return self.clone(),
        };
        let line = [&[verb], args].concat().join(&b' ');
        Op { line, ..self.clone() }
    }

    pub(super) fn is_message(&self) -> bool {
        matches!(self.verb, Verb::Pub | Verb::Hpub)
    }

    /// Subject and sid, and the queue group in between.
    pub(super) fn subscription(&self) -> Option<Subscription<'_>> {
        match (self.verb, &self.args()[..]) {
            (Verb::Sub, [subject, sid]) => Some((subject, None, sid)),
            (Verb::Sub, [subject, queue, sid]) => Some((subject, Some(queue), sid)),
            _ => None,
        }
    }

    /// The sid of UNSUB, and the maximum if it is one.
    pub(super) fn removal(&self) -> Option<(&[u8], Option<u64>)> {
        match (self.verb, &self.args()[..]) {
            (Verb::Unsub, [sid]) => Some((sid, None)),
            (Verb::Unsub, [sid, max]) => Some((sid, number(max).filter(|max| *max > 0))),
            _ => None,
        }
    }

    /// Bytes of a message as it announces them.
    pub(super) fn size(&self) -> Option<usize> {
        let args = self.args();
        let size = usize::try_from(number(args.last()?)?).ok()?;
        match (self.verb, &args[..]) {
            (Verb::Pub, [_, _] | [_, _, _]) => Some(size),
            (Verb::Hpub, [_, header, _] | [_, _, header, _]) => {
                number(header).filter(|header| *header <= size as u64).map(|_| size)
            }
            _ => None,
        }
    }

    /// The reply subject of a message.
    pub(super) fn reply(&self) -> Option<&[u8]> {
        match (self.verb, &self.args()[..]) {
            (Verb::Pub, [_, reply, _]) | (Verb::Hpub, [_, reply, _, _]) => Some(reply),
            _ => None,
        }
    }
}

/// Up to nine digits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let plain = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// What a client has said and was not yet cut.
#[derive(Debug)]
pub(super) struct Cutter {
    buffer: Vec<u8>,
    seams: Vec<usize>,
    /// Within a line that passes as it is.
    mid_line: bool,
    /// From now on nothing can be cut.
    lost: bool,
    pub(super) max_payload: usize,
}

impl Default for Cutter {
    fn default() -> Cutter {
        let (buffer, seams) = (Vec::new(), Vec::new());
        Cutter { buffer, seams, mid_line: false, lost: false, max_payload: PAYLOAD_BYTES_MAX }
    }
}

impl Cutter {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if !self.buffer.is_empty() {
            self.seams.push(self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What is left when the client has ended.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Whether the client has begun something and not finished it.
    pub(super) fn is_mid_way(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next operation, if it is whole.
    pub(super) fn next(&mut self) -> Option<Op> {
        if self.buffer.is_empty() {
            return None;
        }
        let end = self.buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        if self.lost {
            return Some(self.take(self.buffer.len(), 0, Verb::Other));
        }
        let verb = verb(&self.buffer);
        match (end, verb) {
            _ if self.mid_line => {
                self.mid_line = end.is_none();
                Some(self.take(end.unwrap_or(self.buffer.len()), 0, Verb::Other))
            }
            (Some(end), Some(verb)) => self.whole(end, verb),
            (Some(end), None) => Some(self.take(end, 0, Verb::Other)),
            (None, Some(_)) if self.buffer.len() <= LINE_BYTES_MAX => None,
            (None, _) => {
                self.mid_line = true;
                Some(self.take(self.buffer.len(), 0, Verb::Other))
            }
        }
    }

    /// An operation whose line is whole, once its payload is.
    fn whole(&mut self, end: usize, verb: Verb) -> Option<Op> {
        let line = &self.buffer[..end - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        let op = Op { verb, line, end: Vec::new(), body: Vec::new(), seams: Vec::new() };
        let Some(size) = op.size() else { return Some(self.take(end, 0, verb)) };
        if size > self.max_payload {
            self.lost = true;
            return Some(self.take(end, 0, verb));
        }
        let behind = self.buffer.get(end + size..).unwrap_or_default();
        match behind {
            [] | [b'\r'] => None,
            [b'\r', _, ..] => Some(self.take(end, size + 2, verb)),
            _ => Some(self.take(end, size + 1, verb)),
        }
    }

    fn take(&mut self, line: usize, body: usize, verb: Verb) -> Op {
        let length = line + body;
        let rest = self.buffer.split_off(length);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        let (seams, later) = self.seams.iter().partition(|seam| **seam < length);
        self.seams = later;
        self.seams.iter_mut().for_each(|seam| *seam -= length);
        self.seams.retain(|seam| *seam > 0);
        let body = bytes.split_off(line);
        let without = match &bytes[..] {
            [.., b'\r', b'\n'] => line - 2,
            [.., b'\n'] => line - 1,
            _ => line,
        };
        let end = bytes.split_off(without);
        Op { verb, line: bytes, end, body, seams }
    }
}

/// What the bytes are the beginning of; nothing if they are no operation. Of what is too short to
/// tell, any answer but nothing will do.
fn verb(bytes: &[u8]) -> Option<Verb> {
    const VERBS: [(&[u8], Verb, bool); 10] = [
        (b"CONNECT", Verb::Connect, false),
        (b"PING", Verb::Ping, false),
        (b"PONG", Verb::Pong, false),
        (b"INFO", Verb::Ignored, false),
        (b"+OK", Verb::Ignored, false),
        (b"PUB", Verb::Pub, true),
        (b"HPUB", Verb::Hpub, true),
        (b"SUB", Verb::Sub, true),
        (b"UNSUB", Verb::Unsub, true),
        (b"-ERR", Verb::Other, false),
    ];
    let is = |word: &[u8], wants_blank: bool| {
        let common = word.len().min(bytes.len());
        let blank = bytes.get(word.len()).is_none_or(|byte| b" \t".contains(byte));
        bytes[..common].eq_ignore_ascii_case(&word[..common]) && (!wants_blank || blank)
    };
    VERBS.iter().find(|(word, _, blank)| is(word, *blank)).map(|(_, verb, _)| *verb)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECE: &str = "(PUB a 3\r\n|abc|\r\n|PING\r|\n|SUB a 1|X| |HPUB a 1 2\r\n){0,4}";

    fn all(cutter: &mut Cutter) -> Vec<Op> {
        std::iter::from_fn(|| cutter.next()).collect()
    }

    #[test]
    fn operations_are_cut_and_what_is_none_passes() {
        let mut cutter = Cutter::default();
        cutter.feed(
            b"connect{}\r\nSUB a q 1\nPUB a r 2\r\n\r\n\r\nHPUB a 2 3\r\nabc\r\nBOGUS x\r\nPI",
        );
        let ops = all(&mut cutter);
        let verbs: Vec<Verb> = ops.iter().map(|op| op.verb).collect();
        assert_eq!(verbs, [Verb::Connect, Verb::Sub, Verb::Pub, Verb::Hpub, Verb::Other]);
        assert_eq!(ops[0].json(), b"{}");
        assert_eq!(ops[1].subscription(), Some((&b"a"[..], Some(&b"q"[..]), &b"1"[..])));
        assert_eq!((ops[1].end.as_slice(), ops[2].body.as_slice()), (&b"\n"[..], &b"\r\n\r\n"[..]));
        assert_eq!((ops[2].reply(), ops[3].size()), (Some(&b"r"[..]), Some(3)));
        cutter.feed(b"NG\r\n");
        assert_eq!((cutter.next().unwrap().seams, cutter.next()), (vec![2], None));
    }

    #[test]
    fn nothing_is_held_that_a_server_acts_on() {
        for bytes in ["X", "PINX", "SU ", "PUBS", "\r", "PUB a 5\r\nhello\n", "PUB a 999999999\r\n"]
        {
            let mut cutter = Cutter::default();
            cutter.feed(bytes.as_bytes());
            assert_eq!(cutter.next().unwrap().bytes(), bytes.as_bytes(), "{bytes:?}");
        }
        let mut cutter = Cutter::default();
        cutter.feed(format!("SUB {}", "s".repeat(4097)).as_bytes());
        assert!(cutter.next().is_some());
        // What a server waits for is waited for here.
        for bytes in ["PIN", "PUB a 5\r\nhello\r", "SUB a 1", "PUB"] {
            let mut cutter = Cutter::default();
            cutter.feed(bytes.as_bytes());
            assert_eq!(cutter.next(), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn not_a_byte_is_lost(pieces in prop::collection::vec(PIECE, 0..8)) {
            let mut cutter = Cutter::default();
            let mut out = Vec::new();
            for piece in &pieces {
                cutter.feed(piece.as_bytes());
                out.extend(all(&mut cutter).iter().flat_map(Op::bytes));
            }
            out.extend(cutter.rest());
            prop_assert_eq!(out, pieces.concat().into_bytes());
        }
    }
}
