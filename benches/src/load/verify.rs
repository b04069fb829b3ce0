//! Did each message arrive once, and in order?
//!
//! Each payload starts with its publisher's number (4 bytes) and its own number there (8 bytes),
//! both little-endian. Numbers start at 0 and have no holes.

use std::collections::BTreeSet;

/// Bytes at a payload's beginning that tell which message it is.
pub(crate) const STAMP_BYTES: usize = 12;

/// Holes beyond this many are only counted: what comes later for them counts as doubled.
const HOLES: u64 = 1 << 16;

/// What a broker did wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Messages that did not arrive.
    pub lost: u64,
    /// Messages that arrived more than once.
    pub doubled: u64,
    /// Messages that arrived behind a later one.
    pub reordered: u64,
}

impl Faults {
    /// Nothing was wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    /// Takes another's faults in.
    pub(crate) fn add(&mut self, other: Faults) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.lost, "lost"),
            (self.doubled, "delivered more than once"),
            (self.reordered, "out of order"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        out.write_str(&said.join(", "))
    }
}

/// What one subscriber should get of one publisher: all, once, in order.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    next: u64,
    holes: BTreeSet<u64>,
    faults: Faults,
}

impl Sequence {
    /// A message has come; whether it was the next one.
    #[inline]
    pub(crate) fn see(&mut self, number: u64) -> bool {
        if number == self.next {
            self.next += 1;
            return true;
        }
        self.odd(number);
        false
    }

    #[cold]
    fn odd(&mut self, number: u64) {
        if number > self.next {
            self.faults.lost += number - self.next;
            self.holes.extend(self.next..number.min(self.next + HOLES));
            self.next = number + 1;
        } else if self.holes.remove(&number) {
            self.faults.lost -= 1;
            self.faults.reordered += 1;
        } else {
            self.faults.doubled += 1;
        }
    }

    /// All that was wrong, once `published` messages should have come.
    pub(crate) fn faults(&self, published: u64) -> Faults {
        let tail = published.saturating_sub(self.next);
        Faults { lost: self.faults.lost + tail, ..self.faults }
    }
}

/// What all members of a queue group should get of one publisher: all, once, and each member in
/// order.
#[derive(Debug)]
pub(crate) struct Shares {
    /// The first number that may be missing, a multiple of 64.
    base: u64,
    /// One bit a number from `base` on, as a ring.
    ring: Vec<u64>,
    unique: u64,
    /// By member, one more than the last number that it got.
    members: Vec<u64>,
    faults: Faults,
}

impl Shares {
    /// For a group of so many members, where the first number that is on its way and the last
    /// are at most so far apart, give or take as much again by chance.
    pub(crate) fn new(members: usize, apart: u64) -> Shares {
        let words = (apart / 64 + 2).next_power_of_two() as usize * 2;
        Shares {
            base: 0,
            ring: vec![0; words],
            unique: 0,
            members: vec![0; members],
            faults: Faults::default(),
        }
    }

    /// A member got a message; whether that was well.
    #[inline]
    pub(crate) fn see(&mut self, member: usize, number: u64) -> bool {
        let ordered = number >= self.members[member];
        self.members[member] = self.members[member].max(number + 1);
        if number < self.base {
            self.faults.doubled += 1;
            return false;
        }
        while number - self.base >= self.ring.len() as u64 * 64 {
            self.advance();
        }
        let slot = self.slot(number);
        let bit = 1 << (number % 64);
        if self.ring[slot] & bit != 0 {
            self.faults.doubled += 1;
            return false;
        }
        self.ring[slot] |= bit;
        self.unique += 1;
        while self.ring[self.slot(self.base)] == u64::MAX {
            self.advance();
        }
        if !ordered {
            self.faults.reordered += 1;
        }
        ordered
    }

    fn slot(&self, number: u64) -> usize {
        (number / 64) as usize & (self.ring.len() - 1)
    }

    fn advance(&mut self) {
        let slot = self.slot(self.base);
        self.ring[slot] = 0;
        self.base += 64;
    }

    /// All that was wrong, once `published` messages should have come.
    pub(crate) fn faults(&self, published: u64) -> Faults {
        Faults { lost: published.saturating_sub(self.unique), ..self.faults }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(numbers: &[u64], published: u64) -> Faults {
        let mut sequence = Sequence::default();
        for number in numbers {
            sequence.see(*number);
        }
        sequence.faults(published)
    }

    #[test]
    fn in_order_is_faultless() {
        assert!(faults(&[0, 1, 2, 3], 4).is_none());
    }

    #[test]
    fn loss_is_seen_in_the_middle_and_at_the_end() {
        assert_eq!(faults(&[0, 2, 3], 4), Faults { lost: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 1], 4), Faults { lost: 2, ..Faults::default() });
        assert_eq!(faults(&[], 1), Faults { lost: 1, ..Faults::default() });
    }

    #[test]
    fn doubles_and_disorder_are_told_apart() {
        assert_eq!(faults(&[0, 1, 1, 2], 3), Faults { doubled: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 2, 1, 3], 4), Faults { reordered: 1, ..Faults::default() });
        assert_eq!(
            faults(&[0, 2, 1, 1], 3),
            Faults { reordered: 1, doubled: 1, ..Faults::default() }
        );
    }

    #[test]
    fn a_group_shares_each_once() {
        let mut shares = Shares::new(3, 100);
        for number in 0..1000 {
            assert!(shares.see(number as usize % 3, number));
        }
        assert!(shares.faults(1000).is_none());
        assert_eq!(shares.faults(1001).lost, 1);
    }

    #[test]
    fn a_group_may_interleave_but_each_member_is_in_order() {
        let mut shares = Shares::new(2, 100);
        assert!(shares.see(0, 1));
        assert!(shares.see(1, 0), "another member");
        assert!(shares.see(0, 3));
        assert!(!shares.see(0, 2), "the same member");
        assert_eq!(shares.faults(4), Faults { reordered: 1, ..Faults::default() });
    }

    #[test]
    fn a_group_sees_doubles_near_and_far() {
        let mut shares = Shares::new(2, 100);
        for number in 0..200 {
            shares.see(0, number);
        }
        assert!(!shares.see(1, 199));
        assert!(!shares.see(1, 3), "long ago");
        assert_eq!(shares.faults(200).doubled, 2);
    }

    #[test]
    fn a_group_that_loses_one_goes_on() {
        let mut shares = Shares::new(1, 64);
        for number in (0..100_000).filter(|number| *number != 7) {
            shares.see(0, number);
        }
        assert_eq!(shares.faults(100_000).lost, 1);
    }

    #[test]
    fn faults_are_said_in_words() {
        let faults = Faults { lost: 3, doubled: 0, reordered: 1 };
        assert_eq!(faults.to_string(), "3 lost, 1 out of order");
    }
}
