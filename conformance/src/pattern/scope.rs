//! Names and their values, and what is sent made of them.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use thiserror::Error;

use crate::{
    fixtures::KeyPair,
    scenario::{Expr, Part, Step, Template},
};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Bytes: a word, a number, a text.
    Bytes(Vec<u8>),
    /// JSON.
    Json(Value),
    /// A cell of the case's row, put in where it is named.
    Cell(Template),
    /// A key that signs; its members are `key` and, if it has a token, `jwt`.
    Key(KeyPair),
}

/// Names and their values, and the source of fresh ids.
#[derive(Debug, Clone)]
pub struct Scope {
    names: HashMap<String, Bound>,
    random: ChaCha8Rng,
}

/// Why a template has no bytes, or a name no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoValue {
    /// A name that nothing has been bound to.
    #[error("`{0}` has no value here")]
    Unbound(String),
    /// A member that is not there.
    #[error("`{0}` has no such member")]
    Missing(String),
    /// Something else where a number is wanted.
    #[error("`{0}` is {1}, not a number")]
    NotANumber(String, String),
    /// Something else where a key is wanted.
    #[error("`{0}` is no key that could sign")]
    NotAKey(String),
    /// A frame that makes no regular expression.
    #[error("the frame can't be compiled: {0}")]
    Regex(String),
    /// A count or a sum that can't be.
    #[error("{0} is out of range")]
    Range(i64),
}

/// Bytes to be sent, cut into writes.
pub type Writes = Vec<Vec<u8>>;

/// Repetitions that make more than this many bytes are a mistake.
const REPEATED_BYTES_MAX: i64 = 64 << 20;

impl Scope {
    /// No names yet.
    pub fn new(random: ChaCha8Rng) -> Scope {
        Scope { names: HashMap::new(), random }
    }

    /// Gives a name a value, or another one.
    pub fn bind(&mut self, name: &str, value: Bound) {
        self.names.insert(name.to_owned(), value);
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Bound> {
        self.names.get(name)
    }

    /// Forgets all names but these.
    pub fn keep(&mut self, names: &HashMap<String, Bound>) {
        self.names.retain(|name, _| names.contains_key(name));
    }

    /// All names.
    pub fn names(&self) -> HashMap<String, Bound> {
        self.names.clone()
    }

    /// 22 letters that no other case has.
    pub(super) fn fresh_id(&mut self) -> String {
        use rand::RngExt as _;
        const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..22).map(|_| char::from(LETTERS[self.random.random_range(0..LETTERS.len())])).collect()
    }

    /// The value of an expression, as JSON: bytes are a text, or a number if they look like one.
    ///
    /// # Errors
    /// Names without value, members that are not there.
    pub fn value(&self, expr: &Expr) -> Result<Value, NoValue> {
        match expr {
            Expr::Number(number) => Ok((*number).into()),
            Expr::Sum(left, right) => {
                let left = self.number(left)?;
                Ok(left.checked_add(*right).ok_or(NoValue::Range(left))?.into())
            }
            Expr::Path(name, steps) => {
                let bound = self.names.get(name).ok_or_else(|| NoValue::Unbound(name.clone()))?;
                let mut value = match bound {
                    Bound::Cell(Template { parts, .. }) if steps.is_empty() => {
                        return match &parts[..] {
                            [Part::Bytes(bytes)] => Ok(plain(bytes)),
                            _ => Err(NoValue::NotANumber(name.clone(), "a pattern".to_owned())),
                        };
                    }
                    Bound::Json(value) => value,
                    Bound::Key(pair) => pair.members(),
                    Bound::Bytes(bytes) if steps.is_empty() => return Ok(plain(bytes)),
                    _ => return Err(NoValue::Missing(path_text(expr))),
                };
                for step in steps {
                    let next = match step {
                        Step::Member(member) => value.get(member),
                        Step::Index(index) => value.get(index),
                    };
                    value = next.ok_or_else(|| NoValue::Missing(path_text(expr)))?;
                }
                Ok(value.clone())
            }
        }
    }

    /// The value of an expression, if it is a number.
    ///
    /// # Errors
    /// As [`value`](Scope::value), and values that are no whole numbers.
    pub fn number(&self, expr: &Expr) -> Result<i64, NoValue> {
        let value = self.value(expr)?;
        let wrong = || NoValue::NotANumber(path_text(expr), value.to_string());
        value.as_i64().ok_or_else(wrong)
    }

    /// The bytes that a template makes, cut where it says.
    ///
    /// # Errors
    /// Names without value.
    pub fn writes(&mut self, template: &Template) -> Result<Writes, NoValue> {
        let mut pieces: Vec<Piece> = Vec::new();
        self.pieces(template, &mut pieces)?;
        let sizes = sizes(&pieces);
        let mut writes = vec![Vec::new()];
        for (piece, size) in pieces.iter().zip(sizes) {
            let bytes = match piece {
                Piece::Bytes(bytes) => bytes.as_slice(),
                Piece::Size | Piece::HeaderSize => size.as_bytes(),
                Piece::Cut => {
                    writes.push(Vec::new());
                    continue;
                }
            };
            if let Some(write) = writes.last_mut() {
                write.extend_from_slice(bytes);
            }
        }
        Ok(writes)
    }

    fn pieces(&mut self, template: &Template, pieces: &mut Vec<Piece>) -> Result<(), NoValue> {
        for part in &template.parts {
            let piece = match part {
                Part::Bytes(bytes) => Piece::Bytes(bytes.clone()),
                Part::Cut => Piece::Cut,
                Part::Size => Piece::Size,
                Part::HeaderSize => Piece::HeaderSize,
                Part::Nuid => Piece::Bytes(self.fresh_id().into_bytes()),
                Part::Repeat(bytes, count) => Piece::Bytes(self.repeat(bytes, &count.value)?),
                Part::Signature { by, of, padded } => {
                    Piece::Bytes(self.signature(&by.value, &of.value, *padded)?)
                }
                Part::Value(value) => match self.cell(&value.value) {
                    Some(cell) => {
                        self.pieces(&cell, pieces)?;
                        continue;
                    }
                    None => Piece::Bytes(self.bytes(&value.value)?),
                },
                // The reader of scenarios lets no pattern stand where bytes are made, but a cell
                // can carry one there.
                Part::AnyWord | Part::AnyBytes | Part::Json(_) | Part::Regex(..) => {
                    return Err(NoValue::Unbound("_".to_owned()));
                }
            };
            pieces.push(piece);
        }
        Ok(())
    }

    pub(super) fn cell(&self, expr: &Expr) -> Option<Template> {
        match expr {
            Expr::Path(name, steps) if steps.is_empty() => match self.names.get(name)? {
                Bound::Cell(cell) => Some(cell.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn bytes(&self, expr: &Expr) -> Result<Vec<u8>, NoValue> {
        if let Expr::Path(name, steps) = expr
            && let (true, Some(Bound::Bytes(bytes))) = (steps.is_empty(), self.names.get(name))
        {
            return Ok(bytes.clone());
        }
        Ok(match self.value(expr)? {
            Value::String(text) => text.into_bytes(),
            other => other.to_string().into_bytes(),
        })
    }

    pub(super) fn signature(&self, by: &str, of: &Expr, padded: bool) -> Result<Vec<u8>, NoValue> {
        let signed = self.bytes(of)?;
        match self.names.get(by) {
            Some(Bound::Key(pair)) => Ok(pair.sign(&signed, padded).into_bytes()),
            Some(_) => Err(NoValue::NotAKey(by.to_owned())),
            None => Err(NoValue::Unbound(by.to_owned())),
        }
    }

    pub(super) fn repeat(&self, bytes: &[u8], count: &Expr) -> Result<Vec<u8>, NoValue> {
        let count = self.number(count)?;
        match count.checked_mul(bytes.len() as i64) {
            Some(total) if (0..=REPEATED_BYTES_MAX).contains(&total) => {
                Ok(bytes.repeat(count as usize))
            }
            _ => Err(NoValue::Range(count)),
        }
    }
}

/// Bytes as JSON: a number if they are written like one, else a text.
fn plain(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    number.map_or_else(|| text.into(), Value::from)
}

/// A template's part with its value.
enum Piece {
    Bytes(Vec<u8>),
    Cut,
    Size,
    HeaderSize,
}

/// The digits of each size, and nothing for the other pieces. The payload is what stands behind
/// the first line end that follows, without the CR LF at its own end.
fn sizes(pieces: &[Piece]) -> Vec<String> {
    let behind = |at: usize| -> Vec<u8> {
        let bytes: Vec<u8> = pieces[at + 1..]
            .iter()
            .filter_map(
                |piece| if let Piece::Bytes(bytes) = piece { Some(&bytes[..]) } else { None },
            )
            .collect::<Vec<_>>()
            .concat();
        let line_end = find(&bytes, b"\r\n").map_or(bytes.len(), |end| end + 2);
        let payload = &bytes[line_end..];
        payload.strip_suffix(b"\r\n").unwrap_or(payload).to_vec()
    };
    let size = |(at, piece): (usize, &Piece)| match piece {
        Piece::Size => behind(at).len().to_string(),
        Piece::HeaderSize => {
            let payload = behind(at);
            find(&payload, b"\r\n\r\n").map_or(payload.len(), |end| end + 4).to_string()
        }
        _ => String::new(),
    };
    pieces.iter().enumerate().map(size).collect()
}

pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// An expression as it is written.
pub fn path_text(expr: &Expr) -> String {
    match expr {
        Expr::Number(number) => number.to_string(),
        Expr::Sum(left, by) if *by < 0 => format!("{} - {}", path_text(left), by.unsigned_abs()),
        Expr::Sum(left, right) => format!("{} + {right}", path_text(left)),
        Expr::Path(name, steps) => {
            let mut text = name.clone();
            for step in steps {
                match step {
                    Step::Member(member) => text.push_str(&format!(".{member}")),
                    Step::Index(index) => text.push_str(&format!("[{index}]")),
                }
            }
            text
        }
    }
}
