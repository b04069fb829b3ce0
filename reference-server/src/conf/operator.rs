//! The options of operator mode. Errors have nats-server's words (AUTH-033).

use std::collections::BTreeMap;

use super::{Problem, block::Field, words};
use crate::{
    Config, Resolver,
    auth::{account_problem, operator_problem},
};

/// All tokens begin so.
const TOKEN_START: &str = "eyJ";

/// Reads `operator`: tokens, or files that hold one.
pub(super) fn operators(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    let mut tokens = Vec::new();
    for named in it.texts()? {
        let wrong = |words: String| it.problem(format!("error parsing operator JWT: {words}"));
        let token = match std::fs::read_to_string(&named) {
            Ok(text) => text,
            Err(_) if named.starts_with(TOKEN_START) => named,
            Err(error) => return Err(wrong(format!("open {named}: {}", words(&error)))),
        };
        if let Some(words) = operator_problem(&token) {
            return Err(wrong(words));
        }
        tokens.push(token);
    }
    config.auth.operator_mode.operators = tokens;
    Ok(())
}

/// Reads `resolver`; tokens of accounts can only come from the configuration.
pub(super) fn resolver(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    let kind = match it.is_map() {
        true => {
            let mut entries = it.named()?;
            match entries.find(|entry| entry.name.eq_ignore_ascii_case("type")) {
                Some(entry) => entry.text()?,
                None => String::new(),
            }
        }
        false => it.text()?,
    };
    let upper = kind.to_uppercase();
    if upper.contains("MEM") {
        config.auth.operator_mode.resolver = Some(Resolver::Memory);
        return Ok(());
    }
    let known = upper.starts_with("URL") || ["FULL", "CACHE"].contains(&upper.as_str());
    let problem = match known {
        true => it.problem(format!("resolver {kind:?} is not supported by this server")),
        false => it.problem(
            "error parsing account resolver, should be MEM or  URL(\"url\") or a map containing \
             dir and type state=[FULL|CACHE])",
        ),
    };
    Err(problem.advice("\"MEMORY\" takes accounts from \"resolver_preload\""))
}

/// Reads `resolver_preload`: the tokens of accounts by their keys.
pub(super) fn preload(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    if !it.is_map() {
        return Err(it.problem("preload should be a map of account_public_key:account_jwt"));
    }
    let mut accounts = BTreeMap::new();
    for entry in it.named()? {
        if !entry.is_text() {
            return Err(entry.problem("preload map value should be a string JWT"));
        }
        let token = entry.text()?;
        if account_problem(&token).is_some() {
            return Err(entry.problem("invalid account JWT"));
        }
        accounts.insert(entry.name.to_owned(), token);
    }
    config.auth.operator_mode.accounts = accounts;
    Ok(())
}
