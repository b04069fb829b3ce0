//! Why servers do not start.

use std::io;

use thiserror::Error;

use crate::{conf::words, transport::TransportError};

/// Why a server did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address of the monitoring pages can't be listened on (MON-004).
    #[error(
        "Can't start monitoring: can't listen to the monitor port: listen tcp {address}: bind: {}",
        words(source)
    )]
    Monitor {
        /// As configured.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The monitoring pages can't be served as configured.
    #[error("Can't start monitoring: {0}")]
    Pages(String),
    /// The options contradict each other.
    #[error("{0}")]
    Config(String),
    /// The system gives no thread.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
    /// TLS or WebSockets can't be offered as configured.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
