//! The plainest matcher there is: the fuzzer and the property test hold the tree against it.

/// Split at dots, compare token by token.
pub(crate) fn naive_match(pattern: &str, subject: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let subject: Vec<&str> = subject.split('.').collect();
    if subject.contains(&"") {
        return false;
    }
    for (at, token) in pattern.iter().enumerate() {
        match (*token, subject.get(at)) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(other)) if token == *other => {}
            _ => return false,
        }
    }
    pattern.len() == subject.len()
}
