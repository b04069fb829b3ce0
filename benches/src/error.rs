//! What can go wrong around a measurement: what, where, and what to do.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A target that is none.
    #[error(
        "'{name}' is no target: {why}\n  \
         targets: embedded, relay, nats-server@VERSION, a program's path, nats://HOST:PORT"
    )]
    Target {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A server that does not come up.
    #[error("{name} does not start: {why}{log}")]
    Start {
        /// The target.
        name: String,
        /// What happened.
        why: String,
        /// Its last words, each on a line of its own.
        log: String,
    },
    /// A conversation that did not go as NATS has it.
    #[error("{name}: {why}")]
    Talk {
        /// Who talked to whom.
        name: String,
        /// What was expected, what came.
        why: String,
    },
    /// A connection, or a system call.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file.
    #[error("{}: {why}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A plot.
    #[error("the plot '{what}' can't be drawn: {why}")]
    Plot {
        /// Which.
        what: String,
        /// What the library said.
        why: String,
    },
    /// Options that make no sense.
    #[error("{0}")]
    Usage(String),
}

/// With our error.
pub type Result<T> = std::result::Result<T, Error>;

/// Says what was tried when a system call failed.
pub(crate) trait Trying<T> {
    /// Adds what was tried.
    fn trying(self, what: impl Into<String>) -> Result<T>;
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io { what: what.into(), source })
    }
}
