//! From a published message to the receivers' queues.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod inputs;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nats_reference_server::bench::Outbox;

use inputs::delivery::{KINDS, MESSAGES, Message, ROOMS, Room, append, deliver, encode};

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for kind in ["plain", "reply", "header"] {
        let (message, mut out) = (Message::new(kind), Vec::new());
        group.bench_function(kind, |b| b.iter(|| encode(&mut out, &message, true)));
    }
    let (message, mut out) = (Message::new("header"), Vec::new());
    group.bench_function("header removed", |b| b.iter(|| encode(&mut out, &message, false)));
    group.finish();
}

fn outbox(c: &mut Criterion) {
    let mut group = c.benchmark_group("outbox");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    let outbox = Outbox::new();
    group.bench_function("append", |b| b.iter(|| append(&outbox)));
    for kind in KINDS {
        let message = Message::new(kind);
        group.bench_function(BenchmarkId::new("deliver", kind), |b| {
            b.iter(|| deliver(&outbox, &message));
        });
    }
    group.finish();
}

fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("route");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for kind in ROOMS {
        let mut room = Room::new(kind);
        group.bench_function(BenchmarkId::new("known", kind), |b| b.iter(|| room.publish()));
        group.bench_function(BenchmarkId::new("looked up", kind), |b| {
            b.iter_batched_ref(
                || room.stranger(),
                |publisher| room.publish_by(publisher),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = inputs::short();
    targets = lines, outbox, routing
}
criterion_main!(benches);
