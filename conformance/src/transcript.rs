//! What went over the wire, and when.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde::Serialize;

use crate::wire::shown;

/// One thing that happened on one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Microseconds since the story began.
    pub at_us: u64,
    /// The connection's name.
    pub peer: String,
    /// What happened.
    pub kind: EventKind,
    /// The bytes as people read them, or a remark.
    pub text: String,
}

/// What happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Bytes of the story were sent.
    Sent,
    /// The harness itself sent PING, PONG or CONNECT.
    Fence,
    /// A frame came.
    Came,
    /// The connection was opened or closed.
    Note,
}

/// The events of one story; readers of several connections write into it.
#[derive(Debug, Clone)]
pub struct Transcript {
    start: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Transcript {
    /// An empty one, from now on.
    pub fn new() -> Transcript {
        Transcript { start: Instant::now(), events: Arc::default() }
    }

    /// Writes down bytes.
    pub fn bytes(&self, peer: &str, kind: EventKind, bytes: &[u8]) {
        self.note(peer, kind, shown(bytes));
    }

    /// Writes down a remark.
    pub fn note(&self, peer: &str, kind: EventKind, text: String) {
        let at_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let event = Event { at_us, peer: peer.to_owned(), kind, text };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// All events so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Transcript {
    fn default() -> Transcript {
        Transcript::new()
    }
}

impl Event {
    /// One line: `  0.001234 alice > PING\r\n`.
    pub fn line(&self) -> String {
        let sign = match self.kind {
            EventKind::Sent => ">",
            EventKind::Fence => "»",
            EventKind::Came => "<",
            EventKind::Note => "·",
        };
        format!("{:>10.6} {:<8} {sign} {}", self.at_us as f64 / 1e6, self.peer, self.text)
    }
}
