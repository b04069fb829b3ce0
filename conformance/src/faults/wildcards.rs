//! Patterns that match too much or too little.

use super::{
    Area, Fault,
    client::{Op, Verb},
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Wildcards, name, what)
}

/// What a subscription gets in addition, or instead.
type Other = fn(&[u8]) -> Option<Vec<u8>>;

/// Subscribes to a second pattern under the alias `~sid`, which deliveries lose again.
fn also(talk: &mut Talk, op: &Op, other: Other) {
    talk.pass(op);
    let args = op.args();
    let (Some(first), Some(last)) = (args.first(), args.last()) else { return };
    match op.verb {
        Verb::Sub if args.len() > 1 => {
            let Some(pattern) = other(first) else { return };
            let alias = [b"~", *last].concat();
            let mut args = args.clone();
            let end = args.len() - 1;
            (args[0], args[end]) = (&pattern, &alias);
            talk.pass(&op.with(&args));
        }
        Verb::Unsub if talk.sub(first).is_some_and(|sub| other(&sub.pattern).is_some()) => {
            let alias = [b"~", *first].concat();
            let mut args = args.clone();
            args[0] = &alias;
            talk.pass(&op.with(&args));
        }
        _ => {}
    }
}

/// Subscribes to another pattern.
fn instead(talk: &mut Talk, op: &Op, other: Other) {
    let args = op.args();
    match (op.verb, args.first().and_then(|pattern| other(pattern))) {
        (Verb::Sub, Some(pattern)) => {
            let args = [&[&pattern[..]], &args[1..]].concat();
            talk.pass(&op.with(&args));
        }
        _ => talk.pass(op),
    }
}

fn tokens(pattern: &[u8]) -> Vec<&[u8]> {
    pattern.split(|byte| *byte == b'.').collect()
}

/// A pattern that nobody publishes to.
fn nobody(_: &[u8]) -> Vec<u8> {
    b"_none._none".to_vec()
}

/// Whether a token matches one with stars in it, each of which stands for any letters.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.iter().position(|byte| *byte == b'*') {
        None => pattern == text,
        Some(at) => {
            let Some(tail) = text.strip_prefix(&pattern[..at]) else { return false };
            (0..=tail.len()).any(|from| glob(&pattern[at + 1..], &tail[from..]))
        }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| pattern.ends_with(b".*").then(|| [pattern, b".*"].concat()));
        }),
        delivery: Some(super::unalias),
        found_by: &["core/wildcards/star-misses[2]", "core/subjects/arrow-not-last[5]"],
        ..fault("star-matches-two-tokens", "A star at the end matches two tokens as well.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| pattern.strip_suffix(b".*").map(<[u8]>::to_vec));
        }),
        delivery: Some(super::unalias),
        found_by: &["core/wildcards/documented-examples", "article/pubsub"],
        ..fault("star-matches-no-token", "A star at the end matches no token at all as well.")
    },
    Fault {
        op: Some(|talk, op| {
            instead(talk, op, |pattern| {
                let tokens = tokens(pattern);
                let (_, init) = tokens.split_last()?;
                init.contains(&&b"*"[..]).then(|| nobody(pattern))
            });
        }),
        found_by: &["core/request/interest-of-any-kind[2]", "core/wildcards/star[2]"],
        ..fault("star-only-at-the-end", "A star before the last token matches nothing.")
    },
    Fault {
        op: Some(|talk, op| {
            instead(talk, op, |pattern| {
                let stars = tokens(pattern).iter().filter(|token| **token == b"*").count();
                (stars > 1).then(|| nobody(pattern))
            });
        }),
        found_by: &["core/subjects/arrow-not-last[5]", "core/wildcards/documented-examples"],
        ..fault("one-star-only", "A pattern with two stars matches nothing.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| pattern.strip_suffix(b".>").map(<[u8]>::to_vec));
        }),
        delivery: Some(super::unalias),
        found_by: &["core/wildcards/documented-examples", "article/hierarchy"],
        ..fault("arrow-matches-its-parent", "An arrow matches its parent as well.")
    },
    Fault {
        op: Some(|talk, op| {
            instead(talk, op, |pattern| {
                pattern.strip_suffix(b">").map(|head| [head, b"*"].concat())
            });
        }),
        found_by: &["core/delivery/subject-as-published", "core/request/interest-of-any-kind[3]"],
        ..fault("arrow-is-one-token", "An arrow matches one token only.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| {
                let tokens = tokens(pattern);
                let head =
                    tokens.len().checked_sub(2).filter(|_| tokens.last() == Some(&&b">"[..]))?;
                Some([&tokens[..head], &[b">"]].concat().join(&b'.'))
            });
        }),
        delivery: Some(|talk, message| {
            if let Some(sid) = message.sid.strip_prefix(b"~") {
                let pattern = talk.sub(sid).map(|sub| sub.pattern.clone()).unwrap_or_default();
                let head = pattern.strip_suffix(b".>").unwrap_or(&pattern);
                let tail = message.subject.strip_prefix(head);
                // What the arrow matches rightly comes by the other subscription.
                if tail.is_none_or(|tail| tail.is_empty() || tail.starts_with(b".")) {
                    return;
                }
            }
            super::unalias(talk, message);
        }),
        found_by: &["core/wildcards/arrow-misses[2]"],
        ..fault(
            "arrow-as-text-prefix",
            "An arrow matches all that starts with the same letters: `a.b.>` also a.bc.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            instead(talk, op, |pattern| (pattern == b">").then(|| b"*.>".to_vec()));
        }),
        found_by: &["core/wildcards/star-misses[6]", "core/wildcards/alone"],
        ..fault("arrow-alone-wants-two", "An arrow alone does not match subjects of one token.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| {
                let inside = |token: &&[u8]| token.len() > 1 && token.contains(&b'*');
                let tokens = tokens(pattern);
                tokens.iter().any(inside).then(|| {
                    let wide = tokens.iter().map(|token| if inside(token) { b"*" } else { *token });
                    wide.collect::<Vec<_>>().join(&b'.')
                })
            });
        }),
        delivery: Some(|talk, message| {
            if let Some(sid) = message.sid.strip_prefix(b"~") {
                let pattern = talk.sub(sid).map(|sub| sub.pattern.clone()).unwrap_or_default();
                let (patterns, texts) = (tokens(&pattern), tokens(&message.subject));
                let fits = patterns.len() == texts.len()
                    && patterns.iter().zip(&texts).all(|(pattern, text)| glob(pattern, text));
                if !fits || pattern == message.subject {
                    return;
                }
            }
            super::unalias(talk, message);
        }),
        found_by: &["core/subjects/wildcard-characters-in-tokens[1]"],
        ..fault("star-within-a-token", "A star within a token stands for any letters.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| {
                let arrow = tokens(pattern).iter().position(|token| {
                    token.len() > 1 && (token.starts_with(b">") || token.ends_with(b">"))
                })?;
                Some([&tokens(pattern)[..arrow], &[b">"]].concat().join(&b'.'))
            });
        }),
        delivery: Some(|talk, message| {
            let sub = message.sid.strip_prefix(b"~").and_then(|sid| talk.sub(sid));
            if sub.is_none_or(|sub| sub.pattern != message.subject) {
                super::unalias(talk, message);
            }
        }),
        found_by: &["core/subjects/wildcard-characters-in-tokens[2]"],
        ..fault("arrow-within-a-token", "An arrow within a token is a wildcard as well.")
    },
    Fault {
        op: Some(|talk, op| {
            also(talk, op, |pattern| {
                let lower = pattern.to_ascii_lowercase();
                (lower != pattern).then_some(lower)
            });
        }),
        delivery: Some(super::unalias),
        found_by: &["core/subjects/case"],
        ..fault("subjects-without-case", "Subjects match without regard to case.")
    },
    Fault {
        delivery: Some(|talk, message| {
            let first = message.subject.first();
            let reserved = matches!(first, Some(b'$' | b'_'));
            let wild = |pattern: &[u8]| pattern.starts_with(b"*") || pattern.starts_with(b">");
            if !(reserved && talk.sub(&message.sid).is_some_and(|sub| wild(&sub.pattern))) {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/subjects/arrow-covers-all[1]", "core/wildcards/alone"],
        ..fault(
            "wildcards-miss-dollar",
            "A leading wildcard does not match subjects that start with $ or _.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            instead(talk, op, |pattern| (tokens(pattern).len() > 16).then(|| nobody(pattern)));
        }),
        found_by: &["core/subjects/many-tokens[2]"],
        ..fault("sixteen-tokens-at-most", "Patterns of more than sixteen tokens match nothing.")
    },
    Fault {
        remembers: true,
        delivery: Some(|talk, message| {
            let stale =
                talk.sub(&message.sid).is_some_and(|sub| sub.older.contains(&message.subject));
            if !stale {
                talk.deliver(&message.bytes());
            }
        }),
        found_by: &["core/wildcards/no-stale-route"],
        ..fault(
            "stale-routes",
            "A subscription misses subjects that were in use before it was made.",
        )
    },
    Fault {
        op: Some(|talk, op| match op.removal() {
            Some((sid, None)) => {
                let pattern = talk.sub(sid).map(|sub| sub.pattern.clone());
                let same: Vec<Vec<u8>> = talk
                    .subs
                    .values()
                    .filter(|sub| Some(&sub.pattern) == pattern.as_ref() && sub.sid != sid)
                    .map(|sub| sub.sid.clone())
                    .collect();
                talk.pass(op);
                for sid in same {
                    talk.say(&[b"UNSUB ", &sid[..], b"\r\n"].concat());
                }
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/sub/sids-with-case", "core/wildcards/equal-patterns"],
        ..fault("unsub-takes-equals-along", "UNSUB ends all subscriptions of the same pattern.")
    },
];
