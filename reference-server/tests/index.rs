//! The tree of subscriptions against the plainest matcher there is.

use nats_reference_server::{Index, is_valid_pattern};
use proptest::prelude::*;

/// Split at dots, compare token by token.
fn naive_match(pattern: &str, subject: &str) -> bool {
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

#[derive(Debug, Clone)]
enum Step {
    Insert(String, Option<String>),
    /// Removes the nth of those that are left, counted round.
    Remove(usize),
    Match(String),
}

fn subject(tokens: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(tokens, 1..16).prop_map(|tokens| tokens.join("."))
}

fn step() -> impl Strategy<Value = Step> {
    let pattern = subject("(a|b|c|\\*|>|a\\*|aa)")
        .prop_filter("valid", |pattern| is_valid_pattern(pattern.as_bytes()));
    // Short patterns meet each other and the subjects; long ones test depth.
    let short = prop::collection::vec("(a|b|\\*)", 1..4).prop_map(|tokens| tokens.join("."));
    let arrow = short.clone().prop_map(|pattern| format!("{pattern}.>"));
    let queue = prop::option::of("[qp]");
    let inserted = (prop_oneof![short.clone(), arrow, pattern], queue);
    prop_oneof![
        3 => inserted.prop_map(|(pattern, queue)| Step::Insert(pattern, queue)),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => prop_oneof![short, subject("(a|b|c|\\*|>||aa)")].prop_map(Step::Match),
    ]
}

proptest! {
    #[test]
    fn the_tree_finds_what_the_naive_matcher_finds(steps in prop::collection::vec(step(), 1..120)) {
        let mut index = Index::new();
        let mut held: Vec<(String, Option<String>, usize)> = Vec::new();
        for (item, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(pattern, queue) => {
                    index.insert(pattern.as_bytes(), queue.as_deref().map(str::as_bytes), item);
                    held.push((pattern, queue, item));
                }
                Step::Remove(at) if !held.is_empty() => {
                    let (pattern, queue, item) = held.swap_remove(at % held.len());
                    let queue = queue.as_deref().map(str::as_bytes);
                    prop_assert!(index.remove(pattern.as_bytes(), queue, &item));
                    prop_assert!(!index.remove(pattern.as_bytes(), queue, &item));
                }
                Step::Remove(_) => {}
                Step::Match(subject) => {
                    let found = index.matches(subject.as_bytes());
                    let mut found: Vec<(Option<Vec<u8>>, usize)> = found
                        .plain
                        .iter()
                        .map(|item| (None, *item))
                        .chain(found.queues.iter().flat_map(|group| {
                            group.members.iter().map(|item| (Some(group.name.to_vec()), *item))
                        }))
                        .collect();
                    let mut expected: Vec<_> = held
                        .iter()
                        .filter(|(pattern, ..)| naive_match(pattern, &subject))
                        .map(|(_, queue, item)| {
                            (queue.as_ref().map(|queue| queue.clone().into_bytes()), *item)
                        })
                        .collect();
                    found.sort();
                    expected.sort();
                    prop_assert_eq!(found, expected, "{}", subject);
                }
            }
            prop_assert_eq!(index.len(), held.len());
        }
        for (pattern, queue, item) in held {
            let queue = queue.as_deref().map(str::as_bytes);
            prop_assert!(index.remove(pattern.as_bytes(), queue, &item));
        }
        prop_assert!(index.is_empty());
    }
}
