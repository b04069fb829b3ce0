//! The conformance suite for NATS servers: scenarios, the judge, and its reports.

pub mod scenario;
