//! Asking a service, and waiting for what it says.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use nkeys::XKey;

use super::{SUBJECT, answer::Refusal, inbox::Inbox, request};
use crate::{
    Config, Permissions, Profile,
    auth::{
        Check, Offer, Verdict,
        authenticator::HashCheck,
        jwt::{Claims, ResponseClaims, UserClaims},
    },
    protocol::Publish,
    router::{Account, Client, Publisher, Scope},
    server::ServerIdentity,
};

/// What the server asks all services with.
#[derive(Debug)]
pub(in crate::auth) struct Asker {
    pub(super) server: Arc<ServerIdentity>,
    pub(super) profile: Profile,
    pub(super) timeout: Duration,
    /// What requests come from; no connection.
    client: Arc<Client>,
}

/// Whoever listens for requests in an account.
#[derive(Debug)]
pub(in crate::auth) struct Service {
    pub(in crate::auth) account: Arc<Account>,
    /// Requests are sealed for it, and answers may be.
    pub(in crate::auth) key: Option<XKey>,
    pub(in crate::auth) authority: Arc<dyn Authority>,
    pub(in crate::auth) asker: Arc<Asker>,
}

/// Says whose signatures count in answers, and where users may be.
pub(in crate::auth) trait Authority: fmt::Debug + Send + Sync {
    /// The public key that requests are addressed to.
    fn issuer(&self) -> &str;

    /// Whether its signer may give this answer.
    fn check(&self, response: &Claims<ResponseClaims>) -> Result<(), Refusal>;

    /// Where the user is, if it may be there; it gets what a template says of it.
    fn place(&self, user: &mut Claims<UserClaims>) -> Result<Place, Refusal>;
}

/// Where an answer puts a user.
#[derive(Debug)]
pub(in crate::auth) struct Place {
    pub(in crate::auth) account: Arc<Account>,
    /// How the account calls itself.
    pub(in crate::auth) account_name: String,
    /// Who vouches, as pages tell it.
    pub(in crate::auth) issuer: String,
    /// For those of its users that have no permissions of their own.
    pub(in crate::auth) defaults: Option<Permissions>,
}

/// The token that a client has shown, which the service judges as well.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Sentinel<'a> {
    pub(in crate::auth) claims: &'a Claims<UserClaims>,
    pub(in crate::auth) token: &'a str,
    /// When it is over, and what is said then.
    pub(in crate::auth) ends: Option<(SystemTime, &'static str)>,
}

/// Who a question is about.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// A key that is made for this request alone: what the answer speaks of.
    pub(super) user_key: String,
    /// Who that is if the answer gives no name.
    pub(super) name: String,
    /// It came through a trusted proxy.
    pub(super) proxied: bool,
    /// What the token says that was shown.
    pub(super) user_name: String,
    pub(super) tags: Vec<String>,
    pub(super) ends: Option<(SystemTime, &'static str)>,
}

/// A login that somebody else judges.
#[derive(Debug)]
pub(crate) struct Question {
    service: Arc<Service>,
    asked: Asked,
    /// Header block and token.
    request: (usize, Vec<u8>),
    /// The key of the token that was shown.
    shown: Option<String>,
    /// Makes the question needless if it holds and leads to one of these accounts.
    unless: Option<(HashCheck, Vec<Arc<Account>>)>,
}

impl Asker {
    pub(in crate::auth) fn new(config: &Config, server: &Arc<ServerIdentity>) -> Arc<Asker> {
        Arc::new(Asker {
            server: server.clone(),
            profile: config.profile,
            timeout: config.login_timeout(),
            client: Arc::new(Client::new(0, config.max_pending_bytes)),
        })
    }
}

impl Service {
    /// Prepares what the service is asked.
    pub(in crate::auth) fn ask(
        self: &Arc<Service>,
        offer: &Offer<'_>,
        sentinel: Option<Sentinel<'_>>,
    ) -> Verdict {
        self.question(offer, sentinel).map_or(Verdict::Refused, Question::verdict)
    }

    pub(super) fn question(
        self: &Arc<Service>,
        offer: &Offer<'_>,
        sentinel: Option<Sentinel<'_>>,
    ) -> Option<Question> {
        let user_key = request::user_key();
        let request = request::write(self, offer, sentinel, &user_key)?;
        let (service, name) = (self.clone(), request::name(offer.credentials).to_owned());
        let shown = sentinel.map(|it| it.claims);
        let asked = Asked {
            user_key,
            name,
            proxied: offer.proxied,
            user_name: shown.map_or_else(String::new, |claims| claims.name.clone()),
            tags: shown.map_or_else(Vec::new, |claims| claims.nats.tags.clone()),
            ends: sentinel.and_then(|it| it.ends),
        };
        let shown = shown.map(|claims| claims.subject.clone());
        Some(Question { service, asked, request, shown, unless: None })
    }
}

impl Question {
    pub(super) fn verdict(self) -> Verdict {
        Verdict::Later(Check::Callout(Box::new(self)))
    }

    /// Asks only if this does not lead to one of these accounts.
    pub(super) fn unless(self, check: HashCheck, accounts: Vec<Arc<Account>>) -> Question {
        Question { unless: Some((check, accounts)), ..self }
    }

    /// The key of the token that was shown, for the log.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// Asks, and waits for the first answer; none is a refusal.
    pub(crate) async fn run(self: Box<Question>) -> Option<Arc<Scope>> {
        let Question { service, asked, request: (header, body), unless, .. } = *self;
        if let Some((check, accounts)) = unless
            && let Some(scope) = check.run().await
            && accounts.iter().any(|account| Arc::ptr_eq(account, scope.account()))
        {
            return Some(scope);
        }
        let Service { account, asker, .. } = &*service;
        let mut inbox = Inbox::open(account);
        {
            let scope = Arc::new(Scope::new(account.clone(), "", None));
            let mut publisher = Publisher::new(scope);
            let (size, header_size) = (body.len().to_string(), header.to_string());
            let message = Publish {
                subject: SUBJECT.as_bytes(),
                reply: Some(inbox.subject().as_bytes()),
                header: (header > 0).then_some((header, header_size.as_bytes())),
                size: size.as_bytes(),
                body: &body,
                rest: None,
            };
            // If nobody listens, nobody answers in time, as there.
            let _ = publisher.publish(&asker.client, &message);
            publisher.ring();
        }
        let Ok(Some(answer)) = tokio::time::timeout(asker.timeout, inbox.answer()).await else {
            let words = "Authorization callout response not received in time on account";
            log::debug!("{words} {:?}", account.name());
            return None;
        };
        let judged = service.judge(&answer, &asked);
        judged.inspect_err(|refusal| log::warn!("{refusal}")).ok()
    }
}
