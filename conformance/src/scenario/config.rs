//! Fragments of the server's configuration. They are not text like any other: nothing is escaped,
//! and only `<path>` stands for something.

use super::{Part, Spanned, Template, line::Line, template::operand};

/// The lines of a fragment, their common indentation removed.
pub(super) fn config(lines: &[Line<'_>]) -> Template {
    // What stands behind `config:` itself is not indented.
    let base = lines.iter().map(|line| line.indent).filter(|indent| *indent > 0).min();
    let mut parts = Vec::new();
    for line in lines {
        push(&mut parts, &" ".repeat(line.indent.saturating_sub(base.unwrap_or(0))));
        read(*line, &mut parts);
        push(&mut parts, "\n");
    }
    let start = lines.first().map_or(0, |line| line.start);
    Template { parts, span: start..lines.last().map_or(start, |line| line.span().end) }
}

fn read(line: Line<'_>, parts: &mut Vec<Part>) {
    let text = line.text.trim_end();
    let mut read = 0;
    for (at, _) in text.match_indices('<') {
        let inner = text[at + 1..].split('>').next().unwrap_or_default();
        let end = at + 1 + inner.len();
        if at < read || end == text.len() {
            continue;
        }
        if let Some(value) = operand(inner).filter(|_| inner.parse::<i64>().is_err()) {
            push(parts, &text[read..at]);
            let span = line.start + at..line.start + end + 1;
            parts.push(Part::Value(Spanned { value, span }));
            read = end + 1;
        }
    }
    push(parts, &text[read..]);
}

fn push(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Bytes(bytes)) => bytes.extend_from_slice(text.as_bytes()),
        _ => parts.push(Part::Bytes(text.as_bytes().to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Expr, line::lines};

    #[test]
    fn only_paths_between_angles_stand_for_something() {
        let template =
            config(&lines("  a: \"<certs>/x\"\n    b: [\"foo.>\", \"\\\\<\", <ann.key>]\n"));
        let shown = template.parts.iter().map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::Value(Spanned { value: Expr::Path(name, steps), .. }) => {
                format!("{{{name} {}}}", steps.len())
            }
            other => panic!("{other:?}"),
        });
        let shown = shown.collect::<String>();
        assert_eq!(shown, "a: \"{certs 0}/x\"\n  b: [\"foo.>\", \"\\\\<\", {ann 1}]\n");
    }
}
