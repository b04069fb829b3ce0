//! What clients can make the server remember, and that it forgets it again.

use std::{io::Write, net::TcpStream};

use crate::{
    eventually, open,
    pair::Pair,
    program::{Program, files_max},
    support::Client,
};

const MIB: usize = 1 << 20;

/// Lets `hostile` do the same several times while a pair is served. What it took at its height may
/// stay in the allocator's hands, once for each of the two threads that serve; doing it again must
/// find that memory. If it all stayed in use, four rounds would take four times the first.
fn rounds<T>(name: &str, mut hostile: impl FnMut(&Program) -> T) {
    let program = Program::start();
    let pair = Pair::start(program.addr);
    let (files, before) = (program.files(), program.memory_bytes());
    let (mut height, mut after) = (0, Vec::new());
    for _ in 0..number("HOSTILE_ROUNDS", 4) {
        let alive = hostile(&program);
        let now = program.memory_bytes();
        println!("{name}: {} MiB at the height", now / MIB);
        height = if after.is_empty() { now } else { height };
        drop(alive);
        eventually("its connections are closed", || program.files() == files);
        after.push(program.memory_bytes());
    }
    let mib: Vec<usize> = after.iter().map(|bytes| bytes / MIB).collect();
    println!("{name}: {} MiB before, {mib:?} MiB after each round", before / MIB);
    let most = 2 * height + 8 * MIB;
    assert!(after[after.len() - 1] < most, "{name}: it grows: {mib:?}, {} MiB", height / MIB);
    pair.finish(name);
}

/// A number that an environment variable may raise.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn many_subscriptions_are_held_and_forgotten() {
    let count = number("HOSTILE_SUBSCRIPTIONS", 30_000);
    // One subject, in which each is a neighbour of all others, and as many subjects.
    let subjects: [fn(usize) -> String; 2] = [|_| "same".into(), |at| format!("many.{at}.{at}")];
    for (name, subject) in ["one subject", "as many subjects"].into_iter().zip(subjects) {
        let name = format!("{count} subscriptions to {name}");
        rounds(&name, |program| {
            let before = program.memory_bytes();
            let mut client = Client::connect(program.addr);
            let subs: String =
                (0..count).map(|at| format!("SUB {} {at}\r\n", subject(at))).collect();
            client.send(subs.as_bytes());
            assert_eq!(client.fence(), []);
            let grown = program.memory_bytes().saturating_sub(before);
            // The allocator's first pages of each size count little among many.
            assert!(grown < count * 1024 + 8 * MIB, "{} bytes each", grown / count);
            client
        });
    }
}

#[test]
fn lines_without_an_end_are_not_kept() {
    rounds("a megabyte without a line end, 64 times", |program| {
        let starts = ["PUB ", "HPUB ", "SUB ", "UNSUB ", "CONNECT {", "INFO {", "PING ", "-ERR "];
        let before = program.memory_bytes();
        let megabyte = vec![b'x'; MIB];
        let endless = |at: usize| {
            let mut stream = open(program.addr);
            stream.write_all(starts[at % starts.len()].as_bytes()).unwrap();
            // An error is as good: it has been cut off.
            let _ = stream.write_all(&megabyte);
            stream
        };
        let streams: Vec<TcpStream> = (0..64).map(endless).collect();
        let grown = program.memory_bytes().saturating_sub(before);
        assert!(grown < 24 * MIB, "{} MiB of 64 are kept", grown / MIB);
        streams
    });
}

#[test]
fn a_large_payload_is_not_paid_for_for_ever() {
    rounds("64 connections that have published a megabyte", |program| {
        let before = program.memory_bytes();
        let payload = "x".repeat(MIB);
        let clients: Vec<Client> = (0..64)
            .map(|_| {
                let mut client = Client::connect(program.addr);
                client.send(format!("PUB nobody {MIB}\r\n{payload}\r\n").as_bytes());
                assert_eq!(client.fence(), []);
                client
            })
            .collect();
        let grown = program.memory_bytes().saturating_sub(before);
        assert!(grown < 24 * MIB, "{} MiB of 64 are kept", grown / MIB);
        clients
    });
}

#[test]
fn remembered_routes_are_bounded_by_what_they_lead_to() {
    rounds("routes of 8 000 subjects to 2 000 subscriptions", |program| {
        let before = program.memory_bytes();
        let mut listener = Client::connect(program.addr);
        let subs: String = (0..2_000).map(|at| format!("SUB routes.> group 1{at}\r\n")).collect();
        listener.send(subs.as_bytes());
        listener.fence();
        let mut publisher = Client::connect(program.addr);
        let pubs: String = (0..8_000).map(|at| format!("PUB routes.{at} 0\r\n\r\n")).collect();
        publisher.send(pubs.as_bytes());
        publisher.fence();
        assert_eq!(listener.fence().len(), 8_000);
        // All of them would be 128 MiB.
        let grown = program.memory_bytes().saturating_sub(before);
        assert!(grown < 32 * MIB, "{} MiB", grown / MIB);
        (listener, publisher)
    });
}

#[test]
fn remembered_routes_are_bounded_by_the_length_of_their_subjects() {
    rounds("routes of 16 000 subjects of 4 KB", |program| {
        let before = program.memory_bytes();
        let mut publisher = Client::connect(program.addr);
        let padding = "x".repeat(4_000);
        for at in 0..16_000 {
            publisher.send(format!("PUB {padding}{at} 0\r\n\r\n").as_bytes());
        }
        assert_eq!(publisher.fence(), []);
        // All of them would be 64 MiB.
        let grown = program.memory_bytes().saturating_sub(before);
        assert!(grown < 16 * MIB, "{} MiB", grown / MIB);
        publisher
    });
}

#[test]
fn thousands_of_idle_connections_are_held_and_forgotten() {
    let wanted = number("HOSTILE_CONNECTIONS", 1_000);
    // Each is a file here and one in the program; other tests need some as well.
    let count = wanted.min(files_max() / 2);
    if count < wanted {
        println!("only {count} of {wanted} connections: `ulimit -n` is {}", files_max());
    }
    assert!(count >= 100, "`ulimit -n` of {} is too low to show anything", files_max());
    rounds(&format!("{count} idle connections"), |program| {
        let (files, before) = (program.files(), program.memory_bytes());
        let streams: Vec<TcpStream> = (0..count).map(|_| open(program.addr)).collect();
        eventually("all are accepted", || program.files() == files + count);
        let grown = program.memory_bytes().saturating_sub(before);
        assert!(grown < count * 32 * 1024, "{} bytes each", grown / count);
        streams
    });
}
