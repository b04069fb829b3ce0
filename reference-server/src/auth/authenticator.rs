//! The judge of logins.

mod accounts;
mod check;
mod made;
mod review;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

pub(crate) use self::check::Check;
#[cfg(feature = "jwt")]
pub(super) use self::check::HashCheck;
pub(crate) use self::review::Review;
use super::{
    ConnectionType, Secret,
    callout::Callout,
    trust::{Refusal, Trust},
};
use crate::{
    Config,
    protocol::{ConnectOptions, Credentials},
    router::{Account, Arrangement, Scope},
    server::ServerIdentity,
    transport::{Kind, Peer},
};

/// Hashes computed at a time: those who may not log in can't take all of the machine.
const HASHES_MAX: usize = 2;

/// Knows the accounts, and everybody who may log in.
#[derive(Debug)]
pub(crate) struct Authenticator {
    required: bool,
    /// INFO asks for a login even where it can be left out (WS-017).
    always_asks: bool,
    by_token: bool,
    by_name: HashMap<String, Arc<Identity>>,
    by_nkey: HashMap<String, Arc<Identity>>,
    /// The account `$G` and no restriction; with a token, that is the password.
    anybody: Arc<Identity>,
    /// Who those are that bring nothing.
    guest: Option<Guest>,
    /// And who those are that do not even send CONNECT.
    silent_guest: Option<Guest>,
    /// Those are judged as if they had sent an empty one.
    judges_silent: bool,
    /// How long a login may take.
    timeout: Duration,
    /// Judges those who come by WebSocket, where the rules for them are others (WS-017).
    websocket: Option<Arc<Authenticator>>,
    accounts: Vec<Arc<Account>>,
    system: Option<Arc<Account>>,
    /// What the accounts have of each other.
    _arrangement: Option<Arrangement>,
    /// The server, for those that it sends requests to.
    server: Arc<ServerIdentity>,
    /// In operator mode, where nobody else is asked.
    trust: Option<Arc<Trust>>,
    /// Asked of all but a few users (AUTH-035).
    callout: Option<Arc<Callout>>,
    /// Keys of proxies that are trusted.
    proxies: Vec<String>,
    hashing: Arc<Semaphore>,
    /// Dropped with it, so that somebody can wait until no connection goes by it any more.
    lifeline: OnceLock<Sender<()>>,
}

#[derive(Debug, Clone)]
enum Guest {
    /// Configured: INFO asks for no login (AUTH-011).
    NoAuthUser(Arc<Identity>),
    /// The system account's users are the only ones, and others get a made-up name (ACC-013).
    BesideSystem(Arc<Scope>),
}

/// Somebody who may log in.
#[derive(Debug)]
pub(crate) struct Identity {
    password: Secret,
    connection_types: Vec<ConnectionType>,
    proxy_required: bool,
    scope: Arc<Scope>,
}

/// What somebody shows who wants to log in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// What CONNECT and cookies say.
    pub(crate) credentials: &'a Credentials,
    /// What was to be signed.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) peer: &'a Peer,
    /// A trusted proxy has [vouched](Authenticator::proxy) for the connection.
    pub(crate) proxied: bool,
    pub(crate) client_ip: &'a str,
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) client_id: u64,
    /// What else CONNECT says; absent where it is not at hand.
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) options: Option<&'a ConnectOptions>,
}

/// What became of a login.
#[derive(Debug)]
pub(crate) enum Verdict {
    Admitted(Arc<Scope>),
    Refused,
    /// Whoever it is has to come through a trusted proxy.
    NeedsProxy,
    /// A hash has to be computed first, or a service asked, which takes long.
    Later(Check),
}

/// Whoever has signed for a connection is no trusted proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distrusted;

impl Authenticator {
    /// Takes options that have no [`problem`](Auth::problem).
    pub(crate) fn new(config: &Config, server: Arc<ServerIdentity>) -> Authenticator {
        if config.auth.has_plain_passwords() {
            log::warn!("Plaintext passwords detected, use nkeys or bcrypt");
        }
        let made = Authenticator::with_accounts_of(config, &[], server);
        made.trust.iter().for_each(|trust| trust.announce());
        made
    }

    /// One for other options. Accounts that stay are the same objects: subscriptions live there.
    pub(crate) fn reloaded(&self, config: &Config) -> Authenticator {
        Authenticator::with_accounts_of(config, &self.accounts, self.server.clone())
    }

    /// Hears the end of the other side once the last connection goes by another one.
    pub(crate) fn watch(&self) -> Receiver<()> {
        let (lifeline, end) = channel();
        // Only a reload asks, and each one puts another in its place.
        if let Some(websocket) = &self.websocket {
            let _ = websocket.lifeline.set(lifeline.clone());
        }
        let _ = self.lifeline.set(lifeline);
        end
    }

    /// The judge of connections that come so.
    pub(crate) fn at(self: &Arc<Authenticator>, kind: Kind) -> &Arc<Authenticator> {
        match (kind, &self.websocket) {
            (Kind::WebSocket, Some(websocket)) => websocket,
            _ => self,
        }
    }

    /// What tokens of accounts say of each other; nothing where there are none.
    #[cfg(feature = "monitoring")]
    pub(crate) fn told_by_tokens(&self) -> Option<&[crate::AccountOptions]> {
        self.trust.as_ref().map(|trust| trust.options())
    }

    /// How long a login may take (AUTH-013).
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// All accounts, `$G` first.
    pub(crate) fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    /// The account of the server's own services, if there is one (ACC-015).
    pub(crate) fn system_account(&self) -> Option<&Arc<Account>> {
        self.system.as_ref()
    }

    /// Whether CONNECT must come first, and in time (AUTH-013, AUTH-014).
    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// Whether INFO asks for credentials (AUTH-003, AUTH-011).
    pub(crate) fn asks(&self) -> bool {
        let may_leave_out = matches!(self.guest, Some(Guest::NoAuthUser(_)));
        self.required && (self.always_asks || !may_leave_out)
    }

    /// A text to sign, where somebody logs in by doing so (AUTH-009, AUTH-010).
    pub(crate) fn nonce(&self) -> Option<String> {
        #[cfg(feature = "nkeys")]
        if self.trust.is_some() || !self.by_nkey.is_empty() || !self.proxies.is_empty() {
            return Some(super::nkey::nonce());
        }
        None
    }

    /// The scope of one who has not logged in; on a server that wants a login no use may be made
    /// of it.
    pub(crate) fn anybody(&self) -> Arc<Scope> {
        self.anybody.scope.for_connection()
    }

    /// The key of the trusted proxy that a connection came through, if it did. Where none are
    /// trusted nobody looks.
    pub(crate) fn proxy(
        &self,
        offer: &Credentials,
        nonce: Option<&str>,
    ) -> Result<Option<&String>, Distrusted> {
        if offer.proxy_signature.is_empty() || self.proxies.is_empty() {
            return Ok(None);
        }
        let nonce = nonce.unwrap_or_default();
        signer(&self.proxies, nonce, &offer.proxy_signature).map(Some).ok_or(Distrusted)
    }

    /// Whether this name is a key, which has signed.
    pub(crate) fn is_key(&self, user: &str) -> bool {
        self.by_nkey.contains_key(user)
    }

    /// Judges a connection whose first operation is not CONNECT, with what it therefore does not
    /// say (AUTH-011, AUTH-014).
    pub(crate) fn judge_silent(&self, nothing: &Offer<'_>) -> Verdict {
        match &self.silent_guest {
            None => Verdict::Refused,
            Some(_) if self.judges_silent => self.judge(nothing),
            Some(Guest::NoAuthUser(identity)) => Verdict::Admitted(identity.scope.for_connection()),
            Some(Guest::BesideSystem(scope)) => Verdict::Admitted(scope.for_connection()),
        }
    }

    /// Judges what CONNECT offers. Kinds of credentials that are not configured are passed over
    /// (AUTH-019). Where the certificate names the user, CONNECT does not, but its password counts
    /// (TLS-013).
    pub(crate) fn judge(&self, offer: &Offer<'_>) -> Verdict {
        if !self.required {
            return Verdict::Admitted(self.anybody());
        }
        if let Some(trust) = &self.trust {
            return trust.judge(offer).unwrap_or_else(|refusal| refused(offer, &refusal));
        }
        let Some(callout) = &self.callout else { return self.judge_configured(offer) };
        let credentials = self.with_guest(offer.credentials);
        match callout.spares(&credentials) {
            true => self.judge_configured(offer),
            false => {
                let completed = Offer { credentials: &credentials, ..*offer };
                callout.ask(&completed, || self.judge_configured(offer))
            }
        }
    }

    /// What somebody offers who brings nothing: a service is asked about the guest.
    fn with_guest<'a>(&self, offer: &'a Credentials) -> Cow<'a, Credentials> {
        let Some(Guest::NoAuthUser(identity)) = self.guest.as_ref().filter(|_| offer.is_empty())
        else {
            return Cow::Borrowed(offer);
        };
        let name = identity.scope.user().to_string();
        let guest = match self.is_key(&name) {
            true => Credentials { nkey: name, ..offer.clone() },
            false => {
                let password = identity.password.clone();
                Credentials { user: name, password, ..offer.clone() }
            }
        };
        Cow::Owned(guest)
    }

    /// Judges somebody who has to be known from the configuration.
    fn judge_configured(&self, offer: &Offer<'_>) -> Verdict {
        let shown = offer;
        let Offer { credentials: offer, nonce, peer, .. } = *shown;
        let connection_type = peer.kind.into();
        let lists_users = !self.by_name.is_empty() || !self.by_nkey.is_empty();
        let names_nobody = offer.user.is_empty() && offer.nkey.is_empty();
        if self.by_token && (names_nobody || !lists_users) {
            return self.compare(&self.anybody, &offer.token, shown);
        }
        if !self.by_nkey.is_empty() && !offer.nkey.is_empty() {
            let identity = self.by_nkey.get(&offer.nkey);
            let signed = signed(&offer.nkey, nonce, &offer.signature);
            return match identity.filter(|found| found.takes(connection_type)) {
                Some(identity) if identity.lacks_proxy(shown) => Verdict::NeedsProxy,
                Some(identity) if signed => Verdict::Admitted(identity.scope.for_connection()),
                _ => Verdict::Refused,
            };
        }
        if let (false, Some(mut names)) = (self.by_name.is_empty(), peer.names()) {
            if !offer.user.is_empty() {
                let user = &offer.user;
                log::warn!("User {user:?} found in connect proto, but user required from cert");
            }
            let known = |name| self.by_name.get(name).filter(|it| it.takes(connection_type));
            return match names.find_map(known) {
                Some(identity) => self.compare(identity, &offer.password, shown),
                None => Verdict::Refused,
            };
        }
        if offer.user.is_empty() && offer.password.is_empty() && offer.token.is_empty() {
            return match &self.guest {
                Some(Guest::NoAuthUser(identity)) if identity.lacks_proxy(shown) => {
                    Verdict::NeedsProxy
                }
                Some(Guest::NoAuthUser(identity)) if identity.takes(connection_type) => {
                    Verdict::Admitted(identity.scope.for_connection())
                }
                Some(Guest::BesideSystem(scope)) => Verdict::Admitted(scope.for_connection()),
                _ => Verdict::Refused,
            };
        }
        match self.by_name.get(&offer.user).filter(|found| found.takes(connection_type)) {
            Some(identity) => self.compare(identity, &offer.password, shown),
            None => Verdict::Refused,
        }
    }

    /// The user that is named.
    fn user(&self, offer: &Credentials) -> Option<&Arc<Identity>> {
        match offer.nkey.is_empty() {
            true => self.by_name.get(&offer.user),
            false => self.by_nkey.get(&offer.nkey),
        }
    }

    fn compare(&self, identity: &Arc<Identity>, secret: &Secret, offer: &Offer<'_>) -> Verdict {
        if identity.lacks_proxy(offer) {
            return Verdict::NeedsProxy;
        }
        if identity.password.is_bcrypt() {
            return Verdict::Later(Check::hash(identity, secret, &self.hashing));
        }
        match identity.password == *secret {
            true => Verdict::Admitted(identity.scope.for_connection()),
            false => Verdict::Refused,
        }
    }
}

/// Tells the log alone why; what was offered is told nobody.
fn refused(offer: &Offer<'_>, refusal: &Refusal) -> Verdict {
    log::debug!("{} - {refusal}", offer.client_ip);
    if refusal.is_for_lack_of_a_proxy() { Verdict::NeedsProxy } else { Verdict::Refused }
}

impl Identity {
    fn takes(&self, connection_type: ConnectionType) -> bool {
        self.connection_types.is_empty() || self.connection_types.contains(&connection_type)
    }

    fn lacks_proxy(&self, offer: &Offer<'_>) -> bool {
        self.proxy_required && !offer.proxied
    }
}

#[cfg(feature = "nkeys")]
fn signed(key: &str, nonce: Option<&str>, signature: &str) -> bool {
    nonce.is_some_and(|nonce| super::nkey::has_signed(key, nonce, signature))
}

#[cfg(feature = "nkeys")]
fn signer<'a>(keys: &'a [String], nonce: &str, signature: &str) -> Option<&'a String> {
    super::nkey::signer(keys, nonce, signature)
}

#[cfg(not(feature = "nkeys"))]
fn signer<'a>(_: &'a [String], _: &str, _: &str) -> Option<&'a String> {
    None
}

#[cfg(not(feature = "nkeys"))]
fn signed(_: &str, _: Option<&str>, _: &str) -> bool {
    false
}

#[cfg(test)]
mod tests;
