//! Text with placeholders: what stands behind `>` and `<`, in cells and behind `let`.

use super::{Expr, Part, Problem, Span, Spanned, Step, Template};

/// Which placeholders mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Bytes to be made.
    Send,
    /// Bytes to be matched.
    Expect,
}

/// Text as it was read.
pub(super) struct Text {
    pub(super) template: Template,
    /// A last `\`: no line end is added.
    pub(super) unfinished: bool,
}

/// Reads `source`, which stands at `start`.
pub(super) fn text(source: &str, start: usize, used: Use) -> Result<Text, Problem> {
    let verb = source.split([' ', '\t']).next().unwrap_or_default().to_ascii_uppercase();
    let sized = matches!(verb.as_str(), "PUB" | "HPUB" | "MSG" | "HMSG");
    let mut reader = Reader { source, start, at: 0, used, sized, parts: Vec::new() };
    let unfinished = reader.read()?;
    let span = start..start + source.len();
    Ok(Text { template: Template { parts: reader.parts, span }, unfinished })
}

/// Reads text that can't be unfinished.
pub(super) fn whole(source: &str, start: usize, used: Use) -> Result<Template, Problem> {
    let read = text(source, start, used)?;
    if !read.unfinished {
        return Ok(read.template);
    }
    let span = start + source.len() - 1..start + source.len();
    let label = "only a line that is sent can go without its end";
    Err(Problem::new(span, "an unfinished line", label).advise("write `\\\\` for a backslash"))
}

/// Reads a number, a name, a path, or a sum.
pub(super) fn expr(source: &str, start: usize) -> Result<Spanned<Expr>, Problem> {
    let text = source.trim();
    let offset = start + (source.len() - source.trim_start().len());
    let span = offset..offset + text.len();
    let title = match text.is_empty() {
        true => "nothing where a value is wanted".to_owned(),
        false => format!("`{text}` is no value"),
    };
    let wrong = |label: &str| Problem::new(span.clone(), title.clone(), label);
    let value = match text.rfind([' ']).filter(|_| text.contains([' '])) {
        None => {
            operand(text).ok_or_else(|| wrong("expected a number, a name, or `name.member`"))?
        }
        Some(_) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            let [left, sign, right] = words[..] else {
                return Err(wrong("expected `name + 1` or `name - 1`"));
            };
            let left = operand(left).ok_or_else(|| wrong("expected a name before the sign"))?;
            let number: Option<i64> = right.parse().ok();
            let number = match sign {
                "+" => number,
                "-" => number.and_then(i64::checked_neg),
                _ => return Err(wrong("expected `+` or `-`")),
            };
            let number = number.ok_or_else(|| wrong("expected a number behind the sign"))?;
            Expr::Sum(Box::new(left), number)
        }
    };
    Ok(Spanned { value, span })
}

/// A number, or a name and the path behind it.
pub(super) fn operand(text: &str) -> Option<Expr> {
    if let Ok(number) = text.parse() {
        return Some(Expr::Number(number));
    }
    let mut steps = text.split('.');
    let name = steps.next().filter(|name| is_name(name))?;
    let mut path = Vec::new();
    for step in steps {
        let (member, indices) = match step.split_once('[') {
            Some((member, indices)) => (member, indices.strip_suffix(']')?),
            None => (step, ""),
        };
        if member.is_empty() {
            return None;
        }
        path.push(Step::Member(member.to_owned()));
        for index in indices.split("][").filter(|index| !index.is_empty()) {
            path.push(Step::Index(index.parse().ok()?));
        }
    }
    Some(Expr::Path(name.to_owned(), path))
}

/// Whether it can be compiled, alone and as `pattern` does it: for bytes, in a group.
pub(super) fn regex(source: &str, span: Span) -> Result<(), Problem> {
    let build = |source: &str| regex::bytes::RegexBuilder::new(source).unicode(false).build();
    build(source).and_then(|_| build(&format!("(?:{source})"))).map(drop).map_err(|error| {
        let error = error.to_string();
        let label = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Problem::new(span, "not a regular expression", label)
    })
}

/// A letter, then letters, digits, `_` or `-`.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

struct Reader<'a> {
    source: &'a str,
    start: usize,
    at: usize,
    used: Use,
    /// `#` at the end of the line is a size.
    sized: bool,
    parts: Vec<Part>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<bool, Problem> {
        while let Some(letter) = self.rest().chars().next() {
            match letter {
                '\\' if self.rest() == "\\" => return Ok(true),
                '\\' => self.escape()?,
                '<' => self.placeholder()?,
                '#' if self.is_size() => {
                    self.at += 1;
                    if let Some(at) = self.parts.iter().rposition(|part| *part == Part::Size) {
                        self.parts[at] = Part::HeaderSize;
                    }
                    self.parts.push(Part::Size);
                }
                _ => {
                    self.at += letter.len_utf8();
                    let mut bytes = [0; 4];
                    self.bytes(letter.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        Ok(false)
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn bytes(&mut self, more: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Bytes(bytes)) => bytes.extend_from_slice(more),
            _ => self.parts.push(Part::Bytes(more.to_vec())),
        }
    }

    /// Behind a blank, and nothing but another `#` up to the line end.
    fn is_size(&self) -> bool {
        let behind = self.rest()[1..].trim_start_matches(' ');
        let ends = |text: &str| text.is_empty() || text.starts_with("\\r\\n") || text == "\\";
        let line_ends = ends(behind) || behind.strip_prefix('#').is_some_and(ends);
        self.sized && self.source[..self.at].ends_with([' ', '\t']) && line_ends
    }

    fn escape(&mut self) -> Result<(), Problem> {
        let from = self.at;
        let mut letters = self.rest()[1..].chars();
        let letter = letters.next().unwrap_or_default();
        self.at += 1 + letter.len_utf8();
        match letter {
            'r' => self.bytes(b"\r"),
            'n' => self.bytes(b"\n"),
            't' => self.bytes(b"\t"),
            '0' => self.bytes(b"\0"),
            '\\' | '<' | '#' => self.bytes(&[letter as u8]),
            '|' => self.parts.push(Part::Cut),
            'x' => {
                let digits = self.rest().get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                let Some(byte) = digits else {
                    let label = "expected two hexadecimal digits";
                    return Err(Problem::new(
                        self.span(from, from + 2),
                        "incomplete escape",
                        label,
                    ));
                };
                self.at += 2;
                self.bytes(&[byte]);
            }
            _ => {
                let label = "expected one of \\r \\n \\t \\0 \\xHH \\\\ \\< \\# \\|";
                return Err(Problem::new(self.span(from, self.at), "unknown escape", label)
                    .advise("write `\\\\` for a backslash"));
            }
        }
        Ok(())
    }

    fn placeholder(&mut self) -> Result<(), Problem> {
        let from = self.at;
        let inner = &self.source[from + 1..];
        let ending = match inner {
            _ if inner.starts_with('"') => {
                let closing = inner[1..].find('"').map(|at| at + 2);
                closing.and_then(|at| inner[at..].find('>').map(|end| at + end))
            }
            _ => match inner.find(":/").filter(|at| is_name_or_blank(&inner[..*at])) {
                Some(at) => inner[at + 2..].find("/>").map(|end| at + 2 + end + 1),
                None => inner.find('>'),
            },
        };
        let Some(length) = ending else {
            let span = self.span(from, from + 1);
            return Err(Problem::new(
                span,
                "a placeholder that never ends",
                "expected `>` behind it",
            )
            .advise("write `\\<` for the byte itself"));
        };
        self.at = from + 1 + length + 1;
        let part = self.meaning(&inner[..length], from)?;
        self.parts.push(part);
        Ok(())
    }

    fn meaning(&self, inner: &str, from: usize) -> Result<Part, Problem> {
        let span = self.span(from, self.at);
        let only_expected = |part| match self.used {
            Use::Expect => Ok(part),
            Use::Send => {
                let label = "this has no value that could be sent";
                Err(Problem::new(span.clone(), "a pattern where bytes are wanted", label)
                    .advise("only `<` lines are matched; name the value, or write it out"))
            }
        };
        match inner {
            "_" => return only_expected(Part::AnyWord),
            "..." => return only_expected(Part::AnyBytes),
            "nuid" => return Ok(Part::Nuid),
            _ => {}
        }
        if let Some(quoted) = inner.strip_prefix('"') {
            let (text, count) = quoted.split_once('"').unwrap_or((quoted, ""));
            let Some(count) = count.trim_start().strip_prefix("x ") else {
                let label = "expected `<\"text\" x 300>`";
                return Err(Problem::new(span, "a repetition without its count", label));
            };
            let at = self.start + from + 1 + inner.len() - count.len();
            let template = whole(text, self.start + from + 2, Use::Send)?;
            let [Part::Bytes(bytes)] = &template.parts[..] else {
                let label = "expected plain text between the quotes";
                return Err(Problem::new(span, "nothing that can be repeated", label));
            };
            return Ok(Part::Repeat(bytes.clone(), expr(count, at)?));
        }
        if let Some((name, kind)) = inner.split_once(':') {
            let name_span = self.span(from + 1, from + 1 + name.len());
            let name = Spanned { value: name.to_owned(), span: name_span };
            if is_name_or_blank(&name.value) {
                if kind == "json" {
                    return only_expected(Part::Json(name));
                }
                if let Some(re) = kind.strip_prefix('/').and_then(|re| re.strip_suffix('/')) {
                    regex(re, span.clone())?;
                    return only_expected(Part::Regex(name, re.to_owned()));
                }
            }
            let label = "expected `<name:json>` or `<name:/regular expression/>`";
            return Err(Problem::new(span, "an unknown kind of placeholder", label));
        }
        let words: Vec<&str> = inner.split_whitespace().collect();
        if let [by, "signs", of, rest @ ..] = &words[..] {
            return self.signature(by, of, rest, from);
        }
        let value = expr(inner, self.start + from + 1)
            .map_err(|problem| problem.advise("write `\\<` for the byte itself"))?;
        Ok(Part::Value(Spanned { value: value.value, span }))
    }

    /// `<ann signs info.nonce>`, `<ann signs info.nonce padded>`.
    fn signature(&self, by: &str, of: &str, rest: &[&str], from: usize) -> Result<Part, Problem> {
        let span = self.span(from, self.at);
        if !is_name(by) || !matches!(rest, [] | ["padded"]) {
            let label = "expected `<ann signs info.nonce>`, or `<ann signs info.nonce padded>`";
            return Err(Problem::new(span, "a signature that can't be read", label));
        }
        let by = Spanned { value: by.to_owned(), span: span.clone() };
        let of = Spanned { value: expr(of, span.start)?.value, span };
        Ok(Part::Signature { by, of, padded: !rest.is_empty() })
    }

    fn span(&self, from: usize, to: usize) -> Span {
        self.start + from..self.start + to
    }
}

fn is_name_or_blank(text: &str) -> bool {
    text == "_" || is_name(text)
}

/// Adds the CR LF that ends a line.
pub(super) fn end_line(template: &mut Template, unfinished: bool) {
    if unfinished {
        return;
    }
    match template.parts.last_mut() {
        Some(Part::Bytes(bytes)) => bytes.extend_from_slice(b"\r\n"),
        _ => template.parts.push(Part::Bytes(b"\r\n".to_vec())),
    }
}

/// Whether it is a message that ends with its first line.
pub(super) fn lacks_payload(text: &str, template: &Template) -> bool {
    let verb = text.split([' ', '\t']).next().unwrap_or_default();
    matches!(verb, "MSG" | "HMSG") && !has_payload(template)
}

/// Whether anything follows the first line end.
pub(super) fn has_payload(template: &Template) -> bool {
    let mut ended = false;
    for part in &template.parts {
        match part {
            Part::Bytes(bytes) if !ended => {
                let end = bytes.windows(2).position(|pair| pair == b"\r\n");
                if let Some(end) = end {
                    ended = true;
                    if end + 2 < bytes.len() {
                        return true;
                    }
                }
            }
            _ if ended => return true,
            _ => {}
        }
    }
    false
}
