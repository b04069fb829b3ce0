//! Clients that mean harm, or are broken, or have vanished. Meanwhile a pair that does nothing
//! wrong goes on being served, and afterwards nothing of them is left in the server.
//!
//! `cargo test --test hostile -- --nocapture` shows the figures.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod memory;
mod pair;
mod program;
#[path = "../support/mod.rs"]
mod support;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nats_reference_server::{Builder, Server};
use pair::Pair;
use socket2::SockRef;
use support::Client;

/// Connections and subscriptions of a [`Pair`].
const PAIR: (usize, usize) = (2, 1);

/// Waits for what can only be looked at from outside; it must become true.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn counts(server: &Server) -> (usize, usize) {
    (server.connections(), server.subscriptions())
}

/// Lets `hostile` do what it does while a pair is served. All of it must be gone in the end, though
/// what `hostile` returns is still alive.
fn while_serving<T>(name: &str, builder: Builder, hostile: impl FnOnce(&Server) -> T) {
    let server = builder.threads(2).start_blocking().unwrap();
    let pair = Pair::start(server.addr());
    let alive = hostile(&server);
    eventually("only the pair is left", || counts(&server) == PAIR);
    pair.finish(name);
    eventually("nobody is left", || counts(&server) == (0, 0));
    drop(alive);
}

fn open(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Closes with RST.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Reads until the server closes.
fn last_words(mut stream: &TcpStream) -> String {
    let mut words = Vec::new();
    match stream.read_to_end(&mut words) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8_lossy(&words).into_owned()
}

#[test]
fn peers_that_say_nothing_are_cut_off_in_the_end() {
    let builder = Server::builder().ping_interval(Duration::from_millis(1500)).ping_max(1);
    while_serving("half-open connections and vanished peers", builder, |server| {
        let streams: Vec<TcpStream> = (0..300).map(|_| open(server.addr())).collect();
        for mut stream in streams.iter().step_by(2) {
            stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB gone 1\r\n").unwrap();
        }
        let all = (PAIR.0 + 300, PAIR.1 + 150);
        eventually("all of them are seen", || counts(server) == all);
        // Nothing is read until the end, as by a machine that has lost its power.
        eventually("all of them are cut off", || counts(server) == PAIR);
        for stream in &streams {
            assert!(last_words(stream).contains("-ERR 'Stale Connection'"));
        }
        streams
    });
}

#[test]
fn a_reader_that_stops_is_cut_off_and_its_neighbour_gets_everything() {
    const MESSAGES: usize = 1500;
    let payload = "x".repeat(20 << 10);
    let builder = Server::builder().max_pending_bytes(4 << 20);
    while_serving("readers that stop", builder, |server| {
        let addr = server.addr();
        let stopped: Vec<Client> = (0..5).map(|_| subscriber(addr)).collect();
        let mut neighbour = subscriber(addr);
        let mut publisher = Client::connect(addr);
        thread::scope(|scope| {
            let reading = scope.spawn(move || {
                (0..MESSAGES).map(|_| neighbour.message().unwrap().payload.len()).sum::<usize>()
            });
            for _ in 0..MESSAGES {
                publisher.send(format!("PUB flood {}\r\n{payload}\r\n", payload.len()).as_bytes());
                // So that the neighbour, on a busy machine, is not the slow one.
                publisher.fence();
            }
            assert_eq!(reading.join().unwrap(), MESSAGES * payload.len());
        });
        drop(publisher);
        eventually("the readers are cut off", || counts(server) == PAIR);
        stopped
    });
}

fn subscriber(addr: SocketAddr) -> Client {
    let mut client = Client::connect(addr);
    client.send(b"SUB flood 1\r\n");
    client.fence();
    client
}

#[test]
fn one_byte_at_a_time_is_a_conversation_like_any_other() {
    while_serving("byte by byte", Server::builder(), |server| {
        let mut other = Client::connect(server.addr());
        let mut slow = open(server.addr());
        let said = "CONNECT {\"verbose\":false}\r\nSUB slow 1\r\nPUB slow 5\r\nhello\r\nPING\r\n";
        for byte in said.bytes() {
            slow.write_all(&[byte]).unwrap();
            // The server has had time enough to serve someone else.
            assert_eq!(other.fence(), []);
        }
        slow.shutdown(Shutdown::Write).unwrap();
        let heard = last_words(&slow);
        assert!(heard.contains("\r\nMSG slow 1 5\r\nhello\r\nPONG\r\n"), "{heard}");
    });
}

#[test]
fn subjects_of_thousands_of_tokens_are_served() {
    // As many as fit into a control line of the default size, and the most there can be.
    for (tokens, line) in [(1_000, 4 << 10), (2_000, 4 << 10), (4_096, 1 << 20)] {
        let builder = Server::builder().max_control_line_bytes(line);
        while_serving(&format!("subjects of {tokens} tokens"), builder, |server| {
            let mut client = Client::connect(server.addr());
            let subject = vec!["a"; tokens].join(".");
            let stars = vec!["*"; tokens].join(".");
            client.send(format!("SUB {subject} 1\r\nSUB {stars} 2\r\n").as_bytes());
            client.send(format!("PUB {subject} 2\r\nhi\r\n").as_bytes());
            let mut sids: Vec<String> =
                client.fence().into_iter().map(|message| message.sid).collect();
            sids.sort();
            assert_eq!(sids, ["1", "2"]);
            client.send(b"UNSUB 1\r\n");
            client.fence();
            assert_eq!(server.subscriptions(), PAIR.1 + 1);
        });
    }
}

#[test]
fn a_subject_deeper_than_the_tree_may_be_is_refused() {
    let builder = Server::builder().max_control_line_bytes(1 << 20);
    while_serving("subjects of 100 000 tokens", builder, |server| {
        let mut stream = open(server.addr());
        let subject = vec!["a"; 100_000].join(".");
        let said = format!("CONNECT {{}}\r\nSUB {subject} 1\r\nPUB {subject} 0\r\n\r\nPING\r\n");
        stream.write_all(said.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let heard = last_words(&stream);
        assert!(
            heard.contains("too many tokens") && heard.ends_with("PONG\r\n"),
            "{}",
            heard.len()
        );
    });
}

#[test]
fn thousands_of_queue_groups_are_no_burden_to_those_who_are_in_none() {
    const GROUPS: usize = 40_000;
    while_serving("40 000 queue groups", Server::builder(), |server| {
        let mut client = Client::connect(server.addr());
        let start = Instant::now();
        for pattern in ["groups.all", "*.all"] {
            let subs = (0..GROUPS).map(|at| format!("SUB {pattern} q{at} {pattern}{at}\r\n"));
            client.send(subs.collect::<String>().as_bytes());
            assert_eq!(client.fence(), []);
        }
        // Each route is looked for anew, as a subscription has come in between.
        for sid in ["x", "y"] {
            client.send(format!("SUB other {sid}\r\nPUB groups.all 0\r\n\r\n").as_bytes());
        }
        assert_eq!(client.fence().len(), 2 * GROUPS);
        let took = start.elapsed();
        println!("40 000 queue groups: {took:?} in all");
        assert!(took < pair::LATENCY_MAX, "{took:?}");
    });
}

#[test]
fn storms_of_reconnects_and_resets_leave_nothing() {
    const STORMS: usize = 4;
    while_serving("storms of reconnects and resets", Server::builder(), |server| {
        let addr = server.addr();
        thread::scope(|scope| {
            for _ in 0..STORMS {
                scope.spawn(move || storm(addr));
            }
        });
    });
}

/// Connections that end in all the wrong places.
fn storm(addr: SocketAddr) {
    for round in 0..150 {
        let mut stream = open(addr);
        let hello = "CONNECT {\"verbose\":false}\r\nSUB storm.* 1\r\nSUB storm.> group 2\r\n";
        match round % 5 {
            0 => reset(stream),
            1 => stream.write_all(hello.as_bytes()).unwrap(),
            2 => {
                stream
                    .write_all(format!("{hello}PUB storm.a 1000\r\nhalf of it").as_bytes())
                    .unwrap();
                reset(stream);
            }
            3 => {
                // Messages on their way to it, unread.
                let publish = "PUB storm.a 5\r\nhello\r\n".repeat(50);
                stream.write_all(format!("{hello}{publish}").as_bytes()).unwrap();
                reset(stream);
            }
            _ => {
                let mut client = Client::connect(addr);
                client.send(b"SUB storm.own 1\r\nPUB storm.own 2\r\nhi\r\n");
                assert!(client.fence().iter().any(|message| message.payload == "hi"));
            }
        }
    }
}
