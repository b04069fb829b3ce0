//! What is remembered of a connection beyond what serving it takes: who it is, what it has sent,
//! when it was last heard, and why it ended. The monitoring pages tell it (MON-011, MON-016).
//!
//! The reader's task writes here once a batch of operations, with relaxed atomics that nobody else
//! writes; what the connection has been sent is counted in its outbox, under the lock that a
//! delivery holds anyway.

mod history;
mod reason;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

pub(crate) use self::{
    history::{History, Past, Record, SubscriptionRecord, Tally},
    reason::Reason,
};
use crate::transport::{Kind, Peer, TlsSession};

/// Messages, and the bytes of their headers and payloads (MON-003).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) msgs: u64,
    pub(crate) bytes: u64,
}

/// Who a client says it is, and where its login has led.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) lang: String,
    pub(crate) version: String,
    /// None before CONNECT.
    pub(crate) account: Option<String>,
    pub(crate) user: Option<String>,
    /// The key that has signed the user's token, where there is one, and how the account calls
    /// itself then.
    pub(crate) issuer: Option<String>,
    pub(crate) account_name: Option<String>,
    /// The groups that the token puts it in.
    pub(crate) tags: Vec<String>,
    /// The key of the trusted proxy that it came through.
    pub(crate) proxy: Option<String>,
}

/// In what the bytes of a connection travel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transport {
    pub(crate) kind: Kind,
    pub(crate) tls: Option<TlsSession>,
}

/// What is remembered of one connection.
#[derive(Debug)]
pub(crate) struct Ledger {
    began: Instant,
    began_at: SystemTime,
    received_msgs: AtomicU64,
    received_bytes: AtomicU64,
    stalls: AtomicU64,
    /// Since it began.
    last_activity_ns: AtomicU64,
    rtt_ns: AtomicU64,
    identity: Mutex<Arc<Identity>>,
    /// Where that is not plain TCP.
    transport: OnceLock<Arc<Transport>>,
    reason: OnceLock<Reason>,
    subscriptions: OnceLock<(usize, Vec<SubscriptionRecord>)>,
}

impl Traffic {
    /// Counts one message.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.msgs += 1;
        self.bytes += bytes as u64;
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Traffic) {
        self.msgs += other.msgs;
        self.bytes += other.bytes;
    }
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        Ledger {
            began: Instant::now(),
            began_at: SystemTime::now(),
            received_msgs: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
            last_activity_ns: AtomicU64::new(0),
            rtt_ns: AtomicU64::new(0),
            identity: Mutex::default(),
            transport: OnceLock::new(),
            reason: OnceLock::new(),
            subscriptions: OnceLock::new(),
        }
    }

    /// The conversation begins.
    pub(crate) fn comes_by(&self, peer: &Peer) {
        if peer.kind != Kind::Standard || peer.tls.is_some() {
            let transport = Transport { kind: peer.kind, tls: peer.tls.clone() };
            let _ = self.transport.set(Arc::new(transport));
        }
    }

    /// CONNECT came. The first one also says roughly how long a round trip takes: INFO went out
    /// when the connection began.
    pub(crate) fn introduce(&self, identity: Identity) {
        if self.rtt_ns.load(Relaxed) == 0 {
            self.measured(self.began.elapsed());
        }
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
    }

    /// A PING of ours was answered after this time.
    pub(crate) fn measured(&self, rtt: Duration) {
        self.rtt_ns.store(nanos(rtt).max(1), Relaxed);
    }

    /// A batch of operations came, and these messages with it. Only for the reader's task.
    pub(crate) fn heard(&self, now: Instant, received: Traffic) {
        self.active(now);
        if received.msgs > 0 {
            self.received_msgs.store(self.received_msgs.load(Relaxed) + received.msgs, Relaxed);
            self.received_bytes.store(self.received_bytes.load(Relaxed) + received.bytes, Relaxed);
        }
    }

    /// It was heard, or has been sent messages.
    pub(crate) fn active(&self, now: Instant) {
        self.last_activity_ns.store(nanos(now.saturating_duration_since(self.began)), Relaxed);
    }

    /// It waited for receivers that were nearly full. Only for the reader's task.
    pub(crate) fn stalled(&self, times: u64) {
        self.stalls.store(self.stalls.load(Relaxed) + times, Relaxed);
    }

    /// Says why the connection is about to end; the first to say so is right.
    pub(crate) fn ends(&self, reason: Reason) {
        let _ = self.reason.set(reason);
    }

    /// Keeps what the connection had subscribed to when it ended: how many, and some of them.
    pub(crate) fn had_subscribed(&self, count: usize, some: Vec<SubscriptionRecord>) {
        let _ = self.subscriptions.set((count, some));
    }

    fn received(&self) -> Traffic {
        Traffic { msgs: self.received_msgs.load(Relaxed), bytes: self.received_bytes.load(Relaxed) }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
