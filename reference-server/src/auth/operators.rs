//! Operator mode: who may log in stands in tokens, not in the configuration (AUTH-025).

use std::collections::BTreeMap;

use super::{Auth, Secret};
use crate::Profile;

/// Operators whose word counts, and what they say of accounts. Users bring a token that their
/// account has signed, and sign the nonce.
///
/// ```
/// use nats_reference_server::OperatorMode;
///
/// let mode = OperatorMode::new("eyJ0eXAi…").account("ABJH…", "eyJ0eXAi…");
/// assert_eq!(mode.accounts.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OperatorMode {
    /// The operators' own tokens.
    pub operators: Vec<String>,
    /// Public keys of operators, where there are no tokens.
    pub trusted_keys: Vec<String>,
    /// Where tokens of accounts come from; an operator needs one (AUTH-033).
    pub resolver: Option<Resolver>,
    /// For [`Resolver::Memory`]: the tokens of accounts by their public keys.
    pub accounts: BTreeMap<String, String>,
    /// The account of the server's own services, by its public key, and where there are no
    /// operators by its name. Default, without operators, is `$SYS` (ACC-015).
    pub system_account: Option<String>,
    /// What those are taken to show who show no token: one that needs no signature, of an account
    /// where a service judges users (AUTH-038).
    pub default_sentinel: Option<Secret>,
}

/// Where the tokens of accounts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolver {
    /// From the configuration; those of other accounts are unknown.
    Memory,
}

impl OperatorMode {
    /// Trusts the operator of this token.
    pub fn new(operator: impl Into<String>) -> OperatorMode {
        OperatorMode {
            operators: vec![operator.into()],
            resolver: Some(Resolver::Memory),
            ..OperatorMode::default()
        }
    }

    /// Adds an account: its public key `A…`, and its token.
    pub fn account(mut self, key: impl Into<String>, token: impl Into<String>) -> OperatorMode {
        self.accounts.insert(key.into(), token.into());
        self
    }

    /// Whether it is asked for; a resolver alone does not.
    pub(crate) fn is_on(&self) -> bool {
        !self.operators.is_empty() || !self.trusted_keys.is_empty()
    }

    /// Whom the server trusts, for comparing and for the log: public keys alone.
    pub(crate) fn trusted(&self) -> String {
        super::trust::operator_keys(self).join(" ")
    }

    /// What can't be meant, in nats-server's words (AUTH-033).
    pub(super) fn problem(&self, auth: &Auth, profile: Profile) -> Option<String> {
        if let Some(problem) = self.sentinel_problem() {
            return Some(problem.to_owned());
        }
        if !self.is_on() {
            return None;
        }
        if self.resolver.is_none() && !self.operators.is_empty() {
            return Some("operators require an account resolver to be configured".to_owned());
        }
        if !auth.accounts.is_empty() {
            return Some("operators do not allow Accounts to be configured directly".to_owned());
        }
        if !auth.users.is_empty() {
            return Some("operators do not allow users to be configured directly".to_owned());
        }
        if !self.operators.is_empty() && !self.trusted_keys.is_empty() {
            let words = "conflicting options for 'TrustedKeys' and 'TrustedOperators'";
            return Some(words.to_owned());
        }
        if auth.no_auth_user.is_some() {
            return Some("no_auth_user not compatible with Trusted Operator".to_owned());
        }
        super::trust::problem(self, profile)
    }

    fn sentinel_problem(&self) -> Option<&'static str> {
        let sentinel = self.default_sentinel.as_ref()?;
        match self.operators.is_empty() {
            true => Some("default sentinel requires operators and accounts"),
            false => super::trust::sentinel_problem(sentinel),
        }
    }
}
