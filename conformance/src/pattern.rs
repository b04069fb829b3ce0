//! Templates against bytes: what is sent is made from them, what comes is matched with them.
//!
//! An expected frame becomes one regular expression, literals escaped, anchored at both ends. It
//! compares bytes with the written text and knows nothing of NATS.

mod scope;

use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use crate::{
    scenario::{Expr, Part, Template},
    wire::shown,
};

use self::scope::find;
pub use self::scope::{Bound, NoValue, Scope, Writes, path_text};

/// An expected frame, ready to be compared.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    groups: Vec<Group>,
    /// What the frame ends with, literally: a megabyte of payload is no regular expression.
    tail: Vec<u8>,
    /// As people read it, with what is known put in.
    text: String,
}

#[derive(Debug, Clone)]
enum Group {
    Word(String),
    Json(String),
    Regex(String),
    /// How many bytes follow the line, or are the header.
    Size {
        header: bool,
    },
}

impl Pattern {
    /// Compiles a template; names that have a value are compared, others will be bound.
    ///
    /// # Errors
    /// Paths into names without value.
    pub fn new(template: &Template, scope: &mut Scope) -> Result<Pattern, NoValue> {
        let mut building = Building {
            regex: r"\A".to_owned(),
            groups: Vec::new(),
            tail: Vec::new(),
            text: String::new(),
        };
        building.add(template, scope)?;
        building.regex.push_str(r"\z");
        let regex = compile(&building.regex)?;
        let Building { groups, tail, text, .. } = building;
        Ok(Pattern { regex, groups, tail, text })
    }

    /// Whether the frame is as expected; if so, its new names are bound.
    pub fn matches(&self, frame: &[u8], scope: &mut Scope) -> bool {
        let head = frame.strip_suffix(&self.tail[..]);
        let Some(captures) = head.and_then(|head| self.regex.captures(head)) else { return false };
        let mut found: HashMap<&str, Bound> = HashMap::new();
        for (at, group) in self.groups.iter().enumerate() {
            let bytes = captures.name(&group_name(at)).map(|group| group.as_bytes());
            let bytes = bytes.unwrap_or_default();
            let (name, bound) = match group {
                Group::Word(name) | Group::Regex(name) => (name, Bound::Bytes(bytes.to_vec())),
                Group::Json(name) => match serde_json::from_slice(bytes) {
                    Ok(value) => (name, Bound::Json(value)),
                    Err(_) => return false,
                },
                Group::Size { header } => {
                    if bytes != size_of(frame, *header).as_bytes() {
                        return false;
                    }
                    continue;
                }
            };
            if found.get(&**name).is_some_and(|other| *other != bound) {
                return false;
            }
            found.insert(name, bound);
        }
        for (name, bound) in found {
            if name != "_" {
                scope.bind(name, bound);
            }
        }
        true
    }

    /// As people read it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Whether a regular expression of a scenario is found anywhere in a value.
///
/// # Errors
/// One that can't be compiled, which the reader of scenarios lets nobody write.
pub fn finds(regex: &str, value: &[u8]) -> Result<bool, NoValue> {
    Ok(compile(regex)?.is_match(value))
}

fn compile(regex: &str) -> Result<Regex, NoValue> {
    let mut builder = RegexBuilder::new(regex);
    builder.unicode(false).dot_matches_new_line(true).size_limit(256 << 20);
    builder.build().map_err(|error| NoValue::Regex(error.to_string()))
}

/// The name of one of our groups; those of a scenario's own regular expression are not looked at.
fn group_name(at: usize) -> String {
    format!("_.{at}")
}

/// The size of a frame's payload, or of the header block in it.
fn size_of(frame: &[u8], header: bool) -> String {
    let line_end = find(frame, b"\r\n").map_or(frame.len(), |end| end + 2);
    let payload = frame[line_end..].strip_suffix(b"\r\n").unwrap_or_default();
    match header {
        true => find(payload, b"\r\n\r\n").map_or(payload.len(), |end| end + 4).to_string(),
        false => payload.len().to_string(),
    }
}

struct Building {
    regex: String,
    groups: Vec<Group>,
    /// Literal bytes behind the last placeholder so far.
    tail: Vec<u8>,
    text: String,
}

impl Building {
    fn add(&mut self, template: &Template, scope: &mut Scope) -> Result<(), NoValue> {
        for part in &template.parts {
            match part {
                Part::Bytes(bytes) => self.literal(bytes),
                Part::Cut => {}
                Part::Repeat(bytes, count) => self.literal(&scope.repeat(bytes, &count.value)?),
                Part::Signature { by, of, padded } => {
                    self.literal(&scope.signature(&by.value, &of.value, *padded)?);
                }
                Part::Nuid => self.literal(scope.fresh_id().as_bytes()),
                Part::AnyWord => self.open(r"[^ \t\r\n]+", "<_>"),
                Part::AnyBytes => self.open(".*?", "<...>"),
                Part::Size => self.group(Group::Size { header: false }, "[0-9]+", "#"),
                Part::HeaderSize => self.group(Group::Size { header: true }, "[0-9]+", "#"),
                Part::Json(name) => {
                    let text = format!("<{}:json>", name.value);
                    self.group(Group::Json(name.value.clone()), ".*", &text);
                }
                Part::Regex(name, regex) => {
                    let text = format!("<{}:/{regex}/>", name.value);
                    self.group(Group::Regex(name.value.clone()), regex, &text);
                }
                Part::Value(value) => self.value(&value.value, scope)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, expr: &Expr, scope: &mut Scope) -> Result<(), NoValue> {
        if let Some(cell) = scope.cell(expr) {
            return self.add(&cell, scope);
        }
        match expr {
            Expr::Path(name, steps) if steps.is_empty() && scope.get(name).is_none() => {
                self.group(Group::Word(name.clone()), r"[^ \t\r\n]+", &format!("<{name}>"));
            }
            _ => self.literal(&scope.bytes(expr)?),
        }
        Ok(())
    }

    fn literal(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.text.push_str(&shown(bytes));
    }

    fn open(&mut self, regex: &str, text: &str) {
        for byte in std::mem::take(&mut self.tail) {
            self.regex.push_str(&format!(r"\x{byte:02x}"));
        }
        self.regex.push_str(&format!("(?:{regex})"));
        self.text.push_str(text);
    }

    fn group(&mut self, group: Group, regex: &str, text: &str) {
        let name = group_name(self.groups.len());
        self.groups.push(group);
        self.open(&format!("(?P<{name}>{regex})"), text);
    }
}
