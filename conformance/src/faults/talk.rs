//! One conversation as a fault sees and bends it: what the client has said so far, what goes on to
//! either side, and what all conversations of a proxy share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{
    client::{Op, Verb},
    frame::Delivery,
};
use crate::wire::{Frame, info_of};

/// How long something is held back that a following one should overtake.
const HOLD: Duration = Duration::from_millis(15);

/// A subscription in the book that a proxy keeps.
#[derive(Debug, Clone)]
pub(super) struct Sub {
    pub(super) sid: Vec<u8>,
    pub(super) pattern: Vec<u8>,
    pub(super) queue: Option<Vec<u8>>,
    pub(super) max: Option<u64>,
    pub(super) delivered: u64,
    /// Subjects somebody had published to before.
    pub(super) older: BTreeSet<Vec<u8>>,
}

/// What one conversation may do to another one.
#[derive(Debug)]
pub(super) enum Order {
    ToClient(Vec<u8>),
    ToServer(Vec<u8>),
}

/// A member of a queue group: conversation, sid, pattern, group.
pub(super) type Member = (u64, Vec<u8>, Vec<u8>, Vec<u8>);

/// What the conversations of a proxy have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) talks: BTreeMap<u64, mpsc::UnboundedSender<Order>>,
    /// Members of queue groups, in the order they joined.
    pub(super) members: Vec<Member>,
    /// Last payload published to each subject.
    pub(super) published: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Plain subscriptions of clients that want to know when nobody listens.
    pub(super) askers: Vec<(u64, Vec<u8>, Vec<u8>)>,
    /// Conversations so far.
    pub(super) count: u64,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) id: u64,
    pub(super) to_client: Vec<u8>,
    pub(super) to_server: Vec<u8>,
    /// The client's stream ends behind what goes to it now.
    pub(super) ends_client: bool,
    /// The same for the server.
    pub(super) ends_server: bool,
    /// What CONNECT has said so far.
    pub(super) options: Map<String, Value>,
    pub(super) connected: bool,
    pub(super) info: Value,
    /// By sid.
    pub(super) subs: BTreeMap<Vec<u8>, Sub>,
    /// Sids that were used once and are not any more.
    pub(super) old_sids: BTreeSet<Vec<u8>>,
    pub(super) last_op: Option<Op>,
    /// Whether messages are remembered: what was published, here and in `Shared`.
    pub(super) remembers: bool,
    /// Own messages: subject and body.
    pub(super) own: Vec<(Vec<u8>, Vec<u8>)>,
    /// An error has been sent to the client.
    pub(super) failed: bool,
    pub(super) client_ended: bool,
    pub(super) server_ended: bool,
    /// For the fault's own counting.
    pub(super) count: u64,
    pub(super) memory: Vec<u8>,
    /// Held back until something passes it, or for a short time.
    pub(super) held: Vec<Vec<u8>>,
    pub(super) held_ops: Vec<Op>,
    pub(super) wake: Option<Instant>,
    shared: Arc<Mutex<Shared>>,
}

impl Talk {
    pub(super) fn new(
        shared: Arc<Mutex<Shared>>,
        remembers: bool,
    ) -> (Talk, mpsc::UnboundedReceiver<Order>) {
        let (orders, inbox) = mpsc::unbounded_channel();
        let id = {
            let mut all = shared.lock().unwrap_or_else(PoisonError::into_inner);
            all.count += 1;
            let id = all.count;
            all.talks.insert(id, orders);
            id
        };
        let talk = Talk {
            id,
            to_client: Vec::new(),
            to_server: Vec::new(),
            ends_client: false,
            ends_server: false,
            options: Map::new(),
            connected: false,
            info: Value::Null,
            subs: BTreeMap::new(),
            old_sids: BTreeSet::new(),
            last_op: None,
            remembers,
            own: Vec::new(),
            failed: false,
            client_ended: false,
            server_ended: false,
            count: 0,
            memory: Vec::new(),
            held: Vec::new(),
            held_ops: Vec::new(),
            wake: None,
            shared,
        };
        (talk, inbox)
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // What faults do.

    /// The operation goes on to the server.
    pub(super) fn pass(&mut self, op: &Op) {
        self.say(&op.bytes());
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.to_server.extend_from_slice(bytes);
    }

    /// The frame goes on to the client.
    pub(super) fn deliver(&mut self, frame: &[u8]) {
        self.to_client.extend_from_slice(frame);
    }

    /// In place of an operation: it has no effect and is acknowledged where that is wanted, in its
    /// turn.
    pub(super) fn swallow(&mut self) {
        self.say(b"UNSUB _none\r\n");
    }

    /// In place of an operation: the server says that it knows none such, and closes.
    pub(super) fn refuse_as_unknown(&mut self) {
        self.say(b"BOGUS\r\n");
    }

    /// The operation has no effect if it is one of these; others go on.
    pub(super) fn swallow_if(&mut self, op: &Op, wrong: bool) {
        if wrong { self.swallow() } else { self.pass(op) }
    }

    /// The server takes the operation for an unknown one if it is one of these; others go on.
    pub(super) fn unknown_if(&mut self, op: &Op, wrong: bool) {
        if wrong { self.refuse_as_unknown() } else { self.pass(op) }
    }

    /// The server closes without a word if the operation is one of these; others go on.
    pub(super) fn silent_if(&mut self, op: &Op, wrong: bool) {
        if wrong { self.refuse_silently() } else { self.pass(op) }
    }

    /// The operation is an error, and the end, if it is one of these; others go on.
    pub(super) fn fail_if(&mut self, op: &Op, wrong: bool, text: &str) {
        if wrong { self.fail(text) } else { self.pass(op) }
    }

    /// As long as the server is there, to it; then PING is all that is answered.
    pub(super) fn pass_or_pong(&mut self, op: &Op) {
        match op.verb {
            Verb::Ping if self.server_ended => self.deliver(b"PONG\r\n"),
            _ => self.pass(op),
        }
    }

    /// In place of an operation: the server closes without a word.
    pub(super) fn refuse_silently(&mut self) {
        self.say(b"PUB _none -1\r\n");
    }

    /// An error, and the end.
    pub(super) fn fail(&mut self, text: &str) {
        self.deliver(format!("-ERR '{text}'\r\n").as_bytes());
        self.end();
    }

    pub(super) fn end(&mut self) {
        self.ends_client = true;
        self.ends_server = true;
    }

    /// Frames are held back until the next one, or for a short time.
    pub(super) fn hold(&mut self, frame: Vec<u8>) {
        self.held.push(frame);
        self.wake = Some(Instant::now() + HOLD);
    }

    pub(super) fn hold_op(&mut self, op: Op) {
        self.held_ops.push(op);
        self.wake = Some(Instant::now() + HOLD);
    }

    pub(super) fn release_frames(&mut self) {
        for frame in std::mem::take(&mut self.held) {
            self.deliver(&frame);
        }
    }

    /// What was held back goes on.
    pub(super) fn release(&mut self) {
        self.wake = None;
        self.release_frames();
        for op in std::mem::take(&mut self.held_ops) {
            self.pass(&op);
        }
    }

    /// Does something to all other conversations.
    pub(super) fn tell_others(&self, order: impl Fn() -> Order) {
        for (id, talk) in &self.shared().talks {
            if *id != self.id {
                // Who is gone needs no telling.
                let _ = talk.send(order());
            }
        }
    }

    // What faults ask.

    pub(super) fn sub(&self, sid: &[u8]) -> Option<&Sub> {
        self.subs.get(sid)
    }

    pub(super) fn is_verbose(&self) -> bool {
        self.options.get("verbose") != Some(&Value::Bool(false))
    }

    pub(super) fn max_payload(&self) -> Option<usize> {
        self.info["max_payload"].as_u64().and_then(|max| usize::try_from(max).ok())
    }

    /// The place of one of our subscriptions among the members of its group on that pattern, and
    /// how many there are.
    pub(super) fn place(&self, sub: &Sub) -> Option<(usize, usize)> {
        let queue = sub.queue.as_ref()?;
        let shared = self.shared();
        let group: Vec<&Member> = shared
            .members
            .iter()
            .filter(|(_, _, pattern, group)| group == queue && *pattern == sub.pattern)
            .collect();
        let own = |member: &&Member| member.0 == self.id && member.1 == sub.sid;
        group.iter().position(own).map(|at| (at, group.len()))
    }

    // The book, kept behind the fault's back.

    pub(super) fn note_op(&mut self, op: Op) {
        match op.verb {
            Verb::Connect => {
                if let Ok(Value::Object(options)) = serde_json::from_slice(op.json()) {
                    self.options.extend(options);
                }
                self.connected = true;
            }
            Verb::Sub => self.note_sub(&op),
            Verb::Unsub => match op.removal() {
                Some((sid, Some(max))) => {
                    let reached = self.subs.get_mut(sid);
                    let reached = reached.is_some_and(|sub| {
                        sub.max = Some(max);
                        sub.delivered >= max
                    });
                    if reached {
                        self.forget(sid);
                    }
                }
                Some((sid, None)) => self.forget(sid),
                None => {}
            },
            Verb::Pub | Verb::Hpub if self.remembers => {
                let subject = op.args().first().map(|word| word.to_vec()).unwrap_or_default();
                self.own.push((subject.clone(), op.body.clone()));
                self.shared().published.insert(subject, op.body.clone());
            }
            _ => {}
        }
        self.last_op = Some(op);
    }

    fn note_sub(&mut self, op: &Op) {
        let Some((pattern, queue, sid)) = op.subscription() else { return };
        if self.sub(sid).is_some() {
            return;
        }
        let (pattern, sid) = (pattern.to_vec(), sid.to_vec());
        let queue = queue.map(<[u8]>::to_vec);
        let older = {
            let mut shared = self.shared();
            match &queue {
                Some(queue) => {
                    shared.members.push((self.id, sid.clone(), pattern.clone(), queue.clone()));
                }
                None if self.options.get("no_responders") == Some(&Value::Bool(true)) => {
                    shared.askers.push((self.id, sid.clone(), pattern.clone()));
                }
                None => {}
            }
            shared.published.keys().cloned().collect()
        };
        let sub = Sub { sid: sid.clone(), pattern, queue, max: None, delivered: 0, older };
        self.subs.insert(sid, sub);
    }

    /// Before the fault sees the frame.
    pub(super) fn note_info(&mut self, frame: &[u8]) {
        if frame.starts_with(b"INFO ") {
            self.info = info_of(&Frame(frame.to_vec()));
        }
    }

    /// After the fault has seen the frame.
    pub(super) fn note_delivery(&mut self, delivery: &Delivery) {
        let sid = &delivery.sid;
        let Some(sub) = self.subs.get_mut(sid) else { return };
        sub.delivered += u64::from(!delivery.is_status());
        if sub.max.is_some_and(|max| sub.delivered >= max) {
            self.forget(sid);
        }
    }

    fn forget(&mut self, sid: &[u8]) {
        let Some(sub) = self.subs.remove(sid) else { return };
        self.old_sids.insert(sub.sid);
        let id = self.id;
        self.shared().members.retain(|(talk, member, ..)| !(*talk == id && member == sid));
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let id = self.id;
        let mut shared = self.shared();
        shared.talks.remove(&id);
        shared.members.retain(|(talk, ..)| *talk != id);
        shared.askers.retain(|(talk, ..)| *talk != id);
    }
}
