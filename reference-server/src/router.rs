//! Who is connected, who is interested in what, and how a message reaches them.
//!
//! An [`Account`] holds the index of its subscriptions; accounts know nothing of each other. A
//! [`Scope`] is what a login leads to: an account, and permissions there. Each connection has a
//! [`Publisher`]: it remembers where subjects led, until any subscription of the
//! account changes, and whom it has written to since it last rang their bells.
//!
//! A subscription's [`Receiver`] is a connection, or a [`Service`]: a part of the server that takes
//! messages like a subscriber and publishes what comes of them, wherever it likes ([`Passage`]).
//!
//! Locks: the index (shared by all publishers of an account, exclusive for SUB and UNSUB), each
//! client's table of sids, each client's outbox, and whom it may answer. None is held while another
//! one is taken, with two exceptions: a client's own table while an index is changed for it or its
//! outbox looked at, and that outbox while a request is written down.

mod account;
mod exchange;
#[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "the pages look at it"))]
mod inspect;
mod label;
mod passage;
mod publisher;
mod receiver;
mod routes;
mod scope;

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use foldhash::fast::RandomState;

#[cfg(feature = "monitoring")]
pub(crate) use self::exchange::Unanswered;
#[cfg(feature = "jwt")]
pub(crate) use self::scope::Lease;
pub(crate) use self::{
    account::Account,
    exchange::Arrangement,
    label::Label,
    passage::Passage,
    publisher::Publisher,
    receiver::{Receiver, Service},
    scope::{Scope, Seat},
};
use crate::{
    ledger::Ledger,
    outbox::{Outbox, Ring},
    protocol::Publish,
};

/// Patterns taken out of the index under one lock, when a connection ends.
const PATTERNS_AT_ONCE: usize = 256;

/// One subscription of one receiver.
#[derive(Debug)]
pub(crate) struct Subscription {
    receiver: Receiver,
    /// Of the login that it was made under; a later one may lead elsewhere (CORE-CONN-039).
    scope: Arc<Scope>,
    pattern: Box<[u8]>,
    queue: Option<Box<[u8]>>,
    sid: Box<[u8]>,
    // What follows is written under the lock of the client's outbox only, which orders it with
    // PONG: what was ended before a PONG was queued delivers nothing behind it (CORE-SUB-020).
    /// Messages delivered since SUB (CORE-SUB-012).
    delivered: AtomicU64,
    /// Deliveries after which it ends; 0 is never.
    max: AtomicU64,
    ended: AtomicBool,
}

/// A connection, as others see it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) label: Label,
    pub(crate) outbox: Outbox,
    pub(crate) ledger: Ledger,
    subscriptions: Mutex<Table>,
    echo: AtomicBool,
    headers: AtomicBool,
    /// Publishers do not wait for it again before it has made room.
    hopeless: AtomicBool,
}

/// The subscriptions of a client.
#[derive(Debug, Default)]
struct Table {
    /// Found by their sid.
    own: HashSet<BySid, RandomState>,
    /// Those that stand for an own one in other accounts, by its sid.
    shadows: HashMap<Box<[u8]>, Vec<Arc<Subscription>>, RandomState>,
}

/// A subscription that stands for its sid, so that a table need not keep the sid once more.
#[derive(Debug, Clone)]
struct BySid(Arc<Subscription>);

impl Subscription {
    pub(crate) fn new(
        receiver: Receiver,
        scope: &Arc<Scope>,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
    ) -> Subscription {
        Subscription {
            receiver,
            scope: scope.clone(),
            pattern: pattern.into(),
            queue: queue.map(Into::into),
            sid: sid.into(),
            delivered: AtomicU64::new(0),
            max: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    pub(crate) fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    pub(crate) fn queue(&self) -> Option<&[u8]> {
        self.queue.as_deref()
    }

    pub(crate) fn sid(&self) -> &[u8] {
        &self.sid
    }

    /// In whose index it stands.
    fn home(&self) -> &Arc<Account> {
        match &self.receiver {
            Receiver::Shadow(shadow) => shadow.exporter(),
            Receiver::Client(_) | Receiver::Service(_) => self.scope.account(),
        }
    }

    /// Whether messages with this subject are kept from it.
    fn hides(&self, subject: &[u8]) -> bool {
        match &self.receiver {
            Receiver::Shadow(shadow) => {
                self.scope.hides(shadow.rename(subject).as_deref().unwrap_or(subject))
            }
            Receiver::Client(_) | Receiver::Service(_) => self.scope.hides(subject),
        }
    }

    /// Whether the last message has been delivered. Who has read that message sees this as well:
    /// it went through the outbox, whose lock was held when the flag was set.
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Puts a message into the outbox of its client; false if it takes no more, or not from itself.
    fn deliver(
        &self,
        client: &Arc<Client>,
        from: &Arc<Client>,
        message: &Publish<'_>,
        shared: Option<&Bytes>,
    ) -> (bool, Ring) {
        if Arc::ptr_eq(client, from) && !from.echo.load(Ordering::Relaxed) {
            return (false, Ring::No);
        }
        let takes_headers = client.headers.load(Ordering::Relaxed);
        let request = message
            .reply
            .and_then(|reply| self.scope.notebook(reply).map(|notebook| (notebook, reply)));
        let mut queue = client.outbox.lock();
        if queue.is_ending() || self.has_ended() {
            return (false, Ring::No);
        }
        let delivered = self.delivered.load(Ordering::Relaxed) + 1;
        self.delivered.store(delivered, Ordering::Relaxed);
        let last = delivered == self.max.load(Ordering::Relaxed);
        if last {
            self.ended.store(true, Ordering::Relaxed);
        }
        let receiver = (&*self.sid, takes_headers);
        let ring = queue.deliver(client.outbox.max_pending_bytes(), message, receiver, shared);
        if let Some((notebook, reply)) = request {
            // Before the receiver can read it, so that no answer comes too early.
            scope::expect(notebook, reply);
        }
        drop(queue);
        if last {
            client.forget(self);
        }
        (true, ring)
    }
}

impl Table {
    fn all(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.own.iter().map(|own| &own.0).chain(self.shadows.values().flatten())
    }
}

/// Two subscriptions are the same if they are one object.
impl PartialEq for Subscription {
    fn eq(&self, other: &Subscription) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Borrow<[u8]> for BySid {
    fn borrow(&self) -> &[u8] {
        &self.0.sid
    }
}

impl Hash for BySid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sid.hash(state);
    }
}

impl PartialEq for BySid {
    fn eq(&self, other: &BySid) -> bool {
        self.0.sid == other.0.sid
    }
}

impl Eq for BySid {}

#[allow(clippy::mutable_key_type, reason = "a sid, which is what is hashed, never changes")]
impl Client {
    pub(crate) fn new(id: u64, max_pending_bytes: usize) -> Client {
        Client {
            label: Label::new(id),
            outbox: Outbox::new(max_pending_bytes),
            ledger: Ledger::new(),
            subscriptions: Mutex::default(),
            echo: AtomicBool::new(true),
            headers: AtomicBool::new(false),
            hopeless: AtomicBool::new(false),
        }
    }

    /// What CONNECT said about deliveries to this client.
    pub(crate) fn set_options(&self, echo: bool, headers: bool) {
        self.echo.store(echo, Ordering::Relaxed);
        self.headers.store(headers, Ordering::Relaxed);
    }

    pub(crate) fn subscription_count(&self) -> usize {
        self.table().own.len()
    }

    pub(crate) fn is_subscribed(&self, sid: &[u8]) -> bool {
        self.table().own.get(sid).is_some_and(|found| !found.0.has_ended())
    }

    pub(crate) fn subscribe(
        self: &Arc<Client>,
        scope: &Arc<Scope>,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
    ) {
        let mut table = self.table();
        match table.own.get(sid) {
            // It has had its last message, and whoever delivered that is about to forget it.
            Some(found) if found.0.has_ended() => {
                let BySid(ended) = found.clone();
                ended.home().remove(&ended);
                self.end_shadows(table.shadows.remove(sid).into_iter().flatten());
            }
            Some(_) => return,
            None => {}
        }
        let receiver = Receiver::Client(self.clone());
        let subscription = Arc::new(Subscription::new(receiver, scope, pattern, queue, sid));
        table.own.replace(BySid(subscription.clone()));
        scope.account().insert(subscription.clone());
        let shadows = self.shadows(&subscription);
        if !shadows.is_empty() {
            table.shadows.insert(sid.into(), shadows);
        }
    }

    pub(crate) fn unsubscribe(&self, sid: &[u8], max: u64) {
        let Some(subscription) = self.table().own.get(sid).map(|found| found.0.clone()) else {
            return;
        };
        let ended = {
            let _order = self.outbox.lock();
            let ended = max <= subscription.delivered.load(Ordering::Relaxed);
            subscription.max.store(max, Ordering::Relaxed);
            if ended {
                subscription.ended.store(true, Ordering::Relaxed);
            }
            ended
        };
        if ended {
            self.forget(&subscription);
        }
    }

    /// Ends the subscriptions that are not allowed any more, and answers them (LIFE-005).
    pub(crate) fn keep(&self, allowed: impl Fn(&Subscription) -> bool) -> Vec<Arc<Subscription>> {
        let table = self.table();
        let refused = table.own.iter().map(|BySid(found)| found).filter(|found| !allowed(found));
        let refused: Vec<Arc<Subscription>> = refused.cloned().collect();
        drop(table);
        for subscription in &refused {
            let order = self.outbox.lock();
            subscription.ended.store(true, Ordering::Relaxed);
            drop(order);
            self.forget(subscription);
        }
        refused
    }

    pub(crate) fn unsubscribe_all(&self) {
        let ended = self.end_all();
        for (account, patterns) in Client::patterns(&ended) {
            for some in patterns.chunks(PATTERNS_AT_ONCE) {
                self.forget_all(account, some);
            }
        }
    }

    /// [`unsubscribe_all`](Client::unsubscribe_all) of one who goes: with a million subscriptions
    /// that takes seconds, in which other connections on the same thread must be served.
    pub(crate) async fn leave(&self) {
        let ended = self.end_all();
        for (account, patterns) in Client::patterns(&ended) {
            for some in patterns.chunks(PATTERNS_AT_ONCE) {
                self.forget_all(account, some);
                tokio::task::yield_now().await;
            }
        }
    }

    /// From here on nothing is delivered to any of them.
    fn end_all(&self) -> Table {
        let ended = std::mem::take(&mut *self.table());
        let _order = self.outbox.lock();
        for subscription in ended.all() {
            subscription.ended.store(true, Ordering::Relaxed);
        }
        ended
    }

    /// Each pattern once, by account: thousands of subscriptions to one subject are one pass over
    /// it.
    fn patterns(subscriptions: &Table) -> Vec<(&Account, Vec<&[u8]>)> {
        let mut accounts: HashMap<_, (&Account, HashSet<&[u8], RandomState>)> = HashMap::new();
        for found in subscriptions.all() {
            let account = &**found.home();
            let (_, patterns) = accounts
                .entry(std::ptr::from_ref(account))
                .or_insert_with(|| (account, HashSet::default()));
            patterns.insert(&found.pattern);
        }
        accounts
            .into_values()
            .map(|(account, patterns)| (account, patterns.into_iter().collect()))
            .collect()
    }

    /// Takes all its subscriptions to these patterns out of the index.
    fn forget_all(&self, account: &Account, patterns: &[&[u8]]) {
        account.change(|index| {
            for pattern in patterns {
                index.remove_all(pattern, |found| found.receiver.is(self));
            }
        });
        for pattern in patterns {
            account.exchange.awaited.look_after(pattern, account);
        }
    }

    /// Takes an ended subscription out of the table and the index.
    fn forget(&self, subscription: &Subscription) {
        let mut table = self.table();
        if table.own.get(&*subscription.sid).is_some_and(|found| *found.0 == *subscription)
            && let Some(BySid(found)) = table.own.take(&*subscription.sid)
        {
            found.home().remove(&found);
            self.end_shadows(table.shadows.remove(&*found.sid).into_iter().flatten());
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
