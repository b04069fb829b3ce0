//! What accounts let each other have, as their tokens say.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Trusted;
use crate::{
    AccountOptions, Import,
    auth::{
        exchange::{Fault, Part, faults},
        jwt::{AccountClaims, Claims, mappings},
    },
};

/// What accounts let each other have; what does not fit together is left out, as with nats-server
/// the rest holds.
pub(super) fn options(accounts: &HashMap<String, Trusted>) -> Vec<AccountOptions> {
    let all: Vec<AccountOptions> = accounts.values().map(|it| stated(&it.claims)).collect();
    let now = Timestamp::now().as_second();
    let allowed = all.iter().map(|options| AccountOptions {
        imports: imports(options, &all, accounts, now),
        ..options.clone()
    });
    fitting(allowed.collect())
}

/// The imports of an account that need no token, or have one that counts (ACC-006).
fn imports(
    importer: &AccountOptions,
    all: &[AccountOptions],
    accounts: &HashMap<String, Trusted>,
    now: i64,
) -> Vec<Import> {
    let claims = accounts.get(&importer.name).map_or(&[][..], |it| &it.claims.nats.imports);
    let allowed = importer.imports.iter().zip(claims).filter_map(|(import, claims)| {
        let exporting = all.iter().find(|it| it.name == import.account);
        let exporter = accounts.get(&import.account).map(|it| &it.claims.nats);
        let (Some(exporting), Some(exporter)) = (exporting, exporter) else {
            return Some(import.clone());
        };
        let export = import.governed_by(&exporting.exports);
        let export = export.and_then(|(nth, _)| exporter.exports.get(nth));
        let Some(export) = export.filter(|export| export.asks_for_token()) else {
            return Some(import.clone());
        };
        let keys: Vec<&str> = exporter.signing_keys.iter().map(|it| it.key()).collect();
        let Some(until) = export.allows(claims, &keys, now) else {
            let (account, subject) = (&importer.name, &import.subject);
            let kind = if import.is_stream() { "stream" } else { "service" };
            let words = format!("Error adding {kind} import {subject:?}");
            log::error!("Account [{account}]: {words}: {kind} import not authorized");
            return None;
        };
        Some(Import { until, ..import.clone() })
    });
    allowed.collect()
}

/// What the token of an account says of others.
fn stated(claims: &Claims<AccountClaims>) -> AccountOptions {
    let AccountClaims { imports, exports, mappings: mapped, .. } = &claims.nats;
    let key = &claims.subject;
    let mut options = AccountOptions::new(key);
    options.exports = exports.iter().map(|export| export.export()).collect();
    options.imports = imports.iter().map(|import| import.import()).collect();
    options.mappings = mappings(mapped);
    options.mappings.retain(|mapping| match mapping.problem() {
        None => true,
        Some(problem) => {
            log::error!("Account [{key}]: {problem}");
            false
        }
    });
    options
}

/// The same without what does not fit together.
fn fitting(mut accounts: Vec<AccountOptions>) -> Vec<AccountOptions> {
    loop {
        let faults = faults(&accounts);
        if faults.is_empty() {
            return accounts;
        }
        // From the end, so that places stay what they are.
        for Fault { account, part, words } in faults.into_iter().rev() {
            let options = &mut accounts[account];
            log::error!("Account [{}]: {words}", options.name);
            match part {
                Part::Export(nth) => drop(options.exports.remove(nth)),
                Part::Import(nth) => drop(options.imports.remove(nth)),
            }
        }
    }
}
