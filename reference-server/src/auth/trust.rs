//! The judge of logins in operator mode: operators vouch for accounts, accounts for users.

mod delegate;
mod exchange;
mod mode;

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use jiff::Timestamp;
use thiserror::Error;

pub(crate) use self::mode::{account_problem, operator_problem};
pub(super) use self::mode::{operator_keys, problem, sentinel_problem};
use self::{
    exchange::options,
    mode::{system_account, trusted_keys, undecorated},
};
use super::{
    Grants, OperatorMode, Secret,
    authenticator::{Offer, Verdict},
    callout::{Asker, Sentinel, within},
    jwt::{
        AccountClaims, Claims, OperatorClaims, SigningKey, TokenError, UserClaims, UserLimits,
        expand,
    },
    nkey,
};
use crate::{
    AccountLimits, AccountOptions, Permissions, Profile,
    router::{Account, Lease, Scope},
};

/// Why a login is refused. Only the log is told, and never what was offered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("Authentication requires a user JWT")]
    NoToken,
    #[error("User JWT not valid: {0}")]
    Token(#[from] TokenError),
    #[error("User JWT no longer valid, or not yet")]
    Time,
    #[error("User JWT says what can't be meant")]
    Nonsense,
    #[error("Account JWT lookup error: account missing")]
    UnknownAccount,
    #[error("User JWT issuer is not known")]
    UnknownIssuer,
    #[error("User JWT is not valid: scoped users require no permissions or limits set")]
    Scoped,
    #[error("User JWT generated invalid permissions")]
    Template,
    #[error("Account JWT has expired")]
    AccountExpired,
    #[error("Account does not allow bearer tokens")]
    Bearer,
    #[error("Connection type not allowed")]
    ConnectionType,
    #[error("proxy connection required")]
    Proxy,
    #[error("Signature not verified")]
    Signature,
    #[error("User authentication revoked")]
    Revoked,
    #[error("Bad src Ip")]
    Source,
    #[error("Outside connect times")]
    TimeOfDay,
}

/// Accounts that trusted operators vouch for.
#[derive(Debug)]
pub(super) struct Trust {
    operators: Vec<Claims<OperatorClaims>>,
    system_account: Option<String>,
    accounts: HashMap<String, Trusted>,
    /// What the accounts let each other have.
    options: Vec<AccountOptions>,
    profile: Profile,
    /// What those are taken to show who show no token (AUTH-038).
    sentinel: Option<Secret>,
    asker: Arc<Asker>,
}

#[derive(Debug)]
struct Trusted {
    account: Arc<Account>,
    claims: Claims<AccountClaims>,
    /// For those of its users that have no permissions of their own.
    defaults: Option<Arc<Grants>>,
}

impl Trust {
    /// Takes options that have no [`problem`]; none if nobody is to be trusted. Accounts that were
    /// there before are kept, with what is new about them.
    pub(super) fn new(
        mode: &OperatorMode,
        before: &[Arc<Account>],
        profile: Profile,
        asker: &Arc<Asker>,
    ) -> Option<Trust> {
        if !mode.is_on() {
            return None;
        }
        let read = |token: &String| Claims::<OperatorClaims>::read(undecorated(token)).ok();
        let operators: Vec<_> = mode.operators.iter().filter_map(read).collect();
        let keys = trusted_keys(mode, &operators);
        let mut accounts = HashMap::new();
        for (key, token) in &mode.accounts {
            let Ok(claims) = Claims::<AccountClaims>::read(token) else {
                log::error!("Preloaded account [{key}] not valid");
                continue;
            };
            if claims.subject != *key || !keys.contains(&claims.issuer) {
                log::error!("Preloaded account [{key}] is not vouched for by a trusted operator");
                continue;
            }
            if !claims.nats.imports.iter().all(|import| import.is_sound_in(key)) {
                log::error!("Preloaded account [{key}] imports with a token that is not for it");
                continue;
            }
            if let Some(words) = delegate::problem(&claims.nats.authorization) {
                log::warn!("Account [{key}] has validation issues:");
                log::warn!("  - {words}");
                continue;
            }
            accounts.insert(key.clone(), Trusted::new(claims, before, profile));
        }
        let options = options(&accounts);
        let system_account = system_account(mode, &operators).cloned();
        let (sentinel, asker) = (mode.default_sentinel.clone(), asker.clone());
        Some(Trust { operators, system_account, accounts, options, profile, sentinel, asker })
    }

    /// The name of the system account, if there is one.
    pub(super) fn system_account(&self) -> Option<&str> {
        self.system_account.as_deref()
    }

    /// Tells the log whom is trusted (AUTH-025).
    pub(super) fn announce(&self) {
        if self.operators.is_empty() {
            return;
        }
        log::info!("Trusted Operators");
        let time = |seconds| match Timestamp::from_second(seconds) {
            Ok(time) => time.to_string(),
            Err(_) => seconds.to_string(),
        };
        for operator in &self.operators {
            log::info!("  System  : {:?}", operator.audience);
            log::info!("  Operator: {:?}", operator.name);
            log::info!("  Issued  : {}", time(operator.issued_at));
            match operator.expires {
                0 => log::info!("  Expires : Never"),
                expires => log::info!("  Expires : {}", time(expires)),
            }
        }
        if self.system_account.is_none() {
            log::warn!("Trusted Operators should utilize a System Account");
        }
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values().map(|trusted| &trusted.account)
    }

    /// What the tokens of accounts say of exports, imports and mappings.
    pub(super) fn options(&self) -> &[AccountOptions] {
        &self.options
    }

    /// The token that counts for a login, and what it says.
    fn shown<'a>(&'a self, offer: &Offer<'a>) -> Result<(&'a str, Claims<UserClaims>), Refusal> {
        let shown = offer.credentials.jwt.reveal();
        let token = match (Claims::read(shown), &self.sentinel) {
            (Ok(user), _) => return Ok((shown, user)),
            (Err(_), Some(sentinel)) => sentinel.reveal(),
            (Err(_), None) if shown.is_empty() => return Err(Refusal::NoToken),
            (Err(error), None) => return Err(error.into()),
        };
        Ok((token, Claims::read(token)?))
    }

    /// Judges a login (AUTH-026 to 032), or has a service judge it.
    pub(super) fn judge(self: &Arc<Trust>, offer: &Offer<'_>) -> Result<Verdict, Refusal> {
        let (token, mut user) = self.shown(offer)?;
        let now = Timestamp::now();
        if !user.is_valid_at(now.as_second()) {
            return Err(Refusal::Time);
        }
        let trusted = self.accounts.get(user.account()).ok_or(Refusal::UnknownAccount)?;
        if let Some(template) = trusted.template(&user)? {
            user.nats.limits = template;
        }
        if trusted.has_expired() {
            return Err(Refusal::AccountExpired);
        }
        trusted.check(&user, offer)?;
        let limits = &user.nats.limits;
        let permissions = limits.permissions.permissions();
        if !limits.is_sound() || permissions.as_ref().is_some_and(|it| self.is_odd(it)) {
            return Err(Refusal::Nonsense);
        }
        if !limits.admits(offer.client_ip) {
            return Err(Refusal::Source);
        }
        let left = limits.time_left(now).ok_or(Refusal::TimeOfDay)?;
        let ends = left.map(|left| SystemTime::now() + left);
        let lease = trusted.lease(&user, ends);
        if trusted.delegates(&user.subject) {
            let sentinel = Sentinel { claims: &user, token, ends: lease.ends };
            return Ok(self.ask(trusted, offer, sentinel));
        }
        let permissions = match trusted.has_service() {
            true => Some(within(permissions.or_else(|| trusted.default_permissions()))),
            false => permissions,
        };
        let grants = match permissions {
            Some(permissions) => Some(Arc::new(Grants::new(&permissions, self.profile))),
            None => trusted.defaults.clone(),
        };
        if grants.as_ref().is_some_and(|grants| grants.hides_some()) {
            trusted.account.begin_to_filter();
        }
        let account = trusted.account.clone();
        Ok(Verdict::Admitted(Arc::new(Scope::leased(account, &user.subject, grants, lease))))
    }

    fn is_odd(&self, permissions: &Permissions) -> bool {
        permissions.problem(self.profile).is_some()
    }
}

impl Trusted {
    fn new(claims: Claims<AccountClaims>, before: &[Arc<Account>], profile: Profile) -> Trusted {
        let key = &claims.subject;
        if claims.has_expired_at(Timestamp::now().as_second()) {
            log::warn!("Account [{key}] has validation issues:");
            log::warn!("  - claim is expired");
        }
        let defaults = claims.nats.default_permissions.permissions();
        let defaults = defaults.filter(|it| it.problem(profile).is_none());
        let defaults = defaults.map(|it| Arc::new(Grants::new(&it, profile)));
        let limits: AccountLimits = claims.nats.limits.limits();
        // Users of any account may get what this one exports, and who they are is not known yet.
        let exports = !claims.nats.exports.is_empty();
        let account = match before.iter().find(|found| found.name() == key) {
            Some(found) => {
                found.reload(limits, found.filters() || exports);
                found.clone()
            }
            None => Arc::new(Account::new(key, limits, exports)),
        };
        Trusted { account, claims, defaults }
    }

    fn has_expired(&self) -> bool {
        self.claims.has_expired_at(Timestamp::now().as_second())
    }

    /// What a scoped signing key says of all whom it has signed (AUTH-030); none for other keys.
    fn template(&self, user: &Claims<UserClaims>) -> Result<Option<UserLimits>, Refusal> {
        if user.issuer == self.claims.subject {
            return Ok(None);
        }
        let keys = &self.claims.nats.signing_keys;
        match keys.iter().find(|it| it.key() == user.issuer) {
            None => Err(Refusal::UnknownIssuer),
            Some(SigningKey::Plain(_)) => Ok(None),
            Some(SigningKey::Scoped { .. }) if user.nats.limits != UserLimits::default() => {
                Err(Refusal::Scoped)
            }
            Some(SigningKey::Scoped { template, .. }) => {
                let permissions = expand(&template.permissions, user, &self.claims);
                let permissions = permissions.ok_or(Refusal::Template)?;
                Ok(Some(UserLimits { permissions, ..(**template).clone() }))
            }
        }
    }

    /// Whether the client is the user of the token, which still counts.
    fn check(&self, user: &Claims<UserClaims>, offer: &Offer<'_>) -> Result<(), Refusal> {
        let AccountClaims { limits: account, revocations, .. } = &self.claims.nats;
        let limits = &user.nats.limits;
        if limits.bearer_token && account.disallow_bearer {
            return Err(Refusal::Bearer);
        }
        if limits.proxy_required && !offer.proxied {
            return Err(Refusal::Proxy);
        }
        let types = limits.connection_types().ok_or(Refusal::ConnectionType)?;
        if !types.is_empty() && !types.contains(&offer.peer.kind.into()) {
            return Err(Refusal::ConnectionType);
        }
        let signed = |nonce| nkey::has_signed(&user.subject, nonce, &offer.credentials.signature);
        if !limits.bearer_token && !offer.nonce.is_some_and(signed) {
            return Err(Refusal::Signature);
        }
        let revoked = |key: &str| revocations.get(key).is_some_and(|at| *at >= user.issued_at);
        match revoked(&user.subject) || revoked("*") {
            true => Err(Refusal::Revoked),
            false => Ok(()),
        }
    }

    fn lease(&self, user: &Claims<UserClaims>, ends: Option<SystemTime>) -> Lease {
        let expires = |seconds: i64, words| {
            let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
            let at = SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))?;
            Some((at, words))
        };
        const USER: &str = "User Authentication Expired";
        let ends = [
            expires(user.expires, USER),
            ends.map(|at| (at, USER)),
            expires(self.claims.expires, "Account Authentication Expired"),
        ];
        Lease {
            max_subscriptions: user.nats.limits.max_subscriptions(),
            max_payload_bytes: user.nats.limits.max_payload_bytes(),
            ends: ends.into_iter().flatten().min_by_key(|(at, _)| *at),
            issuer: user.issuer.clone(),
            account_name: self.claims.name.clone(),
            user_name: user.name.clone(),
            tags: user.nats.tags.clone(),
            names_key: true,
        }
    }
}

impl Refusal {
    pub(super) fn is_revocation(&self) -> bool {
        *self == Refusal::Revoked
    }

    pub(super) fn is_for_lack_of_a_proxy(&self) -> bool {
        *self == Refusal::Proxy
    }
}

#[cfg(test)]
mod tests;
