//! Sizes that contradict the payload below them.

use crate::scenario::{Expectation, Kind, Part, Problem, Statement, Template, block};

pub(super) fn sizes(statements: &[Statement]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        match &statement.kind {
            Kind::Send { to, text, finished: true } => {
                let next = statements.get(at + 1).map(|next| &next.kind);
                if let Some(Kind::Send { to: other, text: payload, finished: true }) = next
                    && to.iter().map(|peer| &peer.value).eq(other.iter().map(|peer| &peer.value))
                {
                    problems.extend(published(text, payload));
                }
            }
            Kind::Expect(expectation) => problems.extend(expected(expectation)),
            Kind::AnyOrder(expectations) => {
                problems.extend(expectations.iter().filter_map(expected))
            }
            kind => problems.extend(sizes(block(kind))),
        }
    }
    problems
}

/// A PUB or HPUB line and the line below it.
fn published(line: &Template, payload: &Template) -> Option<Problem> {
    let line_bytes = literal(line)?;
    let verb = line_bytes.split(|byte| *byte == b' ').next()?.to_ascii_uppercase();
    let alone = line_bytes.iter().filter(|byte| **byte == b'\n').count() == 1;
    if !matches!(&verb[..], b"PUB" | b"HPUB") || !alone {
        return None;
    }
    compare(line, last_number(&line_bytes)?, literal(payload)?.len().checked_sub(2)?)
}

fn expected(expectation: &Expectation) -> Option<Problem> {
    let bytes = literal(&expectation.frame)?;
    if !bytes.starts_with(b"MSG ") && !bytes.starts_with(b"HMSG ") {
        return None;
    }
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let payload = bytes.len().checked_sub(end + 4)?;
    compare(&expectation.frame, last_number(&bytes[..end])?, payload)
}

fn compare(template: &Template, written: usize, is: usize) -> Option<Problem> {
    (written != is).then(|| {
        let label = format!("{written} is written here, and the payload has {is} bytes");
        Problem::new(template.span.clone(), "a size that contradicts its payload", label)
            .advise("write `#` to have it counted, or tag the scenario `error` if it is meant")
    })
}

/// The bytes of a template without names or patterns.
fn literal(template: &Template) -> Option<Vec<u8>> {
    let part = |part: &Part| match part {
        Part::Bytes(bytes) => Some(bytes.clone()),
        Part::Cut => Some(Vec::new()),
        _ => None,
    };
    Some(template.parts.iter().map(part).collect::<Option<Vec<_>>>()?.concat())
}

fn last_number(line: &[u8]) -> Option<usize> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    let word = words.rfind(|word| !word.is_empty())?;
    std::str::from_utf8(word).ok()?.parse().ok()
}
