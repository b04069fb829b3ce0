//! The conformance suite for NATS servers: scenarios, the judge, and its reports.

pub mod clauses;
pub mod corpus;
pub mod coverage;
pub mod explore;
pub mod export;
pub mod faults;
pub mod fixtures;
pub mod lint;
mod page;
pub mod pattern;
pub mod peer;
pub mod report;
pub mod run;
pub mod scenario;
pub mod selftest;
pub mod stage;
pub mod story;
pub mod target;
pub mod tls;
pub mod transcript;
pub mod websocket;
pub mod wire;
