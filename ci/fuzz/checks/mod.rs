//! What must hold of any bytes; the fuzzer and the replay of its corpus share these.

pub mod configuration;
pub mod connect;
pub mod frames;
pub mod index;
pub mod parser;
pub mod scenario;
