//! In place of TLS where the feature `tls` is off.

use tokio::net::TcpStream;

use super::{NotAdmitted, Peer, Stream, Tls, TransportError};
use crate::protocol::Info;

/// There is none.
#[derive(Debug)]
pub(crate) enum Acceptor {}

impl Acceptor {
    pub(crate) fn new(_: &Tls, _: bool) -> Result<Acceptor, TransportError> {
        Err(TransportError::NotBuiltIn("tls"))
    }

    pub(crate) fn announce(&self, _: &mut Info) {
        match *self {}
    }

    pub(crate) fn greets_in_clear(&self) -> bool {
        match *self {}
    }

    pub(crate) fn serves_in_clear(&self) -> bool {
        match *self {}
    }

    #[cfg(feature = "monitoring")]
    pub(crate) fn valid_until(&self) -> Option<std::time::SystemTime> {
        match *self {}
    }

    pub(crate) async fn admit(
        &self,
        _: TcpStream,
        _: &Info,
        _: &mut Peer,
    ) -> Result<Stream, NotAdmitted> {
        match *self {}
    }

    #[cfg(any(feature = "websocket", feature = "monitoring"))]
    pub(crate) async fn handshake_or_hint(
        &self,
        _: TcpStream,
        _: &mut Peer,
    ) -> Result<Stream, NotAdmitted> {
        match *self {}
    }
}
