//! Brokers that lose, double or reorder get no score.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use std::{
    io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use broker_bench::{
    load::{Address, Dialect, Outcome, Timing, run},
    shape::select,
};

const PUB: &[u8] = b"PUB bench.0 16\r\n";
const MSG: &[u8] = b"MSG bench.0 1 16\r\n";
/// What follows the head: the payload and its end.
const BODY: usize = 18;

/// The ten messages from this one on are tampered with.
const VICTIM: u64 = 5000;

/// Changes ten deliveries that are about to leave.
type Trick = fn(&mut Vec<Vec<u8>>);

/// Serves one subscriber, then one publisher, as well as the trick lets it; whoever comes before or
/// after them gets nothing.
fn serve(listener: &TcpListener, before: usize, trick: Trick) -> std::io::Result<()> {
    let _kept = (0..before).map(|_| greet(listener)).collect::<std::io::Result<Vec<_>>>()?;
    let subscriber = greet(listener)?;
    let mut publisher = BufReader::new(greet(listener)?);
    let later = listener.try_clone()?;
    thread::spawn(move || (0..).map(|_| greet(&later)).collect::<std::io::Result<Vec<_>>>());
    let answering = subscriber.try_clone()?;
    thread::spawn(move || {
        for line in BufReader::new(&answering).lines().map_while(Result::ok) {
            if line == "PING" && (&answering).write_all(b"PONG\r\n").is_err() {
                break;
            }
        }
    });
    let mut subscriber = BufWriter::new(subscriber);
    let mut frame = vec![0; PUB.len() + BODY];
    let mut number = 0;
    loop {
        let mut deliveries = Vec::new();
        for _ in 0..if number == VICTIM { 10 } else { 1 } {
            publisher.read_exact(&mut frame)?;
            assert!(frame.starts_with(PUB));
            deliveries.push([MSG, &frame[PUB.len()..]].concat());
        }
        if number == VICTIM {
            trick(&mut deliveries);
        }
        number += 1;
        subscriber.write_all(&deliveries.concat())?;
        if publisher.buffer().len() < frame.len() {
            subscriber.flush()?;
        }
    }
}

/// Says INFO and reads up to PING.
fn greet(listener: &TcpListener) -> std::io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    (&stream).write_all(b"INFO {}\r\n")?;
    let mut lines = BufReader::new(&stream).lines();
    while lines.next().transpose()?.is_some_and(|line| line != "PING") {}
    (&stream).write_all(b"PONG\r\n")?;
    Ok(stream)
}

fn outcome(trick: Trick) -> Outcome {
    put_on("pubsub", 0, trick)
}

fn put_on(shape: &str, before: usize, trick: Trick) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener, before, trick));
    let shape = select(&[shape.into()], &[16]).unwrap().remove(0);
    let (warm_up, measured) = (Duration::ZERO, Duration::from_millis(100));
    let address = Address { addr, pid: None, dialect: Dialect::Nats };
    run(address, &shape, Timing { warm_up, measured }).unwrap()
}

fn why(trick: Trick) -> String {
    outcome(trick).invalid.unwrap_or_else(|| "the trick was not seen".into())
}

#[test]
fn without_tricks_there_is_a_score() {
    let outcome = outcome(|_| ());
    assert_eq!(outcome.invalid, None);
    assert!(outcome.count > VICTIM, "{}", outcome.count);
}

#[test]
fn loss_is_seen() {
    let why = why(|deliveries| _ = deliveries.remove(7));
    assert_eq!(why, "1 lost");
}

#[test]
fn doubles_are_seen() {
    let why = why(|deliveries| deliveries.insert(8, deliveries[7].clone()));
    assert_eq!(why, "1 delivered more than once");
}

#[test]
fn disorder_is_seen() {
    let why = why(|deliveries| deliveries.swap(7, 8));
    assert_eq!(why, "1 out of order");
}

#[test]
fn a_changed_byte_is_seen() {
    let why = why(|deliveries| deliveries[7][MSG.len() + 14] ^= 1);
    assert!(why.contains("should not have come: 'MSG bench.0 1 16"), "{why}");
}

#[test]
fn beside_one_who_does_not_read_nothing_may_be_lost() {
    let honest = put_on("stalled", 1, |_| ());
    assert!(honest.invalid.is_none() && honest.count > 0, "{:?}", honest.invalid);
    let lossy = put_on("stalled", 1, |deliveries| _ = deliveries.remove(7));
    assert_eq!(lossy.invalid.as_deref(), Some("1 lost"));
}
