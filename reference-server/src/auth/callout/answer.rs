//! What the service answers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use nkeys::KeyPairType;
use thiserror::Error;

use super::{Place, Service, service::Asked, within};
use crate::{
    auth::{
        Grants,
        jwt::{Claims, ResponseClaims, TokenError, UserClaims, is_public_key},
        trust,
    },
    router::{Account, Lease, Scope},
};

/// How a token begins; what does not is sealed.
const TOKEN: &[u8] = b"eyJ";
const USER_EXPIRED: &str = "User Authentication Expired";

/// Why an answer lets nobody in, as nats-server's log has it; what was offered is never in it.
#[derive(Debug, PartialEq, Eq, Error)]
pub(in crate::auth) enum Refusal {
    #[error("Auth callout violation: \"no reason supplied\" on account {0:?}")]
    Empty(String),
    #[error("Error decrypting auth callout response on account {0:?}")]
    Sealed(String),
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("Authorization response had validation errors: {0}")]
    Response(&'static str),
    #[error("Auth callout violation: auth callout response is not for {0}")]
    NotFor(&'static str),
    #[error("Auth callout service returned an error: {0}")]
    Told(String),
    #[error("Auth callout signing key is unknown")]
    Issuer,
    #[error("Auth callout response issuer account {0:?} is not the callout account")]
    ResponseAccount(String),
    #[error("Proxy connection required")]
    Proxy,
    #[error("Error validating user JWT: {0}")]
    UserClaims(&'static str),
    #[error("Expected authorized user of {expected:?} but got {found:?} on account {account:?}")]
    User { expected: String, found: String, account: String },
    #[error("Authorized user on account {0:?} outside of valid connect times")]
    Times(String),
    #[error("Authorized user on account {0:?} using invalid connection type")]
    ConnectionType(String),
    #[error("Error non operator mode account {0:?}: attempted to use issuer_account")]
    IssuerAccount(String),
    #[error(
        "Wrong issuer for auth callout response on account {account:?}, \
         expected {expected:?} got {found:?}"
    )]
    UserIssuer { account: String, expected: String, found: String },
    #[error(
        "Account {named:?} not permitted as valid account option for auth callout \
         for account {account:?}"
    )]
    NotAllowed { named: String, account: String },
    #[error(
        "No valid account {named:?} for auth callout response on account \
         {account:?}: account missing"
    )]
    Account { named: String, account: String },
    #[error("User JWT issuer {0:?} is not known")]
    UnknownKey(String),
    #[error("{0}")]
    Template(#[from] trust::Refusal),
}

impl Service {
    /// Judges an answer about somebody. Neither the limits in a user's token nor its addresses and
    /// kinds of connection count here, as there.
    pub(super) fn judge(&self, answer: &[u8], asked: &Asked) -> Result<Arc<Scope>, Refusal> {
        let mut user = self.user(answer, asked)?;
        let name = || self.account.name().to_owned();
        let limits = &user.nats.limits;
        let left = limits.time_left(Timestamp::now()).ok_or_else(|| Refusal::Times(name()))?;
        if limits.connection_types().is_none() {
            return Err(Refusal::ConnectionType(name()));
        }
        let place = self.authority.place(&mut user)?;
        let own = user.nats.limits.permissions.permissions();
        let mut permissions = own.or_else(|| place.defaults.clone());
        if Arc::ptr_eq(&self.account, &place.account) {
            permissions = Some(within(permissions));
        }
        let profile = self.asker.profile;
        if permissions.as_ref().is_some_and(|it| it.problem(profile).is_some()) {
            return Err(Refusal::UserClaims("permissions that can't be meant"));
        }
        let grants = permissions.map(|it| Arc::new(Grants::new(&it, profile)));
        if grants.as_ref().is_some_and(|grants| grants.hides_some()) {
            place.account.begin_to_filter();
        }
        let name = if user.name.is_empty() { &asked.name } else { &user.name };
        let (account, lease) = lease(place, asked, user.expires, left);
        Ok(Arc::new(Scope::leased(account, name, grants, lease)))
    }

    /// The user's token in an answer, verified.
    fn user(&self, answer: &[u8], asked: &Asked) -> Result<Claims<UserClaims>, Refusal> {
        let (now, account) = (Timestamp::now().as_second(), self.account.name());
        let answer = self.opened(answer)?;
        if answer.is_empty() {
            return Err(Refusal::Empty(account.to_owned()));
        }
        let response = Claims::<ResponseClaims>::read(&answer)?;
        match (response.nats.jwt.is_empty(), response.nats.error.is_empty()) {
            (true, true) => return Err(Refusal::Response("Error or Jwt is required")),
            (false, false) => return Err(Refusal::Response("Only Error or Jwt can be set")),
            _ if !is_public_key(&response.audience, KeyPairType::Server) => {
                return Err(Refusal::Response("Audience must be a server public key"));
            }
            _ if !response.is_valid_at(now) => return Err(Refusal::Response("claim is expired")),
            _ if response.subject != asked.user_key => {
                return Err(Refusal::NotFor("expected user"));
            }
            _ if response.audience != self.asker.server.key.id() => {
                return Err(Refusal::NotFor("server"));
            }
            // Whoever may not answer is not listened to either.
            _ => self.authority.check(&response)?,
        }
        if !response.nats.error.is_empty() {
            return Err(Refusal::Told(response.nats.error));
        }
        let user = Claims::<UserClaims>::read(&response.nats.jwt)?;
        if user.nats.limits.proxy_required && !asked.proxied {
            return Err(Refusal::Proxy);
        }
        if !user.is_valid_at(now) {
            return Err(Refusal::UserClaims("claim is expired"));
        }
        if !user.nats.limits.is_sound() {
            return Err(Refusal::UserClaims("addresses or times that can't be meant"));
        }
        if user.subject != asked.user_key {
            let (expected, account) = (asked.user_key.clone(), account.to_owned());
            return Err(Refusal::User { expected, found: user.subject, account });
        }
        Ok(user)
    }

    /// What is not sealed counts as well.
    fn opened(&self, answer: &[u8]) -> Result<String, Refusal> {
        let refused = || Refusal::Sealed(self.account.name().to_owned());
        let opened = match &self.key {
            Some(key) if !answer.is_empty() && !answer.starts_with(TOKEN) => {
                self.asker.server.key.curve().open(answer, key).map_err(|_| refused())?
            }
            _ => answer.to_vec(),
        };
        String::from_utf8(opened).map_err(|_| TokenError::NoToken.into())
    }
}

/// The login ends with whichever of its tokens ends first.
fn lease(
    place: Place,
    asked: &Asked,
    expires: i64,
    left: Option<Duration>,
) -> (Arc<Account>, Lease) {
    let seconds = u64::try_from(expires).ok().filter(|seconds| *seconds > 0);
    let at = seconds.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    let ends = [
        at.map(|at| (at, USER_EXPIRED)),
        left.map(|left| (SystemTime::now() + left, USER_EXPIRED)),
        asked.ends,
    ];
    let lease = Lease {
        max_subscriptions: None,
        max_payload_bytes: None,
        ends: ends.into_iter().flatten().min_by_key(|(at, _)| *at),
        issuer: place.issuer,
        account_name: place.account_name,
        user_name: asked.user_name.clone(),
        tags: asked.tags.clone(),
        names_key: false,
    };
    (place.account, lease)
}
