//! Counting who got how many of the same frame.

use std::collections::HashMap;

use super::{Failure, Result, Story};
use crate::{
    pattern::{Bound, Pattern},
    scenario::{Counted, Ordering, Tally},
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
        counts.of[at] += 1;
        let Some(name) = &tally.number else { return Ok(()) };
        let number: Option<u64> = match self.scope.get(name) {
            Some(Bound::Bytes(bytes)) => {
                std::str::from_utf8(bytes).ok().and_then(|n| n.parse().ok())
            }
            _ => None,
        };
        let peer = &tally.peers[at].value;
        let Some(number) = number.filter(|number| (1..=tally.count).contains(number)) else {
            return Err(self.failure(format!("{peer} got a number that was never sent")));
        };
        if std::mem::replace(&mut counts.last[at], number) > number {
            return Err(self.failure(format!("{peer} got number {number} behind a later one")));
        }
        if counts.receivers.insert(number, at).is_some() {
            return Err(self.failure(format!("number {number} came twice")));
        }
        Ok(())
    }

    fn bounds(&self, tally: &Tally, counts: &Counts) -> Result<()> {
        for bound in &tally.bounds {
            let holds = |count: u64| match bound.ordering {
                Ordering::AtMost => count <= bound.value,
                _ => count >= bound.value,
            };
            let counted: Vec<(&str, u64)> = match &bound.of {
                Counted::Repeats => vec![("repeats", counts.repeats(tally.count))],
                Counted::Each => {
                    let names = tally.peers.iter().map(|peer| peer.value.as_str());
                    names.zip(counts.of.iter().copied()).collect()
                }
                Counted::Peer(peer) => {
                    let at = tally.peers.iter().position(|other| other.value == peer.value);
                    vec![(&peer.value, at.map_or(0, |at| counts.of[at]))]
                }
            };
            if let Some((name, count)) = counted.into_iter().find(|(_, count)| !holds(*count)) {
                let sign = if bound.ordering == Ordering::AtMost { "<=" } else { ">=" };
                let mut failure = self.failure(format!("{name}: {count}"));
                failure.span = bound.span.clone();
                failure.expected = Some(format!("{sign} {}", bound.value));
                failure.got = Some(counts.text(tally));
                return Err(failure);
            }
        }
        Ok(())
    }
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
