//! What the clients of a flow say, send and expect.

use super::{
    frames::{Batches, Dialect, Message},
    verify::{Sequence, Shares},
};
use crate::shape::Flow;

/// Frames are sent in batches of about so many bytes.
const BATCH_BYTES: usize = 64 << 10;

/// Wildcard subscriptions, where there are any.
const WILDCARDS: usize = 100;

/// What the clients of a lane say and expect.
pub(super) struct Plan {
    flow: Flow,
    number: usize,
    dialect: Dialect,
    payload_bytes: usize,
    /// The heads of what is published, in turn.
    published: Vec<Vec<u8>>,
    /// The heads of what is delivered.
    pub(super) delivered: Vec<Vec<u8>>,
}

impl Plan {
    /// Of the lane with this number.
    pub(super) fn new(flow: Flow, number: usize, payload_bytes: usize, dialect: Dialect) -> Plan {
        let subjects: Vec<(String, usize)> = if flow.subjects == 1 {
            vec![(format!("bench.{number}"), 1)]
        } else {
            (0..flow.subjects).map(|at| subject(number, at)).collect()
        };
        let messages = subjects.iter().map(|(subject, sid)| Message {
            subject,
            reply: None,
            sid: *sid,
            headers: flow.headers,
            payload_bytes,
        });
        let published = messages.clone().map(|message| message.published(dialect)).collect();
        let delivered = messages.map(|message| message.delivered()).collect();
        Plan { flow, number, dialect, payload_bytes, published, delivered }
    }

    fn frame(&self) -> usize {
        self.delivered[0].len() + self.payload_bytes + 2
    }

    /// Deliveries of a lane that may be on their way.
    pub(super) fn window(&self) -> u64 {
        let share = self.flow.window_bytes / self.flow.lanes / self.frame();
        share.max(self.flow.subscribers.max(1) * self.flow.publishers) as u64
    }

    /// Deliveries of each message.
    pub(super) fn copies(&self) -> u64 {
        if self.flow.queue { 1 } else { self.flow.subscribers.max(1) as u64 }
    }

    /// What a queue group should get, by publisher; nothing where there is none.
    pub(super) fn shares(&self) -> Vec<Shares> {
        let publishers = if self.flow.queue { self.flow.publishers } else { 0 };
        // All that is on its way may be one member's, which gets its share only of what is
        // published: with what the others had meanwhile that is as many windows as members.
        let members = self.flow.subscribers;
        let apart = self.window() * members as u64;
        (0..publishers).map(|_| Shares::new(members, apart)).collect()
    }

    /// What a subscriber should get, by publisher.
    pub(super) fn sequences(&self) -> Vec<Sequence> {
        (0..self.flow.publishers).map(|_| Sequence::default()).collect()
    }

    /// What a publisher sends: never more than a quarter of the window in one batch.
    pub(super) fn batches(&self, publisher: u32) -> Batches {
        let a_quarter = self.window() / 4 / self.copies() / self.flow.publishers as u64;
        let wanted = (BATCH_BYTES / self.frame()).clamp(1, a_quarter.max(1) as usize);
        let acknowledged = self.flow.subscribers == 0 && self.dialect == Dialect::Nats;
        let end: &[u8] = if acknowledged { b"PING\r\n" } else { b"" };
        Batches::new(&self.published, self.payload_bytes, publisher, wanted, end)
    }

    /// What a subscriber says at first.
    pub(super) fn subscribe(&self) -> String {
        let Flow { subjects, queue, .. } = self.flow;
        let number = self.number;
        match self.dialect {
            Dialect::Relay => format!("RELAY - {number} 1 {} 0\r\n", u8::from(queue)),
            Dialect::Nats if subjects > 1 => (0..WILDCARDS.min(subjects))
                .map(|at| format!("SUB bench.{number}.{at:02}.* {}\r\n", sid(at)))
                .collect(),
            Dialect::Nats => format!("SUB bench.{number}{} 1\r\n", if queue { " q" } else { "" }),
        }
    }

    /// What a publisher says at first.
    pub(super) fn publish(&self, batches: &Batches) -> String {
        if self.dialect == Dialect::Nats {
            return String::new();
        }
        let acknowledged = if self.flow.subscribers == 0 { batches.count() } else { 0 };
        let whole = self.flow.publishers > 1 || self.flow.queue || acknowledged > 0;
        let frame = if whole { self.frame() } else { 1 };
        format!("RELAY {} - {frame} 0 {acknowledged}\r\n", self.number)
    }
}

/// A subject of many, and the wildcard subscription that it belongs to.
fn subject(lane: usize, at: usize) -> (String, usize) {
    let family = at % WILDCARDS;
    (format!("bench.{lane}.{family:02}.{:04}", at / WILDCARDS), sid(family))
}

fn sid(family: usize) -> usize {
    100 + family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::PLAIN;

    #[test]
    fn a_member_may_lag_behind_by_all_that_is_on_its_way() {
        let flow = Flow { subscribers: 10, queue: true, ..PLAIN };
        let plan = Plan::new(flow, 0, 128, Dialect::Nats);
        let mut shares = plan.shares().remove(0);
        // The others get theirs until all that is on its way is the last one's.
        let published = plan.window() * 10;
        let (slow, quick): (Vec<u64>, Vec<u64>) = (0..published).partition(|at| at % 10 == 9);
        for number in quick.into_iter().chain(slow) {
            shares.see((number % 10) as usize, number);
        }
        assert!(shares.faults(published).is_none());
    }
}
