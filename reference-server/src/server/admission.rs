//! From an accepted socket to a conversation: what the bytes travel in is found out here.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::Shared;
use crate::{
    Config, HandshakeFirst, Profile, connection,
    outbox::Ending,
    protocol::Info,
    router::Client,
    transport::{
        Kind, NotAdmitted, Peer, Reason, Stream, TlsAcceptor, TransportError, WebSocketAcceptor,
    },
};

const FULL: &str = "maximum connections exceeded";

/// Where a connection comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Tcp,
    WebSocket,
}

/// What stands at the entrances.
#[derive(Debug)]
pub(super) struct Entrances {
    tls: Option<TlsAcceptor>,
    websocket: Option<WebSocketAcceptor>,
    pub(super) websocket_addr: Option<SocketAddr>,
}

/// A connection before its first byte.
pub(super) struct Arrival {
    pub(super) client: Arc<Client>,
    pub(super) info: Info,
    /// There is no room for it, and it is not among the server's clients.
    pub(super) full: bool,
}

impl Entrances {
    /// Reads certificates and checks the options.
    pub(super) fn new(config: &Config) -> Result<Entrances, TransportError> {
        let tls = config.tls.as_ref().map(|tls| TlsAcceptor::new(tls, config.allow_non_tls));
        let websocket = config.websocket.as_ref().map(|it| WebSocketAcceptor::new(it, config));
        Ok(Entrances {
            tls: tls.transpose()?,
            websocket: websocket.transpose()?,
            websocket_addr: None,
        })
    }

    /// Says what is offered, in nats-server's words (TLS-003, WS-006).
    pub(super) fn log(&self, config: &Config) {
        if let (Some(addr), Some(websocket)) = (self.websocket_addr, &config.websocket) {
            let scheme = if websocket.tls.is_some() { "wss" } else { "ws" };
            let (host, port) = (&websocket.host, addr.port());
            log::info!("Listening for websocket clients on {scheme}://{host}:{port}");
            if websocket.tls.is_none() {
                log::warn!("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
            }
        }
        let Some(tls) = &config.tls else { return };
        let first = tls.handshake_first == HandshakeFirst::Always;
        let both = config.allow_non_tls && !first && config.profile >= Profile::V2_14;
        let offer = if both { "available" } else { "required" };
        log::info!("TLS {offer} for client connections");
        if first {
            let option = "\"TLS Handshake First\"";
            log::warn!("Clients that are not using {option} option will fail to connect");
        }
    }

    /// Takes the TLS options of `config`, and what its files hold now, for new connections.
    pub(super) fn reload(&self, config: &Config) -> Result<(), TransportError> {
        if let (Some(acceptor), Some(tls)) = (&self.tls, &config.tls) {
            acceptor.replace(tls)?;
        }
        if let (Some(acceptor), Some(websocket)) = (&self.websocket, &config.websocket) {
            acceptor.replace_tls(websocket)?;
        }
        Ok(())
    }

    /// Says in INFO what is true of this entrance only.
    pub(super) fn announce(&self, entrance: Entrance, config: &Config, info: &mut Info) {
        match (entrance, &self.tls, &self.websocket) {
            (Entrance::Tcp, Some(tls), _) => tls.announce(info),
            (Entrance::WebSocket, _, Some(websocket)) if config.profile >= Profile::V2_10 => {
                info.port = self.websocket_addr.map_or(info.port, |addr| addr.port());
                websocket.announce(info);
            }
            _ => {}
        }
    }
}

impl Shared {
    /// Holds the conversation, once it is clear in what.
    pub(super) async fn admit(&self, stream: TcpStream, entrance: Entrance, arrival: Arrival) {
        // Boxed is what is rare, so that a plain connection's future does not have its size.
        match (entrance, &self.entrances.tls, &self.entrances.websocket) {
            (Entrance::WebSocket, _, Some(acceptor)) => {
                Box::pin(self.upgrade(stream, acceptor, arrival)).await;
            }
            (Entrance::Tcp, Some(acceptor), _) if !arrival.full => {
                Box::pin(self.secure(stream, acceptor, arrival)).await;
            }
            _ => {
                let (reader, writer) = stream.into_split();
                self.converse(reader, writer, Arc::default(), arrival).await;
            }
        }
    }

    async fn secure(&self, stream: TcpStream, acceptor: &TlsAcceptor, arrival: Arrival) {
        let mut peer = Peer::default();
        let admitted = acceptor.admit(stream, &arrival.info, &mut peer);
        match self.unless_stopped(&arrival.client, admitted).await {
            None => {}
            Some(Stream::Clear(stream)) => {
                let (reader, writer) = stream.into_split();
                self.converse(reader, writer, Arc::new(peer), arrival).await;
            }
            #[cfg(feature = "tls")]
            Some(Stream::Tls(stream)) => {
                let (reader, writer) = tokio::io::split(stream);
                self.converse(reader, writer, Arc::new(peer), arrival).await;
            }
        }
    }

    async fn upgrade(&self, stream: TcpStream, acceptor: &WebSocketAcceptor, arrival: Arrival) {
        let admitted = acceptor.admit(stream, Peer::new(Kind::WebSocket));
        if let Some((stream, peer)) = self.unless_stopped(&arrival.client, admitted).await {
            let (reader, writer) = tokio::io::split(stream);
            self.converse(reader, writer, peer, arrival).await;
        }
    }

    /// Waits for a handshake; gives up when the server stops.
    async fn unless_stopped<T>(
        &self,
        client: &Client,
        admitted: impl Future<Output = Result<T, NotAdmitted>>,
    ) -> Option<T> {
        let result = tokio::select! {
            result = admitted => result,
            () = client.outbox.ended(Ending::Flush) => Err(NotAdmitted::Stopped),
        };
        result
            .inspect_err(|error| {
                let level = match error {
                    NotAdmitted::Stopped => log::Level::Debug,
                    _ => log::Level::Error,
                };
                log::log!(level, "cid:{} - {error}", client.id);
                self.forget(client.id);
            })
            .ok()
    }

    /// Serves, or says that there is no room (CORE-LIMIT-001).
    async fn converse<R, W>(&self, reader: R, writer: W, peer: Arc<Peer>, arrival: Arrival)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let Arrival { client, info, full } = arrival;
        let id = client.id;
        if full {
            peer.ends(Reason::behind(FULL));
            connection::refuse(reader, writer, &info, FULL).await;
            return log::error!("cid:{id} - {FULL}");
        }
        let config = self.config.clone();
        connection::serve(reader, writer, client, info, peer, config, || self.forget(id)).await;
    }
}
