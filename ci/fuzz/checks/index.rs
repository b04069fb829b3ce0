//! The tree of subscriptions against the plainest matcher there is.

use nats_reference_server::{Index, is_valid_pattern};

#[path = "../../../reference-server/tests/support/naive.rs"]
mod naive;

use naive::naive_match;

const WORDS: [&str; 8] = ["a", "b", "c", "*", ">", "a*", ">a", ""];
const QUEUES: [Option<&str>; 4] = [None, None, Some("q"), Some("r")];
const TOKENS_MAX: usize = 16;

/// Takes a subject off the bytes: its length, then a word a byte.
fn subject(bytes: &mut impl Iterator<Item = u8>) -> Option<String> {
    let count = usize::from(bytes.next()?) % TOKENS_MAX + 1;
    let words: Vec<&str> =
        bytes.take(count).map(|byte| WORDS[usize::from(byte) % WORDS.len()]).collect();
    (!words.is_empty()).then(|| words.join("."))
}

fn same(index: &Index<usize>, held: &[(String, Option<&str>, usize)], subject: &str) {
    let found = index.matches(subject.as_bytes());
    let members = found.queues.iter().flat_map(|group| {
        group
            .members
            .iter()
            .map(|item| (Some(String::from_utf8_lossy(&group.name).into_owned()), *item))
    });
    let mut found: Vec<_> = found.plain.iter().map(|item| (None, *item)).chain(members).collect();
    let mut expected: Vec<_> = held
        .iter()
        .filter(|(pattern, ..)| naive_match(pattern, subject))
        .map(|(_, queue, item)| (queue.map(str::to_owned), *item))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{subject}");
}

/// Each step is a byte and what it needs: insert, remove, or match.
pub(crate) fn check(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let (mut index, mut held) = (Index::new(), Vec::new());
    let mut item = 0;
    while let Some(step) = bytes.next() {
        match step % 4 {
            0 | 1 => {
                let Some(pattern) = subject(&mut bytes) else { break };
                let queue = QUEUES[usize::from(step / 4) % QUEUES.len()];
                if is_valid_pattern(pattern.as_bytes()) {
                    index.insert(pattern.as_bytes(), queue.map(str::as_bytes), item);
                    held.push((pattern, queue, item));
                    item += 1;
                }
            }
            2 if !held.is_empty() => {
                let (pattern, queue, item) = held.swap_remove(usize::from(step / 4) % held.len());
                let queue = queue.map(str::as_bytes);
                assert!(index.remove(pattern.as_bytes(), queue, &item), "{pattern}");
                assert!(!index.remove(pattern.as_bytes(), queue, &item), "{pattern}");
            }
            _ => {
                let Some(subject) = subject(&mut bytes) else { break };
                same(&index, &held, &subject);
            }
        }
        assert_eq!(index.len(), held.len());
    }
    for (pattern, queue, item) in held {
        assert!(index.remove(pattern.as_bytes(), queue.map(str::as_bytes), &item), "{pattern}");
    }
    assert!(index.is_empty());
}
