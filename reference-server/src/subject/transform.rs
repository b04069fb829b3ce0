//! Subjects made of other subjects: `orders.*` becomes `sales.$1`. Mappings and imports rest on it
//! (ACC-005, ACC-008, ACC-017).

mod function;

use std::fmt;

use thiserror::Error;

use self::function::Function;
use super::{is_valid_pattern, tokens};

/// Makes one subject of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transform {
    /// As it was written, with `$1` and functions.
    destination: String,
    pieces: Vec<Piece>,
    /// Tokens of the source in front of its `>`, from where on the rest is taken over.
    rest_from: Option<usize>,
}

/// A token of the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<[u8]>),
    Made(Function),
}

/// Why nothing can be made so. In nats-server's words (ACC-019).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TransformError {
    #[error("invalid subject")]
    BadSubject,
    #[error("invalid mapping destination: {what}{}", In(token))]
    BadDestination { what: &'static str, token: String },
}

/// Where it is wrong.
struct In<'a>(&'a str);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " in {}", self.0) }
    }
}

impl TransformError {
    fn new(what: &'static str, token: impl Into<String>) -> TransformError {
        TransformError::BadDestination { what, token: token.into() }
    }
}

impl Transform {
    /// A mapping: all functions are known, and wildcards may be left out (ACC-017).
    pub(crate) fn mapping(source: &str, destination: &str) -> Result<Transform, TransformError> {
        function::check_destination(destination)?;
        Transform::new(source, destination, false)
    }

    /// One that an import needs: it can be turned round, so each wildcard has its place and nothing
    /// else is made up.
    pub(crate) fn reversible(source: &str, destination: &str) -> Result<Transform, TransformError> {
        Transform::new(source, destination, true)
    }

    fn new(source: &str, destination: &str, strict: bool) -> Result<Transform, TransformError> {
        let (from, to) = (Shape::of(source)?, Shape::of(destination)?);
        if !to.stars.is_empty() || from.rest != to.rest {
            return Err(TransformError::BadSubject);
        }
        let (mut pieces, mut used) = (Vec::new(), 0);
        for token in destination.split('.').filter(|token| *token != ">") {
            let piece = match Function::parse(token)? {
                None => Piece::Text(token.as_bytes().into()),
                Some(function) if strict && !function.is_wildcard() => {
                    let what = "the only mapping function allowed for import transforms is \
                                {{Wildcard()}}";
                    return Err(TransformError::new(what, token));
                }
                Some(function) => {
                    used += function.wildcards();
                    Piece::Made(function.with_places(token, &from.stars, from.is_literal())?)
                }
            };
            pieces.push(piece);
        }
        if strict && used < from.stars.len() {
            return Err(TransformError::new("not using all of the token wildcard(s)", destination));
        }
        Ok(Transform { destination: destination.to_owned(), pieces, rest_from: from.rest_from() })
    }

    /// As it was written.
    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }

    /// Makes the other subject of one that the source matches.
    pub(crate) fn apply(&self, subject: &[u8]) -> Vec<u8> {
        let source: Vec<&[u8]> = tokens(subject).collect();
        let mut made = Vec::with_capacity(subject.len() + self.destination.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => made.extend_from_slice(text),
                Piece::Made(function) => function.apply(subject, &source, &mut made),
            }
            made.push(b'.');
        }
        for token in self.rest_from.and_then(|from| source.get(from..)).into_iter().flatten() {
            made.extend_from_slice(token);
            made.push(b'.');
        }
        made.pop();
        made
    }
}

/// What a subject has of wildcards.
struct Shape {
    /// Which tokens are `*`.
    stars: Vec<usize>,
    tokens: usize,
    /// The last one is `>`.
    rest: bool,
}

impl Shape {
    fn of(subject: &str) -> Result<Shape, TransformError> {
        if !is_valid_pattern(subject.as_bytes()) {
            return Err(TransformError::BadSubject);
        }
        let tokens = || subject.split('.');
        let stars = tokens().enumerate().filter(|(_, token)| *token == "*");
        let stars = stars.map(|(at, _)| at).collect();
        Ok(Shape { stars, tokens: tokens().count(), rest: tokens().next_back() == Some(">") })
    }

    fn is_literal(&self) -> bool {
        self.stars.is_empty() && !self.rest
    }

    fn rest_from(&self) -> Option<usize> {
        self.rest.then(|| self.tokens - 1)
    }
}

/// Whether it has wildcards.
pub(crate) fn has_wildcard(subject: &str) -> bool {
    subject.split('.').any(|token| matches!(token, "*" | ">"))
}

/// `a.*.*` as a destination: `a.$1.$2`.
pub(crate) fn numbered(pattern: &str) -> String {
    let mut stars = 0;
    let token = |token: &str| match token {
        "*" => {
            stars += 1;
            format!("${stars}")
        }
        token => token.to_owned(),
    };
    pattern.split('.').map(token).collect::<Vec<_>>().join(".")
}

/// The pattern of what a destination makes, and its placeholders in order: `a.$2` is `a.*`.
pub(crate) fn pattern_of(destination: &str) -> (String, Vec<&str>) {
    let mut places = Vec::new();
    let tokens: Vec<&str> = destination
        .split('.')
        .map(|token| {
            let is_place =
                Function::parse(token).is_ok_and(|it| it.is_some_and(|it| it.is_wildcard()));
            if is_place {
                places.push(token);
            }
            if is_place { "*" } else { token }
        })
        .collect();
    (tokens.join("."), places)
}

/// The way back of an import's transform: from what `destination` makes to what `source` covers.
pub(crate) fn reverse(source: &str, destination: &str) -> Result<Transform, TransformError> {
    let (from, places) = pattern_of(destination);
    // `$2.$1` of `x.*.*`: its first star has the second place. What stands first there is numbered
    // by where the star of this number is found here.
    let mut star = 0;
    let to: Vec<String> = source
        .split('.')
        .map(|token| match token {
            "*" => {
                star += 1;
                let place = places.iter().position(|it| function::number(it) == Some(star));
                place.map_or_else(|| token.to_owned(), |place| format!("${}", place + 1))
            }
            token => token.to_owned(),
        })
        .collect();
    Transform::reversible(&from, &to.join("."))
}

#[cfg(test)]
mod tests;
