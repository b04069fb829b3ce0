//! One message on its way: to all who are interested, and through services to other accounts.

use std::sync::Arc;

use bytes::Bytes;
use rand::{RngExt, rngs::SmallRng};

use super::{
    Account, Client, Receiver, Scope, Service, Subscription,
    exchange::{Asked, Shadow},
    routes::Route,
};
use crate::{
    ledger::Reason,
    outbox::{Ending, Ring, SHARED_FROM_BYTES},
    protocol::Publish,
};

/// Services that a message goes through at most, one behind the other. What imports what is checked
/// for cycles; this holds whatever services do.
const SERVICES_MAX: usize = 16;

/// Whom a message comes from, and what its publisher lends to deliver it.
pub(crate) struct Passage<'a> {
    from: &'a Arc<Client>,
    scope: &'a Arc<Scope>,
    bells: &'a mut Bells,
    chance: &'a mut SmallRng,
    /// That it is going through now.
    services: usize,
    /// Who asked, once it has gone to another account. In a box, since each publication makes a
    /// passage: to make a large one was a tenth of what publishing takes (`perf`).
    pub(super) asked: Option<Box<Asked>>,
}

/// Who was written to and not rung yet.
#[derive(Debug, Default)]
pub(super) struct Bells(Vec<Arc<Client>>);

impl<'a> Passage<'a> {
    #[inline]
    pub(super) fn new(
        from: &'a Arc<Client>,
        scope: &'a Arc<Scope>,
        bells: &'a mut Bells,
        chance: &'a mut SmallRng,
    ) -> Passage<'a> {
        Passage { from, scope, bells, chance, services: 0, asked: None }
    }

    /// Who published the message that this began with.
    pub(crate) fn from(&self) -> &Arc<Client> {
        self.from
    }

    /// What that client may see and do, and its account.
    #[cfg_attr(not(feature = "system"), allow(dead_code, reason = "its services ask"))]
    pub(crate) fn scope(&self) -> &Arc<Scope> {
        self.scope
    }

    /// Publishes a message in any account, in the name of the client; false if nobody got it.
    pub(crate) fn publish(&mut self, account: &Account, message: &Publish<'_>) -> bool {
        self.follow(&account.matches(message.subject), message)
    }

    /// Delivers to every plain subscription and to one member of each queue group; false if
    /// nobody got it.
    #[inline]
    pub(super) fn follow(&mut self, route: &Route, message: &Publish<'_>) -> bool {
        let large = message.body.len() >= SHARED_FROM_BYTES && !route.is_empty();
        let shared = large.then(|| Bytes::copy_from_slice(message.body));
        let mut delivered = false;
        for subscription in &route.plain {
            delivered |= self.give(subscription, message, shared.as_ref());
        }
        for group in &route.queues {
            // Chosen at random; who can't take it hands it on (CORE-QUEUE-006, 012).
            let members = &group.members;
            let first = self.chance.random_range(0..members.len());
            let mut members = members[first..].iter().chain(&members[..first]);
            delivered |= members.any(|to| self.give(to, message, shared.as_ref()));
        }
        delivered
    }

    #[inline]
    fn give(&mut self, to: &Subscription, message: &Publish<'_>, shared: Option<&Bytes>) -> bool {
        match &to.receiver {
            Receiver::Client(client) => {
                let (delivered, ring) = to.deliver(client, self.from, message, shared);
                self.bells.note(ring, client);
                delivered
            }
            Receiver::Shadow(shadow) => self.rename(to, shadow, message, shared),
            Receiver::Service(service) => self.call(&***service, message),
        }
    }

    /// Delivers to a client of another account, under the subject that it knows (ACC-005). What
    /// came through a service stays with the exporter.
    #[cold]
    fn rename(
        &mut self,
        to: &Subscription,
        shadow: &Shadow,
        message: &Publish<'_>,
        shared: Option<&Bytes>,
    ) -> bool {
        if self.services > 0 || shadow.has_ended() {
            return false;
        }
        let renamed = shadow.rename(message.subject);
        let subject = renamed.as_deref().unwrap_or(message.subject);
        let message = Publish { subject, ..*message };
        let (delivered, ring) = to.deliver(&shadow.client, self.from, &message, shared);
        self.bells.note(ring, &shadow.client);
        delivered
    }

    #[cold]
    fn call(&mut self, service: &dyn Service, message: &Publish<'_>) -> bool {
        if self.services == SERVICES_MAX {
            return false;
        }
        self.services += 1;
        let taken = service.take(message, self);
        self.services -= 1;
        taken
    }
}

impl Bells {
    /// Who is to be rung.
    pub(super) fn due(&self) -> &[Arc<Client>] {
        &self.0
    }

    /// Forgets them, one by one.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Arc<Client>> {
        self.0.drain(..)
    }

    pub(super) fn note(&mut self, ring: Ring, client: &Arc<Client>) {
        match ring {
            Ring::Due => self.0.push(client.clone()),
            Ring::No => {}
            Ring::Overflow => {
                log::info!("{} - Slow Consumer Detected: MaxPending exceeded", client.label);
                client.ledger.ends(Reason::SLOW_PENDING);
                client.outbox.end(Ending::Cut);
            }
        }
    }
}
