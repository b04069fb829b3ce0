//! Trees of subscriptions. Of ten, eight are to a literal subject, one is to a pattern with `*`,
//! and one is a member of a queue group.

use std::hint::black_box;

use nats_reference_server::Index;

/// Subjects looked up, added or removed in one measurement; spread over the whole tree.
pub(crate) const SUBJECTS: usize = 64;

/// Subscriptions in the trees that are measured by the clock.
pub(crate) const SIZES: [usize; 4] = [10, 1_000, 100_000, 1_000_000];

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A subject that one literal subscription names.
    Literal,
    /// One that a pattern with `*` covers.
    Wildcard,
    /// One that a queue group of one subscribes to.
    Queue,
    /// One that literal, `*`, `>` and a group of eight subscribe to, under two patterns.
    Crowd,
    /// One that nobody subscribes to.
    Nobody,
}

/// Every kind, with its name.
pub(crate) const KINDS: [(&str, Kind); 5] = [
    ("literal", Kind::Literal),
    ("wildcard", Kind::Wildcard),
    ("queue", Kind::Queue),
    ("crowd", Kind::Crowd),
    ("nobody", Kind::Nobody),
];

/// A tree of that many subscriptions, and a few for the crowd.
pub(crate) fn index(size: usize) -> Index<u32> {
    let mut index = Index::new();
    for n in 0..size {
        let (pattern, queue): (String, Option<&[u8]>) = match n % 10 {
            8 => (format!("orders.*.{n}"), None),
            9 => (format!("orders.{}.{n}", n % 7), Some(b"workers")),
            _ => (format!("orders.{}.{n}", n % 7), None),
        };
        index.insert(pattern.as_bytes(), queue, n as u32);
    }
    for pattern in ["crowd.of.many", "crowd.*.many", "crowd.>"] {
        index.insert(pattern.as_bytes(), None, 0);
    }
    for member in 0..8 {
        let pattern = if member % 2 == 0 { "crowd.of.many" } else { "crowd.of.*" };
        index.insert(pattern.as_bytes(), Some(b"workers"), member);
    }
    index
}

/// Subjects of a kind.
pub(crate) fn subjects(kind: Kind, size: usize) -> Vec<String> {
    let subject = |n: usize| {
        // A prime jumps through the tree.
        let ten = (n * 7919) % (size / 10) * 10;
        match kind {
            Kind::Literal => format!("orders.{}.{ten}", ten % 7),
            Kind::Wildcard => format!("orders.any.{}", ten + 8),
            Kind::Queue => format!("orders.{}.{}", (ten + 9) % 7, ten + 9),
            Kind::Crowd => "crowd.of.many".to_owned(),
            Kind::Nobody => format!("orders.{}.none-{n}", n % 7),
        }
    };
    (0..SUBJECTS).map(subject).collect()
}

/// Subjects that no subscription names yet.
pub(crate) fn new_subjects() -> Vec<String> {
    (0..SUBJECTS).map(|n| format!("orders.{}.new-{n}", n % 7)).collect()
}

/// Looks all of them up, and answers how many receivers there were.
pub(crate) fn look_up(index: &Index<u32>, subjects: &[String]) -> usize {
    let mut receivers = 0;
    for subject in subjects {
        let found = black_box(index.matches(subject.as_bytes()));
        receivers += found.plain.len() + found.queues.len();
    }
    receivers
}

/// Adds a subscription to each.
pub(crate) fn insert(index: &mut Index<u32>, subjects: &[String]) {
    for subject in subjects {
        index.insert(black_box(subject.as_bytes()), None, 0);
    }
}

/// Takes them away again, and answers how many there were.
pub(crate) fn remove(index: &mut Index<u32>, subjects: &[String]) -> usize {
    let mut removed = 0;
    for subject in subjects {
        removed += usize::from(index.remove(black_box(subject.as_bytes()), None, &0));
    }
    removed
}
