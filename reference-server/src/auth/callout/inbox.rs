//! Where one answer is waited for.

use std::sync::Arc;

use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::mpsc;

use crate::{
    protocol::Publish,
    router::{Account, Passage, Service, Subscription},
};

/// Letters of each half of the subject, as there.
const LETTERS: usize = 8;

/// A subject that nobody knows but who was asked; it is gone once this is dropped.
#[derive(Debug)]
pub(super) struct Inbox {
    account: Arc<Account>,
    subject: String,
    subscription: Arc<Subscription>,
    answers: mpsc::Receiver<Vec<u8>>,
}

#[derive(Debug)]
struct Slot(mpsc::Sender<Vec<u8>>);

impl Inbox {
    pub(super) fn open(account: &Arc<Account>) -> Inbox {
        let word = || Alphanumeric.sample_string(&mut rand::rng(), LETTERS);
        let subject = format!("$SYS._INBOX.{}.{}", word(), word());
        // One answer counts; others find no room.
        let (sender, answers) = mpsc::channel(1);
        let subscription = account.serve(&subject, Slot(sender));
        Inbox { account: account.clone(), subject, subscription, answers }
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// The first answer, without its headers.
    pub(super) async fn answer(&mut self) -> Option<Vec<u8>> {
        self.answers.recv().await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.account.dismiss_service(&self.subscription);
    }
}

impl Service for Slot {
    fn take(&self, message: &Publish<'_>, _: &mut Passage<'_>) -> bool {
        let header = message.header.map_or(0, |(bytes, _)| bytes);
        let answer = message.body.get(header..).unwrap_or_default();
        self.0.try_send(answer.to_vec()).is_ok()
    }
}
