//! Small pieces of statements: names, peers, durations.

use std::time::Duration;

use super::{Peer, Problem, Spanned, line::Line, template::is_name};

/// Names that can't be peers.
const RESERVED: &[&str] = &["everyone", "server"];

/// The first word, and the rest behind the blanks that follow it.
pub(super) fn first<'a>(line: Line<'a>) -> (&'a str, Line<'a>) {
    let end = line.text.find(' ').unwrap_or(line.text.len());
    let (word, rest) = line.text.split_at(end);
    let text = rest.trim_start();
    (word, Line { text, start: line.start + line.text.len() - text.len(), ..line })
}

/// Whether the line is one of the forms, whatever blanks it has.
pub(super) fn is(line: Line<'_>, forms: &[&str]) -> bool {
    let words: Vec<&str> = line.text.split_whitespace().collect();
    forms.iter().any(|form| words == form.split(' ').collect::<Vec<_>>())
}

/// What stands behind one of the words.
pub(super) fn after<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    let end = text.find(' ').unwrap_or(text.len());
    words.contains(&&text[..end]).then(|| text[end..].trim_start())
}

/// `alice, bob` and what they do.
pub(super) fn peers_and_verb<'a>(line: Line<'a>) -> (&'a str, Line<'a>) {
    let mut end = 0;
    loop {
        let rest = &line.text[end..];
        let word = rest.find([',', ' ']).unwrap_or(rest.len());
        end += word;
        let gap = line.text[end..].trim_start();
        match gap.strip_prefix(',') {
            Some(more) => end = line.text.len() - more.trim_start().len(),
            None => {
                let start = line.start + line.text.len() - gap.len();
                return (&line.text[..end], Line { text: gap, start, ..line });
            }
        }
    }
}

/// A list of peers.
pub(super) fn peers(text: &str, start: usize, separator: char) -> Result<Vec<Peer>, Problem> {
    let peers = list(text, start, separator);
    for peer in &peers {
        if !is_name(&peer.value) {
            let label = "expected names such as `alice`, or `alice, bob`";
            return Err(Problem::new(peer.span.clone(), "not a peer's name", label));
        }
        if RESERVED.contains(&peer.value.as_str()) {
            let label = "this word has a meaning of its own";
            return Err(Problem::new(peer.span.clone(), "not a peer's name", label));
        }
    }
    Ok(peers)
}

/// A list of names to be bound.
pub(super) fn names(text: &str, start: usize) -> Result<Vec<Spanned<String>>, Problem> {
    let names = list(text, start, ',');
    for (at, name) in names.iter().enumerate() {
        if !is_name(&name.value) {
            let label = "expected a letter, then letters, digits, `_` or `-`";
            return Err(Problem::new(name.span.clone(), "not a name", label));
        }
        if names[..at].iter().any(|other| other.value == name.value) {
            let label = "expected a name for each column";
            return Err(Problem::new(name.span.clone(), "a name twice", label));
        }
    }
    Ok(names)
}

fn list(text: &str, mut start: usize, separator: char) -> Vec<Spanned<String>> {
    let mut found = Vec::new();
    for item in text.split(separator) {
        let value = item.trim().to_owned();
        let from = start + (item.len() - item.trim_start().len());
        found.push(Spanned { span: from..from + value.len().max(1), value });
        start += item.len() + 1;
    }
    found
}

/// `450ms`, `2s`, `1.5s`, `1m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}
