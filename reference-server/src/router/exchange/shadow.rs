//! An imported stream: subscriptions that stand in another account's index as well.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use super::super::{Account, BySid, Client, Receiver, Subscription, Table};
use crate::{
    Import,
    subject::{
        self,
        transform::{Transform, numbered, pattern_of, reverse},
    },
};

/// What a stream is called there and here.
#[derive(Debug)]
pub(crate) struct StreamImport {
    pub(super) exporter: Arc<Account>,
    /// The pattern here.
    local: String,
    /// The name here of the name there, and back; none where they are the same.
    renames: Option<(Transform, Transform)>,
    /// When it ends, if it does.
    until: Option<SystemTime>,
}

/// The receiver of a subscription that stands in the exporter's index: a client of another account.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(in super::super) client: Arc<Client>,
    import: Arc<StreamImport>,
}

impl StreamImport {
    pub(super) fn new(exporter: Arc<Account>, import: &Import) -> StreamImport {
        let local = numbered(&import.local_subject());
        let renames = (local != numbered(&import.subject)).then(|| {
            let there = Transform::reversible(&import.subject, &local).ok()?;
            Some((there, reverse(&import.subject, &local).ok()?))
        });
        let (local, renames, until) = (pattern_of(&local).0, renames.flatten(), import.until);
        StreamImport { exporter, local, renames, until }
    }

    /// What a subscription here means there; none if it has nothing to do with this import.
    fn remote(&self, pattern: &[u8]) -> Option<Vec<u8>> {
        let both = subject::overlap(pattern, self.local.as_bytes())?;
        Some(match &self.renames {
            Some((_, back)) => back.apply(&both),
            None => both,
        })
    }
}

impl Shadow {
    /// What a message is called here; none is the same as there.
    pub(in super::super) fn rename(&self, subject: &[u8]) -> Option<Vec<u8>> {
        self.import.renames.as_ref().map(|(there, _)| there.apply(subject))
    }

    /// Whether its import has ended.
    pub(in super::super) fn has_ended(&self) -> bool {
        self.import.until.is_some_and(|until| until <= SystemTime::now())
    }

    /// In whose index it stands.
    pub(in super::super) fn exporter(&self) -> &Arc<Account> {
        &self.import.exporter
    }
}

impl Client {
    /// The same subscription in all accounts whose streams it covers some of. They count for
    /// themselves and know no last message, as in nats-server.
    pub(in super::super) fn shadows(
        self: &Arc<Client>,
        own: &Subscription,
    ) -> Vec<Arc<Subscription>> {
        let streams = own.scope.account().exchange.terms();
        let shadow = |import: &Arc<StreamImport>| {
            let pattern = import.remote(&own.pattern)?;
            let receiver =
                Receiver::Shadow(Box::new(Shadow { client: self.clone(), import: import.clone() }));
            let queue = own.queue.as_deref();
            let it = Arc::new(Subscription::new(receiver, &own.scope, &pattern, queue, &own.sid));
            import.exporter.insert(it.clone());
            Some(it)
        };
        streams.streams.iter().filter_map(shadow).collect()
    }

    /// Follows other imports of its account (LIFE-005).
    pub(crate) fn import_again(self: &Arc<Client>) {
        let mut table = self.table();
        let before = std::mem::take(&mut table.shadows);
        self.end_shadows(before.into_values().flatten());
        let Table { own, shadows } = &mut *table;
        for BySid(subscription) in own.iter() {
            let again = self.shadows(subscription);
            if !again.is_empty() {
                shadows.insert(subscription.sid.clone(), again);
            }
        }
    }

    /// From here on nothing is delivered to them.
    pub(in super::super) fn end_shadows(
        &self,
        shadows: impl IntoIterator<Item = Arc<Subscription>>,
    ) {
        for shadow in shadows {
            let order = self.outbox.lock();
            shadow.ended.store(true, Ordering::Relaxed);
            drop(order);
            shadow.home().remove(&shadow);
        }
    }
}
