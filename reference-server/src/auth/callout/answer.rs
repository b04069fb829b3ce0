//! What the service answers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use nkeys::KeyPairType;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Callout, within};
use crate::{
    auth::{
        Grants,
        jwt::{Claims, Kind, TokenError, UserClaims},
    },
    router::{Account, Lease, Scope},
};

/// How what is sealed begins.
const SEALED: &[u8] = b"xkv1";

/// Why an answer lets nobody in, as nats-server's log has it; what was offered is never in it.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("Auth callout violation: \"no reason supplied\" on account {0:?}")]
    Empty(String),
    #[error("Error decrypting auth callout response on account {0:?}")]
    Sealed(String),
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("Authorization response had validation errors: {0}")]
    Response(&'static str),
    #[error("Auth callout service returned an error: {0}")]
    Told(String),
    #[error("Auth callout signing key is unknown")]
    Issuer,
    #[error("Auth callout violation: auth callout response is not for {0}")]
    NotFor(&'static str),
    #[error("Wrong issuer for auth callout response on account {0:?}")]
    UserIssuer(String),
    #[error("Expected authorized user of {0:?} but got {1:?}")]
    User(String, String),
    #[error("Error non operator mode account {0:?}: attempted to use issuer_account")]
    IssuerAccount(String),
    #[error("Error validating user JWT: {0}")]
    UserClaims(&'static str),
    #[error("No valid account {0:?} for auth callout response: account missing")]
    Account(String),
}

/// What the service says.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct ResponseClaims {
    jwt: String,
    error: String,
}

impl Kind for ResponseClaims {
    const NAME: &'static str = "authorization_response";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Account];

    fn unlimited(_: &mut Map<String, Value>) {}
}

impl Callout {
    /// Judges an answer about `user_key`; who is let in without a name has this one. Neither the
    /// limits in a user's token nor its addresses, times and kinds of connection count here, as
    /// there.
    pub(super) fn judge(
        &self,
        answer: &[u8],
        user_key: &str,
        name: &str,
        proxied: bool,
    ) -> Result<Arc<Scope>, Refusal> {
        let user = self.user(answer, user_key)?;
        if user.nats.limits.proxy_required && !proxied {
            return Err(Refusal::UserClaims("proxy connection required"));
        }
        let found = self.accounts.iter().find(|it| it.name() == user.audience);
        let account = found.ok_or_else(|| Refusal::Account(user.audience.clone()))?;
        let mut permissions = user.nats.limits.permissions.permissions();
        if self.is_in(account) {
            permissions = Some(within(permissions));
        }
        if permissions.as_ref().is_some_and(|it| it.problem(self.profile).is_some()) {
            return Err(Refusal::UserClaims("permissions that can't be meant"));
        }
        let grants = permissions.map(|it| Arc::new(Grants::new(&it, self.profile)));
        if grants.as_ref().is_some_and(|grants| grants.hides_some()) {
            account.begin_to_filter();
        }
        let name = if user.name.is_empty() { name } else { &user.name };
        let lease = lease(account, user.expires);
        Ok(Arc::new(Scope::leased(account.clone(), name, grants, lease)))
    }

    /// The user's token in an answer, verified.
    fn user(&self, answer: &[u8], user_key: &str) -> Result<Claims<UserClaims>, Refusal> {
        let (issuer, now) = (&self.options.issuer, Timestamp::now().as_second());
        let account = || self.options.account.clone();
        let answer = self.opened(answer)?;
        if answer.is_empty() {
            return Err(Refusal::Empty(account()));
        }
        let response = Claims::<ResponseClaims>::read(&answer)?;
        match (response.nats.jwt.is_empty(), response.nats.error.is_empty()) {
            (true, true) => return Err(Refusal::Response("Error or Jwt is required")),
            (false, false) => return Err(Refusal::Response("Only Error or Jwt can be set")),
            _ if !response.is_valid_at(now) => return Err(Refusal::Response("claim is expired")),
            _ if response.issuer != *issuer => return Err(Refusal::Issuer),
            _ if response.audience != self.server.key.id() => {
                return Err(Refusal::NotFor("this server"));
            }
            _ if response.subject != user_key => return Err(Refusal::NotFor("expected user")),
            (true, false) => return Err(Refusal::Told(response.nats.error)),
            (false, true) => {}
        }
        let user = Claims::<UserClaims>::read(&response.nats.jwt)?;
        if !user.nats.issuer_account.is_empty() {
            return Err(Refusal::IssuerAccount(account()));
        }
        if user.issuer != *issuer {
            return Err(Refusal::UserIssuer(account()));
        }
        if user.subject != user_key {
            return Err(Refusal::User(user_key.to_owned(), user.subject));
        }
        match user.is_valid_at(now) {
            true => Ok(user),
            false => Err(Refusal::UserClaims("claim is expired")),
        }
    }

    /// What is not sealed counts as well.
    fn opened(&self, answer: &[u8]) -> Result<String, Refusal> {
        let refused = || Refusal::Sealed(self.options.account.clone());
        let opened = match &self.seal {
            Some(seal) if answer.starts_with(SEALED) => {
                seal.own.open(answer, &seal.service).map_err(|_| refused())?
            }
            _ => answer.to_vec(),
        };
        String::from_utf8(opened).map_err(|_| TokenError::NoToken.into())
    }
}

/// The login ends with the token. On pages the account stands for who has signed.
fn lease(account: &Account, expires: i64) -> Lease {
    let seconds = u64::try_from(expires).ok().filter(|seconds| *seconds > 0);
    let at = seconds.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    Lease {
        max_subscriptions: None,
        max_payload_bytes: None,
        ends: at.map(|at| (at, "User Authentication Expired")),
        issuer: account.name().to_owned(),
        account_name: account.name().to_owned(),
    }
}
