//! Blocks of settings: what each key means is a table, and what is wrong is collected, so that all
//! mistakes of a file are told at once.
//!
//! A section of the language is a table and a type to fill:
//!
//! ```ignore
//! const LOGIN: &Table<Login> = &[
//!     setting(&["user"], |login, it| put(&mut login.user, it.text())),
//!     setting(&["timeout"], |login, it| put(&mut login.timeout, it.duration())),
//!     unsupported(&["radius"]),
//! ];
//! // In the table of the block around it:
//!     setting(&["authorization"], |config, it| it.block(LOGIN, &mut config.login)),
//! ```

use std::{cell::RefCell, ops::Deref, time::Duration};

use super::{ConfigWarning, Problem, value::Value};

/// So many mistakes are told at once.
const PROBLEMS_MAX: usize = 50;
/// A longer key is no misspelling.
const KEY_BYTES_MAX: usize = 64;

/// What the keys of a block mean; names match without regard to case.
pub(crate) type Table<T> = [Setting<T>];

/// A key of a block: its names, and what it does.
pub(crate) struct Setting<T> {
    names: &'static [&'static str],
    meaning: Meaning<T>,
}

enum Meaning<T> {
    Set(fn(&mut T, Field<'_>) -> Result<(), Problem>),
    /// An option of nats-server that can be left alone; the words say why.
    Ignored(&'static str),
    /// An option of nats-server that this server has not got.
    Unsupported,
}

/// A key that does something.
pub(crate) const fn setting<T>(
    names: &'static [&'static str],
    set: fn(&mut T, Field<'_>) -> Result<(), Problem>,
) -> Setting<T> {
    Setting { names, meaning: Meaning::Set(set) }
}

/// A key that is accepted with a warning, as nothing that a client sees depends on it.
pub(crate) const fn ignored<T>(names: &'static [&'static str], why: &'static str) -> Setting<T> {
    Setting { names, meaning: Meaning::Ignored(why) }
}

/// A key that is refused: to ignore it would be worse.
pub(crate) const fn unsupported<T>(names: &'static [&'static str]) -> Setting<T> {
    Setting { names, meaning: Meaning::Unsupported }
}

/// Takes a value over, if it is one.
pub(crate) fn put<T>(option: &mut T, value: Result<T, Problem>) -> Result<(), Problem> {
    *option = value?;
    Ok(())
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<ConfigWarning>>,
}

impl Findings {
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<ConfigWarning>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// More than enough are left out: nobody reads them, and each costs a search.
    fn refuse(&self, problem: Problem) {
        if self.problems.borrow().len() < PROBLEMS_MAX {
            self.problems.borrow_mut().push(problem);
        }
    }

    fn are_enough(&self) -> bool {
        self.problems.borrow().len() >= PROBLEMS_MAX
    }

    pub(super) fn warn(&self, text: String, is_error_in_check: bool) {
        if self.warnings.borrow().len() >= PROBLEMS_MAX {
            return;
        }
        self.warnings.borrow_mut().push(ConfigWarning { text, is_error_in_check });
    }
}

/// The value of a key, and where to tell what is odd about it.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    value: &'a Value,
    findings: &'a Findings,
}

impl Deref for Field<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value
    }
}

impl<'a> Field<'a> {
    /// Reads a map by its table. Mistakes inside are collected.
    pub(crate) fn block<T>(self, table: &Table<T>, target: &mut T) -> Result<(), Problem> {
        self.block_of("", table, target)
    }

    /// The same, where nats-server has these words in front of what it says of an unknown key.
    pub(crate) fn block_of<T>(
        self,
        words: &str,
        table: &Table<T>,
        target: &mut T,
    ) -> Result<(), Problem> {
        read(self.value, words, table, target, self.findings)
    }

    /// The elements of an array, one after the other.
    pub(crate) fn elements(self) -> Result<impl Iterator<Item = Field<'a>>, Problem> {
        Ok(self.value.list()?.iter().map(move |value| Field { value, ..self }))
    }

    /// The entries of a map whose keys are names of the user's own.
    pub(crate) fn named(self) -> Result<impl Iterator<Item = Field<'a>>, Problem> {
        let fields = self.value.pairs()?;
        Ok(fields.map(move |(name, value)| Field { name, value, ..self }))
    }

    /// How many problems have been collected.
    pub(crate) fn problems(self) -> usize {
        self.findings.problems.borrow().len()
    }

    /// Collects a problem and goes on.
    pub(crate) fn report(self, problem: Problem) {
        self.findings.refuse(problem);
    }

    /// Warns of something that nats-server warns of as well; its check of a file fails (CONF-012).
    pub(crate) fn warn(self, text: &str) {
        self.findings.warn(self.value.problem(text).to_string(), true);
    }

    /// A duration as a string; an integer means seconds, with a warning (CONF-005).
    pub(crate) fn duration(self) -> Result<Duration, Problem> {
        if !self.is_integer() {
            return self.duration_text();
        }
        let name = self.name;
        let seconds = self.count()?;
        self.warn(&format!(
            "invalid use of field \"{name}\": {name} should be converted to a duration"
        ));
        Ok(Duration::from_secs(seconds))
    }
}

/// Reads a map by its table; only a value that is no map is an error, all else is collected.
/// `words` stand in front of what is said of an unknown key.
pub(super) fn read<T>(
    map: &Value,
    words: &str,
    table: &Table<T>,
    target: &mut T,
    findings: &Findings,
) -> Result<(), Problem> {
    for entry in map.entries()? {
        if findings.are_enough() {
            break;
        }
        let key = entry.key.to_lowercase();
        let field = Field { name: &key, value: &entry.value, findings };
        let refuse = |problem| findings.refuse(problem);
        let found = table.iter().find(|setting| setting.names.contains(&key.as_str()));
        match found.map(|setting| &setting.meaning) {
            Some(Meaning::Set(set)) => set(target, field).unwrap_or_else(refuse),
            Some(Meaning::Ignored(why)) => {
                let words = format!("\"{key}\" has no effect here: {why}");
                findings.warn(entry.at.problem(words).to_string(), false);
            }
            Some(Meaning::Unsupported) => {
                let words = format!("\"{key}\" of nats-server is not supported by this server");
                refuse(entry.at.problem(words));
            }
            None if entry.used => {}
            None => {
                let problem = entry.at.problem(format!("{words}unknown field \"{}\"", entry.key));
                refuse(match nearest(&key, table) {
                    Some(name) => problem.advice(format!("did you mean \"{name}\"?")),
                    None => problem,
                });
            }
        }
    }
    Ok(())
}

/// The name that a key was perhaps meant to be.
fn nearest<T>(key: &str, table: &Table<T>) -> Option<&'static str> {
    if key.len() > KEY_BYTES_MAX {
        return None;
    }
    let supported = |setting: &&Setting<T>| !matches!(setting.meaning, Meaning::Unsupported);
    let names = table.iter().filter(supported).flat_map(|setting| setting.names).copied();
    let near = names.map(|name| (distance(name, key), name)).min()?;
    (near.0 <= 1 + key.len() / 5).then_some(near.1)
}

/// Letters to add, remove or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
