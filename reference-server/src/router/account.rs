//! Subjects that no other account sees, and the limits of those who share them.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use super::{Receiver, Scope, Service, Subscription, exchange::Exchange};
use crate::{
    AccountLimits,
    index::{Index, Matches},
    subject::mapping::Mappings,
};

/// Subscriptions that see each other's messages.
#[derive(Debug)]
pub(crate) struct Account {
    name: Box<str>,
    limits: Mutex<AccountLimits>,
    /// Some of its users may not see all that they can subscribe to (PERM-009).
    filters: AtomicBool,
    connections: AtomicUsize,
    /// Subscriptions of services.
    services: AtomicU64,
    index: RwLock<Index<Arc<Subscription>>>,
    pub(super) exchange: Exchange,
    /// Goes up with every change of the index.
    generation: AtomicU64,
    /// Subscriptions made so far.
    pub(super) inserts: AtomicU64,
    /// Subjects looked up so far; those that a publisher remembers are not.
    pub(super) lookups: AtomicU64,
}

impl Account {
    pub(crate) fn new(name: &str, limits: AccountLimits, filters: bool) -> Account {
        Account {
            name: name.into(),
            limits: Mutex::new(limits),
            filters: AtomicBool::new(filters),
            connections: AtomicUsize::new(0),
            services: AtomicU64::new(0),
            index: RwLock::default(),
            exchange: Exchange::default(),
            generation: AtomicU64::new(0),
            inserts: AtomicU64::new(0),
            lookups: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn limits(&self) -> AccountLimits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn filters(&self) -> bool {
        self.filters.load(Ordering::Relaxed)
    }

    /// From now on some of its users may not see all that they can subscribe to.
    #[cfg(feature = "jwt")]
    pub(crate) fn begin_to_filter(&self) {
        if !self.filters.swap(true, Ordering::Relaxed) {
            self.forget_routes();
        }
    }

    /// What a reload says of it; the connections look for themselves what that means for them.
    pub(crate) fn reload(&self, limits: AccountLimits, filters: bool) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
        self.filters.store(filters, Ordering::Relaxed);
        self.forget_routes();
    }

    /// Makes routes void that were found so far.
    pub(super) fn forget_routes(&self) {
        self.change(|_| {});
    }

    /// Counts one more connection; false if there is no room.
    pub(super) fn admit(&self) -> bool {
        let max = self.limits().max_connections.unwrap_or(usize::MAX);
        let more = |now| (now < max).then_some(now + 1);
        self.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Whether there are more connections than there may be.
    pub(crate) fn is_crowded(&self) -> bool {
        let max = self.limits().max_connections.unwrap_or(usize::MAX);
        self.connections.load(Ordering::Relaxed) > max
    }

    pub(super) fn dismiss(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Subscriptions of clients; those of services are the server's own affair.
    pub(crate) fn subscriptions(&self) -> usize {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.len().saturating_sub(self.services.load(Ordering::Relaxed) as usize)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Index<Arc<Subscription>>)) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut index);
        // Behind the change and before the lock is given back: who sees the old number may have
        // looked at the old tree, who sees the new one has not.
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Subscribes a service, until it is [dismissed](Account::dismiss_service). That is
    /// the server's own affair, and not counted.
    pub(crate) fn serve(
        self: &Arc<Account>,
        pattern: &str,
        service: impl Service + 'static,
    ) -> Arc<Subscription> {
        let subscription = self.service(pattern, service);
        self.change(|index| {
            self.services.fetch_add(1, Ordering::Relaxed);
            index.insert(pattern.as_bytes(), None, subscription.clone());
        });
        subscription
    }

    /// A service's subscription that is not in the index yet.
    pub(super) fn service(
        self: &Arc<Account>,
        pattern: &str,
        service: impl Service + 'static,
    ) -> Arc<Subscription> {
        let scope = Arc::new(Scope::new(self.clone(), "", None));
        let receiver = Receiver::Service(Box::new(Box::new(service)));
        Arc::new(Subscription::new(receiver, &scope, pattern.as_bytes(), None, b""))
    }

    /// Where publications of its clients go instead, if anywhere (ACC-017).
    pub(super) fn mappings(&self) -> Option<Arc<Mappings>> {
        self.exchange.mappings()
    }

    /// Ends what [`serve`](Account::serve) began.
    pub(crate) fn dismiss_service(&self, subscription: &Arc<Subscription>) {
        self.change(|index| {
            if index.remove(&subscription.pattern, None, subscription) {
                self.services.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }

    pub(super) fn insert(&self, subscription: Arc<Subscription>) {
        self.inserts.fetch_add(1, Ordering::Relaxed);
        self.change(|index| {
            let it = subscription.clone();
            index.insert(&it.pattern, it.queue.as_deref(), subscription);
        });
    }

    pub(crate) fn remove(&self, subscription: &Arc<Subscription>) {
        let queue = subscription.queue.as_deref();
        self.change(|index| {
            index.remove(&subscription.pattern, queue, subscription);
        });
        self.exchange.awaited.look_after(&subscription.pattern, self);
    }

    /// Routes that were found under another number are void.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn matches(&self, subject: &[u8]) -> Matches<Arc<Subscription>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let mut found = self.index.read().unwrap_or_else(PoisonError::into_inner).matches(subject);
        if self.filters() {
            found.retain(|subscription| !subscription.hides(subject));
        }
        found
    }
}
