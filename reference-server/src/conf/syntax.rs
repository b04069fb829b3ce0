//! Text to keys and values. Keys and values are separated by `:`, `=` or blanks, statements by a
//! new line, `,` or `;`. Comments begin with `#` or `//`.

/// Where something stands, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) key_at: Place,
    pub(super) value: Value,
    pub(super) value_at: Place,
}

/// A value as it was written; what a word means is for the option to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Word(String),
    Quoted(String),
    /// `[ … ]`.
    List(Vec<Value>),
    /// `{ … }`.
    Map(Vec<Item>),
}

type Failure = (Place, String);

/// How deep maps and lists may stand in each other.
const DEPTH_MAX: usize = 64;

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Vec<Item>, Failure> {
    let mut reader = Reader { rest: text, at: Place { line: 1, column: 1 }, depth: 0 };
    let items = reader.items()?;
    match reader.peek() {
        None => Ok(items),
        Some(_) => Err((reader.at, "this `}` closes nothing".to_owned())),
    }
}

struct Reader<'a> {
    rest: &'a str,
    at: Place,
    depth: usize,
}

impl Reader<'_> {
    /// Items up to the end or a `}`, which is left.
    fn items(&mut self) -> Result<Vec<Item>, Failure> {
        let mut items = Vec::new();
        loop {
            self.skip(|letter| letter.is_whitespace() || matches!(letter, ',' | ';'));
            if matches!(self.peek(), None | Some('}')) {
                return Ok(items);
            }
            let key_at = self.at;
            let key = match self.peek() {
                Some('"' | '\'') => self.quoted()?,
                _ => self.word(|letter| matches!(letter, ':' | '=' | '{' | '[' | '}')),
            };
            if key.is_empty() {
                return Err((key_at, "expected the name of an option".to_owned()));
            }
            self.skip(|letter| letter == ' ' || letter == '\t');
            if matches!(self.peek(), Some(':' | '=')) {
                self.next();
            }
            self.skip(|letter| letter == ' ' || letter == '\t');
            let value_at = self.at;
            let value = self.value(&key)?;
            items.push(Item { key, key_at, value, value_at });
        }
    }

    fn value(&mut self, key: &str) -> Result<Value, Failure> {
        let at = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err((at, "nested too deeply".to_owned()));
        }
        let value = match self.peek() {
            Some('"' | '\'') => Value::Quoted(self.quoted()?),
            Some('{') => {
                self.next();
                let items = self.items()?;
                self.expect('}', at)?;
                Value::Map(items)
            }
            Some('[') => {
                self.next();
                let mut values = Vec::new();
                loop {
                    self.skip(|letter| letter.is_whitespace() || letter == ',');
                    if matches!(self.peek(), None | Some(']')) {
                        break;
                    }
                    values.push(self.value(key)?);
                }
                self.expect(']', at)?;
                Value::List(values)
            }
            _ => match self.word(|letter| matches!(letter, '{' | '}' | '[' | ']')) {
                word if word.is_empty() => {
                    return Err((at, format!("expected a value for `{key}`")));
                }
                word => Value::Word(word),
            },
        };
        self.depth -= 1;
        Ok(value)
    }

    fn expect(&mut self, closing: char, opened: Place) -> Result<(), Failure> {
        match self.next() {
            Some(letter) if letter == closing => Ok(()),
            _ => Err((opened, format!("this is never closed by `{closing}`"))),
        }
    }

    fn quoted(&mut self) -> Result<String, Failure> {
        let opened = self.at;
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err((opened, "this quotation never ends".to_owned())),
                letter if letter == quote => return Ok(text),
                Some('\\') if quote == Some('"') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(letter @ ('"' | '\\')) => text.push(letter),
                    _ => return Err((self.at, "unknown escape".to_owned())),
                },
                Some(letter) => text.push(letter),
            }
        }
    }

    /// Letters up to a blank, a separator, or what `ends` says.
    fn word(&mut self, ends: fn(char) -> bool) -> String {
        let mut word = String::new();
        while let Some(letter) = self.peek() {
            if letter.is_whitespace() || matches!(letter, ',' | ';' | '#') || ends(letter) {
                break;
            }
            word.push(letter);
            self.next();
        }
        word
    }

    /// Passes over letters and comments.
    fn skip(&mut self, passes: fn(char) -> bool) {
        loop {
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                while self.peek().is_some_and(|letter| letter != '\n') {
                    self.next();
                }
            }
            match self.peek() {
                Some(letter) if passes(letter) => self.next(),
                _ => return,
            };
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        match letter {
            '\n' => self.at = Place { line: self.at.line + 1, column: 1 },
            _ => self.at.column += 1,
        }
        Some(letter)
    }
}
