//! From an accepted socket to a conversation: what the bytes travel in is found out here.

use std::{
    io::{self, Cursor},
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

use super::{Shared, Terms};
use crate::{
    Config, Profile,
    connection::{self, Newcomer},
    ledger::Reason,
    outbox::News,
    protocol::Info,
    router::Client,
    transport::{
        self, Kind, NotAdmitted, Peer, Stream, TlsAcceptor, TransportError, WebSocketAcceptor,
    },
};

const FULL: &str = "maximum connections exceeded";

/// Where a connection comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Tcp,
    WebSocket,
}

impl Entrance {
    pub(super) fn kind(self) -> Kind {
        match self {
            Entrance::Tcp => Kind::Standard,
            Entrance::WebSocket => Kind::WebSocket,
        }
    }
}

/// What stands at the entrances; a reload makes others, for new connections.
#[derive(Debug, Default)]
pub(crate) struct Entrances {
    tls: Option<TlsAcceptor>,
    websocket: Option<WebSocketAcceptor>,
    pub(super) websocket_addr: Option<SocketAddr>,
    /// Of the monitoring pages, if they are in TLS.
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "pages need it"))]
    pub(crate) pages: Option<Arc<TlsAcceptor>>,
}

/// A connection that has just been accepted.
pub(super) struct Arrival {
    /// Boxed: each future on its way would have room for it, and a plain connection's would no
    /// longer fit into 4 KiB.
    pub(super) newcomer: Box<Newcomer>,
    /// Tells of all that changes from now on.
    pub(super) changes: watch::Receiver<Terms>,
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
            pages: Entrances::pages(config)?.map(Arc::new),
        })
    }

    /// Nobody who looks at pages is asked for a certificate, as there.
    fn pages(config: &Config) -> Result<Option<TlsAcceptor>, TransportError> {
        let monitoring = &config.monitoring;
        match (&config.tls, monitoring.https_port) {
            (_, None) => Ok(None),
            (None, Some(_)) => {
                let problem = monitoring.contradiction(false).unwrap_or_default();
                Err(TransportError::Option(problem))
            }
            (Some(tls), Some(_)) => {
                TlsAcceptor::new(&tls.without_client_certificates(), false).map(Some)
            }
        }
    }

    /// The same with the options of `config`, and what its files hold now (TLS-021).
    pub(super) fn renewed(&self, config: &Config) -> Result<Arc<Entrances>, TransportError> {
        let websocket_addr = self.websocket_addr;
        Ok(Arc::new(Entrances { websocket_addr, ..Entrances::new(config)? }))
    }

    /// Until when the certificate for TCP is valid.
    #[cfg(feature = "monitoring")]
    pub(super) fn tls_until(&self) -> Option<std::time::SystemTime> {
        self.tls.as_ref().and_then(TlsAcceptor::valid_until)
    }

    /// The same for WebSockets.
    #[cfg(feature = "monitoring")]
    pub(super) fn websocket_until(&self) -> Option<std::time::SystemTime> {
        self.websocket.as_ref().and_then(WebSocketAcceptor::valid_until)
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

/// Waits for a connection, for ever where nothing is listened on.
pub(super) async fn accept(
    listener: Option<&tokio::net::TcpListener>,
) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

impl Shared {
    /// Holds the conversation with a connection, or tells it that there is no room
    /// (CORE-LIMIT-001).
    pub(super) fn welcome(
        self: Arc<Shared>,
        stream: TcpStream,
        addr: SocketAddr,
        entrance: Entrance,
    ) -> impl Future<Output = ()> + use<> {
        let id = self.last_client_id.fetch_add(1, Ordering::Relaxed) + 1;
        // Small messages must not wait for larger ones; a socket that refuses is as good.
        let _ = stream.set_nodelay(true);
        let config = self.config();
        let client = Arc::new(Client::new(id, config.max_pending_bytes));
        client.label.comes_from(addr);
        let full = {
            let mut clients = self.clients();
            let full = clients.len() >= config.max_connections;
            if !full {
                clients.insert(id, client.clone());
            }
            full
        };
        // Not before it can be called: what changes from here on, it hears of.
        let changes = self.terms.subscribe();
        let terms = changes.borrow().clone();
        let authenticator = terms.authenticator.at(entrance.kind());
        // Behind a proxy nobody is known before the header has come.
        let proxied = entrance == Entrance::Tcp && terms.config.proxy_protocol;
        let mut info = Info {
            client_id: id,
            client_ip: if proxied { String::new() } else { client.label.ip() },
            auth_required: authenticator.asks(),
            nonce: authenticator.nonce(),
            ..(*terms.greeting).clone()
        };
        terms.entrances.announce(entrance, &terms.config, &mut info);
        log::debug!("{} - Client connection created", client.label);
        let herald = self.herald.clone();
        let newcomer = Box::new(Newcomer { client, info, peer: Arc::default(), terms, herald });
        async move { self.admit(stream, entrance, Arrival { newcomer, changes, full }).await }
    }

    /// Holds the conversation, once it is clear in what.
    pub(super) async fn admit(&self, stream: TcpStream, entrance: Entrance, arrival: Arrival) {
        // Boxed is what is rare, so that a plain connection's future does not have its size.
        let entrances = arrival.newcomer.terms.entrances.clone();
        let proxied = arrival.newcomer.terms.config.proxy_protocol;
        match (entrance, &entrances.tls, &entrances.websocket) {
            (Entrance::WebSocket, _, Some(acceptor)) => {
                Box::pin(self.upgrade(stream, acceptor, arrival)).await;
            }
            (Entrance::Tcp, tls, _) if proxied && !arrival.full => {
                Box::pin(self.behind_proxy(stream, tls.as_ref(), arrival)).await;
            }
            (Entrance::Tcp, Some(acceptor), _) if !arrival.full => {
                Box::pin(self.secure(stream, acceptor, Peer::default(), arrival)).await;
            }
            _ => {
                let (reader, writer) = stream.into_split();
                self.converse(reader, writer, arrival).await;
            }
        }
    }

    /// Learns from the header whom a proxy speaks for. Whoever comes without one is served too.
    async fn behind_proxy(
        &self,
        mut stream: TcpStream,
        tls: Option<&TlsAcceptor>,
        mut arrival: Arrival,
    ) {
        let mut peer = Peer::default();
        peer.greeted = tls.is_none_or(TlsAcceptor::greets_in_clear);
        let mut greeting = Vec::new();
        if peer.greeted {
            arrival.newcomer.info.encode(&mut greeting);
        }
        let preface = async {
            // Clients without a proxy wait for it.
            stream.write_all(&greeting).await?;
            Ok(transport::preface(&mut stream).await?)
        };
        let Some(preface) = self.unless_stopped(&arrival.newcomer, preface).await else { return };
        let Newcomer { client, info, .. } = &mut *arrival.newcomer;
        if let Some(origin) = preface.origin {
            client.label.stands_for(origin);
        }
        info.client_ip = client.label.ip();
        match tls {
            // Bytes that had to be read begin no handshake: it fails, if nothing else is served.
            Some(tls) if preface.early.is_empty() || !tls.serves_in_clear() => {
                self.secure(stream, tls, peer, arrival).await;
            }
            _ => {
                arrival.newcomer.peer = Arc::new(peer);
                let (reader, writer) = stream.into_split();
                let reader = Cursor::new(preface.early).chain(reader);
                self.converse(reader, writer, arrival).await;
            }
        }
    }

    async fn secure(
        &self,
        stream: TcpStream,
        acceptor: &TlsAcceptor,
        mut peer: Peer,
        mut arrival: Arrival,
    ) {
        let admitted = acceptor.admit(stream, &arrival.newcomer.info, &mut peer);
        match self.unless_stopped(&arrival.newcomer, admitted).await {
            None => {}
            Some(Stream::Clear(stream)) => {
                let (reader, writer) = stream.into_split();
                arrival.newcomer.peer = Arc::new(peer);
                self.converse(reader, writer, arrival).await;
            }
            #[cfg(feature = "tls")]
            Some(Stream::Tls(stream)) => {
                let (reader, writer) = tokio::io::split(stream);
                arrival.newcomer.peer = Arc::new(peer);
                self.converse(reader, writer, arrival).await;
            }
        }
    }

    async fn upgrade(&self, stream: TcpStream, acceptor: &WebSocketAcceptor, mut arrival: Arrival) {
        let admitted = acceptor.admit(stream, Peer::new(Kind::WebSocket));
        if let Some((stream, peer)) = self.unless_stopped(&arrival.newcomer, admitted).await {
            let (reader, writer) = tokio::io::split(stream);
            arrival.newcomer.peer = peer;
            self.converse(reader, writer, arrival).await;
        }
    }

    /// Waits for a handshake; gives up when the server stops.
    async fn unless_stopped<T>(
        &self,
        newcomer: &Newcomer,
        admitted: impl Future<Output = Result<T, NotAdmitted>>,
    ) -> Option<T> {
        let ended = async { while newcomer.client.outbox.news().await != News::Ending {} };
        let result = tokio::select! {
            result = admitted => result,
            () = ended => Err(NotAdmitted::Stopped),
        };
        result
            .inspect_err(|error| {
                let (label, ledger) = (&newcomer.client.label, &newcomer.client.ledger);
                match error {
                    NotAdmitted::Stopped => log::debug!("{label} - {error}"),
                    NotAdmitted::Proxied(error) => {
                        ledger.ends(Reason::behind("Protocol Violation"));
                        let from = label.addr().map_or_else(String::new, |addr| addr.to_string());
                        log::warn!("Error reading PROXY protocol header from {from}: {error}");
                    }
                    _ => log::error!("{label} - {error}"),
                }
                ledger.ends(match error {
                    NotAdmitted::Tls(_) | NotAdmitted::TooSlow => Reason::TLS_HANDSHAKE,
                    NotAdmitted::Throttled => Reason::behind(FULL),
                    _ => Reason::CLIENT_CLOSED,
                });
                self.forget(newcomer.info.client_id);
            })
            .ok()
    }

    /// Serves, or says that there is no room (CORE-LIMIT-001).
    async fn converse<R, W>(&self, reader: R, writer: W, arrival: Arrival)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let Arrival { newcomer, changes, full } = arrival;
        if full {
            newcomer.client.ledger.ends(Reason::behind(FULL));
            newcomer.peer.ends(Reason::behind(FULL));
            self.history.add(&newcomer.client);
            connection::refuse(reader, writer, &newcomer.info, FULL).await;
            return log::error!("{} - {FULL}", newcomer.client.label);
        }
        let id = newcomer.info.client_id;
        connection::serve(reader, writer, newcomer, changes, || self.forget(id)).await;
    }
}
