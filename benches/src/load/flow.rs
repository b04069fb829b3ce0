//! Messages flow from publishers to subscribers, as fast as they are received.

use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::{
    Address, Outcome, Timing, Watch,
    frames::{Batches, Dialect, Expected},
    plan::Plan,
    verify::{Faults, Sequence, Shares},
    wire::{Control, Wire, open},
};
use crate::{
    error::{Result, Trying as _},
    shape::Flow,
};

/// Nothing comes for so long: nothing more will come.
pub(super) const STALL: Duration = Duration::from_secs(5);

/// Runs it.
pub(super) fn run(
    server: Address,
    flow: Flow,
    payload_bytes: usize,
    timing: Timing,
) -> Result<Outcome> {
    let mut running = Running::open(server, flow, payload_bytes)?;
    let mut watch = Watch::start(server, timing);
    let result = running.measure(&mut watch);
    let mut outcome = watch.outcome();
    outcome.payload_bytes = outcome.count * payload_bytes as u64;
    outcome.invalid = match result {
        Err(error) => Some(error.to_string()),
        Ok(()) => Some(running.faults()).filter(|faults| !faults.is_none()).map(|f| f.to_string()),
    };
    Ok(outcome)
}

/// Publishers and subscribers of a subject, or of a family of subjects.
#[derive(Debug)]
struct Lane {
    /// Deliveries of each message.
    copies: u64,
    /// Messages handed to the system.
    sent: u64,
    /// Deliveries that have come.
    received: u64,
    /// Most deliveries on their way.
    window: u64,
    /// By publisher, for queue groups.
    shares: Vec<Shares>,
}

impl Lane {
    fn new(plan: &Plan) -> Lane {
        let (copies, window) = (plan.copies(), plan.window());
        Lane { copies, sent: 0, received: 0, window, shares: plan.shares() }
    }

    fn on_their_way(&self) -> u64 {
        (self.sent * self.copies).saturating_sub(self.received)
    }
}

#[derive(Debug)]
struct Publisher {
    wire: Wire,
    lane: usize,
    batches: Batches,
    /// What is left of the batch that is being written.
    left: std::ops::Range<usize>,
}

#[derive(Debug)]
struct Subscriber {
    wire: Wire,
    lane: usize,
    /// Its number in its lane.
    member: usize,
    expected: Expected,
    /// By publisher; empty in queue groups.
    sequences: Vec<Sequence>,
    fenced: bool,
}

#[derive(Debug)]
struct Running {
    poll: Poll,
    events: Events,
    dialect: Dialect,
    flow: Flow,
    lanes: Vec<Lane>,
    publishers: Vec<Publisher>,
    subscribers: Vec<Subscriber>,
    /// A delivery was not the next one.
    odd: bool,
}

impl Running {
    fn open(server: Address, flow: Flow, payload_bytes: usize) -> Result<Running> {
        let poll = Poll::new().trying("making an epoll")?;
        let mut running = Running {
            poll,
            events: Events::with_capacity(1024),
            dialect: server.dialect,
            flow,
            lanes: Vec::new(),
            publishers: Vec::new(),
            subscribers: Vec::new(),
            odd: false,
        };
        for lane in 0..flow.lanes {
            let plan = Plan::new(flow, lane, payload_bytes, server.dialect);
            running.lanes.push(Lane::new(&plan));
            for member in 0..flow.subscribers {
                let stream = open(server.addr, server.dialect, &plan.subscribe())?;
                let expected = Expected::new(&plan.delivered, payload_bytes);
                let token = running.subscribers.len();
                let registry = running.poll.registry();
                running.subscribers.push(Subscriber {
                    wire: Wire::new(stream, expected.frame(), registry, token)?,
                    lane,
                    member,
                    expected,
                    sequences: if flow.queue { Vec::new() } else { plan.sequences() },
                    fenced: false,
                });
            }
        }
        let subscribers = running.subscribers.len();
        for lane in 0..flow.lanes {
            let plan = Plan::new(flow, lane, payload_bytes, server.dialect);
            for publisher in 0..flow.publishers {
                let batches = plan.batches(publisher as u32);
                let stream = open(server.addr, server.dialect, &plan.publish(&batches))?;
                let token = subscribers + running.publishers.len();
                let wire = Wire::new(stream, 0, running.poll.registry(), token)?;
                running.publishers.push(Publisher { wire, lane, batches, left: 0..0 });
            }
        }
        Ok(running)
    }

    /// Until the end of the measurement, and until all that was sent has come.
    fn measure(&mut self, watch: &mut Watch) -> Result<()> {
        let mut progress = (Instant::now(), 0);
        let mut over = false;
        while !(over && self.drained()) {
            self.turn(over)?;
            let now = Instant::now();
            let received = self.received();
            // After an odd delivery it is only seen what else comes.
            over = watch.look(now, received) || self.odd || over;
            if received != progress.1 {
                progress = (now, received);
            }
            if now - progress.0 > if self.odd { STALL / 5 } else { STALL } {
                return Ok(());
            }
        }
        self.fence()
    }

    /// What was sent twice comes before the answer to PING.
    fn fence(&mut self) -> Result<()> {
        if self.dialect == Dialect::Relay {
            return Ok(());
        }
        for subscriber in &mut self.subscribers {
            subscriber.wire.output().extend_from_slice(b"PING\r\n");
        }
        let start = Instant::now();
        while self.subscribers.iter().any(|subscriber| !subscriber.fenced) {
            self.turn(true)?;
            if start.elapsed() > STALL {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits until something can be done, and does it.
    fn turn(&mut self, over: bool) -> Result<()> {
        let busy = self.publishers.iter().any(|publisher| {
            publisher.wire.writable
                && (!publisher.left.is_empty() || !over && self.may_send(publisher))
        }) || self.subscribers.iter().any(|subscriber| subscriber.wire.readable);
        let wait = if busy { Duration::ZERO } else { Duration::from_millis(20) };
        self.poll.poll(&mut self.events, Some(wait)).or_else(interrupted).trying("waiting")?;
        let subscribers = self.subscribers.len();
        for event in &self.events {
            let token = event.token().0;
            match self.subscribers.get_mut(token) {
                Some(subscriber) => subscriber.wire.ready(event),
                None => self.publishers[token - subscribers].wire.ready(event),
            }
        }
        for at in 0..subscribers {
            self.receive(at)?;
        }
        for at in 0..self.publishers.len() {
            self.acknowledge(at)?;
            self.publish(at, over)?;
        }
        Ok(())
    }

    fn may_send(&self, publisher: &Publisher) -> bool {
        let lane = &self.lanes[publisher.lane];
        lane.on_their_way() + publisher.batches.count() as u64 * lane.copies <= lane.window
    }

    /// Reads and checks what has come for a subscriber.
    fn receive(&mut self, at: usize) -> Result<()> {
        let Subscriber { wire, lane, member, expected, sequences, fenced } =
            &mut self.subscribers[at];
        let lane = &mut self.lanes[*lane];
        let odd = &mut self.odd;
        if wire.readable && wire.fill()? {
            let mut count = 0;
            wire.take(
                Some(expected),
                |_, publisher, number| {
                    let publisher = publisher as usize;
                    let well = match sequences.get_mut(publisher) {
                        Some(sequence) => sequence.see(number),
                        None => (lane.shares.get_mut(publisher))
                            .is_some_and(|shares| shares.see(*member, number)),
                    };
                    *odd |= !well;
                    count += 1;
                },
                |control| *fenced |= control == Control::Pong,
            )?;
            lane.received += count;
        }
        wire.flush().map(|_| ())
    }

    /// Reads what a publisher's connection says.
    fn acknowledge(&mut self, at: usize) -> Result<()> {
        let publisher = &mut self.publishers[at];
        if publisher.wire.readable && publisher.wire.fill()? {
            let mut pongs = 0;
            publisher.wire.take(
                None,
                |_, _, _| {},
                |control| pongs += u64::from(control == Control::Pong),
            )?;
            self.lanes[publisher.lane].received += pongs * publisher.batches.count() as u64;
        }
        Ok(())
    }

    /// Finishes the batch that was begun, or writes one if the window allows; then others are
    /// looked after, as if each client were a program of its own.
    fn publish(&mut self, at: usize, over: bool) -> Result<()> {
        if !self.publishers[at].wire.writable {
            return Ok(());
        }
        if self.publishers[at].left.is_empty() {
            let flushed = self.publishers[at].wire.flush()?;
            if !flushed || over || !self.may_send(&self.publishers[at]) {
                return Ok(());
            }
            let publisher = &mut self.publishers[at];
            publisher.left = publisher.batches.arm();
            self.lanes[publisher.lane].sent += publisher.batches.count() as u64;
        }
        let Publisher { wire, batches, left, .. } = &mut self.publishers[at];
        left.start += wire.write(&batches.bytes()[left.clone()])?;
        Ok(())
    }

    fn received(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.received).sum()
    }

    fn drained(&self) -> bool {
        self.lanes.iter().all(|lane| lane.on_their_way() == 0)
            && self.publishers.iter().all(|publisher| publisher.left.is_empty())
    }

    /// All that was wrong.
    fn faults(&self) -> Faults {
        let mut all = Faults::default();
        let per_lane = self.flow.publishers;
        let published = |lane: usize, publisher: usize| {
            self.publishers[lane * per_lane + publisher].batches.numbered()
        };
        for subscriber in &self.subscribers {
            for (publisher, sequence) in subscriber.sequences.iter().enumerate() {
                all.add(sequence.faults(published(subscriber.lane, publisher)));
            }
        }
        for (at, lane) in self.lanes.iter().enumerate() {
            for (publisher, shares) in lane.shares.iter().enumerate() {
                all.add(shares.faults(published(at, publisher)));
            }
            if self.flow.subscribers == 0 {
                all.lost += lane.on_their_way();
            }
        }
        all
    }
}

/// A signal is no error.
pub(super) fn interrupted(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
