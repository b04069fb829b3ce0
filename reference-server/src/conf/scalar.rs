//! Values that are not maps or arrays: strings in their forms, and words without quotes, which
//! are booleans, integers, floats, dates, variables, or else strings (CONF-003 to CONF-007).

use super::value::Kind;

/// What stands there.
#[derive(Debug)]
pub(super) enum Word {
    Value(Kind),
    /// `$NAME`.
    Variable(String),
}

/// What can't be meant.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) advice: Option<&'static str>,
}

type Step = Result<(usize, Word), Wrong>;

/// Reads what the text begins with; says how many bytes that was.
pub(super) fn read(text: &str) -> Step {
    match text.as_bytes().first() {
        Some(b'"') => quoted(text),
        Some(b'\'') => {
            let end = text[1..].find('\'').ok_or_else(|| never_ends("this quotation"))?;
            Ok((end + 2, string(&text[1..=end])))
        }
        Some(b'(') => block(text),
        _ => {
            let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ']' | '}' | '\'');
            let end = text.find(ends).unwrap_or(text.len());
            // A quotation mark ends a word, and is part of it.
            let used = end + usize::from(text[end..].starts_with('\''));
            Ok((used, bare(&text[..end])?))
        }
    }
}

fn wrong(message: impl Into<String>, advice: &'static str) -> Wrong {
    Wrong { message: message.into(), advice: Some(advice) }
}

fn never_ends(what: &str) -> Wrong {
    Wrong { message: format!("Unexpected EOF: {what} never ends"), advice: None }
}

fn string(text: &str) -> Word {
    Word::Value(Kind::Text(text.to_owned()))
}

fn quoted(text: &str) -> Step {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok((at + 1, string(&unescape(&text[1..at])?))),
            _ => {}
        }
    }
    Err(never_ends("this quotation"))
}

/// `(`, any text, and a line that is `)` alone; all between, line ends included (CONF-003).
fn block(text: &str) -> Step {
    for (at, _) in text.match_indices("\n)") {
        let behind = &text[at + 2..];
        if behind.is_empty() || behind.starts_with('\n') || behind.starts_with("\r\n") {
            return Ok((at + 2, string(&text[1..=at])));
        }
    }
    Err(wrong(
        "Unexpected EOF: this block never ends",
        "a block ends with a line that is `)` alone",
    ))
}

fn unescape(text: &str) -> Result<String, Wrong> {
    const KNOWN: &str = "only \\xXX, \\t, \\n, \\r, \\\", \\\\ are known";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let letter = rest.chars().next();
        bytes.push(match letter {
            Some('t') => b'\t',
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('"') => b'"',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.chars().skip(1).take(2).collect();
                let are_hex = digits.len() == 2 && digits.bytes().all(|c| c.is_ascii_hexdigit());
                let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| are_hex);
                rest = &rest[if byte.is_some() { 2 } else { 0 }..];
                byte.ok_or_else(|| {
                    let words = "Expected two hexadecimal digits after '\\x', but got";
                    wrong(format!("{words} '{digits}'"), KNOWN)
                })?
            }
            other => {
                let letter = other.map(String::from).unwrap_or_default();
                return Err(wrong(format!("Invalid escape character '{letter}'"), KNOWN));
            }
        });
        rest = &rest[1..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes)
        .map_err(|_| wrong("this string is not UTF-8", "write letters as they are"))
}

/// A word without quotes.
fn bare(word: &str) -> Result<Word, Wrong> {
    if word.contains('\\') {
        return Ok(string(&unescape(word)?));
    }
    if let Some(name) = word.strip_prefix('$') {
        // A bcrypt hash is no variable.
        return Ok(if name.starts_with("2a$") {
            string(word)
        } else {
            Word::Variable(name.to_owned())
        });
    }
    match word.to_ascii_lowercase().as_str() {
        "" => return Err(wrong("Expected value", "an empty string is \"\"")),
        "true" | "yes" | "on" => return Ok(Word::Value(Kind::Flag(true))),
        "false" | "no" | "off" => return Ok(Word::Value(Kind::Flag(false))),
        _ => {}
    }
    if word.starts_with('.') {
        return Err(wrong("Floats must start with a digit", "write 0.5, or \".5\" for a string"));
    }
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let negative = unsigned.len() < word.len();
    match unsigned.find(|c: char| !c.is_ascii_digit()) {
        Some(0) if negative => {
            let letter = unsigned.chars().next().unwrap_or_default();
            Err(wrong(format!("Expected a digit but got '{letter}'"), "a string may need quotes"))
        }
        _ if unsigned.is_empty() => Err(wrong("Expected a digit", "a string may need quotes")),
        Some(0) => Ok(string(word)),
        None => integer(word, word.len()),
        Some(digits) => match unsigned.as_bytes()[digits] {
            b'.' => float_or_address(word),
            b'-' if !negative => date(word),
            b'k' | b'K' | b'm' | b'M' | b'g' | b'G' | b't' | b'T' | b'p' | b'P' | b'e' | b'E'
                if is_unit(&unsigned[digits + 1..]) =>
            {
                integer(word, digits + word.len() - unsigned.len())
            }
            _ if negative => Err(wrong("this is no number", "a string needs quotes")),
            _ => Ok(string(word)),
        },
    }
}

/// What may stand behind `k`: nats-server drops `kbi` without a word, here it is a string.
fn is_unit(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "" | "b" | "i" | "ib")
}

/// An integer whose suffix begins there (CONF-004).
fn integer(word: &str, suffix_at: usize) -> Result<Word, Wrong> {
    let suffix = word[suffix_at..].to_ascii_lowercase();
    let power = suffix.chars().next().and_then(|letter| "kmgtpe".find(letter));
    let base: i64 = if suffix.len() > 1 { 1024 } else { 1000 };
    let unit = power.map_or(Some(1), |power| base.checked_pow(power as u32 + 1));
    let number = word[..suffix_at].parse::<i64>().ok();
    match number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit)) {
        Some(number) => Ok(Word::Value(Kind::Integer(number))),
        None => {
            Err(wrong(format!("integer '{word}' is out of the range"), "a string needs quotes"))
        }
    }
}

fn float_or_address(word: &str) -> Result<Word, Wrong> {
    let of_address = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '-');
    let dots = word.matches('.').count();
    match word.parse() {
        Ok(number)
            if word.ends_with(|c: char| c.is_ascii_digit()) && word.chars().all(of_address) =>
        {
            Ok(Word::Value(Kind::Float(number)))
        }
        _ if dots > 1 && word.chars().all(of_address) => Ok(string(word)),
        _ => Err(wrong(format!("'{word}' is no number"), "a string that begins so needs quotes")),
    }
}

fn date(word: &str) -> Result<Word, Wrong> {
    let form = "0000-00-00T00:00:00Z";
    let fits = |(a, b): (char, char)| if b == '0' { a.is_ascii_digit() } else { a == b };
    if word.len() == form.len() && word.chars().zip(form.chars()).all(fits) {
        return Ok(Word::Value(Kind::Date(word.to_owned())));
    }
    let advice = "a date looks like 2026-01-02T03:04:05Z; a string that begins so needs quotes";
    if word.find('-') != form.find('-') {
        return Err(wrong("All ISO8601 dates must be in full Zulu form", advice));
    }
    let mut letters = word.chars();
    let pairs = form.chars().map(|wanted| (wanted, letters.next()));
    let amiss = pairs.into_iter().find(|(wanted, is)| !is.is_some_and(|is| fits((is, *wanted))));
    let (wanted, is) = amiss.unwrap_or_else(|| (' ', word.chars().nth(form.len())));
    let wanted = if wanted == '0' { "digit".to_owned() } else { format!("'{wanted}'") };
    let is = is.map_or_else(|| "the end".to_owned(), |letter| format!("'{letter}'"));
    let words = format!("Expected {wanted} in ISO8601 datetime, but found {is} instead.");
    Err(wrong(words, advice))
}
