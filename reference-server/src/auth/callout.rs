//! Auth callout: a service says who somebody is and what they may do (AUTH-035, ADR-26).
//!
//! What CONNECT said goes, in a token that the server signs (`request.rs`), to whoever listens in
//! an account (`service.rs`). The answer (`answer.rs`) is a token around the user's. Here is what
//! the configuration says of such a service; in operator mode the token of an account does.

mod answer;
mod inbox;
mod request;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use nkeys::{KeyPairType, XKey};

pub(crate) use self::service::Question;
pub(super) use self::{
    answer::Refusal,
    service::{Asker, Authority, Place, Sentinel, Service},
};
use super::{
    AuthCallout, GLOBAL_ACCOUNT, Offer, Permissions, Verdict,
    authenticator::HashCheck,
    jwt::{self, Claims, ResponseClaims, UserClaims},
};
use crate::{protocol::Credentials, router::Account};

/// Where the service listens. None of its account's users may publish there.
const SUBJECT: &str = "$SYS.REQ.USER.AUTH";

/// The service that the configuration names.
#[derive(Debug)]
pub(super) struct Callout {
    options: AuthCallout,
    /// Accounts whose known users nobody is asked about.
    apart: Vec<Arc<Account>>,
    /// Absent if there is no such account.
    service: Option<Arc<Service>>,
}

/// Whose signatures count, and where users may be.
#[derive(Debug)]
struct Configured {
    issuer: String,
    /// Where the service is.
    account: String,
    accounts: Vec<Arc<Account>>,
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

/// What may be done in the service's account: nobody there may ask in the server's place.
pub(super) fn within(permissions: Option<Permissions>) -> Permissions {
    permissions.unwrap_or_default().deny_publish(SUBJECT)
}

impl Callout {
    /// Takes options that have no [`problem`].
    pub(super) fn new(
        options: &AuthCallout,
        accounts: &[Arc<Account>],
        asker: Arc<Asker>,
    ) -> Option<Callout> {
        let key = options.xkey.as_deref().and_then(|key| XKey::from_public_key(key).ok());
        let account = accounts.iter().find(|it| it.name() == options.account).cloned();
        let authority: Arc<dyn Authority> = Arc::new(Configured {
            issuer: options.issuer.clone(),
            account: options.account.clone(),
            accounts: accounts.to_vec(),
        });
        let service = account.map(|account| Arc::new(Service { account, key, authority, asker }));
        let allowed = &options.allowed_accounts;
        let is_apart = |name: &str| name != GLOBAL_ACCOUNT && !allowed.iter().any(|it| it == name);
        let restricts = |_: &&Arc<Account>| !allowed.is_empty();
        let apart = accounts.iter().filter(restricts).filter(|it| is_apart(it.name()));
        Some(Callout { options: options.clone(), apart: apart.cloned().collect(), service })
    }

    /// Whether the service is there.
    pub(super) fn is_in(&self, account: &Arc<Account>) -> bool {
        self.service.as_ref().is_some_and(|it| Arc::ptr_eq(&it.account, account))
    }

    /// Whether the service is not asked about these: those who are named are known.
    pub(super) fn spares(&self, offer: &Credentials) -> bool {
        let Credentials { user, nkey, .. } = offer;
        let name = if nkey.is_empty() { user } else { nkey };
        self.options.auth_users.contains(name)
    }

    /// Asks about those of whom the configuration knows nothing better: it has this to say of
    /// users whose accounts are not the service's to judge.
    pub(super) fn ask(&self, offer: &Offer<'_>, configured: impl FnOnce() -> Verdict) -> Verdict {
        let mut unless = None;
        if !self.apart.is_empty() {
            match configured() {
                Verdict::Admitted(scope) if self.is_apart(scope.account()) => {
                    return Verdict::Admitted(scope);
                }
                Verdict::Later(super::Check::Hash(check)) => unless = Some(check),
                _ => {}
            }
        }
        self.question(offer, unless)
    }

    /// Whether users of this account are judged without the service.
    pub(super) fn is_apart(&self, account: &Arc<Account>) -> bool {
        self.apart.iter().any(|apart| Arc::ptr_eq(apart, account))
    }

    fn question(&self, offer: &Offer<'_>, unless: Option<HashCheck>) -> Verdict {
        let Some(service) = &self.service else {
            let name = &self.options.account;
            log::warn!("No valid account {name:?} for auth callout request: account missing");
            return Verdict::Refused;
        };
        let Some(question) = service.question(offer, None) else { return Verdict::Refused };
        match unless {
            Some(check) => question.unless(check, self.apart.clone()).verdict(),
            None => question.verdict(),
        }
    }
}

impl Authority for Configured {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn check(&self, response: &Claims<ResponseClaims>) -> Result<(), Refusal> {
        match response.issuer == self.issuer {
            true => Ok(()),
            false => Err(Refusal::Issuer),
        }
    }

    fn place(&self, user: &mut Claims<UserClaims>) -> Result<Place, Refusal> {
        if !user.nats.issuer_account.is_empty() {
            return Err(Refusal::IssuerAccount(self.account.clone()));
        }
        if user.issuer != self.issuer {
            return Err(Refusal::UserIssuer {
                account: self.account.clone(),
                expected: self.issuer.clone(),
                found: user.issuer.clone(),
            });
        }
        let found = self.accounts.iter().find(|it| it.name() == user.audience);
        let account = found.cloned().ok_or_else(|| Refusal::Account {
            named: user.audience.clone(),
            account: self.account.clone(),
        })?;
        let name = account.name().to_owned();
        Ok(Place { account, account_name: name.clone(), issuer: name, defaults: None })
    }
}
