//! What is measured, the same for the clock (criterion) and for the count of instructions.
//!
//! Each function does one thing a fixed number of times, so that a measurement is longer than
//! what surrounds it; what it needs is made before, and is not part of it.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod delivery;
pub(crate) mod index;
pub(crate) mod parser;

use std::time::Duration;

use criterion::Criterion;

/// Short settings: all benchmarks together take a few minutes.
pub(crate) fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}
