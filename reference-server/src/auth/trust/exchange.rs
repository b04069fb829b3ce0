//! What accounts let each other have, as their tokens say.

use crate::{
    AccountOptions,
    auth::{
        exchange::{Fault, Part, faults},
        jwt::{AccountClaims, Claims, mappings},
    },
};

/// What an account says of others. An export for holders of a token of its own is left out: such
/// tokens are not read here.
pub(super) fn options(claims: &Claims<AccountClaims>) -> AccountOptions {
    let AccountClaims { imports, exports, mappings: mapped, .. } = &claims.nats;
    let key = &claims.subject;
    let mut options = AccountOptions::new(key);
    for export in exports {
        match export.token_req {
            true => {
                let subject = &export.subject;
                log::warn!("Account [{key}] exports {subject:?} by tokens, which is not supported");
            }
            false => options.exports.push(export.export()),
        }
    }
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

/// The same without what does not fit together; as with nats-server the rest holds.
pub(super) fn fitting(mut accounts: Vec<AccountOptions>) -> Vec<AccountOptions> {
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
