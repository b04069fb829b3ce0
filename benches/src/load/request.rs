//! Requests are answered: one after the other, or at a steady rate.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll};

use super::{
    Address, Outcome, Timing, Watch,
    flow::{STALL, interrupted},
    frames::{Batches, Dialect, Expected, Message},
    histogram,
    verify::{Faults, Sequence},
    wire::{Wire, open},
};
use crate::{
    error::{Result, Trying as _},
    shape::Request,
};

/// Where half of all requests leave later than that, the rate was not kept.
const LATE: Duration = Duration::from_millis(1);

/// The relay's groups for requests begin here: apart from those of a flow beside them.
const GROUPS: usize = 1000;

/// Runs it.
pub(super) fn run(
    server: Address,
    request: Request,
    payload_bytes: usize,
    timing: Timing,
) -> Result<Outcome> {
    let mut running = Running::open(server, request, payload_bytes)?;
    let mut watch = Watch::start(server, timing);
    let result = running.measure(&mut watch);
    let mut outcome = watch.outcome();
    outcome.payload_bytes = 2 * outcome.count * payload_bytes as u64;
    outcome.invalid = match result {
        Err(error) => Some(error.to_string()),
        Ok(()) => running.faults().or_else(|| running.late()),
    };
    outcome.latency = Some(running.latency);
    outcome.send_lag = request.rate.map(|_| running.send_lag);
    Ok(outcome)
}

#[derive(Debug)]
struct Requester {
    wire: Wire,
    requests: Batches,
    expected: Expected,
    sequence: Sequence,
    /// When the request of each slot was due.
    due: Vec<Instant>,
    answered: u64,
}

impl Requester {
    fn waiting(&self) -> u64 {
        self.requests.numbered().saturating_sub(self.answered)
    }

    /// Puts the next request into the buffer.
    fn ask(&mut self, due: Instant) {
        let slots = self.due.len() as u64;
        self.due[(self.requests.numbered() % slots) as usize] = due;
        let range = self.requests.arm();
        self.wire.output().extend_from_slice(&self.requests.bytes()[range]);
    }
}

#[derive(Debug)]
struct Responder {
    wire: Wire,
    expected: Expected,
    /// By requester and slot, what comes before the payload of an answer.
    answers: Vec<Vec<u8>>,
    /// By requester.
    sequences: Vec<Sequence>,
    waiting: Vec<u8>,
}

#[derive(Debug)]
struct Running {
    poll: Poll,
    events: Events,
    request: Request,
    requesters: Vec<Requester>,
    responders: Vec<Responder>,
    latency: Histogram<u64>,
    send_lag: Histogram<u64>,
    start: Instant,
    /// Requests of an open load that were sent.
    left: u64,
    odd: bool,
}

impl Running {
    fn open(server: Address, request: Request, payload_bytes: usize) -> Result<Running> {
        let plan = Plan { request, payload_bytes, dialect: server.dialect };
        let poll = Poll::new().trying("making an epoll")?;
        // One service; the relay can't tell answers apart, so there each requester has its own.
        let services = if server.dialect == Dialect::Relay { request.connections } else { 1 };
        let mut responders = Vec::new();
        for at in 0..services {
            let stream = open(server.addr, server.dialect, &plan.serve(at))?;
            let expected = plan.requested();
            responders.push(Responder {
                wire: Wire::new(stream, expected.frame(), poll.registry(), at)?,
                expected,
                answers: plan.heads(|message| Message { reply: None, ..message }, true),
                sequences: (0..request.connections).map(|_| Sequence::default()).collect(),
                waiting: Vec::new(),
            });
        }
        let mut requesters = Vec::new();
        let now = Instant::now();
        for at in 0..request.connections {
            let stream = open(server.addr, server.dialect, &plan.listen(at))?;
            let expected = plan.answered();
            let token = services + at;
            requesters.push(Requester {
                wire: Wire::new(stream, expected.frame(), poll.registry(), token)?,
                requests: plan.requests(at),
                expected,
                sequence: Sequence::default(),
                due: vec![now; request.in_flight],
                answered: 0,
            });
        }
        Ok(Running {
            poll,
            events: Events::with_capacity(1024),
            request,
            requesters,
            responders,
            latency: histogram()?,
            send_lag: histogram()?,
            start: Instant::now(),
            left: 0,
            odd: false,
        })
    }

    fn measure(&mut self, watch: &mut Watch) -> Result<()> {
        self.start = Instant::now();
        let mut progress = (self.start, 0);
        let mut over = false;
        while !(over && self.requesters.iter().all(|requester| requester.waiting() == 0)) {
            match self.request.rate {
                Some(rate) if !self.odd => self.ask_in_time(rate, watch),
                None if !over => self.ask(),
                _ => {}
            }
            self.turn(over, watch)?;
            let now = Instant::now();
            let answered = self.requesters.iter().map(|requester| requester.answered).sum();
            over = watch.look(now, answered) || self.odd || over;
            if answered != progress.1 {
                progress = (now, answered);
            }
            if now - progress.0 > if self.odd { STALL / 5 } else { STALL } {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends as many requests as may wait for their answers.
    fn ask(&mut self) {
        let slots = self.request.in_flight as u64;
        let now = Instant::now();
        for requester in &mut self.requesters {
            while requester.waiting() < slots {
                requester.ask(now);
            }
        }
    }

    /// Sends what is due by now, or was due by the end of the measurement.
    fn ask_in_time(&mut self, rate: f64, watch: &Watch) {
        let slots = self.request.in_flight as u64;
        let now = Instant::now();
        let until = watch.end().unwrap_or(now);
        loop {
            let due = self.start + Duration::from_secs_f64(self.left as f64 / rate);
            let next = self.left as usize % self.requesters.len();
            let requester = &mut self.requesters[next];
            if due > until || requester.waiting() >= slots {
                return;
            }
            requester.ask(due);
            self.left += 1;
            if watch.covers(due) {
                self.send_lag.saturating_record((now - due).as_nanos() as u64);
            }
        }
    }

    /// Writes what is to be written, waits, and reads what has come.
    fn turn(&mut self, over: bool, watch: &Watch) -> Result<()> {
        for wire in self.wires() {
            wire.flush()?;
        }
        // A steady rate is kept only by looking at the clock all the time.
        let spin = self.request.rate.is_some() && !over;
        let busy = spin || self.wires().any(|wire| wire.readable);
        let wait = if busy { Duration::ZERO } else { Duration::from_millis(20) };
        self.poll.poll(&mut self.events, Some(wait)).or_else(interrupted).trying("waiting")?;
        let services = self.responders.len();
        for event in &self.events {
            let token = event.token().0;
            match self.responders.get_mut(token) {
                Some(responder) => responder.wire.ready(event),
                None => self.requesters[token - services].wire.ready(event),
            }
        }
        for at in 0..services {
            self.answer(at)?;
        }
        for at in 0..self.requesters.len() {
            self.hear(at, watch)?;
        }
        Ok(())
    }

    fn wires(&mut self) -> impl Iterator<Item = &mut Wire> {
        let responders = self.responders.iter_mut().map(|responder| &mut responder.wire);
        responders.chain(self.requesters.iter_mut().map(|requester| &mut requester.wire))
    }

    /// Answers the requests that a service has got.
    fn answer(&mut self, at: usize) -> Result<()> {
        let Responder { wire, expected, answers, sequences, waiting } = &mut self.responders[at];
        if !wire.readable || !wire.fill()? {
            return Ok(());
        }
        let odd = &mut self.odd;
        wire.take(
            Some(expected),
            |frame, requester, number| {
                let well = sequences.get_mut(requester as usize);
                *odd |= !well.is_some_and(|sequence| sequence.see(number));
                waiting.extend_from_slice(&answers[expected.turn(requester, number)]);
                waiting.extend_from_slice(expected.payload(frame));
            },
            |_| {},
        )?;
        wire.output().append(waiting);
        wire.flush().map(|_| ())
    }

    /// Takes the answers that a requester has got.
    fn hear(&mut self, at: usize, watch: &Watch) -> Result<()> {
        let Requester { wire, expected, sequence, due, answered, .. } = &mut self.requesters[at];
        if !wire.readable || !wire.fill()? {
            return Ok(());
        }
        let now = Instant::now();
        let (odd, latency) = (&mut self.odd, &mut self.latency);
        wire.take(
            Some(expected),
            |_, requester, number| {
                *odd |= requester as usize != at || !sequence.see(number);
                let due = due[(number % due.len() as u64) as usize];
                if watch.covers(due) {
                    latency.saturating_record((now - due).as_nanos() as u64);
                }
                *answered += 1;
            },
            |_| {},
        )
    }

    /// Says that the rate was not kept, if it was not.
    fn late(&self) -> Option<String> {
        let half = Duration::from_nanos(self.send_lag.value_at_quantile(0.5));
        (half > LATE).then(|| {
            format!("the rate was not kept: half of the requests left more than {half:.1?} late")
        })
    }

    /// All that was wrong, in words.
    fn faults(&self) -> Option<String> {
        let (mut requests, mut answers) = (Faults::default(), Faults::default());
        for (at, requester) in self.requesters.iter().enumerate() {
            let asked = requester.requests.numbered();
            let service = &self.responders[at % self.responders.len()];
            requests.add(service.sequences[at].faults(asked));
            answers.add(requester.sequence.faults(asked));
        }
        let said: Vec<String> = [("requests", requests), ("answers", answers)]
            .iter()
            .filter(|(_, faults)| !faults.is_none())
            .map(|(what, faults)| format!("{what}: {faults}"))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// What everyone says and expects.
struct Plan {
    request: Request,
    payload_bytes: usize,
    dialect: Dialect,
}

impl Plan {
    /// Heads by requester and slot: of requests, or of answers.
    fn heads(&self, change: fn(Message<'_>) -> Message<'_>, published: bool) -> Vec<Vec<u8>> {
        let Request { connections, in_flight, .. } = self.request;
        let slots = (0..connections * in_flight).map(|at| (at / in_flight, at % in_flight));
        let heads = slots.map(|(connection, slot)| {
            let inbox = format!("_INBOX.{connection:03}.{slot:04}");
            let (sid, headers, payload_bytes) = (1, false, self.payload_bytes);
            let subject = "bench.service";
            let request = Message { subject, reply: Some(&inbox), sid, headers, payload_bytes };
            // An answer goes to the inbox, and has no reply subject of its own.
            let message = change(request);
            let message = match message.reply {
                None => Message { subject: &inbox, ..message },
                Some(_) => message,
            };
            if published { message.published(self.dialect) } else { message.delivered() }
        });
        heads.collect()
    }

    fn requested(&self) -> Expected {
        let heads = self.heads(|message| message, false);
        Expected::by_publisher(&heads, self.request.connections, self.payload_bytes)
    }

    fn answered(&self) -> Expected {
        let heads = self.heads(|message| Message { reply: None, ..message }, false);
        Expected::by_publisher(&heads, self.request.connections, self.payload_bytes)
    }

    fn requests(&self, connection: usize) -> Batches {
        let slots = self.request.in_flight;
        let heads = self.heads(|message| message, true);
        let own = &heads[connection * slots..(connection + 1) * slots];
        Batches::new(own, self.payload_bytes, connection as u32, 1, b"")
    }

    /// What a service says at first.
    fn serve(&self, at: usize) -> String {
        match self.dialect {
            Dialect::Nats => "SUB bench.service 1\r\n".into(),
            Dialect::Relay => {
                format!("RELAY {} {} 1 0 0\r\n", GROUPS + 2 * at + 1, GROUPS + 2 * at)
            }
        }
    }

    /// What a requester says at first.
    fn listen(&self, at: usize) -> String {
        match self.dialect {
            Dialect::Nats => format!("SUB _INBOX.{at:03}.* 1\r\n"),
            Dialect::Relay => {
                format!("RELAY {} {} 1 0 0\r\n", GROUPS + 2 * at, GROUPS + 2 * at + 1)
            }
        }
    }
}
