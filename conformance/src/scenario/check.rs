//! `check path OP value`.

use super::{
    Check, Ordering, Problem, Test,
    line::Line,
    template::{Use, expr, regex, whole},
};

/// Operators, longer ones first.
const OPERATORS: &[(&str, Ordering)] = &[
    (" != ", Ordering::NotEqual),
    (" >= ", Ordering::AtLeast),
    (" <= ", Ordering::AtMost),
    (" = ", Ordering::Equal),
    (" > ", Ordering::More),
    (" < ", Ordering::Less),
];

/// Reads what stands behind the word `check`.
pub(super) fn check(rest: Line<'_>) -> Result<Check, Problem> {
    for (word, test) in [(" exists", Test::Exists), (" missing", Test::Missing)] {
        if let Some(path) = rest.text.strip_suffix(word) {
            return Ok(Check { left: expr(path, rest.start)?, test });
        }
    }
    if let Some((path, words)) = rest.text.split_once(" contains ") {
        let start = rest.start + rest.text.len() - words.len();
        let test = Test::Contains(whole(words.trim_end(), start, Use::Send)?);
        return Ok(Check { left: expr(path, rest.start)?, test });
    }
    if let Some((path, pattern)) = rest.text.split_once(" ~ ") {
        let pattern = pattern.trim();
        let start = rest.start + rest.text.len() - pattern.len();
        let span = start..start + pattern.len();
        let inner = pattern.strip_prefix('/').and_then(|inner| inner.strip_suffix('/'));
        let Some(inner) = inner else {
            let label = "expected it between slashes: `~ /^N[A-Z2-7]+$/`";
            return Err(Problem::new(span, "not a regular expression", label));
        };
        regex(inner, span)?;
        let test = Test::Matches(inner.to_owned());
        return Ok(Check { left: expr(path, rest.start)?, test });
    }
    for (operator, ordering) in OPERATORS {
        if let Some((path, value)) = rest.text.split_once(operator) {
            let start = rest.start + rest.text.len() - value.len();
            let right = whole(value.trim_end(), start, Use::Send)?;
            return Ok(Check {
                left: expr(path, rest.start)?,
                test: Test::Compare(*ordering, right),
            });
        }
    }
    let label =
        "expected `path = value`, also != > >= < <= ~ contains, or `path exists`, `path missing`";
    Err(Problem::new(rest.span(), "a check that can't be read", label))
}
