//! Connections and subscriptions by themselves: what they cost, and how fast they come and go.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{
    Address, Moment, Outcome, Timing, Watch,
    frames::Dialect,
    wire::{CONNECT, PATIENCE, await_pong, open},
};
use crate::{
    error::{Error, Result, Trying as _},
    process::resident_bytes,
};

/// What an idle connection says to the relay.
const SILENT: &str = "RELAY - - 1 0 0\r\n";

const NO_SUBSCRIPTIONS: &str = "a relay knows no subscriptions";

/// Opens connections that then are silent.
pub(super) fn idle(server: Address, connections: usize, warm_up: usize) -> Result<Outcome> {
    let opening = if server.dialect == Dialect::Relay { SILENT } else { "" };
    let mut kept = Vec::with_capacity(connections + warm_up);
    for _ in 0..warm_up {
        kept.push(open(server.addr, server.dialect, opening)?);
    }
    let memory = settled(server);
    let before = Moment::now(server, 0);
    for _ in 0..connections {
        kept.push(open(server.addr, server.dialect, opening)?);
    }
    let outcome = Moment::now(server, connections as u64).since(before);
    Ok(Outcome { memory_each: each(memory, settled(server), connections), ..outcome })
}

/// Subscriptions of one connection to other subjects, and connections, all of them silent.
pub(super) fn bystanders(
    server: Address,
    subscriptions: usize,
    connections: usize,
) -> Result<Vec<TcpStream>> {
    let relay = server.dialect == Dialect::Relay;
    if relay && subscriptions > 0 {
        return Err(Error::Usage(NO_SUBSCRIPTIONS.into()));
    }
    let opening = if relay { SILENT } else { "" };
    let mut kept = Vec::with_capacity(connections + 1);
    for _ in 0..connections {
        kept.push(open(server.addr, server.dialect, opening)?);
    }
    if subscriptions > 0 {
        let stream = open(server.addr, server.dialect, "")?;
        write_subscriptions(&stream, 0..subscriptions)?;
        await_pong(server.addr, &stream)?;
        kept.push(stream);
    }
    Ok(kept)
}

/// Makes subscriptions that then wait.
pub(super) fn subscriptions(
    server: Address,
    subscriptions: usize,
    warm_up: usize,
    connections: usize,
) -> Result<Outcome> {
    if server.dialect == Dialect::Relay {
        let invalid = Some(NO_SUBSCRIPTIONS.into());
        return Ok(Outcome { invalid, ..Outcome::default() });
    }
    let kept: Vec<TcpStream> =
        (0..connections).map(|_| open(server.addr, server.dialect, "")).collect::<Result<_>>()?;
    let subscribe = |from: usize, count: usize| -> Result<()> {
        for (at, stream) in kept.iter().enumerate() {
            let (first, last) = (count * at / connections, count * (at + 1) / connections);
            write_subscriptions(stream, from + first..from + last)?;
        }
        kept.iter().try_for_each(|stream| await_pong(server.addr, stream))
    };
    subscribe(0, warm_up)?;
    let memory = settled(server);
    let before = Moment::now(server, 0);
    let result = subscribe(warm_up, subscriptions);
    let mut outcome = Moment::now(server, subscriptions as u64).since(before);
    outcome.memory_each = each(memory, settled(server), subscriptions);
    outcome.invalid = result.err().map(|error| error.to_string());
    Ok(outcome)
}

/// Distinct subjects of three tokens; then PING.
fn write_subscriptions(mut stream: &TcpStream, numbers: std::ops::Range<usize>) -> Result<()> {
    let mut text = Vec::with_capacity(300_000);
    for number in numbers {
        let (family, member) = (number / 1000, number % 1000);
        write!(text, "SUB bench.{family}.{member} {number}\r\n").trying("encoding")?;
        if text.len() > 256 << 10 {
            stream.write_all(&text).trying("subscribing")?;
            text.clear();
        }
    }
    text.extend_from_slice(b"PING\r\n");
    stream.write_all(&text).trying("subscribing")
}

/// Connections come, subscribe, and go.
pub(super) fn churn(server: Address, at_once: usize, timing: Timing) -> Result<Outcome> {
    let mut watch = Watch::start(server, timing);
    let mut cycles = 0;
    let mut invalid = None;
    while !watch.look(Instant::now(), cycles) {
        if let Err(error) = cycle(server, at_once) {
            invalid = Some(error.to_string());
            break;
        }
        cycles += at_once as u64;
    }
    Ok(Outcome { invalid, ..watch.outcome() })
}

/// Some connections, from beginning to end, side by side.
fn cycle(server: Address, at_once: usize) -> Result<()> {
    let hello = match server.dialect {
        Dialect::Nats => format!("{CONNECT}SUB bench.churn 1\r\nPING\r\n"),
        Dialect::Relay => SILENT.to_owned(),
    };
    let mut streams = Vec::with_capacity(at_once);
    for _ in 0..at_once {
        let addr = server.addr;
        let mut stream = TcpStream::connect(addr).trying(format!("connecting to {addr}"))?;
        stream.set_read_timeout(Some(PATIENCE)).trying("setting a time limit")?;
        stream.set_nodelay(true).trying("setting TCP_NODELAY")?;
        stream.write_all(hello.as_bytes()).trying("subscribing")?;
        streams.push(stream);
    }
    streams.iter().try_for_each(|stream| await_pong(server.addr, stream))
}

/// Bytes in memory, once they no longer change, or after a second.
fn settled(server: Address) -> Option<u64> {
    let mut last = resident_bytes(server.pid?)?;
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(100));
        let now = resident_bytes(server.pid?)?;
        if now.abs_diff(last) < 1 << 16 {
            return Some(now);
        }
        last = now;
    }
    Some(last)
}

fn each(before: Option<u64>, after: Option<u64>, count: usize) -> Option<f64> {
    Some((after? as f64 - before? as f64) / count as f64)
}
