//! What one connection publishes arrives in its order, everywhere, whoever else publishes.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::{collections::BTreeMap, net::SocketAddr, thread};

use nats_reference_server::Server;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use support::{Client, Message};

const MESSAGES: usize = 1_500;

/// Publishes its numbers, written in pieces that end anywhere.
fn publish(addr: SocketAddr, publisher: usize, seed: u64) {
    let mut client = Client::connect(addr);
    let mut random = StdRng::seed_from_u64(seed);
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let payload = format!("{publisher} {number}");
        bytes.extend(format!("PUB o.p {}\r\n{payload}\r\n", payload.len()).into_bytes());
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(random.random_range(1..=rest.len().min(900)));
        client.send(piece);
        rest = tail;
    }
    client.fence();
}

/// The numbers of each publisher on each subscription, in the order in which they came.
fn by_publisher(messages: &[Message]) -> BTreeMap<(String, usize), Vec<usize>> {
    let mut numbers: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for Message { sid, payload } in messages {
        let (publisher, number) = payload.split_once(' ').unwrap();
        let key = (sid.clone(), publisher.parse().unwrap());
        numbers.entry(key).or_default().push(number.parse().unwrap());
    }
    numbers
}

fn several_publishers(publishers: usize, seed: u64) {
    let server = Server::builder().start_blocking().unwrap();
    let addr = server.addr();
    let plain: Vec<Client> = ["o.p", "o.*", "*.p", "o.>", ">", "o.p"]
        .map(|pattern| {
            let mut client = Client::connect(addr);
            client.send(format!("SUB {pattern} 1\r\nSUB o.> 2\r\n").as_bytes());
            client.fence();
            client
        })
        .into();
    let mut members: Vec<Client> = (0..3).map(|_| Client::connect(addr)).collect();
    for member in &mut members {
        member.send(b"SUB o.* group 1\r\n");
        member.fence();
    }
    let each = thread::scope(|scope| {
        for publisher in 0..publishers {
            scope.spawn(move || publish(addr, publisher, seed + publisher as u64));
        }
        let read = |mut client: Client| {
            let count = publishers * MESSAGES * 2;
            (0..count).map(|_| client.message().unwrap()).collect::<Vec<_>>()
        };
        let readers: Vec<_> =
            plain.into_iter().map(|client| scope.spawn(move || read(client))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    let all: Vec<usize> = (0..MESSAGES).collect();
    for messages in each {
        let numbers = by_publisher(&messages);
        assert_eq!(numbers.len(), publishers * 2);
        for (of, numbers) in numbers {
            assert_eq!(numbers, all, "seed {seed}, {of:?}");
        }
    }
    // All publishers have their PONG, so each member's own PONG comes behind its last message.
    let mut together: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for member in &mut members {
        for ((_, publisher), numbers) in by_publisher(&member.fence()) {
            assert!(numbers.is_sorted(), "seed {seed}, publisher {publisher}: {numbers:?}");
            together.entry(publisher).or_default().extend(numbers);
        }
    }
    for (publisher, mut numbers) in together {
        numbers.sort_unstable();
        assert_eq!(numbers, all, "seed {seed}, publisher {publisher}, in the group");
    }
}

#[test]
fn the_orders_of_publishers_never_mix_up() {
    let seed = rand::random();
    for publishers in 2..=4 {
        several_publishers(publishers, seed);
    }
}
