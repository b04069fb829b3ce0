//! The conformance suite for NATS servers: scenarios, the judge, and its reports.

pub mod clauses;
pub mod corpus;
pub mod faults;
pub mod lint;
pub mod pattern;
pub mod peer;
pub mod report;
pub mod run;
pub mod scenario;
pub mod selftest;
pub mod story;
pub mod target;
pub mod transcript;
pub mod wire;
