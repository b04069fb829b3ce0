//! The same bytes to two servers, malformed ones too: what comes must be the same.
//!
//! A connection sends its whole stream at once and ends its side. The server executes what it
//! understood, says its last words and ends the other side (CORE-LIFE-001): so the end of the
//! stream is the fence, also where bytes are missing. A witness hears what was published.

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    time::timeout,
};

use super::{Limits, Told, runner};
use crate::wire::{self, shown};

/// What one connection sends, line by line; the lines are sent in one write.
pub type Lines = Vec<Vec<u8>>;

/// What came of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Frames to the sender, without INFO and without messages.
    pub answers: Vec<Vec<u8>>,
    /// Messages to the sender, sorted: the order of copies is free.
    pub own: Vec<Vec<u8>>,
    /// Messages to the witness, in order.
    pub witness: Vec<Vec<u8>>,
}

/// Why nothing could be heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Deaf {
    /// The connection could not be made or used.
    #[error("no connection to {0}: {1}")]
    Connection(SocketAddr, String),
    /// The server sent what no server sends.
    #[error("{0} sent {1}")]
    Malformed(SocketAddr, String),
    /// The server did neither answer nor close.
    #[error("{0} did not come to an end")]
    Endless(SocketAddr),
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [("answer", &self.answers), ("message", &self.own), ("witness", &self.witness)];
        for (name, frames) in named {
            for frame in frames {
                writeln!(f, "  {name:<8} {}", shown(frame))?;
            }
        }
        Ok(())
    }
}

/// Sends the lines to a server and hears what comes of them.
///
/// # Errors
/// A server that can't be reached, or does not speak.
pub async fn hear(addr: SocketAddr, lines: &Lines, deadline: Duration) -> Result<Heard, Deaf> {
    let hearing = async {
        let mut witness = connect(addr).await?;
        let greeting = b"CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB > 1\r\nPING\r\n";
        write(addr, &mut witness, greeting).await?;
        let mut buffer = Vec::new();
        read(addr, &mut witness, &mut buffer, Until::Pong).await?;

        let mut sender = connect(addr).await?;
        // The server may have ended the conversation before its last byte.
        let _ = sender.write_all(&lines.concat()).await;
        let _ = sender.shutdown().await;
        let frames = read(addr, &mut sender, &mut Vec::new(), Until::End).await?;

        write(addr, &mut witness, b"PING\r\n").await?;
        let witness = read(addr, &mut witness, &mut buffer, Until::Pong).await?;
        Ok(sorted_out(frames, witness))
    };
    timeout(deadline, hearing).await.unwrap_or(Err(Deaf::Endless(addr)))
}

fn sorted_out(frames: Vec<Vec<u8>>, witness: Vec<Vec<u8>>) -> Heard {
    let is_message = |frame: &Vec<u8>| frame.starts_with(b"MSG ") || frame.starts_with(b"HMSG ");
    let (mut own, mut answers): (Vec<_>, Vec<_>) = frames.into_iter().partition(is_message);
    own.sort();
    // Said once more by nats-server if one of its reads ends within the payload.
    answers.dedup_by(|a, b| a == b && a.starts_with(b"-ERR 'Invalid Publish Subject'"));
    Heard { answers, own, witness }
}

/// Where the reading ends.
#[derive(PartialEq)]
enum Until {
    Pong,
    End,
}

/// Frames but INFO; PING is not answered, the conversations are shorter than that.
async fn read(
    addr: SocketAddr,
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    until: Until,
) -> Result<Vec<Vec<u8>>, Deaf> {
    let mut frames = Vec::new();
    loop {
        while let Some(frame) =
            wire::next(buffer).map_err(|error| Deaf::Malformed(addr, error.to_string()))?
        {
            match frame.verb() {
                b"INFO" | b"PING" => {}
                b"PONG" if until == Until::Pong => return Ok(frames),
                _ => frames.push(frame.0),
            }
        }
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            // A reset is an end as well.
            Ok(0) | Err(_) if until == Until::End => return Ok(frames),
            Ok(0) => return Err(Deaf::Connection(addr, "the witness was closed".to_owned())),
            Err(error) => return Err(Deaf::Connection(addr, error.to_string())),
        }
    }
}

async fn connect(addr: SocketAddr) -> Result<TcpStream, Deaf> {
    TcpStream::connect(addr).await.map_err(|error| Deaf::Connection(addr, error.to_string()))
}

async fn write(addr: SocketAddr, stream: &mut TcpStream, bytes: &[u8]) -> Result<(), Deaf> {
    stream.write_all(bytes).await.map_err(|error| Deaf::Connection(addr, error.to_string()))
}

/// Streams of up to so many lines: right ones, nearly right ones, and noise.
pub fn streams(lines_max: usize) -> impl Strategy<Value = Lines> {
    let line = prop_oneof![
        6 => right(),
        4 => (right(), vec(change(), 1..3)).prop_map(|(line, changes)| {
            changes.iter().fold(line, |line, change| change.apply(line))
        }),
        2 => noise(),
    ];
    vec(line, 1..=lines_max)
}

fn right() -> impl Strategy<Value = Vec<u8>> {
    let subject = select(vec!["a", "b", "a.b", "a.b.c", "A", "a..b", ".a", "*", "a.*", "a.>", ">"]);
    let sid = select(vec!["1", "2", "x"]);
    let payload = select(vec!["", "x", "hello", "\r\n", "PING\r\n"]);
    let subject2 = subject.clone();
    let text = prop_oneof![
        3 => (subject.clone(), sid.clone())
            .prop_map(|(subject, sid)| format!("SUB {subject} {sid}\r\n")),
        2 => (sid, select(vec!["", " 1", " 2", " 0", " -1", " 1x"]))
            .prop_map(|(sid, max)| format!("UNSUB {sid}{max}\r\n")),
        5 => (subject.clone(), payload.clone()).prop_map(|(subject, payload)| {
            format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())
        }),
        2 => (subject.clone(), subject2, payload.clone()).prop_map(|(subject, reply, payload)| {
            format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())
        }),
        2 => (subject, payload).prop_map(|(subject, payload)| {
            let block = "NATS/1.0\r\nA: b\r\n\r\n";
            let total = block.len() + payload.len();
            format!("HPUB {subject} {} {total}\r\n{block}{payload}\r\n", block.len())
        }),
        4 => connect_json().prop_map(|json| format!("CONNECT {json}\r\n")),
        2 => select(vec!["PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n", "ping\r\n"])
            .prop_map(str::to_owned),
    ];
    text.prop_map(String::into_bytes)
}

fn connect_json() -> impl Strategy<Value = String> {
    let key = select(vec![
        "verbose",
        "pedantic",
        "echo",
        "headers",
        "no_responders",
        "protocol",
        "name",
        "lang",
        "VERBOSE",
        "unknown",
        "user",
        "pass",
        "auth_token",
        "tls_required",
        "account",
        "new_account",
        "version",
        "jwt",
        "nkey",
        "sig",
    ]);
    let value = select(vec!["true", "false", "0", "1", "2", "\"x\"", "\"\"", "null", "[]", "{}"]);
    vec((key, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

/// A change of one place of a line; the place is a share of its length.
#[derive(Debug, Clone)]
enum Change {
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Replace(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Double(prop::sample::Index),
}

impl Change {
    fn apply(&self, mut line: Vec<u8>) -> Vec<u8> {
        let at = |index: &prop::sample::Index| index.index(line.len().max(1)).min(line.len());
        match self {
            Change::Insert(index, byte) => line.insert(at(index), *byte),
            Change::Remove(index) if !line.is_empty() => drop(line.remove(at(index))),
            Change::Replace(index, byte) if !line.is_empty() => {
                let at = at(index);
                line[at] = *byte;
            }
            Change::Cut(index) => line.truncate(at(index)),
            Change::Double(index) => {
                let half = line[at(index)..].to_vec();
                line.extend(half);
            }
            Change::Remove(_) | Change::Replace(..) => {}
        }
        line
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let byte = || select(b" \t\r\n\0*>.,x09-+{}\":P\xff'_$".to_vec());
    prop_oneof![
        (index(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        index().prop_map(Change::Remove),
        (index(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        index().prop_map(Change::Cut),
        index().prop_map(Change::Double),
    ]
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = select(vec![
        "PUB",
        "SUB",
        "UNSUB",
        "HPUB",
        "PING",
        "PONG",
        "CONNECT",
        "INFO",
        "MSG",
        "HMSG",
        "+OK",
        "-ERR",
        "a",
        "1",
        "2",
        "99",
        "999999999",
        "1000000000",
        "0",
        "{}",
        "{",
        "'x'",
        " ",
        "  ",
        "\t",
        "\r\n",
        "\n",
        "\r",
        ".",
        "*",
        ">",
    ]);
    vec(word, 1..6).prop_map(|words| {
        let mut line = words.join(" ").into_bytes();
        line.extend_from_slice(b"\r\n");
        line
    })
}

/// A stream that two servers answer differently, as short as it could be made.
#[derive(Debug, Clone)]
pub struct Differing {
    /// What is sent.
    pub lines: Lines,
    /// What came from the first server.
    pub a: Result<Heard, Deaf>,
    /// What came from the second one.
    pub b: Result<Heard, Deaf>,
    /// The number of the stream, counted from 1.
    pub number: u64,
}

/// A difference that is known and explained.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Found in the bytes that are sent.
    pub sent: regex::bytes::Regex,
    /// Why the servers differ there.
    pub reason: String,
}

/// Sends random streams to both servers until one makes a difference that is not explained, or
/// the limits are reached. Call it where blocking is allowed, not on a runtime's worker.
///
/// # Errors
/// The first difference, made as short as it could be.
pub fn compare(
    handle: &Handle,
    (a, b): (SocketAddr, SocketAddr),
    explained: &[Explained],
    limits: &Limits,
    mut progress: impl FnMut(Told),
) -> Result<Told, Box<Differing>> {
    let strategy = streams(limits.ops_max);
    let mut told = Told::default();
    let hear_both = |lines: &Lines| {
        handle.block_on(async {
            tokio::join!(hear(a, lines, limits.timeout), hear(b, lines, limits.timeout))
        })
    };
    while told.stories < limits.stories_max
        && limits.until.is_none_or(|until| Instant::now() < until)
    {
        let number = told.stories + 1;
        let mut lines_told = 0;
        let mut runner = runner(limits.seed, number);
        let tree = strategy.new_tree(&mut runner);
        // Our strategies refuse nothing.
        let Ok(mut tree) = tree else { continue };
        let differs = |lines: &Lines| {
            let bytes = lines.concat();
            let (a, b) = hear_both(lines);
            a != b && !explained.iter().any(|known| known.sent.is_match(&bytes))
        };
        let first = tree.current();
        lines_told += first.len();
        if differs(&first) {
            let lines = shortest(&mut tree, differs);
            let (a, b) = hear_both(&lines);
            return Err(Box::new(Differing { lines, a, b, number }));
        }
        told.stories += 1;
        told.ops += lines_told as u64;
        progress(told);
    }
    Ok(told)
}

/// Makes a failing value smaller as long as it goes on failing.
fn shortest<T: ValueTree>(tree: &mut T, fails: impl Fn(&T::Value) -> bool) -> T::Value {
    const STEPS_MAX: usize = 2_000;
    let mut smallest = tree.current();
    for _ in 0..STEPS_MAX {
        let moved = match fails(&tree.current()) {
            true => {
                smallest = tree.current();
                tree.simplify()
            }
            false => tree.complicate(),
        };
        if !moved {
            break;
        }
    }
    smallest
}
