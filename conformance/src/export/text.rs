//! Text with placeholders as data, the cells of a case's row put in.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::Serialize;

use crate::scenario::{self as tree, Expr, Kind, Template};

/// Pieces that stand one behind the other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Text(pub Vec<Part>);

/// A piece of a text; `kind` names it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Part {
    /// Exactly these bytes.
    Bytes(Bytes),
    /// What follows is a write of its own.
    Cut,
    /// The bytes of a value. In an expected frame a plain name that is not bound yet stands for one
    /// word, and is bound to it.
    Value {
        /// The value.
        value: Value,
    },
    /// Bytes, several times.
    Repeat {
        /// The bytes.
        bytes: Bytes,
        /// How often.
        count: Value,
    },
    /// A fresh id, 22 letters and digits.
    Nuid,
    /// A signature in base64.
    Signature {
        /// The name of the key that signs.
        by: String,
        /// What is signed.
        of: Value,
        /// The standard alphabet with padding, not the one for URLs without it.
        padded: bool,
    },
    /// Any one word.
    AnyWord,
    /// Any bytes.
    AnyBytes,
    /// The rest of the line, which is JSON.
    Json {
        /// The name it is bound to; `_` binds nothing.
        name: String,
    },
    /// What a regular expression matches.
    Regex {
        /// The name it is bound to; `_` binds nothing.
        name: String,
        /// The expression, in the syntax of Rust's crate `regex`.
        pattern: String,
    },
    /// In digits, the size of what stands behind the next CR LF, without a CR LF at its own end.
    PayloadSize,
    /// In digits, the size of the header block behind the next CR LF, its empty line included.
    HeaderSize,
}

/// Bytes, written in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// The bytes, always.
    pub base64: String,
    /// The same as text, where they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A number, or a value by name; `is` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Value {
    /// A number.
    Number {
        /// It.
        number: i64,
    },
    /// What a name is bound to, or a member of it.
    Name {
        /// The name.
        name: String,
        /// The way into JSON: names of members, places in lists.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        path: Vec<PathStep>,
    },
    /// A value and a number, added.
    Sum {
        /// The value.
        of: Box<Value>,
        /// The number.
        plus: i64,
    },
}

/// A step into JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PathStep {
    /// A member of an object.
    Member(String),
    /// A place in a list, counted from 0.
    Index(usize),
}

/// A cell that names a cell that names a cell …: more than this is a circle.
const DEPTH_MAX: usize = 8;

/// The cells of a case's row, by the names of their columns.
pub(super) struct Cells<'a>(BTreeMap<&'a str, &'a Template>);

impl<'a> Cells<'a> {
    pub(super) fn new(case: &'a tree::Case) -> Cells<'a> {
        let row = case.scenario.body.iter().find_map(|statement| match &statement.kind {
            Kind::Table { names, rows, .. } => Some((names, rows.get(case.row?)?)),
            _ => None,
        });
        let pairs = row.into_iter().flat_map(|(names, row)| names.iter().zip(&row.cells));
        Cells(pairs.map(|(name, cell)| (name.value.as_str(), cell)).collect())
    }

    /// Each cell as data.
    pub(super) fn texts(&self) -> BTreeMap<String, Text> {
        self.0.iter().map(|(name, cell)| ((*name).to_owned(), self.text(cell))).collect()
    }

    pub(super) fn text(&self, template: &Template) -> Text {
        let mut bytes = Vec::new();
        let mut parts = Vec::new();
        self.parts(template, DEPTH_MAX, &mut bytes, &mut parts);
        flush(&mut bytes, &mut parts);
        Text(parts)
    }

    /// Neighbouring bytes become one part: they are gathered in `bytes`.
    fn parts(&self, from: &Template, depth: usize, bytes: &mut Vec<u8>, parts: &mut Vec<Part>) {
        for part in &from.parts {
            let part = match part {
                tree::Part::Bytes(more) => {
                    bytes.extend_from_slice(more);
                    continue;
                }
                tree::Part::Value(value) => match self.cell(&value.value) {
                    Some(cell) if depth > 0 => {
                        self.parts(cell, depth - 1, bytes, parts);
                        continue;
                    }
                    _ => Part::Value { value: self.value(&value.value) },
                },
                tree::Part::Repeat(bytes, count) => {
                    Part::Repeat { bytes: Bytes::new(bytes), count: self.value(&count.value) }
                }
                tree::Part::Cut => Part::Cut,
                tree::Part::Nuid => Part::Nuid,
                tree::Part::Signature { by, of, padded } => Part::Signature {
                    by: by.value.clone(),
                    of: self.value(&of.value),
                    padded: *padded,
                },
                tree::Part::AnyWord => Part::AnyWord,
                tree::Part::AnyBytes => Part::AnyBytes,
                tree::Part::Json(name) => Part::Json { name: name.value.clone() },
                tree::Part::Regex(name, pattern) => {
                    Part::Regex { name: name.value.clone(), pattern: pattern.clone() }
                }
                tree::Part::Size => Part::PayloadSize,
                tree::Part::HeaderSize => Part::HeaderSize,
            };
            flush(bytes, parts);
            parts.push(part);
        }
    }

    /// The value, a number where the row's cell is one.
    pub(super) fn value(&self, expr: &Expr) -> Value {
        match expr {
            Expr::Number(number) => Value::Number { number: *number },
            Expr::Sum(left, plus) => Value::Sum { of: Box::new(self.value(left)), plus: *plus },
            Expr::Path(name, steps) => match self.cell(expr).and_then(number) {
                Some(number) => Value::Number { number },
                None => {
                    let step = |step: &tree::Step| match step {
                        tree::Step::Member(member) => PathStep::Member(member.clone()),
                        tree::Step::Index(index) => PathStep::Index(*index),
                    };
                    Value::Name { name: name.clone(), path: steps.iter().map(step).collect() }
                }
            },
        }
    }

    fn cell(&self, expr: &Expr) -> Option<&'a Template> {
        match expr {
            Expr::Path(name, steps) if steps.is_empty() => self.0.get(name.as_str()).copied(),
            _ => None,
        }
    }
}

impl Bytes {
    fn new(bytes: &[u8]) -> Bytes {
        Bytes {
            base64: BASE64.encode(bytes),
            text: std::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }
}

fn flush(bytes: &mut Vec<u8>, parts: &mut Vec<Part>) {
    if !bytes.is_empty() {
        parts.push(Part::Bytes(Bytes::new(bytes)));
        bytes.clear();
    }
}

fn number(cell: &Template) -> Option<i64> {
    match &cell.parts[..] {
        [tree::Part::Bytes(bytes)] => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}
