//! The router as the monitoring pages see it.

use std::sync::{Arc, atomic::Ordering};

#[cfg(feature = "monitoring")]
use super::exchange::Unanswered;
use super::{Account, Client, Subscription};
use crate::{index::Matches, ledger::SubscriptionRecord};

/// Subscriptions of a closed connection that are remembered, and the bytes of them all.
const REMEMBERED_MAX: usize = 64;
const REMEMBERED_BYTES_MAX: usize = 4 << 10;

impl Account {
    /// Subscriptions made, and subjects looked up so far.
    pub(crate) fn inserts_and_lookups(&self) -> (u64, u64) {
        (self.inserts.load(Ordering::Relaxed), self.lookups.load(Ordering::Relaxed))
    }

    /// Requests from other accounts that are still waiting for an answer.
    #[cfg(feature = "monitoring")]
    pub(crate) fn unanswered(&self) -> Vec<Unanswered> {
        self.exchange.unanswered()
    }

    /// Which clients' subscriptions would get a message with this subject; of queue groups, those
    /// of all members.
    pub(crate) fn interested(&self, subject: &[u8]) -> Vec<Arc<Subscription>> {
        let Matches { plain, queues } = self.matches(subject);
        let all = plain.into_iter().chain(queues.into_iter().flat_map(|group| group.members));
        all.filter(|found| found.client().is_some()).collect()
    }
}

impl Client {
    /// Its subscriptions, in no order.
    pub(crate) fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.table().own.iter().map(|found| found.0.clone()).collect()
    }

    /// Writes down what it is subscribed to, before it [`leave`](Client::leave)s.
    pub(crate) fn note_subscriptions(&self) {
        let table = self.table();
        let mut bytes = 0;
        let fits = |record: &SubscriptionRecord| {
            let queue_bytes = record.queue.as_ref().map_or(0, String::len);
            bytes += record.subject.len() + queue_bytes + record.sid.len();
            bytes <= REMEMBERED_BYTES_MAX
        };
        let some = table.own.iter().take(REMEMBERED_MAX).map(|found| found.0.record());
        self.ledger.had_subscribed(table.own.len(), some.take_while(fits).collect());
    }
}

impl Subscription {
    /// Whose it is; none of a service's.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.receiver.client().map(|client| &**client)
    }

    /// The account that it was made in.
    pub(crate) fn account(&self) -> &Account {
        self.scope.account()
    }

    /// What is known of it now.
    pub(crate) fn record(&self) -> SubscriptionRecord {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        SubscriptionRecord {
            subject: text(&self.pattern),
            queue: self.queue.as_deref().map(text),
            sid: text(&self.sid),
            msgs: self.delivered.load(Ordering::Relaxed),
            max: self.max.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountLimits, ledger::Record, router::Scope};

    /// Of five subscriptions of 1000 bytes, a queue's name and a sid: how many there were, and how
    /// many are remembered.
    fn remembered(queue_bytes: usize) -> (usize, usize) {
        let account = Arc::new(Account::new("A", AccountLimits::default(), false));
        let scope = Arc::new(Scope::new(account, "", None));
        let client = Arc::new(Client::new(1, 1 << 20));
        for sid in 1000..1005 {
            let (pattern, queue) = ("s".repeat(1000), "q".repeat(queue_bytes));
            let sid = sid.to_string();
            client.subscribe(&scope, pattern.as_bytes(), Some(queue.as_bytes()), sid.as_bytes());
        }
        client.note_subscriptions();
        client.unsubscribe_all();
        let record = Record::of(&client);
        (record.subscriptions, record.had_subscribed.len())
    }

    #[test]
    fn a_closed_connections_subscriptions_are_remembered_up_to_so_many_bytes() {
        assert_eq!(REMEMBERED_BYTES_MAX, 4 * (1000 + 20 + 4));
        assert_eq!(remembered(20), (5, 4));
        assert_eq!(remembered(21), (5, 3));
    }
}
