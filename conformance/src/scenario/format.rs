//! One way to write a scenario. Only blanks change: comments, order and every byte that is sent or
//! expected stay as they are.

use super::line::{Line, lines, split_dialogue, without_remark};

/// The text as it should be written. Text that is no scenario comes back with its blanks tidied
/// all the same; nothing is lost.
pub fn format(source: &str) -> String {
    let lines = lines(source);
    let blank = lines.iter().position(|line| line.text.is_empty()).unwrap_or(lines.len());
    let mut out = String::new();
    header(&lines[..blank], &mut out);
    let mut body = &lines[blank..];
    let mut fragment = None;
    while let Some(first) = body.iter().position(|line| !line.text.is_empty()) {
        if first > 0 {
            out.push('\n');
        }
        body = &body[first..];
        let end = body.iter().position(|line| line.text.is_empty()).unwrap_or(body.len());
        paragraph(&body[..end], &mut fragment, &mut out);
        body = &body[end..];
    }
    out
}

/// Values stand below each other.
fn header(lines: &[Line<'_>], out: &mut String) {
    let keys =
        lines.iter().filter(|line| line.indent == 0).filter_map(|line| line.text.split_once(':'));
    // The value of `config:` stands in the lines below it.
    let keys = keys.filter(|(_, value)| !value.trim().is_empty());
    let width = keys.map(|(key, _)| key.trim().chars().count()).max().unwrap_or(0);
    let base =
        lines.iter().filter(|line| line.indent > 0).map(|line| line.indent).min().unwrap_or(0);
    for line in lines {
        match line.text.split_once(':').filter(|_| line.indent == 0) {
            Some((key, value)) => {
                let key = key.trim();
                let gap = " ".repeat(width.saturating_sub(key.chars().count()) + 1);
                out.push_str(&format!("{key}:{gap}{}", value.trim()));
            }
            None if line.indent == 0 => out.push_str(line.text),
            None => {
                out.push_str("    ");
                out.push_str(&" ".repeat(line.indent - base));
                out.push_str(line.text);
            }
        }
        while out.ends_with([' ', '\t']) {
            out.pop();
        }
        out.push('\n');
    }
}

/// Lines without a blank line between them; the rows of a table are aligned. Behind a statement
/// that configures, with this indentation, deeper lines are of another language and stay as they
/// are.
fn paragraph(lines: &[Line<'_>], fragment: &mut Option<usize>, out: &mut String) {
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        out.push_str(&" ".repeat(line.indent));
        if fragment.is_some_and(|indent| line.indent > indent) {
            out.push_str(line.text.trim_end());
            out.push('\n');
            at += 1;
            continue;
        }
        let is_above = super::control::configures(line) || super::outside::has_text_below(line);
        *fragment = is_above.then_some(line.indent);
        if line.text.starts_with('|') {
            let end = lines[at..].iter().position(|next| !next.text.starts_with('|'));
            let end = end.map_or(lines.len(), |length| at + length);
            table(&lines[at..end], out);
            at = end;
            continue;
        }
        match split_dialogue(line) {
            // Bytes: blanks count.
            Some((peers, sign, rest)) => {
                let peers: Vec<&str> = peers.split(',').map(str::trim).collect();
                out.push_str(&peers.join(","));
                out.push(sign);
                if !rest.text.is_empty() {
                    out.push(' ');
                    out.push_str(rest.text);
                }
            }
            None => statement(line.text, out),
        }
        out.push('\n');
        at += 1;
    }
}

/// Words with single blanks; JSON, texts and remarks as they are.
fn statement(text: &str, out: &mut String) {
    // They end in text, where blanks and `#` are bytes like any other.
    let first = text.split(' ').next().unwrap_or_default();
    if matches!(first, "let" | "tally") || super::outside::is_of_log(text) {
        out.push_str(text);
        return;
    }
    let stated = without_remark(text);
    let remark = text[stated.len()..].trim();
    let is_text =
        matches!(first, "check" | "wait" | "run") || stated.contains(['{', '<', '"', '\\', '/']);
    match is_text {
        true => out.push_str(stated),
        false => out.push_str(&stated.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
    if !remark.is_empty() {
        if !stated.is_empty() {
            out.push_str("  ");
        }
        out.push_str(remark);
    }
}

fn table(rows: &[Line<'_>], out: &mut String) {
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| super::line::row_cells(*row)).collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let lengths =
            cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (at, row) in cells.iter().enumerate() {
        if at > 0 {
            out.push_str(&" ".repeat(rows[at].indent));
        }
        for (column, cell) in row.iter().enumerate() {
            let last = column + 1 == row.len();
            let gap = if last { 0 } else { widths[column] - cell.chars().count() + 1 };
            out.push_str(&format!("| {cell}{}", " ".repeat(gap)));
        }
        // An empty last cell needs its end, or it would be the end of the one before.
        if row.len() > 1 && row.last().is_some_and(|cell| cell.is_empty()) {
            out.push('|');
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn what_is_expected_keeps_its_blanks() {
        let text = "title: A\nspec:  B\nconfig:\n    a: 1\n\ntally a: 2 of MSG q <_> #\\r\\n<n>\n";
        assert_eq!(format(text), text);
        let text = "title: A\n\nthe server logs # of  two\n";
        assert_eq!(format(text), text);
        assert_eq!(
            format("title: A\n\nalice   connects # now\n"),
            "title: A\n\nalice connects  # now\n"
        );
    }
}
