//! What the configuration says about logging in: plain data, and whether it can be meant.

mod callout;
mod problems;

use std::time::Duration;

pub use self::callout::AuthCallout;
pub(crate) use self::problems::proxy_problem;
use super::{
    GLOBAL_ACCOUNT, OperatorMode, SYSTEM_ACCOUNT, Secret,
    exchange::{Export, Import},
};
use crate::{Profile, SubjectMapping, is_valid_pattern};

/// Who may log in. Without any token and user the server is open to all (AUTH-001).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auth {
    /// One secret for all (AUTH-004); beside `users` it is for those who name none of them.
    pub token: Option<Secret>,
    /// The only user of the server (AUTH-006). It counts for nothing beside a token or any other
    /// user, nor without a name.
    pub user: Option<User>,
    /// Users of the account `$G` (AUTH-007).
    pub users: Vec<User>,
    /// Accounts besides `$G`, with their users (ACC-002).
    pub accounts: Vec<AccountOptions>,
    /// There is no system account, unless it is [named](OperatorMode::system_account) or there is
    /// a configured one with the default's name (ACC-015).
    pub no_system_account: bool,
    /// The user, by name or nkey, that those are who bring no credentials (AUTH-011).
    pub no_auth_user: Option<String>,
    /// How long a connection may take to log in (AUTH-013). Default 2 s, and with
    /// [TLS](crate::Config::tls) a second more than the handshake may take.
    pub timeout: Option<Duration>,
    /// For those users that have no permissions of their own (PERM-017).
    pub default_permissions: Option<Permissions>,
    /// Where publications in the account `$G` go instead (ACC-017).
    pub mappings: Vec<SubjectMapping>,
    /// Operators who say who may log in, instead of users and accounts (AUTH-025).
    pub operator_mode: OperatorMode,
    /// A service that says who may log in, instead of all but a few users (AUTH-035).
    pub callout: Option<AuthCallout>,
    /// Public keys of proxies that are trusted. Such a proxy signs the nonce of INFO and puts that
    /// into a client's CONNECT (`proxy_sig`); any other signature there is refused.
    pub trusted_proxies: Vec<String>,
    /// The token counts only for those who come through a trusted proxy.
    pub proxy_required: bool,
}

/// An account: subjects that no other account sees (ACC-001).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AccountOptions {
    /// As INFO shows it to its users.
    pub name: String,
    /// Who belongs to it.
    pub users: Vec<User>,
    /// For those of its users that have no permissions of their own (PERM-018).
    pub default_permissions: Option<Permissions>,
    /// What its connections may not exceed.
    pub limits: AccountLimits,
    /// What other accounts may import (ACC-003, ACC-007).
    pub exports: Vec<Export>,
    /// What it gets from other accounts.
    pub imports: Vec<Import>,
    /// Where its publications go instead (ACC-017).
    pub mappings: Vec<SubjectMapping>,
}

/// Limits of an account; where the server's own limit is smaller, that one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountLimits {
    /// Connections of the account at a time.
    pub max_connections: Option<usize>,
    /// Subscriptions of each of its connections.
    pub max_subscriptions: Option<usize>,
    /// Largest payload, headers included.
    pub max_payload_bytes: Option<usize>,
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// How it proves who it is.
    pub credential: Credential,
    /// What it may do; absent, the defaults of its account, else everything.
    pub permissions: Option<Permissions>,
    /// How it may be connected (AUTH-021); empty is in any way.
    pub connection_types: Vec<ConnectionType>,
    /// It has to come through a [trusted proxy](Auth::trusted_proxies).
    pub proxy_required: bool,
}

/// How a user proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Password {
        /// As CONNECT names it in `user`.
        name: String,
        /// The password or its bcrypt hash; empty accepts only logins without one (AUTH-007).
        password: Secret,
    },
    /// A public user key, whose seed signs the nonce (AUTH-009).
    Nkey(String),
}

/// What a user may do; the default is everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Subjects to publish to.
    pub publish: SubjectPermission,
    /// Subjects to subscribe to; an entry `subject queue` speaks of that queue group alone
    /// (PERM-011 to 013).
    pub subscribe: SubjectPermission,
    /// Whether to answer requests besides (PERM-014).
    pub responses: Option<Responses>,
}

/// What matches `allow`, or everything where that is empty (PERM-007), except what matches `deny`
/// (PERM-002).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectPermission {
    /// Subjects and patterns.
    pub allow: Vec<String>,
    /// Subjects and patterns.
    pub deny: Vec<String>,
}

/// Permission to publish to the reply subjects of messages that were delivered (PERM-014).
/// Without [`SubjectPermission::allow`] for publishing, nothing else may be published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Responses {
    /// Answers to each request; none is any number (PERM-015). Default 1.
    pub max: Option<u32>,
    /// How long each request may be answered; zero is for ever (PERM-016). Default 2 min.
    pub expires: Duration,
}

/// The ways to be connected. Only the first two exist in this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionType {
    /// TCP, with or without TLS.
    Standard,
    /// WebSocket.
    Websocket,
    /// Another server as a leaf.
    Leafnode,
    /// The same by WebSocket.
    LeafnodeWs,
    /// MQTT.
    Mqtt,
    /// MQTT by WebSocket.
    MqttWs,
    /// Within the same process.
    InProcess,
}

impl Default for Responses {
    fn default() -> Responses {
        Responses { max: Some(1), expires: Duration::from_secs(120) }
    }
}

impl ConnectionType {
    /// As configurations and tokens name it, in whatever case.
    pub(crate) fn parse(name: &str) -> Option<ConnectionType> {
        match name.to_uppercase().as_str() {
            "STANDARD" => Some(ConnectionType::Standard),
            "WEBSOCKET" => Some(ConnectionType::Websocket),
            "LEAFNODE" => Some(ConnectionType::Leafnode),
            "LEAFNODE_WS" => Some(ConnectionType::LeafnodeWs),
            "MQTT" => Some(ConnectionType::Mqtt),
            "MQTT_WS" => Some(ConnectionType::MqttWs),
            "IN_PROCESS" => Some(ConnectionType::InProcess),
            _ => None,
        }
    }
}

impl AccountOptions {
    /// An account without users.
    pub fn new(name: impl Into<String>) -> AccountOptions {
        AccountOptions { name: name.into(), ..AccountOptions::default() }
    }

    /// Adds a user.
    pub fn user(mut self, user: User) -> AccountOptions {
        self.users.push(user);
        self
    }
}

impl User {
    /// A user with a password, or with the bcrypt hash of one.
    pub fn with_password(name: impl Into<String>, password: impl Into<Secret>) -> User {
        User::new(Credential::Password { name: name.into(), password: password.into() })
    }

    /// A user with a key pair, named by the public key: `U…`.
    pub fn with_nkey(key: impl Into<String>) -> User {
        User::new(Credential::Nkey(key.into()))
    }

    fn new(credential: Credential) -> User {
        User { credential, permissions: None, connection_types: Vec::new(), proxy_required: false }
    }

    /// Lets it in only through a [trusted proxy](Auth::trusted_proxies).
    pub fn through_a_proxy(mut self) -> User {
        self.proxy_required = true;
        self
    }

    /// Restricts what it may do.
    pub fn permissions(mut self, permissions: Permissions) -> User {
        self.permissions = Some(permissions);
        self
    }

    /// The name or the public key.
    pub fn name(&self) -> &str {
        match &self.credential {
            Credential::Password { name, .. } | Credential::Nkey(name) => name,
        }
    }

    pub(crate) fn problem(&self) -> Option<String> {
        match &self.credential {
            Credential::Password { name, .. } if name.is_empty() => {
                Some("User entry requires a user".to_owned())
            }
            Credential::Password { password, .. } => password.problem(),
            Credential::Nkey(key) => nkey_problem(key),
        }
    }
}

impl Secret {
    fn problem(&self) -> Option<String> {
        let lacking = self.is_bcrypt() && !cfg!(feature = "bcrypt");
        lacking.then(|| "a bcrypt hash needs the cargo feature `bcrypt`".to_owned())
    }
}

#[cfg(feature = "nkeys")]
fn nkey_problem(key: &str) -> Option<String> {
    let valid = super::nkey::is_public_user_key(key);
    (!valid).then(|| "Not a valid public nkey for a user".to_owned())
}

#[cfg(not(feature = "nkeys"))]
fn nkey_problem(_: &str) -> Option<String> {
    Some("a user with an nkey needs the cargo feature `nkeys`".to_owned())
}

impl Permissions {
    /// Allows publishing to a subject or pattern.
    pub fn allow_publish(mut self, subject: impl Into<String>) -> Permissions {
        self.publish.allow.push(subject.into());
        self
    }

    /// Forbids publishing to a subject or pattern.
    pub fn deny_publish(mut self, subject: impl Into<String>) -> Permissions {
        self.publish.deny.push(subject.into());
        self
    }

    /// Allows subscribing to a subject or pattern; `subject queue` in that group alone.
    pub fn allow_subscribe(mut self, subject: impl Into<String>) -> Permissions {
        self.subscribe.allow.push(subject.into());
        self
    }

    /// Forbids subscribing to a subject or pattern; `subject queue` in that group alone.
    pub fn deny_subscribe(mut self, subject: impl Into<String>) -> Permissions {
        self.subscribe.deny.push(subject.into());
        self
    }

    /// Allows answers to requests.
    pub fn allow_responses(mut self, responses: Responses) -> Permissions {
        self.responses = Some(responses);
        self
    }

    pub(super) fn problem(&self, profile: Profile) -> Option<String> {
        let invalid = |(side, entry): (&SubjectPermission, &String)| {
            let (subject, queue) = split_queue(entry);
            let named = queue.is_some() && std::ptr::eq(side, &self.publish);
            let refused = named && profile.refuses_queues_in_publish();
            (refused || !is_valid_pattern(subject.as_bytes()))
                .then(|| format!("subject \"{entry}\" is not a valid subject"))
        };
        let entries = [&self.publish, &self.subscribe]
            .into_iter()
            .flat_map(|side| side.allow.iter().chain(&side.deny).map(move |entry| (side, entry)));
        entries.into_iter().find_map(invalid)
    }
}

/// The parts of a permission's entry: a subject, and a queue group if one is named (PERM-011).
pub(super) fn split_queue(entry: &str) -> (&str, Option<&str>) {
    match entry.split_once([' ', '\t']) {
        Some((subject, queue)) => (subject, Some(queue.trim())),
        None => (entry, None),
    }
}

impl Auth {
    /// Whether anybody has to log in (AUTH-003).
    pub(crate) fn is_required(&self) -> bool {
        self.operator_mode.is_on()
            || self.callout.is_some()
            || self.token.is_some()
            || self.users().next().is_some()
    }

    /// Whether the system account's users are all there are (ACC-013).
    pub(crate) fn is_system_only(&self) -> bool {
        self.is_required()
            && self.callout.is_none()
            && self.token.is_none()
            && self.users().all(|(account, ..)| Some(account) == self.system())
    }

    /// All users, with the name of the account that each belongs to and what it may do.
    pub(crate) fn users(&self) -> impl Iterator<Item = (&str, &User, Option<&Permissions>)> {
        let only = self.only_user().into_iter();
        let only = only.map(|user| (GLOBAL_ACCOUNT, user, user.permissions.as_ref()));
        only.chain(self.listed())
    }

    fn only_user(&self) -> Option<&User> {
        let user = self.user.as_ref().filter(|user| !user.name().is_empty())?;
        (self.token.is_none() && self.listed().next().is_none()).then_some(user)
    }

    /// Whether users are listed, not only one named.
    pub(crate) fn lists_users(&self) -> bool {
        self.listed().next().is_some()
    }

    /// The users that stand in lists.
    fn listed(&self) -> impl Iterator<Item = (&str, &User, Option<&Permissions>)> {
        let global = (GLOBAL_ACCOUNT, &self.users, &self.default_permissions);
        let named = self
            .accounts
            .iter()
            .map(|account| (account.name.as_str(), &account.users, &account.default_permissions));
        std::iter::once(global).chain(named).flat_map(|(account, users, defaults)| {
            users
                .iter()
                .map(move |user| (account, user, user.permissions.as_ref().or(defaults.as_ref())))
        })
    }

    /// The name of the system account, if there is one (ACC-015).
    pub(crate) fn system(&self) -> Option<&str> {
        let named = self.operator_mode.system_account.as_deref();
        let unnamed = !self.no_system_account && !self.operator_mode.is_on();
        let default = || unnamed || self.has_account(SYSTEM_ACCOUNT);
        named.or_else(|| default().then_some(SYSTEM_ACCOUNT))
    }

    fn has_account(&self, name: &str) -> bool {
        self.accounts.iter().any(|account| account.name == name)
    }

    /// Whether a password stands in the configuration as it is (AUTH-022).
    pub(crate) fn has_plain_passwords(&self) -> bool {
        let password = |(_, user, _): (_, &User, _)| match &user.credential {
            Credential::Password { password, .. } => !password.is_bcrypt(),
            Credential::Nkey(_) => false,
        };
        self.users().any(password)
    }
}

#[cfg(test)]
mod tests;
