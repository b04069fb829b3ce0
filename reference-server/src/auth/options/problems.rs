//! What options about logging in can't be meant.

use std::collections::HashSet;

use super::{AccountOptions, Auth, Permissions, User};
#[cfg(feature = "nkeys")]
use crate::auth::nkey;
use crate::{
    Profile, Secret, SubjectMapping,
    auth::{GLOBAL_ACCOUNT, exchange},
};

/// Says what is wrong with the key of a trusted proxy, if anything.
#[cfg(feature = "nkeys")]
pub(crate) fn proxy_problem(key: &str) -> Option<String> {
    nkey::kind(key).is_none().then(|| format!("invalid proxy key {key:?}"))
}

#[cfg(not(feature = "nkeys"))]
pub(crate) fn proxy_problem(_: &str) -> Option<String> {
    Some("a trusted proxy needs the cargo feature `nkeys`".to_owned())
}

impl Auth {
    /// Says what can't be meant, if anything, in nats-server's words (AUTH-012, AUTH-020).
    pub(crate) fn problem(&self, profile: Profile) -> Option<String> {
        let of_user = |(_, user, permissions): (_, &User, Option<&Permissions>)| {
            user.problem().or_else(|| permissions.and_then(|it| it.problem(profile)))
        };
        self.operator_mode
            .problem(self, profile)
            .or_else(|| self.contradiction())
            .or_else(|| self.token.as_ref().and_then(Secret::problem))
            .or_else(|| self.users().find_map(of_user))
            .or_else(|| self.no_auth_user_problem())
            .or_else(|| self.system_account_problem())
            .or_else(|| exchange::faults(&self.accounts).into_iter().next().map(|it| it.words))
            .or_else(|| self.mapping_problem())
            .or_else(|| self.callout_problem())
            .or_else(|| self.trusted_proxies.iter().find_map(|key| proxy_problem(key)))
    }

    fn mapping_problem(&self) -> Option<String> {
        let named = self.accounts.iter().flat_map(|account| &account.mappings);
        let problem = self.mappings.iter().chain(named).find_map(SubjectMapping::problem);
        problem.map(|error| error.to_string())
    }

    /// What does not go together.
    pub(crate) fn contradiction(&self) -> Option<String> {
        if self.accounts.iter().any(|account| !account.users.is_empty()) {
            if self.token.is_some() {
                return Some("Can not have a token and accounts".to_owned());
            }
            if self.user.as_ref().is_some_and(|user| !user.name().is_empty()) {
                return Some("Can not have a single user/pass and accounts".to_owned());
            }
        }
        let mut accounts = HashSet::new();
        for AccountOptions { name, .. } in &self.accounts {
            if name == GLOBAL_ACCOUNT {
                return Some(format!("\"{name}\" is a Reserved Account"));
            }
            if !accounts.insert(name) {
                return Some(format!("Duplicate Account Entry: {name}"));
            }
        }
        let mut names = HashSet::new();
        let twice = self.users().find(|(_, user, _)| !names.insert(user.name()));
        twice.map(|(_, user, _)| format!("Duplicate user {:?} detected", user.name()))
    }

    fn system_account_problem(&self) -> Option<String> {
        let mode = &self.operator_mode;
        let name = mode.system_account.as_deref().filter(|_| !mode.is_on())?;
        let known = name == GLOBAL_ACCOUNT || self.has_account(name);
        (!known).then(|| "error resolving system account: account missing".to_owned())
    }

    fn no_auth_user_problem(&self) -> Option<String> {
        let name = self.no_auth_user.as_ref()?;
        let missing = match self.listed().next() {
            None => "present, but users/nkeys are not defined",
            Some(_) => {
                "not present as user or nkey in authorization block or account configuration"
            }
        };
        let present = self.listed().any(|(_, user, _)| user.name() == name);
        (!present).then(|| format!("no_auth_user: {name:?} {missing}"))
    }
}
