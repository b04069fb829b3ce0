//! Auth callout: a service says who somebody is and what they may do (AUTH-035, ADR-26).
//!
//! What CONNECT said goes, in a token that the server signs (`request.rs`), to whoever listens in
//! the callout's account. The answer (`answer.rs`) is a token of the issuer's around the user's.

mod answer;
mod inbox;
mod request;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use nkeys::{KeyPairType, XKey};

use self::inbox::Inbox;
use super::{AuthCallout, Check, Offer, Permissions, Verdict, jwt};
use crate::{
    Config, Profile,
    protocol::{Credentials, Publish},
    router::{Account, Client, Publisher, Scope},
    server::ServerIdentity,
};

/// Where the service listens. None of its account's users may publish there.
const SUBJECT: &str = "$SYS.REQ.USER.AUTH";

/// Asks the service.
#[derive(Debug)]
pub(super) struct Callout {
    options: AuthCallout,
    /// Who is nobody else where no credentials are brought.
    no_auth_user: Option<String>,
    /// Where the service is; absent if there is no such account.
    account: Option<Arc<Account>>,
    /// Where users may be.
    accounts: Vec<Arc<Account>>,
    server: Arc<ServerIdentity>,
    /// What requests come from; no connection.
    client: Arc<Client>,
    profile: Profile,
    timeout: Duration,
    seal: Option<Seal>,
}

/// Keeps requests from others who listen.
struct Seal {
    own: XKey,
    service: XKey,
}

/// A login that somebody else judges.
#[derive(Debug)]
pub(crate) struct Question {
    callout: Arc<Callout>,
    account: Arc<Account>,
    /// A key that is made for this request alone: what the answer speaks of.
    user_key: String,
    /// Who that is if the answer gives no name.
    name: String,
    /// It came through a trusted proxy.
    proxied: bool,
    /// Header block and token.
    request: (usize, Vec<u8>),
}

/// Says what can't be meant, if anything, in nats-server's words.
pub(crate) fn problem(options: &AuthCallout) -> Option<String> {
    let AuthCallout { issuer, auth_users, xkey, .. } = options;
    if issuer.is_empty() {
        return Some("Authorization callouts require an issuer to be specified".to_owned());
    }
    if !jwt::is_public_key(issuer, KeyPairType::Account) {
        let words = "Expected callout user to be a valid public account nkey";
        return Some(format!("{words}, got {issuer:?}"));
    }
    if auth_users.is_empty() {
        return Some("Authorization callouts require authorized users to be specified".to_owned());
    }
    let odd = xkey.as_ref().filter(|key| XKey::from_public_key(key).is_err())?;
    Some(format!("Expected callout xkey to be a valid public xkey, got {odd:?}"))
}

/// What may be done in the callout's account: nobody there may ask in the server's place.
pub(super) fn within(permissions: Option<Permissions>) -> Permissions {
    permissions.unwrap_or_default().deny_publish(SUBJECT)
}

impl Callout {
    /// Takes options that have no [`problem`]; none if nobody is to be asked.
    pub(super) fn new(
        config: &Config,
        accounts: &[Arc<Account>],
        server: &Arc<ServerIdentity>,
    ) -> Option<Callout> {
        let options = config.auth.callout.clone()?;
        let service = options.xkey.as_deref().and_then(|key| XKey::from_public_key(key).ok());
        Some(Callout {
            no_auth_user: config.auth.no_auth_user.clone(),
            account: accounts.iter().find(|it| it.name() == options.account).cloned(),
            accounts: accounts.to_vec(),
            server: server.clone(),
            client: Arc::new(Client::new(0, config.max_pending_bytes)),
            profile: config.profile,
            timeout: config.login_timeout(),
            seal: service.map(|service| Seal { own: XKey::new(), service }),
            options,
        })
    }

    /// Whether the service is there.
    pub(super) fn is_in(&self, account: &Arc<Account>) -> bool {
        self.account.as_ref().is_some_and(|own| Arc::ptr_eq(own, account))
    }

    /// Whether the service is not asked about these: those who are named are known.
    pub(super) fn spares(&self, offer: &Credentials) -> bool {
        let Credentials { user, nkey, password, token, .. } = offer;
        let anonymous = user.is_empty() && password.is_empty() && token.is_empty();
        let name = match (nkey.is_empty(), anonymous) {
            (false, _) => Some(nkey),
            (true, true) => self.no_auth_user.as_ref(),
            (true, false) => Some(user),
        };
        name.is_some_and(|name| self.options.auth_users.contains(name))
    }

    /// Prepares what the service is asked.
    pub(super) fn ask(self: &Arc<Callout>, offer: &Offer<'_>) -> Verdict {
        let Some(account) = &self.account else {
            let name = &self.options.account;
            log::warn!("No valid account {name:?} for auth callout request: account missing");
            return Verdict::Refused;
        };
        let (user_key, name) = (request::user_key(), request::name(offer.credentials));
        let Some(request) = request::write(self, offer, &user_key) else { return Verdict::Refused };
        Verdict::Later(Check::Callout(Box::new(Question {
            callout: self.clone(),
            account: account.clone(),
            user_key,
            name: name.to_owned(),
            proxied: offer.proxied,
            request,
        })))
    }
}

impl Question {
    /// Asks, and waits for the first answer; none is a refusal.
    pub(crate) async fn run(self: Box<Question>) -> Option<Arc<Scope>> {
        let Question { callout, account, user_key, name, proxied, request: (header, body) } = *self;
        let mut inbox = Inbox::open(&account);
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
            let _ = publisher.publish(&callout.client, &message);
            publisher.ring();
        }
        let Ok(Some(answer)) = tokio::time::timeout(callout.timeout, inbox.answer()).await else {
            let words = "Authorization callout response not received in time on account";
            log::debug!("{words} {:?}", account.name());
            return None;
        };
        let judged = callout.judge(&answer, &user_key, &name, proxied);
        judged.inspect_err(|refusal| log::warn!("{refusal}")).ok()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Seal").field(&self.service.public_key()).finish()
    }
}
