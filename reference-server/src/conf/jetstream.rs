//! JetStream, which this server has not got: where it is switched off nothing is asked for.

use super::{Problem, block::Field};
use crate::{AccountOptions, Config};

/// Reads `jetstream` of the server (CONF-015).
pub(super) fn server(_: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    if !it.is_map() {
        return switched_off(it);
    }
    let says_so = |name: &str| ["enable", "enabled"].contains(&name.to_lowercase().as_str());
    let switch = it.named()?.find(|field| says_so(field.name));
    switch.map_or_else(|| Err(unsupported(it)), switched_off)
}

/// Reads `jetstream` of an account.
pub(super) fn account(_: &mut AccountOptions, it: Field<'_>) -> Result<(), Problem> {
    switched_off(it)
}

fn switched_off(it: Field<'_>) -> Result<(), Problem> {
    let on = match (it.is_flag(), it.is_text()) {
        (true, _) => it.flag()?,
        (_, true) => match it.text()?.to_lowercase().as_str() {
            "enable" | "enabled" => true,
            "disable" | "disabled" => false,
            other => {
                let words = "Expected 'enabled' or 'disabled' for string value, got";
                return Err(it.problem(format!("{words} '{other}'")));
            }
        },
        _ => true,
    };
    if on { Err(unsupported(it)) } else { Ok(()) }
}

fn unsupported(it: Field<'_>) -> Problem {
    it.problem("\"jetstream\" of nats-server is not supported by this server")
}
