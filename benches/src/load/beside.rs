//! What is measured, and something unfair beside it: on threads of its own, so that one waits for
//! the other only in the server.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use super::{Address, Outcome, Timing, flow, frames::Dialect, request, wire::open};
use crate::{
    error::{Error, Result, Trying as _},
    shape::{Flow, Request},
};

/// Requests, one publisher beside them at full speed.
pub(super) fn flood(
    server: Address,
    request: Request,
    flow: Flow,
    payload_bytes: usize,
    timing: Timing,
) -> Result<Outcome> {
    let (measured, flood) = thread::scope(|scope| {
        let flood = scope.spawn(|| flow::run(server, flow, payload_bytes, timing));
        let measured = request::run(server, request, payload_bytes, timing);
        (measured, joined(flood))
    });
    let (mut outcome, flood) = (measured?, flood?);
    if let Some(why) = flood.invalid {
        let why = format!("beside the requests: {why}");
        outcome.invalid = Some(outcome.invalid.map_or(why.clone(), |own| format!("{own}; {why}")));
    }
    // Both were measured for nearly the same time.
    outcome.beside = (flood.count as f64 / flood.seconds.max(0.001) * outcome.seconds) as u64;
    Ok(outcome)
}

/// A flow, beside a subscriber of the same subject that does not read.
pub(super) fn stalled(
    server: Address,
    flow: Flow,
    replaced_after: Duration,
    payload_bytes: usize,
    timing: Timing,
) -> Result<Outcome> {
    let first = Stalled::open(server)?;
    thread::scope(|scope| {
        let (over, end) = channel();
        let stalled = scope.spawn(move || stall(server, first, replaced_after, &end));
        let outcome = flow::run(server, flow, payload_bytes, timing);
        drop(over);
        let mut outcome = outcome?;
        // What became of the measured ones says more.
        let why = joined(stalled).err().map(|error| format!("the one who does not read: {error}"));
        outcome.invalid = outcome.invalid.or(why);
        Ok(outcome)
    })
}

/// One after the other, until the other end of the channel is no more.
fn stall(
    server: Address,
    mut stalled: Stalled,
    replaced_after: Duration,
    end: &Receiver<()>,
) -> Result<()> {
    while end.recv_timeout(replaced_after) == Err(RecvTimeoutError::Timeout) {
        // The new one is there before the old one goes.
        stalled = Stalled::open(server)?;
    }
    drop(stalled);
    Ok(())
}

/// A subscriber that does not read.
struct Stalled {
    _stream: TcpStream,
}

impl Stalled {
    fn open(server: Address) -> Result<Stalled> {
        // A message may come before PONG, so this is said when the connection is known to be good.
        let (first, then) = match server.dialect {
            Dialect::Nats => ("", "SUB bench.0 9\r\n"),
            Dialect::Relay => ("RELAY - 0 1 0 0\r\n", ""),
        };
        let mut stream = open(server.addr, server.dialect, first)?;
        stream.write_all(then.as_bytes()).trying("subscribing, not to read")?;
        Ok(Stalled { _stream: stream })
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(Error::Usage("a thread of the load has failed".into())))
}
