//! The router as the monitoring pages see it. What is copied here is pointers.

use std::sync::{Arc, atomic::Ordering};

use super::{Account, Client, Subscription};
use crate::index::Matches;

impl Account {
    /// Subscriptions made, and subjects looked up so far.
    pub(crate) fn inserts_and_lookups(&self) -> (u64, u64) {
        (self.inserts.load(Ordering::Relaxed), self.lookups.load(Ordering::Relaxed))
    }

    /// Who would get a message with this subject; of queue groups, all members.
    pub(crate) fn interested(&self, subject: &[u8]) -> Vec<Arc<Subscription>> {
        let Matches { plain, queues } = self.matches(subject);
        plain.into_iter().chain(queues.into_iter().flat_map(|group| group.members)).collect()
    }
}

impl Client {
    /// Its subscriptions, in no order.
    pub(crate) fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.table().iter().map(|found| found.0.clone()).collect()
    }
}

impl Subscription {
    /// Whose it is.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The account that it was made in.
    pub(crate) fn account(&self) -> &Account {
        &self.client.account
    }
}
