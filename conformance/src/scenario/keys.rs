//! The header's `keys:`: who has a key pair, and who vouches for whom.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Problem, Spanned, line::Line, template::is_name, words};

/// A key pair under a name; with an operator behind it, also a token (JWT).
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// How the story calls it: `<ann.key>`, `<ann.jwt>`, `<ann signs info.nonce>`.
    pub name: Spanned<String>,
    /// What it is the key of, and who signs its token.
    pub role: Role,
    /// How long the token is valid, from the start of the server.
    pub lasts: Option<Duration>,
    /// What else the token says; `<bob.key>` in its texts stands for a public key.
    pub claims: Map<String, Value>,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// `op is an operator`: the root of trust, its token signed by itself.
    Operator,
    /// `acme is an account of op`, or `hand is an account`: a key alone, for signing.
    Account(Option<String>),
    /// `ann is a user`, or `ann is a user of acme`.
    User(Option<String>),
}

/// Names that stand for something already.
const TAKEN: &[&str] = &["another", "certs", "ports", "server"];

/// Reads the lines; every line that can't be read is a problem.
pub(super) fn keys(lines: &[Line<'_>]) -> (Vec<Key>, Vec<Problem>) {
    let mut keys: Vec<Key> = Vec::new();
    let mut problems = Vec::new();
    for line in lines {
        match key(*line, &keys) {
            Ok(key) => keys.push(key),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        let all: Vec<&str> = keys.iter().map(|key| key.name.value.as_str()).collect();
        for (key, line) in keys.iter().zip(lines) {
            let unknown = key.named().into_iter().find(|name| !all.contains(&name.as_str()));
            problems.extend(unknown.map(|name| {
                let title = format!("`{name}` has no key");
                Problem::new(line.span(), title, "`<NAME.key>` is the key of somebody here")
            }));
        }
    }
    (keys, problems)
}

impl Key {
    /// Whose keys the claims name.
    pub fn named(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut claims = Value::Object(self.claims.clone());
        with_texts(&mut claims, &mut |text| {
            names.extend(named(text).map(str::to_owned));
        });
        names
    }

    /// The claims, with keys in the places of names.
    pub fn claims_with(&self, key_of: impl Fn(&str) -> String) -> Value {
        let mut claims = Value::Object(self.claims.clone());
        with_texts(&mut claims, &mut |text| {
            let key = named(text).map(&key_of);
            if let Some(key) = key {
                *text = key;
            }
        });
        claims
    }
}

/// The name in `<name.key>`, if that is all of the text.
fn named(text: &str) -> Option<&str> {
    text.strip_prefix('<')?.strip_suffix(".key>")
}

/// Calls for every text in a value, names of members included.
fn with_texts(value: &mut Value, call: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => call(text),
        Value::Array(values) => values.iter_mut().for_each(|value| with_texts(value, call)),
        Value::Object(members) => {
            for (mut name, mut value) in std::mem::take(members) {
                call(&mut name);
                with_texts(&mut value, call);
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

fn key(line: Line<'_>, known: &[Key]) -> Result<Key, Problem> {
    let wrong = || {
        let label = "expected `op is an operator`, `acme is an account of op`, `ann is a user`, \
            `ann is a user of acme for 2s`, or `… with {claims}`";
        Problem::new(line.span(), "a key that can't be read", label)
    };
    let (text, claims) = match line.text.split_once(" with ") {
        Some((text, json)) => {
            let claims = serde_json::from_str(json).map_err(|error| {
                let title = format!("claims that are no JSON object: {error}");
                Problem::new(line.span(), title, "expected `with {\"subs\":1}`")
            })?;
            (text, claims)
        }
        None => (line.text, Map::new()),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let (words, lasts) = match &words[..] {
        [words @ .., "for", time] => (words, Some(words::duration(time).ok_or_else(wrong)?)),
        words => (words, None),
    };
    let of = |of: &str, role: fn(&Role) -> bool, what: &str| {
        if known.iter().any(|key| key.name.value == of && role(&key.role)) {
            return Ok(of.to_owned());
        }
        let title = format!("`{of}` is no {what}");
        let label = format!("who vouches stands on a line above: `{of} is an {what} …`");
        Err(Problem::new(line.span(), title, label))
    };
    let alone = lasts.is_none() && claims.is_empty();
    let (name, role) = match *words {
        [name, "is", "an", "operator"] => (name, Role::Operator),
        [name, "is", "an", "account"] if alone => (name, Role::Account(None)),
        [name, "is", "an", "account", "of", operator] => {
            let is_operator = |role: &Role| *role == Role::Operator;
            (name, Role::Account(Some(of(operator, is_operator, "operator")?)))
        }
        [name, "is", "a", "user"] if alone => (name, Role::User(None)),
        [name, "is", "a", "user", "of", account] => {
            let is_account = |role: &Role| matches!(role, Role::Account(_));
            (name, Role::User(Some(of(account, is_account, "account")?)))
        }
        _ => return Err(wrong()),
    };
    let taken = TAKEN.contains(&name) || known.iter().any(|key| key.name.value == name);
    if !is_name(name) || taken {
        let span = line.start..line.start + name.len();
        let label = "expected a name that nothing else has";
        return Err(Problem::new(span, "not a key's name", label));
    }
    let span = line.start..line.start + name.len();
    Ok(Key { name: Spanned { value: name.to_owned(), span }, role, lasts, claims })
}
