//! How the server speaks: messages of its own, in the system account and to who has asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use rand::distr::{Alphanumeric, SampleString};
use serde::Serialize;

use crate::{
    Config, Profile,
    monitoring::{feature_flags, time},
    protocol::Publish,
    router::{Account, Client, Publisher, Scope},
    server::Terms,
};

/// Letters of an event's id.
const EVENT_ID_LETTERS: usize = 22;

/// Publishes in the server's name.
#[derive(Debug)]
pub(super) struct Voice {
    account: Arc<Account>,
    /// What messages come from; no connection.
    client: Arc<Client>,
    server_id: String,
    server_name: String,
    host: String,
    version: String,
    profile: Profile,
    /// The configuration, of which a reload changes tags and metadata.
    config: Mutex<Arc<Config>>,
    /// Messages so far.
    seq: AtomicU64,
}

/// The server, as each message of the system account names it.
#[derive(Serialize)]
pub(super) struct ServerInfo<'a> {
    name: &'a str,
    host: &'a str,
    id: &'a str,
    ver: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    feature_flags: BTreeMap<&'static str, bool>,
    jetstream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u64>,
    seq: u64,
    time: String,
}

/// What every event begins with.
#[derive(Serialize)]
pub(super) struct EventHead<'a> {
    r#type: &'static str,
    id: String,
    timestamp: String,
    server: ServerInfo<'a>,
}

/// A server that answers, and nothing else of it.
#[derive(Serialize)]
pub(super) struct ServerId<'a> {
    name: &'a str,
    host: &'a str,
    id: &'a str,
}

impl Voice {
    pub(super) fn new(account: Arc<Account>, terms: &Terms, server_id: &str) -> Voice {
        let greeting = &terms.greeting;
        Voice {
            account,
            client: Arc::new(Client::new(0, terms.config.max_pending_bytes)),
            server_id: server_id.to_owned(),
            server_name: greeting.server_name.to_string(),
            host: terms.config.host.clone(),
            version: greeting.version.to_string(),
            profile: terms.config.profile,
            config: Mutex::new(terms.config.clone()),
            seq: AtomicU64::new(0),
        }
    }

    /// Tells other tags and metadata from now on.
    pub(super) fn follow(&self, config: Arc<Config>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has all of these tags.
    pub(super) fn is_tagged(&self, tags: &[String]) -> bool {
        let config = self.config();
        tags.iter().all(|tag| config.tags.contains(&tag.trim().to_lowercase()))
    }

    /// Whether any client listens in the system account.
    pub(super) fn is_heard(&self) -> bool {
        self.account.subscriptions() > 0
    }

    /// Whether anybody would hear this.
    pub(super) fn is_heard_on(&self, subject: &str) -> bool {
        self.is_heard() && !self.account.interested(subject.as_bytes()).is_empty()
    }

    pub(super) fn is_in(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(account, &self.account)
    }

    pub(super) fn server_id(&self) -> &str {
        &self.server_id
    }

    pub(super) fn server_name(&self) -> &str {
        &self.server_name
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn id(&self) -> ServerId<'_> {
        ServerId { name: &self.server_name, host: &self.host, id: &self.server_id }
    }

    /// What the next message says of the server.
    pub(super) fn server_info(&self) -> ServerInfo<'_> {
        let config = self.config();
        ServerInfo {
            name: &self.server_name,
            host: &self.host,
            id: &self.server_id,
            ver: &self.version,
            tags: config.tags.clone(),
            metadata: config.metadata.clone(),
            feature_flags: feature_flags(self.profile).iter().copied().collect(),
            jetstream: false,
            flags: (self.profile >= Profile::V2_10).then_some(0),
            seq: self.seq.fetch_add(1, Ordering::Relaxed) + 1,
            time: time(SystemTime::now()),
        }
    }

    pub(super) fn event_head(&self, kind: &'static str) -> EventHead<'_> {
        EventHead {
            r#type: kind,
            id: Alphanumeric.sample_string(&mut rand::rng(), EVENT_ID_LETTERS),
            timestamp: time(SystemTime::now()),
            server: self.server_info(),
        }
    }

    /// Publishes in the system account, if anybody hears it. The reply subject is there and empty,
    /// as nats-server writes it (SYS-005).
    pub(super) fn announce<E: Serialize>(&self, subject: &str, event: impl FnOnce() -> E) {
        if self.is_heard_on(subject) {
            self.publish(&self.account, subject.as_bytes(), Some(b""), &json(&event()));
        }
    }

    /// Says where the server's life has come to (SYS-008).
    pub(super) fn announce_state(&self, state: &str) {
        let subject = format!("$SYS.SERVER.{}.{state}", self.server_id);
        self.announce(&subject, || self.server_info());
    }

    pub(super) fn publish(
        &self,
        account: &Arc<Account>,
        subject: &[u8],
        reply: Option<&[u8]>,
        body: &[u8],
    ) {
        let mut publisher = Publisher::new(Arc::new(Scope::new(account.clone(), "", None)));
        let size = body.len().to_string();
        let message =
            Publish { subject, reply, header: None, size: size.as_bytes(), body, rest: None };
        // Nobody may be there any more.
        let _ = publisher.publish(&self.client, &message);
        publisher.ring();
    }
}

/// Texts and numbers can always be written.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
