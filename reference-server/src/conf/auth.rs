//! The blocks `authorization` and `accounts`, and what stands in them. Errors have nats-server's
//! words (AUTH-020, PERM-019).

use std::time::Duration;

use super::{
    Problem,
    block::{Field, Table, ignored, put, setting, unsupported},
    callout, exchange, jetstream,
    value::Kind,
};
use crate::{
    AccountLimits, AccountOptions, Auth, AuthCallout, Config, ConnectionType, Credential,
    Permissions, Responses, Secret, SubjectPermission, User, is_valid_pattern,
};

/// Whoever needs longer to log in has other troubles.
const TIMEOUT_HIGH: Duration = Duration::from_secs(60);

/// What `authorization` says, before it is known what it means together.
#[derive(Default)]
struct Authorization {
    user: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    users: Vec<User>,
    default_permissions: Option<Permissions>,
    timeout: Option<Duration>,
    callout: Option<AuthCallout>,
    proxy_required: bool,
}

const AUTHORIZATION: &Table<Authorization> = &[
    setting(&["user", "username"], |auth, it| put(&mut auth.user, it.text().map(Some))),
    setting(&["pass", "password"], |auth, it| put(&mut auth.password, secret(it).map(Some))),
    setting(&["token"], |auth, it| put(&mut auth.token, secret(it).map(Some))),
    setting(&["timeout"], |auth, it| put(&mut auth.timeout, timeout(it).map(Some))),
    setting(&["users"], |auth, it| put(&mut auth.users, users(it))),
    setting(
        &["default_permissions", "default_permission", "permission", "permissions"],
        |auth, it| put(&mut auth.default_permissions, permissions(it).map(Some)),
    ),
    setting(&["auth_callout", "auth_hook"], |auth, it| {
        put(&mut auth.callout, callout::read(it).map(Some))
    }),
    setting(&["proxy_required"], |auth, it| put(&mut auth.proxy_required, it.flag())),
];

/// What an entry of `users` says.
#[derive(Default)]
struct Entry {
    user: Option<String>,
    password: Option<Secret>,
    nkey: Option<String>,
    permissions: Option<Permissions>,
    connection_types: Vec<ConnectionType>,
    proxy_required: bool,
}

const ENTRY: &Table<Entry> = &[
    setting(&["user", "username"], |entry, it| put(&mut entry.user, it.text().map(Some))),
    setting(&["pass", "password"], |entry, it| put(&mut entry.password, secret(it).map(Some))),
    setting(&["nkey"], |entry, it| put(&mut entry.nkey, it.text().map(Some))),
    setting(&["permission", "permissions", "authorization"], |entry, it| {
        put(&mut entry.permissions, permissions(it).map(Some))
    }),
    setting(&["allowed_connection_types", "connection_types", "clients"], |entry, it| {
        put(&mut entry.connection_types, connection_types(it))
    }),
    setting(&["proxy_required"], |entry, it| put(&mut entry.proxy_required, it.flag())),
];

const ACCOUNT: &Table<AccountOptions> = &[
    setting(&["users"], |account, it| put(&mut account.users, users(it))),
    setting(&["default_permissions"], |account, it| {
        put(&mut account.default_permissions, permissions(it).map(Some))
    }),
    setting(&["limits"], |account, it| it.block(LIMITS, &mut account.limits)),
    unsupported(&["nkey"]),
    setting(&["imports", "import"], |account, it| put(&mut account.imports, exchange::imports(it))),
    setting(&["exports", "export"], |account, it| put(&mut account.exports, exchange::exports(it))),
    setting(&["mappings", "maps"], |account, it| {
        put(&mut account.mappings, exchange::mappings(it))
    }),
    setting(&["jetstream"], jetstream::account),
    unsupported(&["msg_trace", "trace_dest"]),
];

const LIMITS: &Table<AccountLimits> = &[
    setting(&["max_connections", "max_conn"], |limits, it| {
        put(&mut limits.max_connections, limit(it))
    }),
    setting(&["max_subscriptions", "max_subs"], |limits, it| {
        put(&mut limits.max_subscriptions, limit(it))
    }),
    setting(&["max_payload", "max_pay"], |limits, it| {
        put(&mut limits.max_payload_bytes, limit(it))
    }),
    ignored(&["max_leafnodes", "max_leafs"], "there are no leaf nodes"),
];

/// Reads `authorization`.
pub(super) fn authorization(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    let mut found = Authorization::default();
    it.block(AUTHORIZATION, &mut found)?;
    let auth = &mut config.auth;
    auth.timeout = found.timeout.or(auth.timeout);
    auth.callout = found.callout;
    // Those of a list say it for themselves.
    auth.proxy_required = found.proxy_required;
    match (found.user, found.token) {
        (Some(_), Some(_)) => return Err(it.problem("Cannot have a user/pass and token")),
        (Some(_), None) if !found.users.is_empty() => {
            return Err(it.problem("Can not have a single user/pass and a users array"));
        }
        (None, Some(_)) if !found.users.is_empty() => {
            return Err(it.problem("Can not have a token and a users array"));
        }
        (Some(user), None) => {
            // The defaults are for those of a list (PERM-017).
            let user = User::with_password(user, found.password.unwrap_or_default());
            auth.user = Some(User { proxy_required: found.proxy_required, ..user });
        }
        (None, _) if found.password.is_some() => {
            return Err(it.problem("a password without a user lets anybody in"));
        }
        (None, token) => {
            auth.token = token;
            auth.users = found.users;
            auth.default_permissions = found.default_permissions;
        }
    }
    together(auth, it)
}

/// Reads `accounts`: names alone, or with settings (ACC-002).
pub(super) fn accounts(config: &mut Config, it: Field<'_>) -> Result<(), Problem> {
    let (mut accounts, before) = (Vec::new(), it.problems());
    if it.is_list() {
        for name in it.elements()? {
            accounts.push(AccountOptions::new(name.text()?));
        }
    } else {
        for entry in it.named()? {
            if !entry.is_map() {
                return Err(entry.problem("Expected map entries for accounts"));
            }
            let mut account = AccountOptions::new(entry.name);
            entry.block(ACCOUNT, &mut account)?;
            accounts.push(account);
        }
    }
    config.auth.accounts = accounts;
    together(&config.auth, it)?;
    // What was left out would be missed.
    if it.problems() == before {
        exchange::check(&config.auth.accounts, it);
    }
    Ok(())
}

/// What both blocks say must go together, whichever is read last.
fn together(auth: &Auth, it: Field<'_>) -> Result<(), Problem> {
    auth.contradiction().map_or(Ok(()), |words| Err(it.problem(words)))
}

pub(super) fn secret(it: Field<'_>) -> Result<Secret, Problem> {
    it.text().map(Secret::from)
}

/// Seconds, or a duration as a string (AUTH-013).
pub(super) fn timeout(it: Field<'_>) -> Result<Duration, Problem> {
    if it.is_text() {
        let wrong = |problem: Problem| Problem {
            message: format!("error parsing authorization config, 'timeout' {}", problem.message),
            ..problem
        };
        return it.duration_text().map_err(wrong);
    }
    let seconds = it.float()?;
    let timeout = Duration::try_from_secs_f64(seconds)
        .map_err(|_| it.problem(format!("{seconds} is out of range")))?;
    if timeout > TIMEOUT_HIGH {
        it.warn(&format!(
            "invalid use of field \"timeout\": timeout of {seconds} ({seconds:.6} seconds) is \
             high, consider keeping it under 60 seconds. possibly caused by unquoted duration; \
             use '1m' instead of 1m, for example"
        ));
    }
    Ok(timeout)
}

fn users(it: Field<'_>) -> Result<Vec<User>, Problem> {
    if !it.is_list() {
        return Err(it.problem("Expected users field to be an array"));
    }
    let mut users = Vec::new();
    for element in it.elements()? {
        match user(element) {
            Ok(user) => users.push(user),
            Err(problem) => element.report(problem),
        }
    }
    Ok(users)
}

fn user(it: Field<'_>) -> Result<User, Problem> {
    if !it.is_map() {
        return Err(it.problem("Expected user entry to be a map/struct"));
    }
    let mut entry = Entry::default();
    it.block(ENTRY, &mut entry)?;
    let named = entry.user.is_some() || entry.password.is_some();
    let credential = match (entry.nkey, entry.user) {
        (Some(_), _) if named => {
            return Err(it.problem("Nkey users do not take usernames or passwords"));
        }
        (Some(key), _) => Credential::Nkey(key),
        (None, Some(name)) if !name.is_empty() => {
            Credential::Password { name, password: entry.password.unwrap_or_default() }
        }
        _ => return Err(it.problem("User entry requires a user")),
    };
    let user = User {
        credential,
        permissions: entry.permissions,
        connection_types: entry.connection_types,
        proxy_required: entry.proxy_required,
    };
    user.problem().map_or(Ok(user), |words| Err(it.problem(words)))
}

fn connection_types(it: Field<'_>) -> Result<Vec<ConnectionType>, Problem> {
    let named = |name: &String| {
        let unknown =
            || it.problem(format!("invalid connection types [\"{}\"]", name.to_uppercase()));
        ConnectionType::parse(name).ok_or_else(unknown)
    };
    it.texts()?.iter().map(named).collect()
}

fn permissions(it: Field<'_>) -> Result<Permissions, Problem> {
    if !it.is_map() {
        return Err(it.problem("Expected permissions to be a map/struct"));
    }
    let mut permissions = Permissions::default();
    for field in it.named()? {
        match field.name.to_lowercase().as_str() {
            "pub" | "publish" | "import" => permissions.publish = subjects(field)?,
            "sub" | "subscribe" | "export" => permissions.subscribe = subjects(field)?,
            "publish_allow_responses" | "allow_responses" => {
                permissions.responses = responses(field)?;
            }
            name => {
                return Err(field.problem(format!("Unknown field \"{name}\" parsing permissions")));
            }
        }
    }
    Ok(permissions)
}

/// One subject or a list of them, which are allowed, or both lists by name (PERM-002).
fn subjects(it: Field<'_>) -> Result<SubjectPermission, Problem> {
    if !it.is_map() {
        return Ok(SubjectPermission { allow: patterns(it)?, deny: Vec::new() });
    }
    let mut permission = SubjectPermission::default();
    for field in it.named()? {
        match field.name.to_lowercase().as_str() {
            "allow" => permission.allow = patterns(field)?,
            "deny" => permission.deny = patterns(field)?,
            name => {
                let words = "parsing subject permissions, only 'allow' or 'deny' are permitted";
                return Err(field.problem(format!("Unknown field name \"{name}\" {words}")));
            }
        }
    }
    Ok(permission)
}

fn patterns(it: Field<'_>) -> Result<Vec<String>, Problem> {
    let got = match it.kind {
        Kind::Flag(_) => "bool",
        Kind::Integer(_) => "int64",
        Kind::Float(_) => "float64",
        _ => "",
    };
    if !got.is_empty() {
        let words = "Expected subject permissions to be a subject, or array of subjects, got";
        return Err(it.problem(format!("{words} {got}")));
    }
    let patterns = it.texts()?;
    let invalid = |entry: &&String| {
        let mut words = entry.split_ascii_whitespace();
        let subject = words.next().unwrap_or_default();
        !is_valid_pattern(subject.as_bytes()) || words.nth(1).is_some()
    };
    match patterns.iter().find(invalid) {
        Some(entry) => Err(it.problem(format!("subject \"{entry}\" is not a valid subject"))),
        None => Ok(patterns),
    }
}

fn responses(it: Field<'_>) -> Result<Option<Responses>, Problem> {
    if it.is_flag() {
        return Ok(it.flag()?.then(Responses::default));
    }
    if !it.is_map() {
        let words = "error parsing response permissions, expected a boolean or a map";
        return Err(it.problem(words));
    }
    let mut responses = Responses::default();
    for field in it.named()? {
        match field.name.to_lowercase().as_str() {
            "max" | "max_msgs" | "max_messages" | "max_responses" => {
                responses.max = match field.integer()? {
                    0 => Responses::default().max,
                    ..0 => None,
                    _ => Some(field.count()?),
                };
            }
            "expires" | "expiration" | "ttl" => {
                if !field.is_text() {
                    return Err(field.problem("error parsing expires, not a duration string"));
                }
                responses.expires = field.duration_text()?;
            }
            name => {
                return Err(field.problem(format!("Unknown field \"{name}\" parsing permissions")));
            }
        }
    }
    Ok(Some(responses))
}

/// A limit; any negative number is none.
fn limit(it: Field<'_>) -> Result<Option<usize>, Problem> {
    match it.integer()? {
        ..0 => Ok(None),
        _ => it.count().map(Some),
    }
}

#[cfg(test)]
mod tests;
