//! What must hold of any bytes; the fuzzer and the replay of its corpus share these.

pub(crate) mod configuration;
pub(crate) mod connect;
pub(crate) mod frames;
pub(crate) mod index;
pub(crate) mod parser;
pub(crate) mod scenario;
