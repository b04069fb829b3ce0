//! The tree of subscriptions, from ten to a million of them.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod inputs;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use inputs::index::{
    KINDS, SIZES, SUBJECTS, index, insert, look_up, new_subjects, remove, subjects,
};

fn tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(SUBJECTS as u64));
    for size in SIZES {
        let mut index = index(size);
        for (name, kind) in KINDS {
            let subjects = subjects(kind, size);
            group.bench_function(BenchmarkId::new(format!("match {name}"), size), |b| {
                b.iter(|| look_up(&index, &subjects));
            });
        }
        // One undoes the other, and the clock runs for one of them.
        let subjects = new_subjects();
        for inserts in [true, false] {
            let name = if inserts { "insert" } else { "remove" };
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter_custom(|rounds| {
                    let mut sum = Duration::ZERO;
                    for _ in 0..rounds {
                        let start = Instant::now();
                        insert(&mut index, &subjects);
                        let middle = Instant::now();
                        remove(&mut index, &subjects);
                        sum += if inserts { middle - start } else { middle.elapsed() };
                    }
                    sum
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = inputs::short();
    targets = tree
}
criterion_main!(benches);
