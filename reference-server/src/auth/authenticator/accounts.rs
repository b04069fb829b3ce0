//! The accounts that the configuration names.

use std::sync::Arc;

use rand::distr::{Alphanumeric, SampleString};

use crate::{AccountOptions, Auth, Permissions, auth::GLOBAL_ACCOUNT, router::Account};

/// `$G`, the configured ones, and the system's if it is not among them (ACC-002); those that were
/// there before are kept, with what is new about them.
pub(super) fn configured(auth: &Auth, before: &[Arc<Account>]) -> Vec<Arc<Account>> {
    let known = |name: &str| auth.accounts.iter().any(|account| account.name == name);
    let global = AccountOptions::new(GLOBAL_ACCOUNT);
    // In operator mode it is one of the trusted accounts, or there is none.
    let named = auth.system().filter(|_| !auth.operator_mode.is_on());
    let system = named.filter(|name| *name != GLOBAL_ACCOUNT && !known(name));
    let system = system.map(AccountOptions::new);
    let all = std::iter::once(&global).chain(&auth.accounts).chain(&system);
    all.map(|account| {
        let denies = |(_, _, it): (_, _, Option<&Permissions>)| {
            it.is_some_and(|permissions| !permissions.subscribe.deny.is_empty())
        };
        // Users of any account may get what this one exports.
        let concerned = |name| name == account.name || !account.exports.is_empty();
        let filters = auth.users().filter(|(name, ..)| concerned(*name)).any(denies);
        match before.iter().find(|found| found.name() == account.name) {
            Some(found) => {
                found.reload(account.limits, filters);
                found.clone()
            }
            None => Arc::new(Account::new(&account.name, account.limits, filters)),
        }
    })
    .collect()
}

/// The name of those who need none: `nats-` and eight letters (ACC-013).
pub(super) fn made_up_name() -> String {
    format!("nats-{}", Alphanumeric.sample_string(&mut rand::rng(), 8))
}
