//! Bytes to operations. Compare two commits on the same machine, one after the other; single
//! figures mean little.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod inputs;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use inputs::parser::{KINDS, OPERATIONS, PIECES_BYTES, parse, stream};

fn parser(c: &mut Criterion) {
    let mut group = c.benchmark_group("parser");
    group.throughput(Throughput::Elements(OPERATIONS as u64));
    for kind in KINDS {
        let stream = stream(kind);
        group.bench_function(kind, |b| b.iter(|| parse(&stream, stream.len())));
        for piece_bytes in PIECES_BYTES {
            let id = BenchmarkId::new(format!("{kind} in pieces"), piece_bytes);
            group.bench_function(id, |b| b.iter(|| parse(&stream, piece_bytes)));
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = inputs::short();
    targets = parser
}
criterion_main!(benches);
