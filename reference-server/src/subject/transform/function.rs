//! What a token of a destination can be made of: `$1`, `{{partition(3,1)}}` and the like.

use super::TransformError;

const NOT_ENOUGH: &str = "not enough arguments passed to the function";
const TOO_MANY: &str = "too many arguments passed to the function";
const INVALID: &str = "function argument is invalid or in the wrong format";
const UNKNOWN: &str = "unknown function";
const OUT_OF_RANGE: &str = "wildcard index out of range";
const INVALID_TRANSFORM: &str = "invalid transform";

/// What is made of the tokens that wildcards stand for. Tokens are first numbers of wildcards, as
/// they are written, then places of tokens in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Function {
    /// The token itself.
    Wildcard(i64),
    /// A number below `count`, the same for the same tokens; without tokens, of the whole subject.
    Partition { count: u32, tokens: Vec<i64> },
    /// A number below this.
    Random(u32),
    /// Two tokens instead of one.
    SplitFrom { side: Side, token: i64, at: usize },
    /// Tokens of this size.
    SliceFrom { side: Side, token: i64, size: usize },
    /// Cut at each delimiter.
    Split { token: i64, delimiter: Box<[u8]> },
    /// The beginning or the end of it.
    Part { side: Side, token: i64, size: usize },
}

/// From where it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

use Side::{Left, Right};

/// Refuses what a mapping can't lead to, before anything is made of it.
pub(super) fn check_destination(destination: &str) -> Result<(), TransformError> {
    let mut ended = false;
    for token in destination.split('.') {
        if token.is_empty() || ended {
            return Err(TransformError::new(INVALID_TRANSFORM, token));
        }
        ended = token == ">";
        if call(token).is_some() {
            Function::parse(token)?;
        } else if token.contains(['\t', '\n', '\x0c', '\r', ' ']) {
            return Err(TransformError::new(INVALID_TRANSFORM, ""));
        }
    }
    Ok(())
}

/// The number of a placeholder.
pub(super) fn number(token: &str) -> Option<i64> {
    match Function::parse(token) {
        Ok(Some(Function::Wildcard(number))) => Some(number),
        _ => None,
    }
}

/// What stands between `{{` and `}}`, where a token is no more than that.
fn call(token: &str) -> Option<&str> {
    (token.len() > 4).then(|| token.strip_prefix("{{")?.strip_suffix("}}"))?
}

impl Function {
    /// Reads a token; none is text that stands for itself.
    pub(super) fn parse(token: &str) -> Result<Option<Function>, TransformError> {
        if let Some(number) = token.strip_prefix('$') {
            return Ok(number.parse().ok().map(Function::Wildcard));
        }
        let Some(call) = call(token) else { return Ok(None) };
        let wrong = |what| TransformError::new(what, token);
        let (name, rest) = call.trim().split_once('(').ok_or_else(|| wrong(UNKNOWN))?;
        let arguments = rest.strip_suffix(')').ok_or_else(|| wrong(UNKNOWN))?;
        let arguments: Vec<&str> = arguments.split(',').map(str::trim_start).collect();
        Function::called(name.trim_end(), &arguments).map(Some).map_err(wrong)
    }

    fn called(name: &str, arguments: &[&str]) -> Result<Function, &'static str> {
        // The words of a name may begin in capitals.
        let is = |known: &str| {
            let same = |(known, it): (u8, u8)| it == known || it == known.to_ascii_lowercase();
            name.len() == known.len() && known.bytes().zip(name.bytes()).all(same)
        };
        if is("Wildcard") {
            return match arguments {
                [""] => Err(NOT_ENOUGH),
                [number] => integer(number).map(Function::Wildcard),
                _ => Err(TOO_MANY),
            };
        }
        if is("Partition") {
            let (count, tokens) = arguments.split_first().ok_or(NOT_ENOUGH)?;
            let tokens = tokens.iter().map(|it| integer(it)).collect::<Result<_, _>>()?;
            return Ok(Function::Partition { count: count_of(count)?, tokens });
        }
        if is("Random") {
            let [count] = arguments else { return Err(NOT_ENOUGH) };
            return Ok(Function::Random(count_of(count)?));
        }
        let two = || match arguments {
            [token, other] => Ok((integer(token)?, *other)),
            [_, _, ..] => Err(TOO_MANY),
            _ => Err(NOT_ENOUGH),
        };
        if is("Split") {
            let (token, delimiter) = two()?;
            if delimiter.contains(' ') {
                return Err(INVALID);
            }
            return Ok(Function::Split { token, delimiter: delimiter.as_bytes().into() });
        }
        let sized = || {
            let (token, size) = two()?;
            // What is not above zero cuts nothing off.
            Ok((token, usize::try_from(integer(size)?).unwrap_or(0)))
        };
        for (known, side) in [("SplitFromLeft", Left), ("SplitFromRight", Right)] {
            if is(known) {
                return sized().map(|(token, at)| Function::SplitFrom { side, token, at });
            }
        }
        for (known, side) in [("SliceFromLeft", Left), ("SliceFromRight", Right)] {
            if is(known) {
                return sized().map(|(token, size)| Function::SliceFrom { side, token, size });
            }
        }
        for (known, side) in [("Left", Left), ("Right", Right)] {
            if is(known) {
                return sized().map(|(token, size)| Function::Part { side, token, size });
            }
        }
        Err(UNKNOWN)
    }

    pub(super) fn is_wildcard(&self) -> bool {
        matches!(self, Function::Wildcard(_))
    }

    /// How many wildcards it makes use of.
    pub(super) fn wildcards(&self) -> usize {
        match self {
            Function::Partition { tokens, .. } => tokens.len(),
            Function::Random(_) => 0,
            _ => 1,
        }
    }

    /// The same with places of tokens instead of numbers of wildcards. A number that is none stands
    /// for the first token, as it does there.
    pub(super) fn with_places(
        mut self,
        written: &str,
        stars: &[usize],
        literal: bool,
    ) -> Result<Function, TransformError> {
        let out_of_range = |token| Err(TransformError::new(OUT_OF_RANGE, token));
        let numbers: &mut [i64] = match &mut self {
            Function::Random(_) => return Ok(self),
            Function::Partition { tokens, .. } if literal => {
                tokens.clear();
                return Ok(self);
            }
            _ if literal => return out_of_range(written.to_owned()),
            Function::Partition { tokens, .. } => tokens,
            Function::Wildcard(token)
            | Function::SplitFrom { token, .. }
            | Function::SliceFrom { token, .. }
            | Function::Split { token, .. }
            | Function::Part { token, .. } => std::slice::from_mut(token),
        };
        for number in numbers {
            let nth = usize::try_from(*number).unwrap_or(0);
            let place = match nth.checked_sub(1) {
                None => Some(0),
                Some(nth) => stars.get(nth).copied(),
            };
            let Some(place) = place else { return out_of_range(format!("{written}: [{number}]")) };
            *number = i64::try_from(place).unwrap_or(0);
        }
        Ok(self)
    }

    /// Writes what it makes of a subject, whose tokens are given as well.
    pub(super) fn apply(&self, subject: &[u8], source: &[&[u8]], out: &mut Vec<u8>) {
        let token = |place: i64| {
            usize::try_from(place).ok().and_then(|place| source.get(place)).copied().unwrap_or(b"")
        };
        let joined = |out: &mut Vec<u8>, parts: &[&[u8]]| out.extend(parts.join(&b'.'));
        match self {
            Function::Wildcard(place) => out.extend_from_slice(token(*place)),
            Function::Partition { count, tokens } => {
                let hash = match tokens.as_slice() {
                    [] => fnv1a(subject),
                    tokens => {
                        fnv1a(&tokens.iter().map(|it| token(*it)).collect::<Vec<_>>().concat())
                    }
                };
                decimal(hash.checked_rem(*count).unwrap_or(0), out);
            }
            Function::Random(count) => decimal(rand::random_range(0..(*count).max(1)), out),
            Function::SplitFrom { side, token: place, at } => {
                let (it, at) = (token(*place), *at);
                match (side, at > 0 && at < it.len()) {
                    (_, false) => out.extend_from_slice(it),
                    (Left, true) => joined(out, &[&it[..at], &it[at..]]),
                    (Right, true) => joined(out, &[&it[..it.len() - at], &it[it.len() - at..]]),
                }
            }
            Function::SliceFrom { side, token: place, size } => {
                let it = token(*place);
                match (side, size) {
                    (_, 0) => out.extend_from_slice(it),
                    (Left, _) => joined(out, &it.chunks(*size).collect::<Vec<_>>()),
                    (Right, _) => {
                        let mut parts: Vec<&[u8]> = it.rchunks(*size).collect();
                        parts.reverse();
                        joined(out, &parts);
                    }
                }
            }
            Function::Split { token: place, delimiter } => {
                joined(out, &split(token(*place), delimiter));
            }
            Function::Part { side, token: place, size } => {
                let (it, size) = (token(*place), *size);
                out.extend_from_slice(match (side, size > 0 && size < it.len()) {
                    (_, false) => it,
                    (Left, true) => &it[..size],
                    (Right, true) => &it[it.len() - size..],
                });
            }
        }
    }
}

/// The parts between delimiters that are not empty.
fn split<'a>(token: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    if delimiter.is_empty() {
        return token.chunks(1).collect();
    }
    let (mut parts, mut rest) = (Vec::new(), token);
    while let Some(at) = memchr::memmem::find(rest, delimiter) {
        parts.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    parts.push(rest);
    // Two delimiters in front make an empty token in nats-server, so that the message is lost.
    let doubled = parts.len() > 2 && parts[..2].iter().all(|part| part.is_empty());
    parts.retain(|part| !part.is_empty());
    if doubled && !parts.is_empty() {
        parts.insert(0, b"");
    }
    parts
}

fn integer(text: &str) -> Result<i64, &'static str> {
    text.trim_matches(' ').parse().map_err(|_| INVALID)
}

fn count_of(text: &str) -> Result<u32, &'static str> {
    let count = integer(text)?;
    let count = i32::try_from(count).map_err(|_| INVALID)?;
    Ok(count.unsigned_abs())
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn decimal(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}
