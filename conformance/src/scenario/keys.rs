//! The header's `keys:`: who has a key pair, and who vouches for whom.

use std::time::Duration;

use super::{Problem, Spanned, parse::Line, template::is_name, words};

/// A key pair under a name; with an operator behind it, also a token (JWT).
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// How the story calls it: `<ann.key>`, `<ann.jwt>`, `<ann signs info.nonce>`.
    pub name: Spanned<String>,
    /// What it is the key of, and who signs its token.
    pub role: Role,
    /// How long the token is valid, from the start of the server.
    pub lasts: Option<Duration>,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// `op is an operator`: the root of trust, its token signed by itself.
    Operator,
    /// `acme is an account of op`.
    Account(String),
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
    (keys, problems)
}

fn key(line: Line<'_>, known: &[Key]) -> Result<Key, Problem> {
    let wrong = || {
        let label = "expected `op is an operator`, `acme is an account of op`, `ann is a user`, \
            or `ann is a user of acme for 2s`";
        Problem::new(line.span(), "a key that can't be read", label)
    };
    let words: Vec<&str> = line.text.split_whitespace().collect();
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
    let (name, role) = match *words {
        [name, "is", "an", "operator"] => (name, Role::Operator),
        [name, "is", "an", "account", "of", operator] => {
            let is_operator = |role: &Role| *role == Role::Operator;
            (name, Role::Account(of(operator, is_operator, "operator")?))
        }
        [name, "is", "a", "user"] if lasts.is_none() => (name, Role::User(None)),
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
    Ok(Key { name: Spanned { value: name.to_owned(), span }, role, lasts })
}
