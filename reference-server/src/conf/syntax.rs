//! Text to keys and values, with nats-server's rules: comments, separators, variables and included
//! files. What a word without quotes is, `scalar.rs` decides.
//!
//! No text makes this panic or run long: nesting, included files and what variables copy have an
//! end.

use std::{collections::HashMap, path::Path, path::PathBuf, sync::Arc};

use super::{
    Problem, scalar,
    scalar::Word,
    value::{Entry, Kind, Place, Source, Value},
};

/// How deep maps and arrays may stand in each other.
const DEPTH_MAX: usize = 64;
/// How deep files may include each other, and environment variables name each other.
const INCLUDES_MAX: usize = 16;
/// How many values variables may copy; those that hold one another grow without bounds.
const COPIES_MAX: usize = 1 << 20;

/// Where variables that no key defines come from.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a whole text into a map.
pub(super) fn read(source: Source, environment: Environment<'_>) -> Result<Value, Problem> {
    let files = source.file.iter().map(|file| canonical(file)).collect();
    let mut world = World { environment, variables: Vec::new(), files, copies: 0 };
    file(source, &mut world)
}

/// What a file shares with those that it includes.
struct World<'a> {
    environment: Environment<'a>,
    /// Environment variables being read, from the outside in.
    variables: Vec<String>,
    /// Files being read, from the outside in.
    files: Vec<PathBuf>,
    copies: usize,
}

struct Reader<'t, 'w, 'e> {
    source: &'t Arc<Source>,
    rest: &'t str,
    line: usize,
    column: usize,
    depth: usize,
    /// The maps that are open, from the outside in.
    scopes: Vec<Scope>,
    world: &'w mut World<'e>,
}

/// A map that is being read.
#[derive(Default)]
struct Scope {
    entries: Vec<Entry>,
    /// Where in `entries` a key is.
    places: HashMap<String, usize>,
}

fn file(source: Source, world: &mut World<'_>) -> Result<Value, Problem> {
    let source = Arc::new(source);
    let scopes = vec![Scope::default()];
    let mut reader =
        Reader { source: &source, rest: &source.text, line: 1, column: 1, depth: 0, scopes, world };
    let at = reader.here();
    reader.top()?;
    let entries = reader.scopes.pop().map(|scope| scope.entries).unwrap_or_default();
    Ok(Value { kind: Kind::Map(entries), at })
}

impl Reader<'_, '_, '_> {
    /// The entries of a file; braces around all of it are no map of their own.
    fn top(&mut self) -> Result<(), Problem> {
        loop {
            self.skip(char::is_whitespace);
            if self.take('{') || self.take('}') {
                continue;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            self.entry()?;
            self.skip(is_blank);
            match self.peek() {
                None => return Ok(()),
                Some('\n' | '\r' | ',' | ';' | '}') => self.advance(),
                Some(other) => return Err(self.not_ended("entry", other)),
            };
        }
    }

    /// A map behind its opening brace, up to and with the closing one.
    fn map(&mut self, opened: &Place) -> Result<Vec<Entry>, Problem> {
        self.scopes.push(Scope::default());
        loop {
            self.skip(char::is_whitespace);
            if self.take('}') {
                break;
            }
            if self.peek().is_none() {
                return Err(opened.problem("Unexpected EOF processing map: `{` is never closed"));
            }
            self.entry()?;
            self.skip(is_blank);
            match self.peek() {
                Some('\n' | '\r' | ',' | ';') => self.advance(),
                Some('}') | None => None,
                Some(other) => return Err(self.not_ended("map value", other)),
            };
        }
        Ok(self.scopes.pop().map(|scope| scope.entries).unwrap_or_default())
    }

    /// An array behind its opening bracket, up to and with the closing one.
    fn array(&mut self, opened: &Place) -> Result<Vec<Value>, Problem> {
        let mut values = Vec::new();
        loop {
            self.skip(char::is_whitespace);
            if self.take(']') {
                return Ok(values);
            }
            match self.peek() {
                None => return Err(opened.problem("Unexpected EOF: `[` is never closed")),
                Some(',') => {
                    return Err(self.here().problem("Unexpected array value terminator ','"));
                }
                Some(_) => values.push(self.value()?),
            }
            self.skip(is_blank);
            match self.peek() {
                Some('\n' | '\r' | ',') => self.advance(),
                Some(']') | None => None,
                Some(other) => return Err(self.not_ended("array value", other)),
            };
        }
    }

    /// A key and its value, or an included file.
    fn entry(&mut self) -> Result<(), Problem> {
        let at = self.here();
        let quoted = matches!(self.peek(), Some('"' | '\''));
        let key = if quoted { self.quoted_key()? } else { self.bare_key()? };
        let ended_by_blank = self.peek().is_some_and(is_blank);
        if !quoted && ended_by_blank && key.eq_ignore_ascii_case("include") {
            self.skip(is_blank);
            if !matches!(self.peek(), Some(':' | '=')) {
                return self.include(&at);
            }
        }
        // Without a separator the value may stand on the next line.
        self.skip(char::is_whitespace);
        if self.take(':') || self.take('=') {
            while self.peek().is_some_and(is_blank) {
                self.advance();
            }
        }
        let value = self.value()?;
        self.insert(Entry { key, at, value, used: false });
        Ok(())
    }

    fn insert(&mut self, entry: Entry) {
        let Some(scope) = self.scopes.last_mut() else { return };
        match scope.places.get(&entry.key) {
            // The last one counts (CONF-011).
            Some(place) => scope.entries[*place] = entry,
            None => {
                scope.places.insert(entry.key.clone(), scope.entries.len());
                scope.entries.push(entry);
            }
        }
    }

    fn bare_key(&mut self) -> Result<String, Problem> {
        let at = self.here();
        let key = self.while_not(|c| c.is_whitespace() || matches!(c, ':' | '=' | '{' | '['));
        match key.is_empty() {
            false => Ok(key),
            true => {
                let found = self.peek().map_or("the end".to_owned(), |c| format!("'{c}'"));
                Err(at.problem(format!("expected the name of an option, but got {found}")))
            }
        }
    }

    /// In a quoted key nothing is escaped.
    fn quoted_key(&mut self) -> Result<String, Problem> {
        let at = self.here();
        let quote = self.advance();
        let key = self.while_not(|c| Some(c) == quote);
        match self.advance() {
            Some(_) => Ok(key),
            None => Err(at.problem("Unexpected EOF: this quotation never ends")),
        }
    }

    fn value(&mut self) -> Result<Value, Problem> {
        let at = self.here();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(at.problem("nested too deeply"));
        }
        let rest = self.rest;
        let kind = match self.peek() {
            None => return Err(at.problem("Expected value but found the end of the file")),
            Some('\n' | '\r') => {
                let problem = at.problem("Expected value but found new line");
                return Err(problem.advice("a value stands on the line of its key"));
            }
            Some('{') => {
                self.advance();
                Kind::Map(self.map(&at)?)
            }
            Some('[') => {
                self.advance();
                Kind::List(self.array(&at)?)
            }
            Some(_) => {
                let (used, word) = scalar::read(rest).map_err(|wrong| {
                    let problem = at.problem(wrong.message);
                    wrong.advice.into_iter().fold(problem, Problem::advice)
                })?;
                self.pass(used);
                match word {
                    Word::Value(kind) => kind,
                    Word::Variable(name) => self.variable(&name, &at)?,
                }
            }
        };
        self.depth -= 1;
        Ok(Value { kind, at })
    }

    /// What a variable stands for: a key of this map or one around it, defined before, or else
    /// the environment, whose text is read as a value (CONF-009).
    fn variable(&mut self, name: &str, at: &Place) -> Result<Kind, Problem> {
        for scope in self.scopes.iter_mut().rev() {
            let Some(place) = scope.places.get(name) else { continue };
            let entry = &mut scope.entries[*place];
            entry.used = true;
            self.world.copies += entry.value.size();
            if self.world.copies > COPIES_MAX {
                return Err(at.problem("variables of this file hold too much"));
            }
            return Ok(entry.value.kind.clone());
        }
        let Some(text) = (self.world.environment)(name) else {
            let line = at.line;
            let words = format!("variable reference for '{name}' on line {line} can not be found");
            return Err(at
                .problem(words)
                .advice("define it earlier in this map or one around it, or in the environment"));
        };
        let known = &self.world.variables;
        if known.iter().any(|outer| outer == name) || known.len() >= INCLUDES_MAX {
            return Err(at.problem(format!("variable reference cycle for '{name}'")));
        }
        self.world.variables.push(name.to_owned());
        // Read as a file with one key, so that what is wrong with it shows its text.
        let source =
            Source { file: Some(format!("${name}").into()), text: format!("{name}={text}") };
        let value = file(source, self.world)?;
        self.world.variables.pop();
        match value.kind {
            Kind::Map(mut entries) if entries.len() == 1 => Ok(entries.remove(0).value.kind),
            _ => Err(at.problem(format!("the environment's '{name}' is not one value"))),
        }
    }

    /// Puts the entries of another file in this place (CONF-010).
    fn include(&mut self, at: &Place) -> Result<(), Problem> {
        let name = match self.peek() {
            Some('"' | '\'') => self.quoted_key()?,
            _ => self.while_not(|c| c.is_whitespace() || matches!(c, ';' | '}' | '[' | '{' | '(')),
        };
        if name.is_empty() {
            return Err(at.problem("Expected include value: the name of a file"));
        }
        let failed =
            |why: String| at.problem(format!("error parsing include file '{name}', {why}"));
        let folder = self.source.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let path = folder.join(&name);
        // A device may never end.
        let text = std::fs::metadata(&path)
            .and_then(|about| match about.is_file() {
                true => std::fs::read_to_string(&path),
                false => Err(std::io::Error::other("not a file")),
            })
            .map_err(|error| {
                failed(format!("open {}: {}", path.display(), super::words(&error)))
            })?;
        let file_id = canonical(&path);
        if self.world.files.contains(&file_id) {
            return Err(failed("which includes this one".to_owned()));
        }
        if self.world.files.len() >= INCLUDES_MAX {
            return Err(failed(format!("{INCLUDES_MAX} files deep")));
        }
        self.world.files.push(file_id);
        let included = file(Source { file: Some(path), text }, self.world)?;
        self.world.files.pop();
        self.world.copies += included.size();
        if self.world.copies > COPIES_MAX {
            return Err(failed("and with it too much".to_owned()));
        }
        if let Kind::Map(entries) = included.kind {
            entries.into_iter().for_each(|entry| self.insert(entry));
        }
        Ok(())
    }

    fn not_ended(&self, what: &str, got: char) -> Problem {
        let words = match what {
            "entry" => "a top-level value to end with a new line, comment or EOF".to_owned(),
            "map value" => format!("a {what} terminator \",\" or a map terminator \"}}\""),
            _ => format!("an {what} terminator \",\" or an array terminator \"]\""),
        };
        self.here().problem(format!("Expected {words}, but got '{got}' instead"))
    }

    /// Passes over letters and comments.
    fn skip(&mut self, passes: fn(char) -> bool) {
        loop {
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                while self.peek().is_some_and(|letter| letter != '\n') {
                    self.advance();
                }
            }
            match self.peek() {
                Some(letter) if passes(letter) => self.advance(),
                _ => return,
            };
        }
    }

    fn while_not(&mut self, ends: impl Fn(char) -> bool) -> String {
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let text = self.rest[..length].to_owned();
        self.pass(length);
        text
    }

    /// Passes over so many bytes.
    fn pass(&mut self, bytes: usize) {
        let end = self.rest.len() - bytes;
        while self.rest.len() > end {
            self.advance();
        }
    }

    fn take(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        match letter {
            '\n' => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
        Some(letter)
    }

    fn here(&self) -> Place {
        Place { source: self.source.clone(), line: self.line, column: self.column }
    }
}

fn is_blank(letter: char) -> bool {
    letter == ' ' || letter == '\t'
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
