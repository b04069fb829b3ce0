//! Connections that are over: the last ones one by one, all others as a sum.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use super::{Identity, Ledger, Reason, Traffic, Transport};
use crate::router::Client;

/// A connection as of one moment, which for a closed one is its end.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) cid: u64,
    pub(crate) addr: Option<SocketAddr>,
    pub(crate) start: SystemTime,
    pub(crate) last_activity: SystemTime,
    pub(crate) stop: Option<(SystemTime, Reason)>,
    /// Zero before it is known.
    pub(crate) rtt: Duration,
    pub(crate) pending_bytes: usize,
    pub(crate) received: Traffic,
    pub(crate) sent: Traffic,
    pub(crate) stalls: u64,
    pub(crate) subscriptions: usize,
    pub(crate) identity: Arc<Identity>,
    /// Where that is not plain TCP.
    pub(crate) transport: Option<Arc<Transport>>,
    /// Of a closed one, as many as were kept.
    pub(crate) had_subscribed: Vec<SubscriptionRecord>,
}

/// A subscription as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubscriptionRecord {
    pub(crate) subject: String,
    pub(crate) queue: Option<String>,
    pub(crate) sid: String,
    /// Delivered to it so far.
    pub(crate) msgs: u64,
    /// It ends after so many; 0 is never.
    pub(crate) max: u64,
}

/// What many connections come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) connections: u64,
    pub(crate) received: Traffic,
    pub(crate) sent: Traffic,
    pub(crate) slow_consumers: u64,
    pub(crate) stale_connections: u64,
    pub(crate) stalls: u64,
}

/// The connections of a server that are over.
#[derive(Debug)]
pub(crate) struct History {
    started: SystemTime,
    past: Mutex<Past>,
    closed_max: usize,
}

/// What is known of connections that are over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    pub(crate) all: Tally,
    pub(crate) by_account: HashMap<String, Tally>,
    /// The last ones, the oldest first.
    pub(crate) closed: VecDeque<Arc<Record>>,
}

impl Record {
    /// What is known of a client now.
    pub(crate) fn of(client: &Client) -> Record {
        let ledger: &Ledger = &client.ledger;
        let (sent, pending_bytes) = client.outbox.traffic();
        let since_began = |ns: u64| ledger.began_at + Duration::from_nanos(ns);
        let (subscriptions, had_subscribed) = match ledger.subscriptions.get() {
            Some((count, some)) => (*count, some.clone()),
            None => (client.subscription_count(), Vec::new()),
        };
        Record {
            cid: client.label.id(),
            addr: client.label.addr(),
            start: ledger.began_at,
            last_activity: since_began(ledger.last_activity_ns.load(Relaxed)),
            stop: None,
            rtt: Duration::from_nanos(ledger.rtt_ns.load(Relaxed)),
            pending_bytes,
            received: ledger.received(),
            sent,
            stalls: ledger.stalls.load(Relaxed),
            subscriptions,
            identity: ledger.identity.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            transport: ledger.transport.get().cloned(),
            had_subscribed,
        }
    }

    /// What is known of a client that is gone.
    pub(crate) fn of_closed(client: &Client) -> Record {
        let ledger = &client.ledger;
        let stop = ledger.began_at + ledger.began.elapsed();
        let reason = ledger.reason.get().copied().unwrap_or(Reason::CLIENT_CLOSED);
        Record { stop: Some((stop, reason)), ..Record::of(client) }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, record: &Record) {
        let reason = record.stop.map(|(_, reason)| reason);
        self.connections += 1;
        self.received += record.received;
        self.sent += record.sent;
        self.slow_consumers += u64::from(reason.is_some_and(Reason::is_slow_consumer));
        self.stale_connections += u64::from(reason == Some(Reason::STALE));
        self.stalls += record.stalls;
    }
}

impl History {
    /// Keeps the last `closed_max` connections one by one.
    pub(crate) fn new(closed_max: usize) -> History {
        History { started: SystemTime::now(), past: Mutex::default(), closed_max }
    }

    /// When it began, and the server with it.
    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }

    /// Takes up a client that is gone.
    pub(crate) fn add(&self, client: &Client) {
        let record = Record::of_closed(client);
        let mut past = self.lock();
        past.all.add(&record);
        if let Some(account) = &record.identity.account {
            match past.by_account.get_mut(account) {
                Some(tally) => tally.add(&record),
                None => past.by_account.entry(account.clone()).or_default().add(&record),
            }
        }
        if self.closed_max > 0 {
            if past.closed.len() >= self.closed_max {
                past.closed.pop_front();
            }
            past.closed.push_back(Arc::new(record));
        }
    }

    /// A copy of all that is known; records are shared.
    pub(crate) fn past(&self) -> Past {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
