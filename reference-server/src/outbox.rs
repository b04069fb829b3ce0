//! What waits to be sent to one connection.
//!
//! Publishers append, the connection's writer takes everything at once. Small payloads are copied
//! behind their control line, so that many messages leave in one write; a large payload is held
//! once and shared between all who get it. The bound is `max_pending_bytes`: who lets more pile
//! up is a slow consumer and is cut off without a word (CORE-LIMIT-002).

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    ledger::Traffic,
    protocol::{Publish, encode},
};

/// Payloads from here on are shared instead of copied. Copying less than this costs about as
/// much as keeping track of one more piece does.
pub(crate) const SHARED_FROM_BYTES: usize = 16 << 10;

/// A buffer that has grown to this size is closed and another one begun.
const PIECE_BYTES: usize = 64 << 10;

/// The queue and the bell of its writer.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// For the writer: there is something to do.
    filled: Notify,
    /// For whoever waits for it: there is room again, or the connection is ending.
    changed: Notify,
    max_pending_bytes: usize,
}

/// What waits, and whether more is taken.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Complete pieces, in order.
    pieces: VecDeque<Bytes>,
    /// The piece that is being filled, behind all others.
    open: Vec<u8>,
    /// Bytes in `pieces` and `open`, and those that the writer has taken and not yet sent.
    pending_bytes: usize,
    ending: Option<Ending>,
    /// The reader is to look around.
    called: bool,
    /// The writer has been promised a ring.
    announced: bool,
    /// A message has been delivered since this was last asked.
    delivered: bool,
    /// Messages delivered so far, without their control lines.
    traffic: Traffic,
}

/// How the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Send what waits, then close.
    Flush,
    /// Close at once; what waits is lost.
    Cut,
}

/// Why the reader is to look up from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// The connection is ending.
    Ending,
    /// What holds for all connections has changed.
    Called,
}

/// Whether the writer has to be rung once the batch is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ring {
    /// Nobody has promised to yet.
    Due,
    /// Somebody else will, or nothing was added.
    No,
    /// The bound was passed: [`end`](Outbox::end) it.
    Overflow,
}

/// What the writer is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// Send these.
    Send(VecDeque<Bytes>),
    /// Send nothing more; flush if need be and close.
    End(Ending),
}

impl Outbox {
    pub(crate) fn new(max_pending_bytes: usize) -> Outbox {
        Outbox {
            queue: Mutex::default(),
            filled: Notify::new(),
            changed: Notify::new(),
            max_pending_bytes,
        }
    }

    /// Appends what `write` writes, unless the connection is ending; the lock is held meanwhile,
    /// so nothing can come between.
    pub(crate) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> Ring {
        let mut queue = self.lock();
        if queue.is_ending() {
            return Ring::No;
        }
        let before = queue.open.len();
        write(&mut queue.open);
        let added = queue.open.len() - before;
        queue.added(added, self.max_pending_bytes)
    }

    /// The queue itself, for a delivery that must look at the subscription under the same lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic while the lock was held can only have left a shorter queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes allowed to wait.
    pub(crate) fn max_pending_bytes(&self) -> usize {
        self.max_pending_bytes
    }

    /// Wakes the writer.
    pub(crate) fn ring(&self) {
        self.filled.notify_one();
    }

    /// Ends the connection; `Cut` wins over `Flush`.
    pub(crate) fn end(&self, ending: Ending) {
        {
            let mut queue = self.lock();
            if queue.ending != Some(Ending::Cut) {
                queue.ending = Some(ending);
            }
            if ending == Ending::Cut {
                queue.drop_all();
            }
        }
        self.ring();
        self.changed.notify_waiters();
    }

    /// For the writer: waits until it is to send nothing more.
    pub(crate) async fn cut(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().ending == Some(Ending::Cut) {
                return;
            }
            changed.await;
        }
    }

    /// Makes the reader look at what holds for all connections: it has changed.
    pub(crate) fn call(&self) {
        self.lock().called = true;
        self.changed.notify_waiters();
    }

    /// For the reader: waits until the connection is ending, or the reader is called.
    pub(crate) async fn news(&self) -> News {
        loop {
            let changed = self.changed.notified();
            {
                let mut queue = self.lock();
                if queue.ending.is_some() {
                    return News::Ending;
                }
                if std::mem::take(&mut queue.called) {
                    return News::Called;
                }
            }
            changed.await;
        }
    }

    /// Waits for something to do.
    pub(crate) async fn next(&self) -> Batch {
        loop {
            if let Some(batch) = self.lock().take() {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    /// The writer has sent this many bytes. Says how many messages have been delivered so far.
    pub(crate) fn sent(&self, bytes: usize) -> u64 {
        let mut queue = self.lock();
        let delivered = queue.traffic.msgs;
        let was_full = queue.pending_bytes > self.full_bytes();
        queue.pending_bytes = queue.pending_bytes.saturating_sub(bytes);
        if was_full && queue.pending_bytes <= self.full_bytes() {
            drop(queue);
            self.changed.notify_waiters();
        }
        delivered
    }

    /// What has been delivered so far, and the bytes that wait.
    pub(crate) fn traffic(&self) -> (Traffic, usize) {
        let queue = self.lock();
        (queue.traffic, queue.pending_bytes)
    }

    /// Whether publishers should give the writer time.
    pub(crate) fn is_full(&self) -> bool {
        let queue = self.lock();
        queue.ending.is_none() && queue.pending_bytes > self.full_bytes()
    }

    /// Waits until it is no longer full, or ending.
    pub(crate) async fn drained(&self) {
        let changed = self.changed.notified();
        if self.is_full() {
            changed.await;
        }
    }

    /// Whether a message was delivered since this was last asked.
    pub(crate) fn take_delivered(&self) -> bool {
        std::mem::take(&mut self.lock().delivered)
    }

    /// Three quarters, as nats-server has it.
    fn full_bytes(&self) -> usize {
        self.max_pending_bytes / 4 * 3
    }
}

impl Queue {
    /// Whether nothing more is taken.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Appends a delivery. The body is copied, or shared where `shared` ends with the same bytes.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        max_pending_bytes: usize,
        message: &Publish<'_>,
        (sid, takes_headers): (&[u8], bool),
        shared: Option<&Bytes>,
    ) -> Ring {
        self.delivered = true;
        let before = self.open.len();
        if shared.is_none() && encode::as_it_came(&mut self.open, message, sid, takes_headers) {
            self.traffic.add(message.body.len());
            return self.added(self.open.len() - before, max_pending_bytes);
        }
        let body = encode::delivery(&mut self.open, message, sid, takes_headers);
        let mut added = self.open.len() - before + 2;
        match shared {
            Some(shared) => {
                added += body.len();
                self.close_piece();
                self.pieces.push_back(shared.slice(shared.len() - body.len()..));
            }
            None => {
                self.open.extend_from_slice(body);
                added += body.len();
            }
        }
        self.open.extend_from_slice(b"\r\n");
        self.traffic.add(body.len());
        self.added(added, max_pending_bytes)
    }

    fn added(&mut self, bytes: usize, max: usize) -> Ring {
        self.pending_bytes += bytes;
        if self.pending_bytes > max {
            self.ending = Some(Ending::Cut);
            self.drop_all();
            return Ring::Overflow;
        }
        if self.open.len() >= PIECE_BYTES {
            self.close_piece();
        }
        match std::mem::replace(&mut self.announced, true) {
            true => Ring::No,
            false => Ring::Due,
        }
    }

    fn close_piece(&mut self) {
        let piece = std::mem::take(&mut self.open);
        self.pieces.push_back(Bytes::from(piece));
    }

    fn take(&mut self) -> Option<Batch> {
        self.announced = false;
        if self.ending == Some(Ending::Cut) {
            return Some(Batch::End(Ending::Cut));
        }
        if !self.open.is_empty() {
            self.close_piece();
        }
        if !self.pieces.is_empty() {
            return Some(Batch::Send(std::mem::take(&mut self.pieces)));
        }
        self.ending.map(Batch::End)
    }

    fn drop_all(&mut self) {
        self.pieces.clear();
        self.open = Vec::new();
    }
}
