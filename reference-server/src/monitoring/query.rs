//! The parameters behind a path, read and refused as Go does (MON-015).

use std::num::IntErrorKind;

use thiserror::Error;

/// What is wrong with a request, for status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct BadRequest(pub(super) String);

/// Parameters in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Sets a parameter; any of that name before it counts no more.
    #[cfg(feature = "system")]
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The same with one parameter more.
    #[cfg(feature = "system")]
    pub(super) fn with(&self, name: &str, value: &str) -> Query {
        let mut query = self.clone();
        query.put(name, value);
        query
    }

    /// The first of that name; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// False if it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, BadRequest> {
        match self.text(name) {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            text => Err(bad("boolean", name, "ParseBool", text, "invalid syntax")),
        }
    }

    /// 0 if it is not there.
    pub(super) fn integer(&self, name: &str) -> Result<i64, BadRequest> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|error: std::num::ParseIntError| {
            let problem = problem(error.kind());
            bad("int", name, "Atoi", text, problem)
        })
    }

    /// As [`integer`](Query::integer), without a sign.
    pub(super) fn count(&self, name: &str) -> Result<u64, BadRequest> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(0);
        }
        let refused = |problem| bad("uint64", name, "ParseUint", text, problem);
        if text.starts_with('+') {
            return Err(refused("invalid syntax"));
        }
        text.parse().map_err(|error: std::num::ParseIntError| refused(problem(error.kind())))
    }

    /// The part of a list that is wanted: where it begins, and how long it may be.
    pub(super) fn part(&self) -> Result<(usize, usize), BadRequest> {
        let offset = usize::try_from(self.integer("offset")?).unwrap_or(0);
        let limit = usize::try_from(self.integer("limit")?).unwrap_or(0);
        Ok((offset, if limit == 0 { LIMIT } else { limit }))
    }
}

/// Entries of a list, unless told otherwise.
const LIMIT: usize = 1024;

fn problem(kind: &IntErrorKind) -> &'static str {
    match kind {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    }
}

fn bad(kind: &str, name: &str, function: &str, text: &str, problem: &str) -> BadRequest {
    let error = format!("strconv.{function}: parsing {text:?}: {problem}");
    BadRequest(format!("Error decoding {kind} for '{name}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_flags_are_read() {
        let query = Query::parse("a=-3&b=T&c=7&a=9&d=x%20y&e=");
        assert_eq!(query.integer("a"), Ok(-3));
        assert_eq!((query.flag("b"), query.flag("nothing")), (Ok(true), Ok(false)));
        assert_eq!((query.count("c"), query.integer("e")), (Ok(7), Ok(0)));
        assert_eq!(query.text("d"), "x y");
        assert_eq!(Query::parse("limit=-1&offset=-1").part(), Ok((0, 1024)));
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_go() {
        let query = Query::parse("a=x&b=-1&c=99999999999999999999");
        for (result, words) in [
            (
                query.integer("a").map(|_| ()),
                "Error decoding int for 'a': strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                query.count("b").map(|_| ()),
                "Error decoding uint64 for 'b': strconv.ParseUint: parsing \"-1\": invalid syntax",
            ),
            (
                query.flag("a").map(|_| ()),
                "Error decoding boolean for 'a': strconv.ParseBool: parsing \"x\": invalid syntax",
            ),
            (
                query.integer("c").map(|_| ()),
                "Error decoding int for 'c': strconv.Atoi: parsing \"99999999999999999999\": \
                 value out of range",
            ),
        ] {
            assert_eq!(result.unwrap_err().to_string(), words);
        }
    }
}
