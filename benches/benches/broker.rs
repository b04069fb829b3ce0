//! Micro-benchmarks of the parts that every message passes: the parser, and the subscription tree.
//! Compare two commits on the same machine, one after the other; single figures mean little.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nats_reference_server::{
    Index,
    protocol::{Limits, Parser},
};

const LIMITS: Limits = Limits { max_payload_bytes: 1 << 20, max_control_line_bytes: 4096 };

/// Parses everything in pieces of the given size and answers how many operations it was.
fn parse(stream: &[u8], piece_bytes: usize) -> usize {
    let mut parser = Parser::new(LIMITS);
    let (mut start, mut operations) = (0, 0);
    for end in (piece_bytes..stream.len()).step_by(piece_bytes).chain([stream.len()]) {
        while let Ok((used, Some(op))) = parser.next(&stream[start..end]) {
            black_box(op);
            operations += 1;
            start += used;
        }
    }
    operations
}

fn parser(c: &mut Criterion) {
    let mut group = c.benchmark_group("parser");
    for payload_bytes in [16, 128, 1024] {
        let payload = "x".repeat(payload_bytes);
        let publish = format!("PUB some.subject.of.news {payload_bytes}\r\n{payload}\r\n");
        let stream = publish.repeat(256).into_bytes();
        assert_eq!(parse(&stream, stream.len()), 256);
        group.throughput(Throughput::Elements(256));
        group.bench_with_input(BenchmarkId::new("pub", payload_bytes), &stream, |b, stream| {
            b.iter(|| parse(stream, stream.len()));
        });
    }
    let mixed = "SUB some.* q 12\r\nPUB some.news _INBOX.1 5\r\nhello\r\nPING\r\nUNSUB 12 3\r\n";
    let stream = mixed.repeat(64).into_bytes();
    assert_eq!(parse(&stream, stream.len()), 256);
    group.bench_function("mixed", |b| b.iter(|| parse(&stream, stream.len())));
    group.finish();
}

fn index(c: &mut Criterion) {
    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(1));
    for count in [10_u32, 1_000, 100_000] {
        let mut index = Index::new();
        for n in 0..count {
            index.insert(format!("orders.{}.{n}", n % 7).as_bytes(), None, n);
        }
        index.insert(b"orders.*.1", None, count);
        index.insert(b"orders.>", Some(b"q"), count + 1);
        assert_eq!(index.matches(b"orders.1.1").plain.len(), 2);
        group.bench_function(BenchmarkId::new("match", count), |b| {
            b.iter(|| index.matches(black_box(b"orders.1.1")));
        });
        group.bench_function(BenchmarkId::new("insert and remove", count), |b| {
            b.iter(|| {
                index.insert(b"orders.new.one", None, 0);
                index.remove(b"orders.new.one", None, &0)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parser, index);
criterion_main!(benches);
