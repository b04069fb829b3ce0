//! What a configuration says: values that know where they stand, and what they can be read as.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use super::{Problem, duration};

/// A text that is read, and the file it comes from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: Option<PathBuf>,
    pub(super) text: String,
}

/// Where something stands; line and column are counted from 1, columns in characters.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(super) kind: Kind,
    pub(super) at: Place,
}

/// The types of the language. What is not quoted decides by its looks which one it is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// `2026-01-02T03:04:05Z`, which no option wants; as it was written.
    #[cfg_attr(not(feature = "program"), allow(dead_code, reason = "for the digest"))]
    Date(String),
    List(Vec<Value>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) value: Value,
    /// A `$variable` has taken its value, so it need not be an option (CONF-009).
    pub(super) used: bool,
}

impl Place {
    pub(crate) fn problem(&self, message: impl fmt::Display) -> Problem {
        let line = self.source.text.lines().nth(self.line - 1).unwrap_or_default();
        Problem {
            file: self.source.file.clone(),
            line: self.line,
            column: self.column,
            message: message.to_string(),
            excerpt: without_secrets(line),
            advice: None,
        }
    }
}

/// A line as errors may show it: what follows a key such as `password` is starred out, letter by
/// letter, so that a caret below still stands where it should.
fn without_secrets(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut shown = String::with_capacity(line.len());
    let mut rest = 0;
    while let Some((at, key)) = SECRET_KEYS
        .iter()
        .filter_map(|key| lower[rest..].find(key).map(|at| (rest + at, *key)))
        .min_by_key(|(at, key)| (*at, usize::MAX - key.len()))
    {
        let after = at + key.len();
        let gap = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ':' | '=');
        let value = line[after..].find(|letter| !gap(letter)).map_or(line.len(), |it| after + it);
        // Between quotes a secret may hold anything, so it ends with the next one only.
        let quote = line[after..value].chars().next_back().filter(|it| matches!(it, '"' | '\''));
        let end = match quote {
            Some(quote) => line[value..].find(quote),
            None => line[value..].find([' ', '\t', ',', ';', '}', ']']),
        };
        let end = end.map_or(line.len(), |it| value + it);
        shown.push_str(&line[rest..value]);
        shown.extend(line[value..end].chars().map(|_| '*'));
        rest = end;
    }
    shown + &line[rest..]
}

/// Longer ones first, where one begins another.
const SECRET_KEYS: &[&str] = &["password", "pass", "token"];

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Flag(_) => "a boolean",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a float",
            Kind::Text(_) => "a string",
            Kind::Date(_) => "a date",
            Kind::List(_) => "an array",
            Kind::Map(_) => "a map",
        }
    }
}

impl Value {
    pub(crate) fn problem(&self, message: impl fmt::Display) -> Problem {
        self.at.problem(message)
    }

    fn not(&self, wanted: &str) -> Problem {
        let problem = self.problem(format!("expected {wanted}, not {}", self.kind.name()));
        match (&self.kind, wanted) {
            (Kind::Flag(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Date(_), "a string") => {
                problem.advice("put it between quotes")
            }
            (Kind::Text(_), "a boolean" | "an integer") => {
                problem.advice("write it without quotes")
            }
            _ => problem,
        }
    }

    pub(crate) fn text(&self) -> Result<String, Problem> {
        match &self.kind {
            Kind::Text(text) => Ok(text.clone()),
            _ => Err(self.not("a string")),
        }
    }

    pub(crate) fn path(&self) -> Result<PathBuf, Problem> {
        self.text().map(PathBuf::from)
    }

    /// `true`, `yes`, `on` and their opposites (CONF-006).
    pub(crate) fn flag(&self) -> Result<bool, Problem> {
        match self.kind {
            Kind::Flag(flag) => Ok(flag),
            _ => Err(self.not("a boolean")),
        }
    }

    pub(crate) fn integer(&self) -> Result<i64, Problem> {
        match self.kind {
            Kind::Integer(number) => Ok(number),
            _ => Err(self.not("an integer")),
        }
    }

    pub(crate) fn float(&self) -> Result<f64, Problem> {
        match self.kind {
            Kind::Float(number) => Ok(number),
            Kind::Integer(number) => Ok(number as f64),
            _ => Err(self.not("a number")),
        }
    }

    /// An integer that is not negative and fits.
    pub(crate) fn count<T: TryFrom<i64>>(&self) -> Result<T, Problem> {
        let number = self.integer()?;
        match u64::try_from(number).ok().and_then(|_| T::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => Err(self.problem(format!("{number} is out of range"))),
        }
    }

    /// As [`count`](Value::count), where `-1` says that there is no limit.
    pub(crate) fn limit(&self, none: usize) -> Result<usize, Problem> {
        if self.integer()? == -1 { Ok(none) } else { self.count() }
    }

    /// A port; `-1` asks for a free one, which is 0 for us (CLI-010).
    pub(crate) fn port(&self) -> Result<u16, Problem> {
        let number = self.integer()?;
        parse_port(&number.to_string()).ok_or_else(|| self.bad_port(number))
    }

    fn bad_port(&self, port: impl fmt::Display) -> Problem {
        let problem = self.problem(format!("could not parse port \"{port}\""));
        problem.advice("a port is a number up to 65535, or -1 for a free one")
    }

    /// `HOST:PORT`, `:PORT`, or a port alone.
    pub(crate) fn address(&self) -> Result<(Option<String>, u16), Problem> {
        let Kind::Text(text) = &self.kind else {
            return Ok((None, self.port()?));
        };
        let Some((host, port)) = text.rsplit_once(':') else {
            let problem = self.problem(format!("could not parse address string \"{text}\""));
            return Err(problem.advice("an address looks like \"127.0.0.1:4222\""));
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = parse_port(port).ok_or_else(|| self.bad_port(port))?;
        Ok((Some(host.to_owned()).filter(|host| !host.is_empty()), port))
    }

    /// `"1m30s"`, `"500ms"`; what an integer means is for the caller to say.
    pub(crate) fn duration_text(&self) -> Result<Duration, Problem> {
        let Kind::Text(text) = &self.kind else {
            return Err(self.not("a duration").advice("a duration looks like \"500ms\" or \"2m\""));
        };
        duration::parse(text).map_err(|wrong| {
            let problem = self.problem(format!("{wrong} \"{text}\""));
            problem.advice("a duration looks like \"500ms\", \"2m\" or \"1h30m\"")
        })
    }

    /// The elements of an array.
    pub(crate) fn list(&self) -> Result<&[Value], Problem> {
        match &self.kind {
            Kind::List(values) => Ok(values),
            _ => Err(self.not("an array")),
        }
    }

    /// Strings; one alone need not stand in an array (CONF-008).
    pub(crate) fn texts(&self) -> Result<Vec<String>, Problem> {
        match &self.kind {
            Kind::List(values) => values.iter().map(Value::text).collect(),
            _ => Ok(vec![self.text()?]),
        }
    }

    pub(super) fn entries(&self) -> Result<&[Entry], Problem> {
        match &self.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(self.not("a map")),
        }
    }

    /// Keys and values of a map whose keys are names of the user's own, such as accounts.
    pub(crate) fn pairs(&self) -> Result<impl Iterator<Item = (&str, &Value)>, Problem> {
        Ok(self.entries()?.iter().map(|entry| (entry.key.as_str(), &entry.value)))
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text(_))
    }

    pub(crate) fn is_flag(&self) -> bool {
        matches!(self.kind, Kind::Flag(_))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self.kind, Kind::Integer(_))
    }

    /// How many values this is, itself included.
    pub(super) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(values) => values.iter().map(Value::size).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum::<usize>(),
            _ => 0,
        }
    }
}

/// Reads a port where `-1` asks for a free one.
pub(crate) fn parse_port(text: &str) -> Option<u16> {
    if text == "-1" { Some(0) } else { text.parse().ok() }
}
