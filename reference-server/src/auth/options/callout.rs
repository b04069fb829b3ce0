//! A service that says who may log in.

use crate::{Auth, auth::GLOBAL_ACCOUNT};

/// Whom the server asks about logins (AUTH-035): whoever listens to `$SYS.REQ.USER.AUTH` in an
/// account gets what a client has sent in CONNECT, in a token that the server has signed, and
/// answers with one that the issuer has signed. In operator mode the token of an
/// account says such things (AUTH-038).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthCallout {
    /// The public key of an account (`A…`) whose signature answers, and users in them, must have.
    pub issuer: String,
    /// Users, by name or nkey, who are judged by the configuration alone: the service itself, above
    /// all.
    pub auth_users: Vec<String>,
    /// Where the service is. Default `$G`.
    pub account: String,
    /// Accounts whose known users are asked about, too; nobody is asked about those of others, and
    /// empty is all. They have to exist.
    pub allowed_accounts: Vec<String>,
    /// The service's public curve key (`X…`): requests are sealed for it, and answers may be.
    pub xkey: Option<String>,
}

impl AuthCallout {
    /// A service in the account `$G`, which logs in as this user.
    pub fn new(issuer: impl Into<String>, user: impl Into<String>) -> AuthCallout {
        AuthCallout {
            issuer: issuer.into(),
            auth_users: vec![user.into()],
            account: GLOBAL_ACCOUNT.to_owned(),
            allowed_accounts: Vec::new(),
            xkey: None,
        }
    }
}

impl Auth {
    pub(super) fn callout_problem(&self) -> Option<String> {
        let callout = self.callout.as_ref()?;
        if self.operator_mode.is_on() {
            return Some(
                "operators do not allow authorization callouts to be configured directly".into(),
            );
        }
        let words = "auth_callout allowed account";
        let missing = callout.allowed_accounts.iter().find(|name| !self.has_account(name));
        let missing =
            missing.map(|name| format!("{words} {name:?} not found in configured accounts"));
        crate::auth::callout_problem(callout).or(missing)
    }
}
