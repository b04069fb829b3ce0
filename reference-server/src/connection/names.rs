//! Who a client says it is.

use crate::{
    ledger::Identity,
    protocol::{ConnectOptions, Credentials},
};

/// The names of a login that may yet be refused.
#[derive(Debug, Default)]
pub(super) struct Names {
    user: String,
    nkey: String,
    has_token: bool,
    /// The key of a token (JWT) that was good, before somebody else is asked.
    key: String,
}

impl Names {
    pub(super) fn of(credentials: &Credentials) -> Names {
        Names {
            user: credentials.user.clone(),
            nkey: credentials.nkey.clone(),
            has_token: !credentials.token.is_empty(),
            key: String::new(),
        }
    }

    /// The token of this key was good.
    pub(super) fn shows(&mut self, key: &str) {
        self.key = key.to_owned();
    }

    /// As pages tell it, for as long as nobody knows who it is (MON-016).
    pub(super) fn shown(&self) -> Option<String> {
        let name = if self.nkey.is_empty() { &self.user } else { &self.nkey };
        match (name.as_str(), self.has_token) {
            ("", true) => Some("[REDACTED]".to_owned()),
            ("", false) => None,
            (name, _) => Some(name.to_owned()),
        }
    }

    /// As the log tells it, never with what it tried to log in (AUTH-023).
    pub(super) fn logged(&self) -> String {
        match (self.nkey.as_str(), self.user.as_str()) {
            ("", "") if !self.key.is_empty() => format!(" - JWT User {:?}", self.key),
            ("", "") if self.has_token => " - Token \"[REDACTED]\"".to_owned(),
            ("", "") => String::new(),
            ("", user) => format!(" - User {user:?}"),
            (nkey, _) => format!(" - Nkey {nkey:?}"),
        }
    }
}

/// What a client says of itself in CONNECT.
pub(super) fn introduction(options: &ConnectOptions) -> Identity {
    Identity {
        name: options.name.clone(),
        lang: options.lang.clone(),
        version: options.version.clone(),
        ..Identity::default()
    }
}
