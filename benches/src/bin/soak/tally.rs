//! What a reader, or a queue group, has got of each publisher's numbers.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use crate::{PUBLISHERS, client::Client};

/// A message is `publisher place number`; the place is the last token of its subject.
#[derive(Debug)]
pub(crate) struct Tally {
    pattern: &'static str,
    queue: Option<&'static str>,
    got: Mutex<Got>,
}

#[derive(Debug, Default)]
struct Got {
    /// For each publisher: all numbers below have come.
    below: [usize; PUBLISHERS],
    /// Numbers above that have come already, in a group.
    above: [BTreeSet<usize>; PUBLISHERS],
    received: usize,
    faults: Vec<String>,
}

impl Tally {
    pub(crate) fn new(pattern: &'static str, queue: Option<&'static str>) -> Tally {
        Tally { pattern, queue, got: Mutex::default() }
    }

    pub(crate) fn is_group(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether messages of this publisher and place are expected, by the pattern's text alone.
    fn wants(&self, publisher: usize, place: usize) -> bool {
        match self.pattern {
            "soak.0.*" => publisher == 0,
            "*.*.7" => place == 7,
            _ => true,
        }
    }

    pub(crate) fn subscribe(&self, addr: SocketAddr) -> Client {
        let mut client = Client::connect(addr);
        let queue = self.queue.unwrap_or_default();
        client.send(format!("SUB {} {queue} 1\r\nSUB end.> 2\r\n", self.pattern).as_bytes());
        client.fence();
        client
    }

    /// Reads until the end, or the first fault of this connection.
    pub(crate) fn read(&self, mut client: Client) {
        let mut last = [None; PUBLISHERS];
        loop {
            let payload = client.payload();
            let mut got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(payload) = payload else {
                return got.faults.push(format!("{}: a reader was cut off", self.pattern));
            };
            if payload == "end" {
                return;
            }
            let mut words = payload.split(' ').map(|word| word.parse::<usize>());
            let (Some(Ok(publisher)), Some(Ok(place)), Some(Ok(number))) =
                (words.next(), words.next(), words.next())
            else {
                return got.faults.push(format!("{}: {payload:?}", self.pattern));
            };
            let in_order = last[publisher].is_none_or(|last| last < number);
            last[publisher] = Some(number);
            let is_new = got.take(publisher, number);
            if !in_order || !is_new || !self.wants(publisher, place) {
                return got.faults.push(format!("{}: {payload:?} is too much", self.pattern));
            }
            if !self.is_group() && self.pattern != "*.*.7" && !got.above[publisher].is_empty() {
                return got.faults.push(format!("{}: lost before {payload:?}", self.pattern));
            }
        }
    }

    /// Numbers of the publisher that have all come; nobody may run far ahead of that.
    pub(crate) fn position(&self, publisher: usize) -> Option<usize> {
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = self.wants(publisher, 0) && self.wants(publisher, 7);
        (counts && got.faults.is_empty()).then_some(got.below[publisher])
    }

    pub(crate) fn received(&self) -> usize {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).received
    }

    /// What went wrong, in view of what was published in all.
    pub(crate) fn faults(&self, published: &[usize]) -> Vec<String> {
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        let mut faults = got.faults.clone();
        for (publisher, &count) in published.iter().enumerate() {
            let wanted = (0..count).filter(|at| self.wants(publisher, at % 10)).count();
            let has = got.below[publisher] + got.above[publisher].len();
            if has != wanted {
                let pattern = self.pattern;
                faults.push(format!("{pattern}: {has} of {wanted} of publisher {publisher}"));
            }
        }
        faults
    }
}

impl Got {
    /// False if it was there.
    fn take(&mut self, publisher: usize, number: usize) -> bool {
        self.received += 1;
        let (below, above) = (&mut self.below[publisher], &mut self.above[publisher]);
        let is_new = number >= *below && above.insert(number);
        while above.remove(below) {
            *below += 1;
        }
        is_new
    }
}
