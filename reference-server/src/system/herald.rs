//! What connections tell the system account's task, and what is asked of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;

use super::{
    requests::{self, Place},
    voice::Voice,
};
use crate::{
    Config, Profile,
    ledger::Record,
    protocol::Publish,
    router::{Account, Client, Passage, Scope, Service, Subscription},
    server::Terms,
};

/// What may wait for the task; more is not told, and not answered.
const WORK_MAX: usize = 4096;
/// Bytes of a request's payload: options are short.
const OPTIONS_BYTES_MAX: usize = 8 << 10;

/// Tells the system account what happens. A server without such an account has a silent one.
#[derive(Debug, Clone)]
pub(crate) struct Herald(Option<Arc<Shared>>);

/// What the task takes up.
pub(crate) struct Inbox(pub(super) Option<(Arc<Voice>, mpsc::Receiver<Work>)>);

#[derive(Debug)]
struct Shared {
    voice: Arc<Voice>,
    work: mpsc::Sender<Work>,
    profile: Profile,
    /// Where requests are taken: of each account its subscriptions.
    taken: Mutex<Taken>,
}

/// Accounts, each with the subscriptions that take requests there.
type Taken = Vec<(Arc<Account>, Vec<Arc<Subscription>>)>;

/// Something for the task to do.
#[derive(Debug)]
pub(super) enum Work {
    Connected(Box<Record>),
    Gone(Box<Record>),
    Answer(Box<Request>),
}

/// Somebody has asked.
#[derive(Debug)]
pub(super) struct Request {
    /// Where the answer goes.
    pub(super) account: Arc<Account>,
    /// Who asked, and what it may do.
    pub(super) scope: Arc<Scope>,
    pub(super) subject: Box<[u8]>,
    pub(super) reply: Option<Box<[u8]>>,
    pub(super) payload: Box<[u8]>,
}

/// Takes requests in one account.
#[derive(Debug)]
struct Window {
    account: Weak<Account>,
    work: mpsc::Sender<Work>,
}

impl Herald {
    /// For the system account of a server; none if it has no such account.
    pub(crate) fn new(terms: &Terms, server_id: &str) -> (Herald, Inbox) {
        let Some(account) = terms.authenticator.system_account() else {
            return (Herald(None), Inbox(None));
        };
        let voice = Arc::new(Voice::new(account.clone(), terms, server_id));
        let (work, inbox) = mpsc::channel(WORK_MAX);
        let profile = terms.config.profile;
        let shared = Shared { voice: voice.clone(), work, profile, taken: Mutex::default() };
        let herald = Herald(Some(Arc::new(shared)));
        herald.follow(terms.authenticator.accounts());
        (herald, Inbox(Some((voice, inbox))))
    }

    /// Takes requests in these accounts, and in no others any more.
    pub(crate) fn follow(&self, accounts: &[Arc<Account>]) {
        let Some(shared) = &self.0 else { return };
        let mut taken = shared.taken();
        taken.retain(|(account, subscriptions)| {
            let stays = accounts.iter().any(|it| Arc::ptr_eq(it, account));
            if !stays {
                subscriptions.iter().for_each(|it| account.dismiss_service(it));
            }
            stays
        });
        for account in accounts {
            if !taken.iter().any(|(known, _)| Arc::ptr_eq(known, account)) {
                taken.push((account.clone(), shared.open(account)));
            }
        }
    }

    /// Speaks of the server as these options have it.
    pub(crate) fn speak_of(&self, config: Arc<Config>) {
        if let Some(shared) = &self.0 {
            shared.voice.follow(config);
        }
    }

    /// A client has logged in (SYS-001).
    pub(crate) fn connected(&self, client: &Client) {
        self.tell(|| Work::Connected(Box::new(Record::of(client))));
    }

    /// A client's connection is over (SYS-002, SYS-003).
    pub(crate) fn gone(&self, client: &Client) {
        self.tell(|| Work::Gone(Box::new(Record::of_closed(client))));
    }

    /// Says that the server takes nobody new (SYS-008).
    pub(crate) fn becomes_lame_duck(&self) {
        let Some(shared) = &self.0 else { return };
        if shared.profile >= Profile::V2_10 {
            shared.voice.announce_state("LAMEDUCK");
        }
    }

    /// Says that the server stops (SYS-008). Nothing is answered any more.
    pub(crate) fn stops(&self) {
        let Some(shared) = &self.0 else { return };
        shared.voice.announce_state("SHUTDOWN");
        self.follow(&[]);
    }

    fn tell(&self, what: impl FnOnce() -> Work) {
        let Some(shared) = &self.0 else { return };
        if shared.voice.is_heard() && shared.work.try_send(what()).is_err() {
            log::debug!("an event of the system account is lost: too many wait");
        }
    }
}

impl Shared {
    fn open(&self, account: &Arc<Account>) -> Vec<Arc<Subscription>> {
        let place = match self.voice.is_in(account) {
            true => Place::System { server_id: self.voice.server_id() },
            false => Place::Elsewhere,
        };
        let window = || Window { account: Arc::downgrade(account), work: self.work.clone() };
        let patterns = requests::patterns(place, self.profile);
        patterns.iter().map(|pattern| account.serve(pattern, window())).collect()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Window {
    fn take(&self, message: &Publish<'_>, passage: &mut Passage<'_>) -> bool {
        let payload = &message.body[message.header.map_or(0, |(length, _)| length)..];
        let Some(account) = self.account.upgrade() else { return false };
        if payload.len() > OPTIONS_BYTES_MAX {
            return false;
        }
        let request = Box::new(Request {
            account,
            scope: passage.scope().clone(),
            subject: message.subject.into(),
            reply: message.reply.map(Into::into),
            payload: payload.into(),
        });
        self.work.try_send(Work::Answer(request)).is_ok()
    }
}
