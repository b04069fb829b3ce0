//! What a connection's bytes travel in: TCP alone, TLS, a WebSocket, or one in the other.
//!
//! A server without any of this serves its sockets as they are and never gets here. Each kind of
//! transport is a feature of the crate; without it a module of the same shape refuses the options.

#![cfg_attr(
    not(all(feature = "tls", feature = "websocket")),
    allow(dead_code, unused_imports, reason = "what only the features that are off make use of")
)]

mod options;
mod peer;
mod proxied;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "transport/no_tls.rs"]
mod tls;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(not(feature = "websocket"))]
#[path = "transport/no_websocket.rs"]
mod websocket;

use std::time::Duration;

use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};

pub use self::options::{HandshakeFirst, Identity, Pem, Tls, TlsVersion, WebSocket};
pub(crate) use self::{
    peer::{ClientCertificate, Cookies, Kind, Peer, TlsSession},
    proxied::{ProxyError, preface},
    stream::Stream,
    tls::Acceptor as TlsAcceptor,
    websocket::Acceptor as WebSocketAcceptor,
};

/// Why TLS or WebSockets can't be offered as configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The crate was built without the feature that this takes.
    #[error("this server was built without the feature `{0}`")]
    NotBuiltIn(&'static str),
    /// A certificate or key can't be used (TLS-008).
    #[error("{0}")]
    Certificate(String),
    /// An option has a value that it can't have (TLS-007, WS-014).
    #[error("{0}")]
    Option(String),
}

/// Why a connection did not get as far as the protocol.
#[derive(Debug, Error)]
pub(crate) enum NotAdmitted {
    #[error("TLS handshake error: {0}")]
    Tls(String),
    #[error("websocket handshake error: {0}")]
    WebSocket(String),
    #[error("{0}")]
    Proxied(#[from] ProxyError),
    #[error("Connection throttling is active. Please try again later.")]
    Throttled,
    #[error("handshake not finished in time")]
    TooSlow,
    #[error("the server stops")]
    Stopped,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The first byte of a connection, which stays where it is; none if the peer sent nothing in this
/// time, or has gone.
async fn first_byte(stream: &TcpStream, within: Duration) -> Option<u8> {
    let mut first = [0];
    match timeout(within, stream.peek(&mut first)).await {
        Ok(Ok(1..)) => Some(first[0]),
        _ => None,
    }
}
