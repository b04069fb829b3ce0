//! Random stories against a model of core NATS. Scenarios show what somebody thought of; this finds
//! what nobody did.
//!
//! A [`Story`] is a list of operations of several connections. [`model`] says what a correct server
//! may answer, [`teller`] tells the story to a server and compares, and a story that does not hold
//! is made as short as it can be ([`drive`]) and printed as a scenario ([`print()`]).
//! [`differential`] tells stories to two servers, and sends them streams of bytes ([`stream`]) that
//! are hardly protocol any more.

mod connection;
pub mod differential;
pub mod drive;
pub mod model;
mod noise;
mod print;
mod random;
pub mod stream;
pub mod teller;

pub use drive::{Explored, Found, Limits, Told};
pub use noise::streams;
pub use print::{print, print_stream};
pub use random::stories;

use std::{io, net::SocketAddr};

use crate::scenario::Version;

/// What the connections of a story do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// How each connects.
    pub peers: Vec<Options>,
    /// What they do. Operations of one connection that follow each other are sent as one write.
    pub ops: Vec<Op>,
}

/// What CONNECT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Own messages come back.
    pub echo: bool,
    /// Headers are understood.
    pub headers: bool,
    /// Lonely requests are answered; only together with headers.
    pub no_responders: bool,
    /// Commands are acknowledged.
    pub verbose: bool,
    /// Published subjects are checked.
    pub pedantic: bool,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Whose.
    pub peer: usize,
    /// What.
    pub act: Act,
}

/// What a connection does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// SUB.
    Subscribe {
        /// May be invalid.
        pattern: String,
        /// The queue group.
        queue: Option<String>,
        /// The subscription's name.
        sid: u8,
    },
    /// UNSUB, with or without a maximum.
    Unsubscribe {
        /// May be unknown.
        sid: u8,
        /// Deliveries counted from SUB.
        max: Option<u8>,
    },
    /// PUB, or HPUB if there is a header block.
    Publish {
        /// May be one that nobody can listen to.
        subject: String,
        /// Where answers go.
        reply: Option<String>,
        /// The header block, its empty line included.
        header: Option<Vec<u8>>,
        /// What follows it.
        payload: Vec<u8>,
    },
    /// Everything up to here is proven before the next operation is sent.
    Flush,
    /// A line that is no protocol.
    Malformed(&'static Malformed),
    /// The connection is closed and opened again.
    Reconnect,
}

/// A line that ends the connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is sent, the line end included.
    pub bytes: &'static str,
    /// What is said before the close, if anything is.
    pub error: Option<&'static str>,
}

/// Lines that are no protocol, and what the server says to them (CORE-PARSE-008, 024, 025, 031).
pub const MALFORMED: &[Malformed] = &[
    Malformed { bytes: "X\r\n", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUBX a 1\r\n", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUB a 1\r\nxyz", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "SUB\r\n", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUB a 1048577\r\n", error: Some("Maximum Payload Violation") },
    Malformed { bytes: "PUB a\r\n", error: None },
    Malformed { bytes: "PUB a -1\r\n", error: None },
    Malformed { bytes: "PUB a b c 1\r\n", error: None },
    Malformed { bytes: "SUB a\r\n", error: None },
    Malformed { bytes: "SUB a b 1 c\r\n", error: None },
    Malformed { bytes: "HPUB a 5 4\r\n", error: None },
    Malformed { bytes: "UNSUB \r\n", error: None },
    Malformed { bytes: "UNSUB 1 2 3\r\n", error: None },
    Malformed { bytes: "-ERR 'x'\r\n", error: None },
    Malformed { bytes: "CONNECT {\r\n", error: None },
];

impl Op {
    /// What is sent for it.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.act {
            Act::Subscribe { pattern, queue, sid } => {
                let queue = queue.as_ref().map_or_else(String::new, |queue| format!("{queue} "));
                format!("SUB {pattern} {queue}{sid}\r\n").into_bytes()
            }
            Act::Unsubscribe { sid, max: Some(max) } => {
                format!("UNSUB {sid} {max}\r\n").into_bytes()
            }
            Act::Unsubscribe { sid, max: None } => format!("UNSUB {sid}\r\n").into_bytes(),
            Act::Publish { subject, reply, header, payload } => {
                let reply = reply.as_ref().map_or_else(String::new, |reply| format!("{reply} "));
                let block = header.as_deref().unwrap_or_default();
                let total = block.len() + payload.len();
                let line = match header {
                    Some(block) => format!("HPUB {subject} {reply}{} {total}\r\n", block.len()),
                    None => format!("PUB {subject} {reply}{total}\r\n"),
                };
                [line.as_bytes(), block, payload, b"\r\n"].concat()
            }
            Act::Malformed(malformed) => malformed.bytes.as_bytes().to_vec(),
            Act::Flush | Act::Reconnect => Vec::new(),
        }
    }
}

impl Act {
    /// What summaries count it as.
    pub fn kind(&self) -> &'static str {
        match self {
            Act::Subscribe { queue: None, .. } => "SUB",
            Act::Subscribe { .. } => "SUB of a group",
            Act::Unsubscribe { max: None, .. } => "UNSUB",
            Act::Unsubscribe { .. } => "UNSUB with maximum",
            Act::Publish { header: None, .. } => "PUB",
            Act::Publish { .. } => "HPUB",
            Act::Flush => "fence",
            Act::Malformed(_) => "malformed",
            Act::Reconnect => "reconnect",
        }
    }
}

/// Adds a story that was told.
fn count(story: &Story, told: &mut Told) {
    let reconnects = story.ops.iter().filter(|op| op.act == Act::Reconnect).count();
    told.ops += story.ops.len() as u64;
    told.connections += (story.peers.len() + reconnects) as u64;
    for op in &story.ops {
        *told.kinds.entry(op.act.kind()).or_default() += 1;
    }
}

/// Tells random stories to the servers, each a job of its own, until one does not hold or the
/// limits are reached; `progress` hears of every story that held. Call it where blocking is
/// allowed, not on a runtime's worker.
///
/// # Errors
/// The system has no more threads or sockets for us.
pub fn explore(
    servers: &[SocketAddr],
    release: &Version,
    limits: &Limits,
    progress: impl FnMut(&Told) + Send,
) -> io::Result<Explored<Story, teller::Difference>> {
    let tell = async |addr: &mut SocketAddr, story: &Story| {
        teller::tell(story, *addr, release, limits.timeout).await
    };
    drive::drive(limits, servers.to_vec(), |_| stories(limits.ops_max), tell, count, progress)
}
