//! An operator, an account of it, and a user of that, with keys that are made anew each time.

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{anything, overlay, token};

pub(crate) struct World {
    pub(crate) operator: KeyPair,
    pub(crate) account: KeyPair,
    pub(crate) user: KeyPair,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            operator: KeyPair::new_operator(),
            account: KeyPair::new_account(),
            user: KeyPair::new_user(),
        }
    }

    /// The operator's own token, with these claims besides the usual ones.
    pub(crate) fn operator_token(&self, nats: Value) -> String {
        let mut all = json!({ "type": "operator" });
        overlay(&mut all, nats);
        token(&self.operator, &self.operator, all, json!({ "name": "OP" }))
    }

    /// The account's token, with these claims besides the usual ones.
    pub(crate) fn account_token_by(&self, issuer: &KeyPair, nats: Value, more: Value) -> String {
        let mut all = json!({
            "type": "account", "limits": {
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
                "wildcards": true, "conn": -1, "leaf": -1,
            },
        });
        overlay(&mut all, nats);
        let mut named = json!({ "name": "acme" });
        overlay(&mut named, more);
        token(issuer, &self.account, all, named)
    }

    pub(crate) fn user_token(&self, nats: Value, more: Value) -> String {
        let mut all = anything();
        overlay(&mut all, nats);
        token(&self.account, &self.user, all, more)
    }
}
