//! What a correct server may answer: obviously right rather than fast. Subjects are split at dots,
//! subscriptions are a list, and nothing is remembered but what the protocol speaks of.

use super::{Act, Op, Options};
use crate::scenario::Version;

/// A server and its connections, as far as clients can tell.
#[derive(Debug, Clone)]
pub struct Model {
    release: Version,
    peers: Vec<Peer>,
}

#[derive(Debug, Clone)]
struct Peer {
    options: Options,
    open: bool,
    subscriptions: Vec<Subscription>,
}

#[derive(Debug, Clone)]
struct Subscription {
    sid: u8,
    pattern: String,
    queue: Option<String>,
    delivered: u64,
    max: Option<u64>,
}

/// What must follow an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Frames for the acting connection, in this order, before anything else of this operation.
    pub answers: Vec<Vec<u8>>,
    /// Deliveries, in any order.
    pub deliveries: Vec<Delivery>,
    /// The server ends the acting connection.
    pub closes: bool,
}

/// One of these frames must come, and no other of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery(pub Vec<Candidate>);

/// A frame that may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// To whom.
    pub peer: usize,
    /// On which subscription.
    pub sid: u8,
    /// The whole frame.
    pub frame: Vec<u8>,
    /// Whether it counts towards the subscription's maximum (CORE-REQ-012).
    counts: bool,
}

/// The first release that names the subject in the no-responders status, sends INFO behind the
/// first PONG (CORE-REQ-003).
const NAMED_STATUS_SINCE: [u32; 2] = [2, 12];

impl Model {
    /// Connections that have just been opened.
    pub fn new(options: &[Options], release: Version) -> Model {
        let peer =
            |options: &Options| Peer { options: *options, open: true, subscriptions: Vec::new() };
        Model { release, peers: options.iter().map(peer).collect() }
    }

    /// Whether the connection has not been ended by the server.
    pub fn is_open(&self, peer: usize) -> bool {
        self.peers[peer].open
    }

    /// Every subscription's connection and pattern.
    pub fn patterns(&self) -> impl Iterator<Item = (usize, &str)> {
        self.peers.iter().enumerate().flat_map(|(peer, state)| {
            state.subscriptions.iter().map(move |sub| (peer, sub.pattern.as_str()))
        })
    }

    /// What must follow an operation of an open connection.
    pub fn step(&mut self, op: &Op) -> Outcome {
        match &op.act {
            Act::Subscribe { pattern, queue, sid } => {
                self.subscribe(op.peer, pattern, queue.as_deref(), *sid)
            }
            Act::Unsubscribe { sid, max } => self.unsubscribe(op.peer, *sid, *max),
            Act::Publish { subject, reply, header, payload } => {
                let message = Message {
                    subject,
                    reply: reply.as_deref(),
                    header: header.as_deref(),
                    payload,
                };
                self.publish(op.peer, &message)
            }
            Act::Malformed(malformed) => {
                let error = malformed.error.map(error);
                self.close(op.peer, error.into_iter().collect())
            }
            Act::Reconnect => {
                let peer = &mut self.peers[op.peer];
                (peer.open, peer.subscriptions) = (true, Vec::new());
                Outcome::default()
            }
            Act::Flush => Outcome::default(),
        }
    }

    /// One of a delivery's candidates has come.
    pub fn came(&mut self, candidate: &Candidate) {
        let subscriptions = &mut self.peers[candidate.peer].subscriptions;
        let Some(at) = subscriptions.iter().position(|sub| sub.sid == candidate.sid) else {
            return;
        };
        let subscription = &mut subscriptions[at];
        subscription.delivered += u64::from(candidate.counts);
        if subscription.max.is_some_and(|max| subscription.delivered >= max) {
            subscriptions.remove(at);
        }
    }

    fn subscribe(&mut self, by: usize, pattern: &str, queue: Option<&str>, sid: u8) -> Outcome {
        let subscriptions = &mut self.peers[by].subscriptions;
        // A sid in use stays with what it was used for, whatever is asked for (CORE-SUB-006).
        if !subscriptions.iter().any(|sub| sub.sid == sid) {
            if !is_pattern(pattern) {
                return Outcome { answers: vec![error("Invalid Subject")], ..Outcome::default() };
            }
            let (pattern, queue) = (pattern.to_owned(), queue.map(str::to_owned));
            subscriptions.push(Subscription { sid, pattern, queue, delivered: 0, max: None });
        }
        self.acknowledged(by)
    }

    fn unsubscribe(&mut self, by: usize, sid: u8, max: Option<u8>) -> Outcome {
        let subscriptions = &mut self.peers[by].subscriptions;
        let max = u64::from(max.unwrap_or(0));
        if let Some(at) = subscriptions.iter().position(|sub| sub.sid == sid) {
            match max <= subscriptions[at].delivered {
                true => drop(subscriptions.remove(at)),
                false => subscriptions[at].max = Some(max),
            }
        }
        self.acknowledged(by)
    }

    fn publish(&mut self, by: usize, message: &Message<'_>) -> Outcome {
        let options = self.peers[by].options;
        if message.header.is_some() && !options.headers {
            return self.close(by, Vec::new());
        }
        let mut outcome = Outcome::default();
        if options.pedantic && !is_literal(message.subject) {
            outcome.answers.push(error("Invalid Publish Subject"));
        }
        outcome.answers.extend(self.acknowledged(by).answers);
        outcome.deliveries = self.deliveries(by, message);
        if let (true, Some(reply)) = (outcome.deliveries.is_empty(), message.reply)
            && options.no_responders
        {
            outcome.deliveries.extend(self.status(by, message.subject, reply));
        }
        outcome
    }

    /// Every plain subscription gets a copy, every queue group one (CORE-DLV-007, CORE-QUEUE-001).
    fn deliveries(&self, by: usize, message: &Message<'_>) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let mut groups: Vec<(&str, Vec<Candidate>)> = Vec::new();
        for (at, peer) in self.peers.iter().enumerate() {
            // What one says oneself is not interest without echo (CORE-REQ-010, CORE-QUEUE-012).
            let heard = peer.open && (at != by || peer.options.echo);
            for sub in peer.subscriptions.iter().filter(|_| heard) {
                if !matches(&sub.pattern, message.subject) {
                    continue;
                }
                let frame = message.frame(sub.sid, peer.options.headers);
                let candidate = Candidate { peer: at, sid: sub.sid, frame, counts: true };
                let Some(queue) = sub.queue.as_deref() else {
                    deliveries.push(Delivery(vec![candidate]));
                    continue;
                };
                match groups.iter_mut().find(|(name, _)| *name == queue) {
                    Some((_, members)) => members.push(candidate),
                    None => groups.push((queue, vec![candidate])),
                }
            }
        }
        deliveries.extend(groups.into_iter().map(|(_, members)| Delivery(members)));
        deliveries
    }

    /// The no-responders status, on one plain subscription of the requester's own that covers the
    /// reply subject (CORE-REQ-005).
    fn status(&self, by: usize, subject: &str, reply: &str) -> Option<Delivery> {
        let block = match self.release.0[..] >= NAMED_STATUS_SINCE[..] {
            true => format!("NATS/1.0 503\r\nNats-Subject: {subject}\r\n\r\n"),
            false => "NATS/1.0 503\r\n\r\n".to_owned(),
        };
        let size = block.len();
        let own = self.peers[by].subscriptions.iter();
        let candidates: Vec<Candidate> = own
            .filter(|sub| sub.queue.is_none() && matches(&sub.pattern, reply))
            .map(|sub| {
                let frame = format!("HMSG {reply} {} {size} {size}\r\n{block}\r\n", sub.sid);
                Candidate { peer: by, sid: sub.sid, frame: frame.into_bytes(), counts: false }
            })
            .collect();
        (!candidates.is_empty()).then_some(Delivery(candidates))
    }

    fn close(&mut self, by: usize, answers: Vec<Vec<u8>>) -> Outcome {
        let peer = &mut self.peers[by];
        (peer.open, peer.subscriptions) = (false, Vec::new());
        Outcome { answers, closes: true, ..Outcome::default() }
    }

    fn acknowledged(&self, by: usize) -> Outcome {
        let verbose = self.peers[by].options.verbose;
        let answers = verbose.then(|| b"+OK\r\n".to_vec()).into_iter().collect();
        Outcome { answers, ..Outcome::default() }
    }
}

struct Message<'a> {
    subject: &'a str,
    reply: Option<&'a str>,
    header: Option<&'a [u8]>,
    payload: &'a [u8],
}

impl Message<'_> {
    /// As it is delivered; who takes no headers gets none (CORE-HDR-006).
    fn frame(&self, sid: u8, headers: bool) -> Vec<u8> {
        let reply = self.reply.map_or_else(String::new, |reply| format!("{reply} "));
        let (subject, payload) = (self.subject, self.payload);
        match self.header.filter(|_| headers) {
            Some(header) => {
                let total = header.len() + payload.len();
                let line = format!("HMSG {subject} {sid} {reply}{} {total}\r\n", header.len());
                [line.as_bytes(), header, payload, b"\r\n"].concat()
            }
            None => {
                let line = format!("MSG {subject} {sid} {reply}{}\r\n", payload.len());
                [line.as_bytes(), payload, b"\r\n"].concat()
            }
        }
    }
}

/// Whether a pattern covers a published subject. An empty token is covered by nothing
/// (CORE-SUBJ-009); wildcards in a published subject are text (CORE-SUBJ-006).
pub fn matches(pattern: &str, subject: &str) -> bool {
    let subject: Vec<&str> = subject.split('.').collect();
    let pattern: Vec<&str> = pattern.split('.').collect();
    if subject.iter().any(|token| token.is_empty()) {
        return false;
    }
    for (at, token) in pattern.iter().enumerate() {
        match (*token, subject.get(at)) {
            (_, None) => return false,
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (literal, Some(other)) if literal == *other => {}
            _ => return false,
        }
    }
    pattern.len() == subject.len()
}

/// No empty token, and `>` at the end only (CORE-SUBJ-002, 003).
fn is_pattern(pattern: &str) -> bool {
    let tokens: Vec<&str> = pattern.split('.').collect();
    tokens.iter().all(|token| !token.is_empty())
        && tokens[..tokens.len() - 1].iter().all(|token| *token != ">")
}

/// No empty token and no wildcard (CORE-SUBJ-007).
fn is_literal(subject: &str) -> bool {
    subject.split('.').all(|token| !matches!(token, "" | "*" | ">"))
}

fn error(text: &str) -> Vec<u8> {
    format!("-ERR '{text}'\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naive_matcher_knows_the_documented_examples() {
        for (pattern, subject, is) in [
            ("time.*.east", "time.us.east", true),
            ("time.*.east", "time.us.east.atlanta", false),
            ("time.us.>", "time.us", false),
            ("time.us.>", "time.us.east.atlanta", true),
            (">", "a", true),
            (">", "a..b", false),
            ("a.x", "a.*", false),
            ("a.*", "a.*", true),
        ] {
            assert_eq!(matches(pattern, subject), is, "{pattern} {subject}");
        }
    }

    #[test]
    fn a_maximum_counts_what_came() {
        let options = Options {
            echo: true,
            headers: true,
            no_responders: false,
            verbose: false,
            pedantic: false,
        };
        let mut model = Model::new(&[options], Version(vec![2, 15, 1]));
        let op = |act| Op { peer: 0, act };
        model.step(&op(Act::Subscribe { pattern: "a".to_owned(), queue: None, sid: 1 }));
        model.step(&op(Act::Unsubscribe { sid: 1, max: Some(2) }));
        let publish =
            Act::Publish { subject: "a".to_owned(), reply: None, header: None, payload: vec![] };
        for left in [1, 1, 0] {
            let outcome = model.step(&op(publish.clone()));
            assert_eq!(outcome.deliveries.len(), left);
            outcome.deliveries.iter().for_each(|delivery| model.came(&delivery.0[0]));
        }
    }
}
