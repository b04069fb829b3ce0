//! The block `proxies`: whom clients may come through.

use super::{
    Problem,
    block::{Field, Table, put, setting},
    exchange::go_type,
};
use crate::{Config, auth::proxy_problem};

const PROXIES: &Table<Vec<String>> = &[setting(&["trusted"], |keys, it| put(keys, trusted(it)))];

const PROXY: &Table<String> = &[setting(&["key", "public_key"], |key, it| put(key, public(it)))];

/// Reads the block.
pub(super) fn read(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    if !it.is_map() {
        return Err(it.problem(format!("expected proxies to be a map/struct, got {}", go_type(it))));
    }
    let keys = &mut config.auth.trusted_proxies;
    keys.clear();
    it.block(PROXIES, keys)
}

fn trusted(it: Field<'_>) -> Result<Vec<String>, Problem> {
    if !it.is_list() {
        let words = "expected proxies' trusted field to be an array, got";
        return Err(it.problem(format!("{words} {}", go_type(it))));
    }
    let mut keys = Vec::new();
    for proxy in it.elements()? {
        if !proxy.is_map() {
            let words = "expected proxies' trusted entry to be a map/struct, got";
            proxy.report(proxy.problem(format!("{words} {}", go_type(proxy))));
            continue;
        }
        let (mut key, before) = (String::new(), proxy.problems());
        proxy.block(PROXY, &mut key)?;
        // A key that was refused, or misspelt, is not one that nobody has.
        if proxy.problems() == before {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn public(it: Field<'_>) -> Result<String, Problem> {
    let key = it.text()?;
    proxy_problem(&key).map_or(Ok(key), |words| Err(it.problem(words)))
}
