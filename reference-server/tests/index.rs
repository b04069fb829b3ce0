//! The tree of subscriptions against the plainest matcher there is.

use nats_reference_server::{Index, is_valid_pattern};
use proptest::prelude::*;

#[path = "support/naive.rs"]
mod naive;

use naive::naive_match;

#[derive(Debug, Clone)]
enum Step {
    Insert(String, Option<String>),
    /// Removes the nth of those that are left, counted round.
    Remove(usize),
    Match(String),
    /// Matches what the nth pattern that is left covers: its stars become the word, its arrow so
    /// many words.
    Meet(usize, String, usize),
}

const TOKENS_MAX: usize = 16;

fn subject(tokens: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(tokens, 1..=TOKENS_MAX).prop_map(|tokens| tokens.join("."))
}

/// A subject that the pattern covers, as far as the word can be a token.
fn covered(pattern: &str, word: &str, words: usize) -> String {
    let tokens = pattern.split('.').flat_map(|token| match token {
        "*" => vec![word; 1],
        ">" => vec![word; words],
        _ => vec![token; 1],
    });
    tokens.collect::<Vec<_>>().join(".")
}

fn step() -> impl Strategy<Value = Step> {
    let words = prop::collection::vec("(a|b|c|\\*|\\*|>a|a\\*|aa|\\*\\*)", 1..TOKENS_MAX);
    let pattern = (words, any::<bool>()).prop_map(|(mut words, arrow)| {
        words.extend(arrow.then(|| ">".to_owned()));
        words.join(".")
    });
    // Short patterns meet each other and the subjects; long ones test depth.
    let short = prop::collection::vec("(a|b|\\*)", 1..4).prop_map(|tokens| tokens.join("."));
    let arrow = short.clone().prop_map(|pattern| format!("{pattern}.>"));
    let queue = prop::option::of("[qp]");
    let inserted = (prop_oneof![short.clone(), arrow, pattern], queue);
    prop_oneof![
        3 => inserted.prop_map(|(pattern, queue)| Step::Insert(pattern, queue)),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => prop_oneof![short, subject("(a|b|c|\\*|>||aa)")].prop_map(Step::Match),
        3 => (any::<usize>(), "(a|b|\\*|>|)", 1..4usize)
            .prop_map(|(at, word, words)| Step::Meet(at, word, words)),
    ]
}

/// What stands in a tree, in the order in which it came in.
type Held = Vec<(String, Option<String>, usize)>;

/// What the tree finds, and what the naive matcher finds.
fn both(index: &Index<usize>, held: &Held, subject: &str) -> [Vec<(Option<Vec<u8>>, usize)>; 2] {
    let found = index.matches(subject.as_bytes());
    let members = found
        .queues
        .iter()
        .flat_map(|group| group.members.iter().map(|item| (Some(group.name.to_vec()), *item)));
    let mut found: Vec<_> = found.plain.iter().map(|item| (None, *item)).chain(members).collect();
    let mut expected: Vec<_> = held
        .iter()
        .filter(|(pattern, ..)| naive_match(pattern, subject))
        .map(|(_, queue, item)| (queue.as_ref().map(|queue| queue.clone().into_bytes()), *item))
        .collect();
    found.sort();
    expected.sort();
    [found, expected]
}

proptest! {
    #[test]
    fn the_tree_finds_what_the_naive_matcher_finds(steps in prop::collection::vec(step(), 1..120)) {
        let mut index = Index::new();
        let mut held = Held::new();
        for (item, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(pattern, queue) => {
                    prop_assert!(is_valid_pattern(pattern.as_bytes()), "{}", pattern);
                    index.insert(pattern.as_bytes(), queue.as_deref().map(str::as_bytes), item);
                    held.push((pattern, queue, item));
                }
                Step::Remove(at) if !held.is_empty() => {
                    let (pattern, queue, item) = held.swap_remove(at % held.len());
                    let queue = queue.as_deref().map(str::as_bytes);
                    prop_assert!(index.remove(pattern.as_bytes(), queue, &item));
                    prop_assert!(!index.remove(pattern.as_bytes(), queue, &item));
                }
                Step::Match(subject) => {
                    let [found, expected] = both(&index, &held, &subject);
                    prop_assert_eq!(found, expected, "{}", subject);
                }
                Step::Meet(at, word, words) if !held.is_empty() => {
                    let (pattern, _, item) = &held[at % held.len()];
                    let subject = covered(pattern, &word, words);
                    let [found, expected] = both(&index, &held, &subject);
                    let meets = !subject.split('.').any(str::is_empty);
                    let is_there = found.iter().any(|(_, other)| other == item);
                    prop_assert_eq!(meets, is_there, "{} {}", pattern, subject);
                    prop_assert_eq!(found, expected, "{}", subject);
                }
                Step::Remove(_) | Step::Meet(..) => {}
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
