//! Accounts whose users a service judges (AUTH-038).

use std::sync::Arc;

use nkeys::{KeyPairType, XKey};

use super::{Refusal, Trust, Trusted};
use crate::{
    Permissions,
    auth::{
        authenticator::{Offer, Verdict},
        callout::{self, Authority, Place, Sentinel, Service},
        jwt::{Claims, ResponseClaims, ServiceClaims, UserClaims, is_public_key},
    },
};

/// Stands for any account.
const ANY: &str = "*";

/// The account of a service: its signatures count, and those of the accounts that it names.
#[derive(Debug)]
struct Delegate {
    trust: Arc<Trust>,
    key: String,
}

/// What can't be meant about a service, in nats-server's words.
pub(super) fn problem(service: &ServiceClaims) -> Option<String> {
    let ServiceClaims { auth_users, allowed_accounts, xkey } = service;
    if auth_users.is_empty() && !allowed_accounts.is_empty() {
        let words = "External authorization cannot have accounts without users specified";
        return Some(words.to_owned());
    }
    if let Some(user) = auth_users.iter().find(|it| !is_public_key(it, KeyPairType::User)) {
        return Some(format!("AuthUser {user:?} is not a valid user public key"));
    }
    if allowed_accounts.len() > 1 && allowed_accounts.iter().any(|it| it == ANY) {
        let words = "AllowedAccounts can only be a list of accounts or";
        return Some(format!("{words} {ANY:?}"));
    }
    let is_odd = |it: &&String| *it != ANY && !is_public_key(it, KeyPairType::Account);
    if let Some(account) = allowed_accounts.iter().find(is_odd) {
        return Some(format!("Account {account:?} is not a valid account public key"));
    }
    let is_odd = !xkey.is_empty() && XKey::from_public_key(xkey).is_err();
    is_odd.then(|| format!("XKey {xkey:?} is not a valid public xkey"))
}

impl Trusted {
    /// Whether a service is asked about its users.
    pub(super) fn has_service(&self) -> bool {
        !self.claims.nats.authorization.auth_users.is_empty()
    }

    /// Whether the service is asked about this user.
    pub(super) fn delegates(&self, user: &str) -> bool {
        let spared = &self.claims.nats.authorization.auth_users;
        self.has_service() && !spared.iter().any(|it| it == user)
    }

    /// What those of its users may do that have no permissions of their own, as its token says.
    pub(super) fn default_permissions(&self) -> Option<Permissions> {
        self.claims.nats.default_permissions.permissions()
    }

    /// Whether its service may put users there.
    fn allows(&self, account: &str) -> bool {
        let allowed = &self.claims.nats.authorization.allowed_accounts;
        *account == self.claims.subject || allowed.iter().any(|it| it == ANY || it == account)
    }

    /// Whether the key signs for it.
    fn has_key(&self, key: &str) -> bool {
        let keys = &self.claims.nats.signing_keys;
        *key == self.claims.subject || keys.iter().any(|it| it.key() == key)
    }
}

impl Trust {
    /// Asks the service of an account about a user of it.
    pub(super) fn ask(
        self: &Arc<Trust>,
        trusted: &Trusted,
        offer: &Offer<'_>,
        sentinel: Sentinel<'_>,
    ) -> Verdict {
        let key = XKey::from_public_key(&trusted.claims.nats.authorization.xkey).ok();
        let delegate = Delegate { trust: self.clone(), key: trusted.claims.subject.clone() };
        let service = Arc::new(Service {
            account: trusted.account.clone(),
            key,
            authority: Arc::new(delegate),
            asker: self.asker.clone(),
        });
        service.ask(offer, Some(sentinel))
    }
}

impl Delegate {
    fn account(&self) -> Option<&Trusted> {
        self.trust.accounts.get(&self.key)
    }
}

impl Authority for Delegate {
    fn issuer(&self) -> &str {
        &self.key
    }

    fn check(&self, response: &Claims<ResponseClaims>) -> Result<(), callout::Refusal> {
        let named = &response.nats.issuer_account;
        if !named.is_empty() && *named != self.key {
            return Err(callout::Refusal::ResponseAccount(named.clone()));
        }
        match self.account().is_some_and(|account| account.has_key(&response.issuer)) {
            true => Ok(()),
            false => Err(callout::Refusal::Issuer),
        }
    }

    fn place(&self, user: &mut Claims<UserClaims>) -> Result<Place, callout::Refusal> {
        let named = user.account().to_owned();
        if !self.account().is_some_and(|account| account.allows(&named)) {
            let account = self.key.clone();
            return Err(callout::Refusal::NotAllowed { named: user.issuer.clone(), account });
        }
        let found = self.trust.accounts.get(&named);
        let found = found.filter(|it| !it.has_expired());
        let Some(target) = found else {
            return Err(callout::Refusal::Account { named, account: self.key.clone() });
        };
        match target.template(user) {
            Ok(Some(template)) => user.nats.limits = template,
            Ok(None) => {}
            Err(Refusal::UnknownIssuer) => {
                return Err(callout::Refusal::UnknownKey(user.issuer.clone()));
            }
            Err(refusal) => return Err(refusal.into()),
        }
        Ok(Place {
            account: target.account.clone(),
            account_name: target.claims.name.clone(),
            issuer: user.issuer.clone(),
            defaults: target.default_permissions(),
        })
    }
}
