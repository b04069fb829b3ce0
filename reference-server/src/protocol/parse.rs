//! Client bytes to operations, incrementally: however the stream is cut, the result is the same.

mod plain;

use std::ops::Range;

use memchr::memchr;

use super::{ClientOp, Limits, ProtocolError, Publish};

/// Reads the operations of one client.
///
/// Give [`next`](Parser::next) the bytes that have arrived and not been used. It answers how many
/// of them are done with, and the operation they make, if they make one:
///
/// ```
/// use nats_reference_server::protocol::{ClientOp, Limits, Parser};
///
/// let limits = Limits { max_payload_bytes: 1024, max_control_line_bytes: 4096 };
/// let mut parser = Parser::new(limits);
/// let mut bytes: &[u8] = b"PING\r\nSUB a 1\r\n";
/// let mut seen = 0;
/// loop {
///     let (used, op) = parser.next(bytes)?;
///     bytes = &bytes[used..];
///     if op.is_none() {
///         break;
///     }
///     seen += 1;
/// }
/// assert_eq!((seen, bytes.len()), (2, 0));
/// # Ok::<(), nats_reference_server::protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    /// What is refused early, from the next operation on.
    pub limits: Limits,
    headers: bool,
    announces: bool,
    state: State,
    /// Bytes of the current line already searched for its end.
    scanned: usize,
}

#[derive(Debug)]
enum State {
    /// Before a verb.
    Start,
    /// Behind a verb and the blanks that follow it.
    Arguments(Verb),
    /// Behind PING, PONG or +OK: nothing counts up to the line end (CORE-PARSE-020).
    RestOfLine(Verb),
    /// Behind a control line whose payload is not complete; it still stands in the buffer.
    Payload(Head),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Pub,
    Hpub,
    Hmsg,
    Sub,
    Unsub,
    Connect,
    Info,
    Ping,
    Pong,
    Ok,
    Err,
}

/// A control line that a payload follows; ranges count from the first argument.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    subject: Range<usize>,
    reply: Option<Range<usize>>,
    header: Option<(usize, Range<usize>)>,
    size: Range<usize>,
    body: Range<usize>,
    /// False for the HMSG that a client should not have sent.
    counts: bool,
}

type Step<'a> = Result<(usize, Option<ClientOp<'a>>), ProtocolError>;

impl Parser {
    /// A parser at the start of a connection: no headers until CONNECT asks for them.
    pub fn new(limits: Limits) -> Parser {
        Parser { limits, headers: false, announces: false, state: State::Start, scanned: 0 }
    }

    /// Whether HPUB is accepted from now on (CORE-HDR-004).
    pub fn allow_headers(&mut self, allow: bool) {
        self.headers = allow;
    }

    /// Whether a publication's subject is told as soon as its control line is complete: pedantic
    /// connections hear of a wrong subject before the payload has come (CORE-SUBJ-007).
    pub fn announce(&mut self, announces: bool) {
        self.announces = announces;
    }

    /// How many bytes, counted from the first unused one, complete the operation that has begun;
    /// 0 where that is not known. A hint for the size of the next read.
    pub fn wanted(&self) -> usize {
        match &self.state {
            State::Payload(head) => head.body.end + 2,
            _ => 0,
        }
    }

    /// Takes the next operation off the front of `bytes`.
    ///
    /// The answer's number says how many bytes are done with; no operation means that more must
    /// arrive. After an error the connection is beyond repair.
    #[inline]
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let plain = self.plain_publication(bytes);
        plain.map_or_else(|| self.step(bytes), |(used, it)| Ok((used, Some(ClientOp::Publish(it)))))
    }

    fn step<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let mut used = 0;
        if let State::Start = self.state {
            let Some(verb) = verb(bytes)? else { return Ok((0, None)) };
            used = verb.name().len();
            if verb.wants_blank() {
                match bytes.get(used) {
                    None => return Ok((0, None)),
                    Some(b' ' | b'\t') => used += 1,
                    Some(_) => return Err(ProtocolError::UnknownOperation),
                }
            }
            self.scanned = 0;
            self.state = match verb {
                Verb::Ping | Verb::Pong | Verb::Ok => State::RestOfLine(verb),
                _ => State::Arguments(verb),
            };
        }
        match self.state {
            State::RestOfLine(verb) => Ok(self.rest_of_line(verb, bytes, used)),
            State::Arguments(verb) => self.arguments(verb, bytes, used),
            _ => self.payload(bytes, used),
        }
    }

    fn rest_of_line<'a>(
        &mut self,
        verb: Verb,
        bytes: &'a [u8],
        used: usize,
    ) -> (usize, Option<ClientOp<'a>>) {
        let Some(end) = memchr(b'\n', &bytes[used..]) else { return (bytes.len(), None) };
        self.state = State::Start;
        let op = match verb {
            Verb::Ping => ClientOp::Ping,
            Verb::Pong => ClientOp::Pong,
            _ => ClientOp::Nothing,
        };
        (used + end + 1, Some(op))
    }

    fn arguments<'a>(&mut self, verb: Verb, bytes: &'a [u8], mut used: usize) -> Step<'a> {
        if self.scanned == 0 {
            used += bytes[used..].iter().take_while(|byte| is_blank(**byte)).count();
        }
        let rest = &bytes[used..];
        let Some(end) = memchr(b'\n', &rest[self.scanned..]).map(|at| at + self.scanned) else {
            self.scanned = rest.len();
            self.check_length(without_cr(rest))?;
            return Ok((used, None));
        };
        let line = without_cr(&rest[..end]);
        self.check_length(line)?;
        self.state = State::Start;
        let op = match verb {
            Verb::Pub | Verb::Hpub | Verb::Hmsg => {
                let head = self.head(verb, line, end + 1)?;
                let subject = head.subject.clone();
                let announced = self.announces && head.counts;
                self.state = State::Payload(head);
                if announced {
                    return Ok((used, Some(ClientOp::Announce { subject: &line[subject] })));
                }
                return self.payload(bytes, used);
            }
            Verb::Sub => subscribe(line)?,
            Verb::Unsub => unsubscribe(line)?,
            Verb::Connect => ClientOp::Connect(line),
            Verb::Info => ClientOp::Info(line),
            Verb::Err => ClientOp::Error,
            Verb::Ping | Verb::Pong | Verb::Ok => ClientOp::Nothing,
        };
        Ok((used + end + 1, Some(op)))
    }

    /// The limit holds for lines that are not complete too, so that none fills the memory.
    fn check_length(&self, line: &[u8]) -> Result<(), ProtocolError> {
        match line.len() > self.limits.max_control_line_bytes {
            true => Err(ProtocolError::ControlLineTooLong),
            false => Ok(()),
        }
    }

    fn head(&self, verb: Verb, line: &[u8], body: usize) -> Result<Head, ProtocolError> {
        if verb == Verb::Hmsg {
            return Ok(Head {
                subject: 0..0,
                reply: None,
                header: None,
                size: 0..0,
                body: body..body,
                counts: false,
            });
        }
        // Only blanks separate here: a stray CR is part of an argument (CORE-PARSE-035).
        let mut words = Words::new(line, is_blank);
        let mut found: [Range<usize>; 4] = [const { 0..0 }; 4];
        let mut count = 0;
        for word in words.by_ref().take(4) {
            found[count] = word;
            count += 1;
        }
        let lengths = if verb == Verb::Hpub { 2 } else { 1 };
        let malformed = Err(ProtocolError::MalformedArguments);
        if words.next().is_some() || !(lengths + 1..=lengths + 2).contains(&count) {
            return malformed;
        }
        let [subject, second, ..] = &found;
        let reply = (count == lengths + 2).then(|| second.clone());
        let size = found[count - 1].clone();
        let Some(total) = number(&line[size.clone()]) else { return malformed };
        let mut header = None;
        if verb == Verb::Hpub {
            let digits = found[count - 2].clone();
            match number(&line[digits.clone()]) {
                Some(length) if self.headers && length <= total => header = Some((length, digits)),
                _ => return malformed,
            }
        }
        if total > self.limits.max_payload_bytes {
            return Err(ProtocolError::PayloadTooLarge);
        }
        let subject = subject.clone();
        Ok(Head { subject, reply, header, size, body: body..body + total, counts: true })
    }

    /// `used` bytes of `bytes` precede the arguments.
    fn payload<'a>(&mut self, bytes: &'a [u8], used: usize) -> Step<'a> {
        let State::Payload(head) = &self.state else { return Ok((used, None)) };
        let arguments = &bytes[used..];
        let end = head.body.end;
        // An error at the first impossible byte, not at the second one (CORE-PARSE-022).
        match arguments.get(end..).unwrap_or_default() {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok((used, None)),
            _ => return Err(ProtocolError::UnknownOperation),
        }
        let op = match head.counts {
            false => ClientOp::Nothing,
            true => ClientOp::Publish(Publish {
                subject: &arguments[head.subject.clone()],
                reply: head.reply.clone().map(|range| &arguments[range]),
                header: head.header.clone().map(|(length, at)| (length, &arguments[at])),
                size: &arguments[head.size.clone()],
                body: &arguments[head.body.clone()],
                rest: head.rest(arguments),
            }),
        };
        self.state = State::Start;
        Ok((used + end + 2, Some(op)))
    }
}

impl Verb {
    fn name(self) -> &'static [u8] {
        match self {
            Verb::Pub => b"PUB",
            Verb::Hpub => b"HPUB",
            Verb::Hmsg => b"HMSG",
            Verb::Sub => b"SUB",
            Verb::Unsub => b"UNSUB",
            Verb::Connect => b"CONNECT",
            Verb::Info => b"INFO",
            Verb::Ping => b"PING",
            Verb::Pong => b"PONG",
            Verb::Ok => b"+OK",
            Verb::Err => b"-ERR",
        }
    }

    /// CONNECT and INFO need nothing between them and their JSON (CORE-CONN-015).
    fn wants_blank(self) -> bool {
        matches!(self, Verb::Pub | Verb::Hpub | Verb::Hmsg | Verb::Sub | Verb::Unsub | Verb::Err)
    }
}

/// The verb that `bytes` starts with, none if it is not complete, or an error at the first byte
/// that no verb has there (CORE-PARSE-008).
fn verb(bytes: &[u8]) -> Result<Option<Verb>, ProtocolError> {
    let letter = |at: usize| bytes.get(at).map(u8::to_ascii_uppercase);
    let verb = match (letter(0), letter(1)) {
        (None, _) | (Some(b'P' | b'H'), None) => return Ok(None),
        (Some(b'P'), Some(b'U')) => Verb::Pub,
        (Some(b'P'), Some(b'I')) => Verb::Ping,
        (Some(b'P'), _) => Verb::Pong,
        (Some(b'H'), Some(b'P')) => Verb::Hpub,
        (Some(b'H'), _) => Verb::Hmsg,
        (Some(b'S'), _) => Verb::Sub,
        (Some(b'U'), _) => Verb::Unsub,
        (Some(b'C'), _) => Verb::Connect,
        (Some(b'I'), _) => Verb::Info,
        (Some(b'+'), _) => Verb::Ok,
        (Some(b'-'), _) => Verb::Err,
        _ => return Err(ProtocolError::UnknownOperation),
    };
    let name = verb.name();
    let there = &bytes[..bytes.len().min(name.len())];
    if !there.eq_ignore_ascii_case(&name[..there.len()]) {
        return Err(ProtocolError::UnknownOperation);
    }
    Ok((there.len() == name.len()).then_some(verb))
}

fn subscribe(line: &[u8]) -> Result<ClientOp<'_>, ProtocolError> {
    let mut words = Words::new(line, is_blank_or_cr).map(|range| &line[range]);
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(subject), Some(sid), None, _) => {
            Ok(ClientOp::Subscribe { subject, queue: None, sid })
        }
        (Some(subject), queue, Some(sid), None) => Ok(ClientOp::Subscribe { subject, queue, sid }),
        _ => Err(ProtocolError::MalformedArguments),
    }
}

fn unsubscribe(line: &[u8]) -> Result<ClientOp<'_>, ProtocolError> {
    let mut words = Words::new(line, is_blank_or_cr).map(|range| &line[range]);
    match (words.next(), words.next(), words.next()) {
        (Some(sid), None, _) => Ok(ClientOp::Unsubscribe { sid, max: 0 }),
        (Some(sid), Some(max), None) => {
            Ok(ClientOp::Unsubscribe { sid, max: number(max).unwrap_or(0) as u64 })
        }
        _ => Err(ProtocolError::MalformedArguments),
    }
}

/// One to nine digits, nothing else (CORE-PARSE-024 to 026).
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Some(sum * 10 + usize::from(digit - b'0')),
        _ => None,
    })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_blank_or_cr(byte: u8) -> bool {
    is_blank(byte) || byte == b'\r'
}

/// The line without its CR. nats-server takes one byte off the end of any line that holds a CR
/// behind its first byte.
fn without_cr(line: &[u8]) -> &[u8] {
    match line {
        [rest @ .., b'\r'] => rest,
        [_, middle @ .., _] if memchr(b'\r', middle).is_some() => &line[..line.len() - 1],
        _ => line,
    }
}

/// The words of a line, as ranges.
struct Words<'a> {
    line: &'a [u8],
    at: usize,
    separates: fn(u8) -> bool,
}

impl<'a> Words<'a> {
    fn new(line: &'a [u8], separates: fn(u8) -> bool) -> Words<'a> {
        Words { line, at: 0, separates }
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.line[self.at..];
        let start = self.at + rest.iter().position(|byte| !(self.separates)(*byte))?;
        let rest = &self.line[start..];
        let length = rest.iter().position(|byte| (self.separates)(*byte)).unwrap_or(rest.len());
        self.at = start + length;
        Some(start..self.at)
    }
}
