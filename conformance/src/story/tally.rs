//! Counting who got how many of the same frame.

use std::collections::HashMap;

use super::{Failure, Result, Story};
use crate::{
    pattern::{Bound as Value, Pattern},
    scenario::{Bound, Counted, Ordering, Tally},
    story::fence::{Patience, Waited},
};

impl Story<'_> {
    pub(super) async fn tally(&mut self, tally: &Tally) -> Result<()> {
        let ids: Vec<usize> =
            tally.peers.iter().map(|peer| self.peer(&peer.value)).collect::<Result<_>>()?;
        let pattern = self.known(|scope| Pattern::new(&tally.frame, scope))?;
        let names = self.scope.names();
        let mut counts = Counts::new(ids.len());
        let mut patience = Patience::new();
        while counts.total() < tally.count {
            self.take_arrivals();
            let mut progress = false;
            for (at, id) in ids.iter().enumerate() {
                while counts.total() < tally.count {
                    self.pass_over_infos(*id, &pattern);
                    let Some(frame) = self.first(*id, &patience).cloned() else { break };
                    if !pattern.matches(&frame.0, &mut self.scope) {
                        return Err(self.unexpected(pattern.text(), &frame.0));
                    }
                    self.count(tally, &mut counts, at)?;
                    self.scope.keep(&names);
                    self.consume(*id);
                    progress = true;
                }
            }
            if progress {
                patience = Patience::new();
                continue;
            }
            self.still_there(&ids, pattern.text())?;
            if let Waited::Nothing(why) = self.wait(&ids, &mut patience).await? {
                let message = format!("{} of {} frames came", counts.total(), tally.count);
                let expected = Some(pattern.text().to_owned());
                return Err(Failure {
                    expected,
                    got: Some(why.to_owned()),
                    ..self.failure(message)
                });
            }
        }
        self.bounds(tally, &counts)
    }

    fn count(&mut self, tally: &Tally, counts: &mut Counts, at: usize) -> Result<()> {
        let number = tally.number.as_ref().map(|name| match self.scope.get(name) {
            Some(Value::Bytes(bytes)) => {
                std::str::from_utf8(bytes).ok().and_then(|n| n.parse().ok()).unwrap_or(0)
            }
            _ => 0,
        });
        let peer = &tally.peers[at].value;
        counts
            .add(at, number, tally.count)
            .map_err(|what| self.failure(format!("{peer} got {what}")))
    }

    fn bounds(&self, tally: &Tally, counts: &Counts) -> Result<()> {
        let Some((bound, name, count)) = broken(tally, counts) else { return Ok(()) };
        let sign = if bound.ordering == Ordering::AtMost { "<=" } else { ">=" };
        let mut failure = self.failure(format!("{name}: {count}"));
        failure.span = bound.span.clone();
        failure.expected = Some(format!("{sign} {}", bound.value));
        failure.got = Some(counts.text(tally));
        Err(failure)
    }
}

/// The first bound that does not hold: of what, and how many there were.
fn broken<'t>(tally: &'t Tally, counts: &Counts) -> Option<(&'t Bound, &'t str, u64)> {
    tally.bounds.iter().find_map(|bound| {
        let holds = |count: u64| match bound.ordering {
            Ordering::AtMost => count <= bound.value,
            _ => count >= bound.value,
        };
        let named =
            tally.peers.iter().map(|peer| peer.value.as_str()).zip(counts.of.iter().copied());
        let counted: Vec<(&str, u64)> = match &bound.of {
            Counted::Repeats => vec![("repeats", counts.repeats(tally.count))],
            Counted::Each => named.collect(),
            Counted::Peer(peer) => named.filter(|(name, _)| *name == peer.value).collect(),
        };
        let (name, count) = counted.into_iter().find(|(_, count)| !holds(*count))?;
        Some((bound, name, count))
    })
}

struct Counts {
    of: Vec<u64>,
    /// The number that each got last.
    last: Vec<u64>,
    /// Who got each number.
    receivers: HashMap<u64, usize>,
}

impl Counts {
    fn new(peers: usize) -> Counts {
        Counts { of: vec![0; peers], last: vec![0; peers], receivers: HashMap::new() }
    }

    /// One more for a peer, or what is wrong with it; numbers go from 1 to `of`.
    fn add(&mut self, at: usize, number: Option<u64>, of: u64) -> std::result::Result<(), String> {
        self.of[at] += 1;
        let Some(number) = number else { return Ok(()) };
        if !(1..=of).contains(&number) {
            return Err("a number that was never sent".to_owned());
        }
        if std::mem::replace(&mut self.last[at], number) > number {
            return Err(format!("number {number} behind a later one"));
        }
        match self.receivers.insert(number, at) {
            Some(_) => Err(format!("number {number}, which had come before")),
            None => Ok(()),
        }
    }

    fn total(&self) -> u64 {
        self.of.iter().sum()
    }

    /// Neighbouring numbers that went to the same peer.
    fn repeats(&self, count: u64) -> u64 {
        let to = |number: u64| self.receivers.get(&number);
        (1..count).filter(|number| to(*number) == to(number + 1)).count() as u64
    }

    fn text(&self, tally: &Tally) -> String {
        let counts = tally.peers.iter().zip(&self.of);
        counts.map(|(peer, count)| format!("{} {count}", peer.value)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Kind, parse};

    fn tally(bounds: &str) -> Tally {
        let text = format!(
            "title: t\nspec: X\nlevel: MUST\n\na, b connect\n\
            tally a, b: 6 of MSG q 1 #\\r\\n<n>\n{bounds}"
        );
        let Kind::Tally(tally) = parse("t", &text).unwrap().body.remove(1).kind else {
            panic!("no tally")
        };
        tally
    }

    /// `a` gets 1, 2, 5 and 6, `b` gets 3 and 4.
    fn counts() -> Counts {
        let mut counts = Counts::new(2);
        for (number, at) in [(1, 0), (2, 0), (3, 1), (5, 0), (4, 1), (6, 0)] {
            counts.add(at, Some(number), 6).unwrap();
        }
        counts
    }

    #[test]
    fn bounds_are_compared_with_the_counts() {
        assert_eq!((counts().total(), counts().repeats(6)), (6, 3));
        for (bound, broken_by) in [
            ("each >= 2", None),
            ("each >= 3", Some(("b", 2))),
            ("each <= 4", None),
            ("each <= 3", Some(("a", 4))),
            ("a >= 4", None),
            ("a >= 5", Some(("a", 4))),
            ("b <= 2", None),
            ("b <= 1", Some(("b", 2))),
            ("repeats >= 3", None),
            ("repeats >= 4", Some(("repeats", 3))),
            ("repeats <= 3", None),
            ("repeats <= 2", Some(("repeats", 3))),
        ] {
            let tally = tally(&format!("  a >= 1\n  {bound}\n"));
            let broken = broken(&tally, &counts()).map(|(_, name, count)| (name, count));
            assert_eq!(broken, broken_by, "{bound}");
        }
    }

    #[test]
    fn numbers_come_once_rise_and_were_sent() {
        for (number, wrong) in [
            (0, "a number that was never sent"),
            (10, "a number that was never sent"),
            (2, "number 2 behind a later one"),
            (6, "number 6, which had come before"),
        ] {
            let mut counts = counts();
            assert_eq!(counts.add(0, Some(number), 9), Err(wrong.to_owned()), "{number}");
        }
        assert_eq!(counts().add(1, Some(3), 9), Err("number 3 behind a later one".to_owned()));
        assert_eq!(counts().add(1, Some(6), 9), Err("number 6, which had come before".to_owned()));
        assert_eq!(counts().add(1, None, 9), Ok(()));
    }
}
