//! Subjects: dot-separated tokens. The server looks at nothing but the dots and at tokens that
//! are exactly `*` or `>`.

pub(crate) mod mapping;
pub(crate) mod transform;

/// The tokens of a subject or of a pattern.
pub(crate) fn tokens(subject: &[u8]) -> impl Iterator<Item = &[u8]> {
    subject.split(|byte| *byte == b'.')
}

/// Whether SUB accepts it: no empty token, and `>` only as the last one (CORE-SUBJ-002, 003).
pub fn is_valid_pattern(subject: &[u8]) -> bool {
    let mut ended = false;
    tokens(subject).all(|token| {
        let fine = !token.is_empty() && !ended;
        ended = token == b">";
        fine
    })
}

/// Whether pedantic mode lets it be published: no empty token and no wildcard (CORE-SUBJ-007).
pub fn is_valid_literal(subject: &[u8]) -> bool {
    tokens(subject).all(|token| !matches!(token, b"" | b"*" | b">"))
}

/// Whether a pattern covers what another subject or pattern does.
pub(crate) fn matches(pattern: &[u8], subject: &[u8]) -> bool {
    let mut subject = tokens(subject);
    for wanted in tokens(pattern) {
        match (wanted, subject.next()) {
            (b">", Some(_)) => return true,
            (b"*", Some(token)) if token != b">" => {}
            (_, Some(token)) if token == wanted => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

/// The pattern of all subjects that both patterns cover; none if there is no such subject.
pub(crate) fn overlap(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (mut both, mut ones, mut others) = (Vec::new(), tokens(one), tokens(other));
    loop {
        let token = match (ones.next(), others.next()) {
            (None, None) => {
                both.pop();
                return Some(both);
            }
            (Some(b">"), Some(token)) => {
                let rest = others.by_ref().flat_map(|token| [b".", token].concat());
                both.extend(token.iter().copied().chain(rest));
                return Some(both);
            }
            (Some(token), Some(b">")) => {
                let rest = ones.by_ref().flat_map(|token| [b".", token].concat());
                both.extend(token.iter().copied().chain(rest));
                return Some(both);
            }
            (Some(b"*"), Some(token)) | (Some(token), Some(b"*")) => token,
            (Some(one), Some(other)) if one == other => one,
            _ => return None,
        };
        both.extend_from_slice(token);
        both.push(b'.');
    }
}

/// Whether publishing to it is kept for the server's own traffic (CORE-SUBJ-017, 019).
pub(crate) fn is_reserved(subject: &[u8], profile: crate::Profile) -> bool {
    starts_below(subject, b"_GR_.")
        || (profile.refuses_old_gateway_prefix() && starts_below(subject, b"$GR."))
        || (profile.refuses_nrg() && starts_below(subject, b"$NRG."))
}

/// Whether answers to it are kept for the server's own traffic (CORE-SUBJ-018).
pub(crate) fn is_reserved_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"_R_.") || starts_below(reply, b"_GR_.") || starts_below(reply, b"$JS.ACK.")
}

fn starts_below(subject: &[u8], prefix: &[u8]) -> bool {
    subject.len() > prefix.len() && subject.starts_with(prefix)
}

/// A subject as error texts quote it: as Go's `%q` would inside its double quotes (CORE-ERR-014).
pub(crate) fn quoted(subject: &[u8]) -> String {
    let mut text = String::with_capacity(subject.len());
    for chunk in subject.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => text.extend(['\\', letter]),
                '\x07' => text.push_str("\\a"),
                '\x08' => text.push_str("\\b"),
                '\x0b' => text.push_str("\\v"),
                '\x0c' => text.push_str("\\f"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                letter if (letter as u32) < 0x20 || letter == '\x7f' => {
                    text.push_str(&format!("\\x{:02x}", letter as u32));
                }
                letter if letter.is_control() => {
                    text.push_str(&format!("\\u{:04x}", letter as u32))
                }
                letter => text.push(letter),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    #[test]
    fn patterns_have_no_empty_token_and_end_with_the_full_wildcard() {
        for good in ["a", "a.b", "*", ">", "a.*.>", "a*", "x>", ">>", "<x>y"] {
            assert!(is_valid_pattern(good.as_bytes()), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a.>.b", ">.a", ">.>", "*.>.*", ".>"] {
            assert!(!is_valid_pattern(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn literals_have_no_wildcard_token() {
        assert!(is_valid_literal(b"a.b*.>c"));
        for bad in ["a.*", ">", "a.>", "a..b", ""] {
            assert!(!is_valid_literal(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_pattern_covers_what_is_no_wider() {
        for (pattern, subject, covers) in [
            ("*.dev", "a.dev", true),
            ("*.dev", "*.dev", true),
            ("*.dev", "a.b.dev", false),
            ("*.dev", "dev", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("a.*", "a.>", false),
            (">", "a.>", true),
            ("a", "*", false),
            ("a", "a.b", false),
        ] {
            let (one, other) = (pattern.as_bytes(), subject.as_bytes());
            assert_eq!(matches(one, other), covers, "{pattern} {subject}");
        }
    }

    #[test]
    fn patterns_overlap_in_what_both_cover() {
        for (one, other, both) in [
            ("a.*", "*.b", Some("a.b")),
            ("a.>", "*.b.*", Some("a.b.*")),
            (">", "a.>", Some("a.>")),
            ("a.b", "a.b", Some("a.b")),
            ("a.>", "a", None),
            ("a.*", "a.b.c", None),
            ("a", "b", None),
            ("*.*", "a.>", Some("a.*")),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                let found = overlap(one.as_bytes(), other.as_bytes());
                assert_eq!(found.as_deref(), both.map(str::as_bytes), "{one} {other}");
            }
        }
    }

    #[test]
    fn reserved_prefixes_follow_the_profile() {
        assert!(is_reserved(b"_GR_.x", Profile::V2_9));
        assert!(!is_reserved(b"_GR_.", Profile::V2_15));
        assert!(!is_reserved(b"$GR.x", Profile::V2_14) && is_reserved(b"$GR.x", Profile::V2_15));
        assert!(!is_reserved(b"$NRG.x", Profile::V2_10) && is_reserved(b"$NRG.x", Profile::V2_11));
        assert!(is_reserved_reply(b"_R_.") && !is_reserved_reply(b"$JS.ACK."));
        assert!(is_reserved_reply(b"_GR_.x") && is_reserved_reply(b"$JS.ACK.x"));
    }

    #[test]
    fn quoting_escapes_as_go_does() {
        assert_eq!(quoted(b"no\"x\\y'z"), "no\\\"x\\\\y'z");
        assert_eq!(quoted(b"no.\xff\x01\xc3\xa9"), "no.\\xff\\x01\u{e9}");
        assert_eq!(quoted("no.\u{85} ".as_bytes()), "no.\\u0085 ");
    }
}
