//! Benchmarks of the reference broker; see `benches/`.
