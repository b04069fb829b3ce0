//! Whether operators and their accounts can be meant, and whose signatures count.

use nkeys::KeyPairType;

use crate::{
    OperatorMode, Profile, Secret,
    auth::jwt::{AccountClaims, Claims, OperatorClaims, UserClaims, UserLimits, is_public_key},
};

/// What can't be meant about operators, in nats-server's words (AUTH-033).
pub(in crate::auth) fn problem(mode: &OperatorMode, profile: Profile) -> Option<String> {
    let mut operators = Vec::new();
    for token in &mode.operators {
        match Claims::<OperatorClaims>::read(undecorated(token)) {
            Ok(operator) => operators.push(operator),
            Err(error) => return Some(format!("error parsing operator JWT: {error}")),
        }
    }
    let invalid = |token: &&String| account_problem(token).is_some();
    if mode.accounts.values().find(invalid).is_some() {
        return Some("invalid account JWT".to_owned());
    }
    let no_key = |key: &String| !is_public_key(key, KeyPairType::Operator);
    if let Some(key) = trusted_keys(mode, &operators).into_iter().find(no_key) {
        let words = "are required to be a valid public operator nkey";
        return Some(format!("trusted Keys {key:?} {words}"));
    }
    let system: Vec<&str> = operators.iter().map(|it| it.nats.system_account.as_str()).collect();
    let named = system.iter().any(|name| !name.is_empty());
    if let Some(account) = &mode.system_account
        && named
        && !system.contains(&account.as_str())
    {
        let words = "system_account in config and operator JWT must be identical";
        return Some(words.to_owned());
    }
    if system_account(mode, &operators).is_some_and(|it| !mode.accounts.contains_key(it)) {
        return Some("error resolving system account: account missing".to_owned());
    }
    operators.iter().find_map(|operator| expects_newer(operator, profile))
}

/// The public keys of those who are trusted, as configured.
pub(in crate::auth) fn operator_keys(mode: &OperatorMode) -> Vec<String> {
    let read = |token: &String| Claims::<OperatorClaims>::read(undecorated(token)).ok();
    let named = mode.operators.iter().filter_map(read).map(|operator| operator.subject);
    named.chain(mode.trusted_keys.iter().cloned()).collect()
}

/// What is wrong with an operator's token, if anything.
pub(crate) fn operator_problem(token: &str) -> Option<String> {
    Claims::<OperatorClaims>::read(undecorated(token)).err().map(|error| error.to_string())
}

/// What is wrong with an account's token, if anything.
pub(crate) fn account_problem(token: &str) -> Option<String> {
    Claims::<AccountClaims>::read(token).err().map(|error| error.to_string())
}

/// What is wrong with a token for those who show none, if anything.
pub(in crate::auth) fn sentinel_problem(token: &Secret) -> Option<&'static str> {
    let Ok(user) = Claims::<UserClaims>::read(token.reveal()) else {
        return Some("default sentinel JWT not valid");
    };
    let UserClaims { limits, issuer_account, .. } = &user.nats;
    // A scoped key may yet say so.
    let may_be_scoped = !issuer_account.is_empty() && *limits == UserLimits::default();
    let needs_signature = !limits.bearer_token && !may_be_scoped;
    needs_signature.then_some("default sentinel must be a bearer token")
}

/// The token in a text that may have lines of dashes around it, as `nsc` writes files.
pub(super) fn undecorated(text: &str) -> &str {
    let line = |line: &&str| !line.is_empty() && !line.starts_with("---");
    match text.trim_start().starts_with("---") {
        true => text.lines().map(str::trim).find(line).unwrap_or_default(),
        false => text.trim(),
    }
}

/// An operator may ask for a release that its servers must at least be.
fn expects_newer(operator: &Claims<OperatorClaims>, profile: Profile) -> Option<String> {
    let expected = &operator.nats.assert_server_version;
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.split('.').map(|number| number.parse().ok()).collect()
    };
    let key = &operator.subject;
    match (numbers(expected), numbers(profile.version())) {
        _ if expected.is_empty() => None,
        (Some(expected), Some(ours)) if expected.len() == 3 => {
            let parts = ["major", "minor", "update"].into_iter().zip(expected.iter().zip(&ours));
            let (part, (expected, ours)) = parts.into_iter().find(|(_, (a, b))| a != b)?;
            (expected > ours).then(|| {
                format!(
                    "operator {key} expected {part} version {expected} > server {part} version \
                     {ours}"
                )
            })
        }
        _ => Some(format!("operator {key} expects version {expected}, which is no version")),
    }
}

/// Whose signature counts below tokens of accounts.
pub(super) fn trusted_keys(
    mode: &OperatorMode,
    operators: &[Claims<OperatorClaims>],
) -> Vec<String> {
    let mut keys = mode.trusted_keys.clone();
    for operator in operators {
        if !operator.nats.strict_signing_key_usage {
            keys.push(operator.subject.clone());
        }
        keys.extend_from_slice(&operator.nats.signing_keys);
    }
    keys
}

pub(super) fn system_account<'a>(
    mode: &'a OperatorMode,
    operators: &'a [Claims<OperatorClaims>],
) -> Option<&'a String> {
    let of_operator = || operators.first().map(|first| &first.nats.system_account);
    mode.system_account.as_ref().or_else(of_operator).filter(|name| !name.is_empty())
}
