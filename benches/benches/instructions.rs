//! How many instructions the same functions take, counted by Valgrind. No clock is involved, so
//! a busy machine makes no difference; `ci/gate.sh` compares two commits by it.
//!
//! The broker seeds its hash tables by chance, and the counts differ by that from run to run.
//! Every count is of many operations, which keeps it far below what the gate looks for. A million
//! subscriptions take too long to make here.

#![allow(missing_docs, reason = "the macros make undocumented modules")]

mod inputs;

use std::hint::black_box;

use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use nats_reference_server::{
    Index,
    bench::{Conversations, Outbox, Side},
};

use inputs::{
    delivery::{self, Message, Room},
    index::{self, Kind},
    parser,
};

#[library_benchmark(setup = parser::stream)]
#[bench::publish("pub")]
#[bench::publish_1k("pub 1k")]
#[bench::publish_reply("pub reply")]
#[bench::hpub("hpub")]
#[bench::sub("sub")]
#[bench::sub_queue("sub queue")]
#[bench::unsub("unsub")]
#[bench::ping("ping")]
#[bench::connect("connect")]
#[bench::mixed("mixed")]
fn whole(stream: Vec<u8>) -> (usize, Vec<u8>) {
    (parser::parse(black_box(&stream), stream.len()), stream)
}

#[library_benchmark(setup = parser::stream)]
#[bench::publish("pub")]
#[bench::publish_1k("pub 1k")]
#[bench::connect("connect")]
#[bench::mixed("mixed")]
fn in_pieces_of_7(stream: Vec<u8>) -> (usize, Vec<u8>) {
    (parser::parse(black_box(&stream), 7), stream)
}

#[library_benchmark(setup = parser::stream)]
#[bench::publish("pub")]
#[bench::publish_1k("pub 1k")]
#[bench::mixed("mixed")]
fn in_pieces_of_1460(stream: Vec<u8>) -> (usize, Vec<u8>) {
    (parser::parse(black_box(&stream), 1460), stream)
}

type Tree = (Index<u32>, Vec<String>);

fn tree(kind: Kind, size: usize) -> Tree {
    (index::index(size), index::subjects(kind, size))
}

fn tree_without(size: usize) -> Tree {
    (index::index(size), index::new_subjects())
}

fn tree_with(size: usize) -> Tree {
    let (mut index, subjects) = tree_without(size);
    index::insert(&mut index, &subjects);
    (index, subjects)
}

#[library_benchmark(setup = tree)]
#[bench::literal_10(Kind::Literal, 10)]
#[bench::literal_1k(Kind::Literal, 1_000)]
#[bench::literal_100k(Kind::Literal, 100_000)]
#[bench::wildcard_10(Kind::Wildcard, 10)]
#[bench::wildcard_1k(Kind::Wildcard, 1_000)]
#[bench::wildcard_100k(Kind::Wildcard, 100_000)]
#[bench::queue_1k(Kind::Queue, 1_000)]
#[bench::crowd_1k(Kind::Crowd, 1_000)]
#[bench::nobody_1k(Kind::Nobody, 1_000)]
fn matches(tree: Tree) -> (usize, Tree) {
    (index::look_up(&tree.0, &tree.1), tree)
}

#[library_benchmark(setup = tree_without)]
#[bench::among_10(10)]
#[bench::among_1k(1_000)]
#[bench::among_100k(100_000)]
fn insert(mut tree: Tree) -> Tree {
    index::insert(&mut tree.0, &tree.1);
    tree
}

#[library_benchmark(setup = tree_with)]
#[bench::among_10(10)]
#[bench::among_1k(1_000)]
#[bench::among_100k(100_000)]
fn remove(mut tree: Tree) -> (usize, Tree) {
    (index::remove(&mut tree.0, &tree.1), tree)
}

fn line(kind: &str) -> (Message, Vec<u8>) {
    let (message, mut out) = (Message::new(kind), Vec::new());
    delivery::encode(&mut out, &message, true);
    (message, out)
}

#[library_benchmark(setup = line)]
#[bench::plain("plain")]
#[bench::reply("reply")]
#[bench::header("header")]
fn encode((message, mut out): (Message, Vec<u8>)) -> (usize, Message, Vec<u8>) {
    (delivery::encode(&mut out, &message, true), message, out)
}

#[library_benchmark(setup = line)]
#[bench::header("header")]
fn encode_without((message, mut out): (Message, Vec<u8>)) -> (usize, Message, Vec<u8>) {
    (delivery::encode(&mut out, &message, false), message, out)
}

/// A queue that has been used.
fn outbox() -> Outbox {
    let outbox = Outbox::new();
    delivery::append(&outbox);
    outbox
}

#[library_benchmark]
#[bench::pong(outbox())]
fn append(outbox: Outbox) -> (usize, Outbox) {
    (delivery::append(&outbox), outbox)
}

fn queue(kind: &str) -> (Message, Outbox) {
    (Message::new(kind), outbox())
}

#[library_benchmark(setup = queue)]
#[bench::plain("plain")]
#[bench::reply("reply")]
#[bench::header("header")]
#[bench::plain_1k("plain 1k")]
#[bench::plain_64k("plain 64k")]
fn deliver((message, outbox): (Message, Outbox)) -> (usize, Message, Outbox) {
    (delivery::deliver(&outbox, &message), message, outbox)
}

#[library_benchmark(setup = Room::new)]
#[bench::one("one")]
#[bench::wildcards("wildcards")]
#[bench::fan_out("fan-out")]
#[bench::queue("queue")]
fn known(mut room: Room) -> (usize, Room) {
    // Several times, so that it makes little difference which members of a queue group are chosen.
    ((0..8).map(|_| room.publish()).sum(), room)
}

fn room_and_stranger(kind: &str) -> (Room, Side) {
    let room = Room::new(kind);
    let stranger = room.stranger();
    (room, stranger)
}

#[library_benchmark(setup = room_and_stranger)]
#[bench::one("one")]
#[bench::wildcards("wildcards")]
#[bench::fan_out("fan-out")]
#[bench::queue("queue")]
fn looked_up((room, mut stranger): (Room, Side)) -> (usize, Room, Side) {
    (room.publish_by(&mut stranger), room, stranger)
}

#[expect(clippy::unwrap_used, reason = "without a runtime there is nothing to count")]
fn conversation(subscription: &str) -> (Conversations, Vec<u8>) {
    let connect = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
    let stream = [connect, subscription].concat().into_bytes();
    let stream = [stream, parser::stream("pub").repeat(16)].concat();
    (Conversations::new().unwrap(), stream)
}

// Login to end, through all that a publication passes: what single parts cost together, and what
// the compiler makes of them.
#[library_benchmark(setup = conversation)]
#[bench::nobody("")]
#[bench::oneself("SUB orders.> 1\r\n")]
fn publications((server, stream): (Conversations, Vec<u8>)) -> (Conversations, Vec<u8>) {
    server.serve(black_box(&stream));
    (server, stream)
}

library_benchmark_group!(name = parse, benchmarks = [whole, in_pieces_of_7, in_pieces_of_1460]);
library_benchmark_group!(name = tree_of_subjects, benchmarks = [matches, insert, remove]);
library_benchmark_group!(name = delivery_line, benchmarks = [encode, encode_without]);
library_benchmark_group!(name = outbox_of_one, benchmarks = [append, deliver]);
library_benchmark_group!(name = route, benchmarks = [known, looked_up]);
library_benchmark_group!(name = conversation_of, benchmarks = [publications]);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups =
        [parse, tree_of_subjects, delivery_line, outbox_of_one, route, conversation_of]
);
