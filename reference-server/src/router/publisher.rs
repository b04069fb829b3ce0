//! How one connection publishes: finds who is interested, fills their outboxes, rings their bells.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use rand::{SeedableRng, rngs::SmallRng};
use tokio::time::{Instant, timeout};

use super::{
    Client, Scope,
    passage::{Bells, Passage},
    routes::Routes,
};
use crate::{
    auth::PublishGate,
    protocol::{Publish, encode},
    subject::mapping::Mappings,
};

/// How long a publisher waits for a receiver that is nearly full, so that a reader which is only
/// a little slower than a flood is not cut off. nats-server waits as long.
const STALL: Duration = Duration::from_millis(5);
/// How long it waits for all of them together behind one read, as nats-server does.
const STALLS: Duration = Duration::from_millis(10);

/// How one connection publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    scope: Arc<Scope>,
    /// Where publications of the account go elsewhere.
    mappings: Option<Arc<Mappings>>,
    /// Where the user may not publish everywhere.
    gate: Option<PublishGate>,
    routes: Routes,
    bells: Bells,
    chance: SmallRng,
}

impl Publisher {
    pub(crate) fn new(scope: Arc<Scope>) -> Publisher {
        Publisher {
            gate: scope.grants().as_ref().and_then(PublishGate::new),
            mappings: scope.account().mappings(),
            scope,
            routes: Routes::default(),
            bells: Bells::default(),
            chance: SmallRng::from_rng(&mut rand::rng()),
        }
    }

    /// From now on it publishes elsewhere.
    pub(crate) fn enter(&mut self, scope: Arc<Scope>) {
        self.gate = scope.grants().as_ref().and_then(PublishGate::new);
        self.routes = Routes::default();
        self.mappings = scope.account().mappings();
        self.scope = scope;
    }

    /// From now on it may do what a login to this scope of the same account leads to.
    pub(crate) fn follow(&mut self, scope: &Scope) {
        self.scope.follow(scope);
        self.mappings = self.scope.account().mappings();
        self.gate = self.scope.grants().as_ref().and_then(PublishGate::new);
    }

    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Where a publication goes instead, if anywhere (ACC-017).
    #[inline]
    pub(crate) fn map(&self, subject: &[u8]) -> Option<Vec<u8>> {
        self.mappings.as_ref()?.map(subject)
    }

    /// Whether the user may publish to this subject (PERM-001, PERM-014).
    #[inline]
    pub(crate) fn may_publish(&mut self, subject: &[u8]) -> bool {
        match &mut self.gate {
            None => true,
            Some(gate) => gate.allows(subject) || self.scope.answer(subject),
        }
    }

    /// Whether the user may make this subscription (PERM-003).
    pub(crate) fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool {
        self.scope.grants().is_none_or(|grants| grants.may_subscribe(pattern, queue))
    }

    /// Delivers to every plain subscription and to one member of each queue group; false if
    /// nobody got it.
    #[inline]
    pub(crate) fn publish(&mut self, from: &Arc<Client>, message: &Publish<'_>) -> bool {
        let Publisher { scope, routes, bells, chance, .. } = self;
        let route = routes.find(scope.account(), message.subject);
        !route.is_empty() && Passage::new(from, scope, bells, chance).follow(route, message)
    }

    /// What a client that is no connection publishes in any account.
    pub(super) fn passage<'a>(&'a mut self, from: &'a Arc<Client>) -> Passage<'a> {
        Passage::new(from, &self.scope, &mut self.bells, &mut self.chance)
    }

    /// Sends the no-responders status, if the requester itself has a plain subscription that
    /// covers the reply subject (CORE-REQ-005).
    pub(crate) fn no_responders(&mut self, from: &Arc<Client>, reply: &[u8], name: Option<&[u8]>) {
        let route = self.routes.find(self.scope.account(), reply);
        if let Some(own) = route.plain.iter().find(|found| found.receiver.is(from)) {
            let ring = from.outbox.append(|out| encode::no_responders(out, reply, &own.sid, name));
            self.bells.note(ring, from);
        }
    }

    /// Puts bytes behind everything that was sent to the client before.
    pub(crate) fn send(&mut self, to: &Arc<Client>, bytes: &[u8]) {
        let ring = to.outbox.append(|out| out.extend_from_slice(bytes));
        self.bells.note(ring, to);
    }

    /// Wakes everybody written to since the last call: once for a whole batch of operations.
    pub(crate) fn ring(&mut self) {
        for client in self.bells.due() {
            client.outbox.ring();
        }
    }

    /// Gives receivers that are nearly full a moment. One that does not use it is not waited for
    /// again until it has made room, so that it costs the others nothing. Says how often it waited.
    pub(crate) async fn ease(&mut self) -> u64 {
        let (mut stalls, mut left) = (0, STALLS);
        for client in self.bells.take() {
            if !client.outbox.is_full() {
                client.hopeless.store(false, Ordering::Relaxed);
            } else if !left.is_zero() && !client.hopeless.load(Ordering::Relaxed) {
                let (began, patience) = (Instant::now(), STALL.min(left));
                let eased = timeout(patience, client.outbox.drained()).await;
                client.hopeless.store(eased.is_err() && patience == STALL, Ordering::Relaxed);
                left = left.saturating_sub(began.elapsed());
                stalls += 1;
            }
        }
        stalls
    }

    /// Forgets where subjects led before the index has changed.
    pub(crate) fn forget_old_routes(&mut self) {
        self.routes.forget_old(self.scope.account());
    }
}
