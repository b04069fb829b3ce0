//! A story told to a server: what comes is compared with what the model allows.
//!
//! Operations of one connection are sent as one write. Then everybody is fenced, the acting
//! connection first: what has not come before the PONGs does not come.

use std::{fmt, net::SocketAddr, time::Duration};

use tokio::time::timeout;

use super::{
    Act, Op, Options, Story,
    connection::Connection,
    model::{Candidate, Delivery, Model, Outcome, matches},
};
use crate::{scenario::Version, wire::shown};

/// What a pedantic connection hears of a subject that is none (CORE-SUBJ-007).
const PEDANTIC: &[u8] = b"-ERR 'Invalid Publish Subject'\r\n";

/// Where a story and a server differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The operation, counted from 0.
    pub op: usize,
    /// In one line.
    pub message: String,
    /// What may have come.
    pub expected: Vec<String>,
    /// What came: peer and frame.
    pub got: Vec<String>,
}

impl Difference {
    pub(super) fn new(op: usize, message: impl Into<String>) -> Difference {
        Difference { op, message: message.into(), expected: Vec::new(), got: Vec::new() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}: {}", self.op + 1, self.message)?;
        for (what, lines) in [("expected", &self.expected), ("got", &self.got)] {
            for line in lines {
                write!(f, "\n  {what:<8} {line}")?;
            }
        }
        Ok(())
    }
}

pub(super) type Result<T> = std::result::Result<T, Difference>;

/// Tells a story.
///
/// # Errors
/// The first difference between what came and what may come.
pub async fn tell(
    story: &Story,
    addr: SocketAddr,
    release: &Version,
    deadline: Duration,
) -> Result<()> {
    let mut teller = Teller::new(story, addr, release, deadline).await?;
    let mut at = 0;
    while at < story.ops.len() {
        at += teller.next(&story.ops[at..], at).await?;
    }
    // Nothing of this story may reach the next one.
    for peer in 0..teller.connections.len() {
        teller.leave(peer, story.ops.len()).await?;
    }
    Ok(())
}

struct Teller<'a> {
    story: &'a Story,
    addr: SocketAddr,
    deadline: Duration,
    model: Model,
    connections: Vec<Connection>,
    /// Asks whether a connection that has ended is forgotten.
    probe: Connection,
    probes: usize,
}

impl<'a> Teller<'a> {
    async fn new(
        story: &'a Story,
        addr: SocketAddr,
        release: &Version,
        deadline: Duration,
    ) -> Result<Teller<'a>> {
        let options = Options {
            echo: true,
            headers: true,
            no_responders: true,
            verbose: false,
            pedantic: false,
        };
        let mut probe = Connection::open(addr, &options, deadline).await?;
        probe.send(b"SUB _probe.answer 1\r\n").await;
        let model = Model::new(&story.peers, release.clone());
        let connections = Vec::new();
        let mut teller = Teller { story, addr, deadline, model, connections, probe, probes: 0 };
        for options in &story.peers {
            let connection = teller.open(options).await?;
            teller.connections.push(connection);
        }
        Ok(teller)
    }

    /// A connection that can be asked for when it has gone.
    async fn open(&mut self, options: &Options) -> Result<Connection> {
        let mut connection = Connection::open(self.addr, options, self.deadline).await?;
        self.probes += 1;
        connection.probe = self.probes;
        let line = format!("SUB _probe.{} probe\r\n", self.probes);
        connection.send(line.as_bytes()).await;
        connection.fence(0).await?;
        connection.frames.clear();
        Ok(connection)
    }

    /// The next operations: as many as are sent at once. Answers how many those are.
    async fn next(&mut self, ops: &[Op], at: usize) -> Result<usize> {
        let by = ops[0].peer;
        match &ops[0].act {
            Act::Flush => return Ok(1),
            Act::Reconnect => {
                if self.can_prove_gone(by) {
                    self.leave(by, at).await?;
                    self.connections[by] = self.open(&self.story.peers[by]).await?;
                    self.model.step(&ops[0]);
                }
                return Ok(1);
            }
            _ if !self.model.is_open(by) => return Ok(1),
            _ => {}
        }
        let count = self.batch(ops);
        if count == 0 {
            return Ok(1);
        }
        let bytes: Vec<u8> = ops[..count].iter().flat_map(Op::bytes).collect();
        self.connections[by].repeats = 0;
        self.connections[by].send(&bytes).await;
        let closes = self.closes(&ops[count - 1]);
        match closes {
            true => self.connections[by].read_to_end(at + count - 1).await?,
            false => self.connections[by].fence(at).await?,
        }
        for peer in 0..self.connections.len() {
            if peer != by && self.model.is_open(peer) {
                self.connections[peer].fence(at).await?;
            }
        }
        for (offset, op) in ops[..count].iter().enumerate() {
            let outcome = self.model.step(op);
            self.compare(at + offset, by, outcome)?;
        }
        self.nothing_left(at + count - 1)?;
        if closes {
            self.forgotten(by, at + count - 1).await?;
        }
        Ok(count)
    }

    /// How many operations belong to one write; none if the first one ends a connection whose end
    /// can't be proven.
    fn batch(&self, ops: &[Op]) -> usize {
        let same =
            |op: &&Op| op.peer == ops[0].peer && !matches!(op.act, Act::Flush | Act::Reconnect);
        let mut count = ops.iter().take_while(same).count();
        if let Some(end) = ops[..count].iter().position(|op| self.closes(op)) {
            count = end + usize::from(self.can_prove_gone(ops[0].peer));
        }
        count
    }

    /// Whether the server ends the connection because of it.
    fn closes(&self, op: &Op) -> bool {
        match &op.act {
            Act::Malformed(_) => true,
            Act::Publish { header, .. } => header.is_some() && !self.story.peers[op.peer].headers,
            _ => false,
        }
    }

    /// Takes what an operation may have caused off the front of what came.
    fn compare(&mut self, op: usize, by: usize, outcome: Outcome) -> Result<()> {
        for answer in &outcome.answers {
            let connection = &mut self.connections[by];
            if connection.frames.front() == Some(answer) {
                connection.frames.pop_front();
                // Said once more by nats-server if one of its reads ends within the payload.
                while answer == PEDANTIC && connection.frames.front() == Some(answer) {
                    connection.frames.pop_front();
                    connection.repeats += 1;
                }
            } else if answer == PEDANTIC && connection.repeats > 0 {
                connection.repeats -= 1;
            } else {
                return Err(self.difference(op, "an answer did not come", &[shown(answer)]));
            }
        }
        let mut due = outcome.deliveries;
        while !due.is_empty() {
            let Some((at, candidate)) = self.arrived(&due) else {
                let expected: Vec<String> = due.iter().map(text).collect();
                return Err(self.difference(
                    op,
                    "a message did not come, or another one",
                    &expected,
                ));
            };
            self.connections[candidate.peer].frames.pop_front();
            self.model.came(&candidate);
            due.swap_remove(at);
        }
        Ok(())
    }

    /// A delivery that stands in front of what came to somebody.
    fn arrived(&self, due: &[Delivery]) -> Option<(usize, Candidate)> {
        due.iter().enumerate().find_map(|(at, Delivery(candidates))| {
            let came = candidates.iter().find(|candidate| {
                self.connections[candidate.peer].frames.front() == Some(&candidate.frame)
            });
            came.map(|candidate| (at, candidate.clone()))
        })
    }

    fn nothing_left(&self, op: usize) -> Result<()> {
        match self.connections.iter().all(|connection| connection.frames.is_empty()) {
            true => Ok(()),
            false => Err(self.difference(op, "frames came that nothing asks for", &[])),
        }
    }

    fn difference(&self, op: usize, message: &str, expected: &[String]) -> Difference {
        let frames = self.connections.iter().enumerate().flat_map(|(peer, connection)| {
            connection.frames.iter().map(move |frame| format!("{}< {}", name(peer), shown(frame)))
        });
        let got = frames.take(8).collect();
        Difference { expected: expected.to_vec(), got, ..Difference::new(op, message) }
    }

    /// Closes a connection, and waits until the server has forgotten it where that can be proven.
    async fn leave(&mut self, peer: usize, op: usize) -> Result<()> {
        if self.model.is_open(peer) {
            let provable = self.can_prove_gone(peer);
            self.connections[peer].close(provable).await?;
            self.model.step(&Op { peer, act: Act::Malformed(&super::MALFORMED[0]) });
            if provable {
                self.forgotten(peer, op).await?;
            }
        }
        Ok(())
    }

    /// Nobody else's subscription covers the subject that asks for a connection's end.
    fn can_prove_gone(&self, peer: usize) -> bool {
        let subject = format!("_probe.{}", self.connections[peer].probe);
        !self.model.patterns().any(|(other, pattern)| other != peer && matches(pattern, &subject))
    }

    /// A server forgets a connection a moment after it has ended it. Asked again and again, it
    /// says that nobody listens to the connection's own subject any more.
    async fn forgotten(&mut self, peer: usize, op: usize) -> Result<()> {
        let line = format!("PUB _probe.{} _probe.answer 0\r\n\r\n", self.connections[peer].probe);
        let asking = async {
            loop {
                self.probe.send(line.as_bytes()).await;
                self.probe.fence(op).await?;
                if !std::mem::take(&mut self.probe.frames).is_empty() {
                    return Ok(());
                }
            }
        };
        match timeout(self.deadline, asking).await {
            Ok(result) => result,
            Err(_) => Err(Difference::new(op, format!("{} was not forgotten", name(peer)))),
        }
    }
}

fn text(Delivery(candidates): &Delivery) -> String {
    let one =
        |candidate: &Candidate| format!("{}< {}", name(candidate.peer), shown(&candidate.frame));
    candidates.iter().map(one).collect::<Vec<_>>().join("  or  ")
}

/// What a connection is called.
pub(super) fn name(peer: usize) -> String {
    const NAMES: [&str; 4] = ["ann", "bob", "cat", "dan"];
    NAMES.get(peer).map_or_else(|| format!("peer{peer}"), |name| (*name).to_owned())
}
