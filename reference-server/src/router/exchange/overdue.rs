//! Timed requests that are never answered: nobody waits for the answer any more, or it does not
//! come in time. The exporter is told by a task of the account's own (ACC-020).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use foldhash::fast::RandomState;
use tokio::{select, sync::Notify, time::sleep_until};

use super::{
    super::{Account, Client, Publisher, Scope},
    responses::Responses,
};
use crate::subject;

/// Where an account waits for answers to its timed requests. Empty in most, which then costs a look
/// at a counter whenever a subscription ends.
#[derive(Debug, Default)]
pub(in super::super) struct Awaited {
    count: AtomicUsize,
    requests: Mutex<HashMap<Arc<[u8]>, Vec<Awaiting>, RandomState>>,
}

/// A request, as its exporter knows it.
#[derive(Debug)]
struct Awaiting {
    responses: Weak<Responses>,
    subject: Arc<[u8]>,
}

impl Awaited {
    pub(super) fn add(&self, reply: &Arc<[u8]>, responses: &Arc<Responses>, subject: &Arc<[u8]>) {
        let (responses, subject) = (Arc::downgrade(responses), subject.clone());
        let mut requests = self.lock();
        requests.entry(reply.clone()).or_default().push(Awaiting { responses, subject });
        self.count.store(requests.len(), Ordering::Relaxed);
    }

    pub(super) fn remove(&self, reply: &[u8], subject: &[u8]) {
        let mut requests = self.lock();
        let Some(waiting) = requests.get_mut(reply) else { return };
        waiting.retain(|it| *it.subject != *subject);
        if waiting.is_empty() {
            requests.remove(reply);
        }
        self.count.store(requests.len(), Ordering::Relaxed);
    }

    /// A subscription of the account to this pattern has ended, maybe the last one that would have
    /// heard an answer.
    pub(in super::super) fn look_after(&self, pattern: &[u8], account: &Account) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let heard = |reply: &[u8]| !account.matches(reply).is_empty();
        let replies: Vec<Arc<[u8]>> = match subject::is_valid_literal(pattern) {
            true => vec![pattern.into()],
            false => {
                let requests = self.lock();
                let covered = requests.keys().filter(|reply| subject::matches(pattern, reply));
                covered.cloned().collect()
            }
        };
        for reply in replies.into_iter().filter(|reply| !heard(reply)) {
            let lost = self.lock().remove(&reply).unwrap_or_default();
            for Awaiting { responses, subject } in lost {
                if let Some(responses) = responses.upgrade() {
                    responses.lose(&subject);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<[u8]>, Vec<Awaiting>, RandomState>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of requests that have failed, until the account expects no answers any more. It is woken
/// when there is one, or one that may be late before all others.
pub(super) async fn tell(responses: Weak<Responses>, wake: Arc<Notify>) {
    // What metrics come from; no connection.
    let client = Arc::new(Client::new(0, 0));
    while let Some(next) = tell_now(&responses, &client) {
        match next {
            None => wake.notified().await,
            Some(next) => select! {
                () = wake.notified() => {}
                () = sleep_until(next.into()) => {}
            },
        }
    }
}

/// Answers when the next one is late, if one can be; none when all is over.
fn tell_now(responses: &Weak<Responses>, client: &Arc<Client>) -> Option<Option<Instant>> {
    let responses = responses.upgrade()?;
    let account = responses.account()?;
    let (failed, next) = responses.failed(Instant::now());
    let mut publisher = Publisher::new(Arc::new(Scope::new(account.clone(), "", None)));
    for (timed, why) in failed {
        timed.failed(why, &account, &mut publisher.passage(client));
    }
    publisher.ring();
    Some(next)
}
