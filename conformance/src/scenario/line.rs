//! Lines of a scenario, and what they are cut into.

use super::{
    Problem, Span, Template,
    template::{Use, is_name, whole},
};

/// A line without its indentation and line end; blanks at its end may be bytes and stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) indent: usize,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Line<'_> {
    pub(super) fn span(&self) -> Span {
        self.start..self.start + self.text.trim_end().len().max(1)
    }
}

pub(super) fn lines(source: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for whole in source.split_inclusive('\n') {
        // Every CR: one that was left would be the line's end when it is read again.
        let line = whole.trim_end_matches(['\n', '\r']);
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let text = if text.trim().is_empty() { "" } else { text };
        lines.push(Line { indent, text, start: start + indent });
        start += whole.len();
    }
    lines
}

/// `alice, bob> text`: the peers, the sign, the text behind one blank.
pub(super) fn split_dialogue(line: Line<'_>) -> Option<(String, char, Line<'_>)> {
    let at = line.text.find(['<', '>'])?;
    let (peers, rest) = line.text.split_at(at);
    let listed = peers.split([',', '|']).all(|peer| is_name(peer.trim()));
    let sign = rest.chars().next()?;
    let text = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
    if !listed || (text.len() + 1 == rest.len() && !text.is_empty()) {
        return None;
    }
    let start = line.start + line.text.len() - text.len();
    Some((peers.to_owned(), sign, Line { text, start, ..line }))
}

/// The cells of a row, blanks around them cut off.
pub(super) fn row_cells(row: Line<'_>) -> Vec<&str> {
    let body = row.text[1..].trim_end();
    let body = body.strip_suffix(" |").unwrap_or(body);
    split_cells(body).into_iter().map(str::trim).collect()
}

pub(super) fn cells(row: Line<'_>) -> Result<Vec<Template>, Problem> {
    let offset = row.text.as_ptr() as usize;
    let cell = |cell: &str| {
        let start = row.start + (cell.as_ptr() as usize - offset);
        whole(cell, start, Use::Expect)
    };
    row_cells(row).into_iter().map(cell).collect()
}

/// Splits at `|`, but not at the cut `\|`.
fn split_cells(body: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut from = 0;
    for (at, _) in body.match_indices('|') {
        if !body[..at].ends_with('\\') {
            cells.push(&body[from..at]);
            from = at + 1;
        }
    }
    cells.push(&body[from..]);
    cells
}

/// A remark stands behind a blank and `#`, outside of JSON texts.
pub(super) fn without_remark(text: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if before != '\\' => quoted = !quoted,
            '#' if !quoted && before == ' ' => return text[..at].trim_end(),
            _ => {}
        }
        before = letter;
    }
    text.trim_end()
}
