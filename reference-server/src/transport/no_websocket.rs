//! In place of WebSockets where the feature `websocket` is off.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::{NotAdmitted, Peer, TransportError, WebSocket};
use crate::{Config, protocol::Info};

/// There is none.
#[derive(Debug)]
pub(crate) enum Acceptor {}

impl Acceptor {
    pub(crate) fn new(_: &WebSocket, _: &Config) -> Result<Acceptor, TransportError> {
        Err(TransportError::NotBuiltIn("websocket"))
    }

    pub(crate) fn announce(&self, _: &mut Info) {
        match *self {}
    }

    #[cfg(feature = "monitoring")]
    pub(crate) fn valid_until(&self) -> Option<std::time::SystemTime> {
        match *self {}
    }

    pub(crate) async fn admit(
        &self,
        _: TcpStream,
        _: Peer,
    ) -> Result<(tokio::io::DuplexStream, Arc<Peer>), NotAdmitted> {
        match *self {}
    }
}
