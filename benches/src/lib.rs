//! Benchmarks of NATS brokers: `broker-bench` puts the same load on several of them in turn, checks
//! each delivery, and says how they compare, with intervals.
//!
//! [`shape`] is the table of loads, [`load`] makes them, [`target`] starts who is measured,
//! [`measure`] puts one on the other, and a [`record::Record`] is what comes out. All reports are
//! made of it alone, with [`statistics`].

pub mod compare;
pub mod curves;
pub mod error;
pub mod goals;
pub mod load;
pub mod machine;
pub mod measure;
pub mod order;
pub mod process;
pub mod record;
pub mod relay;
pub mod report;
pub mod serve;
pub mod session;
pub mod shape;
pub mod statistics;
pub mod target;
