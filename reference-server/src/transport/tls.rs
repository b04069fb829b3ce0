//! TLS: from options to a handshake.

mod certificate;
mod settings;
mod strangers;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_rustls::{
    rustls::{ProtocolVersion, ServerConfig},
    server::TlsStream,
};

use super::{
    ClientCertificate, HandshakeFirst, NotAdmitted, Peer, Stream, Tls, TlsSession, TransportError,
    first_byte,
};
use crate::{
    connection,
    protocol::{Info, encode},
};

/// The first byte of every handshake: a record of that type.
const HANDSHAKE_RECORD: u8 = 0x16;

/// The answer to HTTP where HTTPS is spoken (WS-019).
#[cfg(any(feature = "websocket", feature = "monitoring"))]
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\n\
                           Client sent an HTTP request to an HTTPS server.\n";

/// Takes connections that are to be in TLS.
#[derive(Debug)]
pub(crate) struct Acceptor {
    /// Clients that speak in clear are served as well (TLS-010).
    allow_clear: bool,
    current: Current,
}

/// The options of the handshakes.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    first: HandshakeFirst,
    timeout: Duration,
    asks_for_certificate: bool,
    /// Whose signatures below certificates of clients count, in DER.
    authorities: Vec<Vec<u8>>,
    maps_user: bool,
    pinned_certs: Vec<[u8; 32]>,
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "a page tells it"))]
    valid_until: Option<SystemTime>,
    rate: Rate,
}

/// Handshakes begun in the second that began then.
#[derive(Debug)]
struct Rate {
    /// 0 is no bound.
    max: u32,
    begun: Mutex<(Instant, u32)>,
}

impl Acceptor {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// What can't be read or does not fit together.
    pub(crate) fn new(tls: &Tls, allow_clear: bool) -> Result<Acceptor, TransportError> {
        Ok(Acceptor { allow_clear, current: Current::new(tls)? })
    }

    /// Says in INFO what this listener wants.
    pub(crate) fn announce(&self, info: &mut Info) {
        let current = &self.current;
        let both = self.serves_in_clear();
        (info.tls_required, info.tls_available) = (!both, both);
        info.tls_verify = current.asks_for_certificate;
    }

    /// Whether INFO comes in clear, before the handshake and whatever the client sends.
    pub(crate) fn greets_in_clear(&self) -> bool {
        self.current.first == HandshakeFirst::No
    }

    /// Whether clients that speak in clear are served as well.
    pub(crate) fn serves_in_clear(&self) -> bool {
        self.allow_clear && self.current.first != HandshakeFirst::Always
    }

    /// Until when the server's certificate is valid.
    #[cfg(feature = "monitoring")]
    pub(crate) fn valid_until(&self) -> Option<SystemTime> {
        self.current.valid_until
    }

    /// Lets a client in: INFO in clear and the handshake, or only one of the two, as the options
    /// and the client's first byte have it.
    ///
    /// # Errors
    /// A handshake that fails or takes too long; the connection is gone then.
    pub(crate) async fn admit(
        &self,
        mut stream: TcpStream,
        info: &Info,
        peer: &mut Peer,
    ) -> Result<Stream, NotAdmitted> {
        let current = &self.current;
        let first = match current.first {
            HandshakeFirst::No => false,
            HandshakeFirst::Always => true,
            HandshakeFirst::Within(time) => first_byte(&stream, time).await.is_some(),
        };
        if !first && !peer.greeted {
            let mut line = Vec::new();
            info.encode(&mut line);
            timeout(current.timeout, stream.write_all(&line))
                .await
                .map_err(|_| NotAdmitted::TooSlow)??;
            peer.greeted = true;
        }
        let both = !first && self.serves_in_clear();
        if both && first_byte(&stream, current.timeout).await != Some(HANDSHAKE_RECORD) {
            return Ok(Stream::Clear(stream));
        }
        self.handshake(stream, first, peer).await
    }

    /// Does the handshake of a listener for HTTP. A request in clear is told what is wrong.
    ///
    /// # Errors
    /// As [`admit`](Acceptor::admit).
    #[cfg(any(feature = "websocket", feature = "monitoring"))]
    pub(crate) async fn handshake_or_hint(
        &self,
        mut stream: TcpStream,
        peer: &mut Peer,
    ) -> Result<Stream, NotAdmitted> {
        match first_byte(&stream, self.current.timeout).await {
            None => Err(NotAdmitted::TooSlow),
            Some(b'A'..=b'Z') => {
                // A peer that does not take it is gone anyway.
                let _ = stream.write_all(NOT_HTTPS).await;
                connection::last_moments(&mut stream).await;
                Err(NotAdmitted::Tls("client sent an HTTP request to an HTTPS server".to_owned()))
            }
            Some(_) => self.handshake(stream, true, peer).await,
        }
    }

    /// Does the handshake, and writes down what came of it.
    ///
    /// # Errors
    /// As [`admit`](Acceptor::admit).
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        first: bool,
        peer: &mut Peer,
    ) -> Result<Stream, NotAdmitted> {
        let current = &self.current;
        let done = timeout(current.timeout, current.handshake(stream, first)).await;
        let (stream, session) = done.map_err(|_| NotAdmitted::TooSlow)??;
        peer.tls = Some(session);
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl Current {
    fn new(tls: &Tls) -> Result<Current, TransportError> {
        Ok(Current {
            config: Arc::new(settings::server_config(tls)?),
            first: tls.handshake_first,
            timeout: tls.timeout,
            asks_for_certificate: tls.asks_for_certificate(),
            authorities: settings::authorities(tls)?,
            maps_user: tls.verify_and_map,
            pinned_certs: tls.pinned_certs.clone(),
            valid_until: settings::valid_until(tls),
            rate: Rate { max: tls.connections_per_second, begun: Mutex::new((Instant::now(), 0)) },
        })
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        first: bool,
    ) -> Result<(TlsStream<TcpStream>, TlsSession), NotAdmitted> {
        let refused = |words: &str| NotAdmitted::Tls(words.to_owned());
        if !self.rate.allows(Instant::now()) {
            return Err(throttled(stream, first).await);
        }
        // An alert would be bytes that a client in clear takes for a broken line (TLS-004).
        match first_byte(&stream, self.timeout).await {
            Some(HANDSHAKE_RECORD) => {}
            Some(_) => return Err(refused("first record does not look like a TLS handshake")),
            None => return Err(refused("EOF")),
        }
        let accepting = tokio_rustls::TlsAcceptor::from(self.config.clone()).accept(stream);
        let mut stream = match accepting.into_fallible().await {
            Ok(stream) => stream,
            Err((error, mut stream)) => {
                // The alert that says why must not be lost in a reset.
                connection::last_moments(&mut stream).await;
                return Err(NotAdmitted::Tls(error.to_string()));
            }
        };
        let session =
            TlsSession { first, maps_user: self.maps_user, ..session(&stream, &self.authorities)? };
        let key = session.certificates.first().map(|own| own.spki_sha256);
        if !self.pinned_certs.is_empty() && !key.is_some_and(|key| self.pinned_certs.contains(&key))
        {
            connection::last_moments(&mut stream).await;
            return Err(refused("certificate not pinned"));
        }
        Ok((stream, session))
    }
}

/// Whoever has read INFO in clear is told why in clear, too (TLS-017).
async fn throttled(mut stream: TcpStream, first: bool) -> NotAdmitted {
    let refusal = NotAdmitted::Throttled;
    if !first {
        let mut line = Vec::new();
        encode::error(&mut line, &refusal.to_string());
        // Who does not take it is gone anyway.
        let _ = stream.write_all(&line).await;
    }
    connection::last_moments(&mut stream).await;
    refusal
}

impl Rate {
    /// Counts one more, if there may be one (TLS-017).
    fn allows(&self, now: Instant) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(begun.0) >= Duration::from_secs(1) {
            *begun = (now, 0);
        }
        begun.1 = begun.1.saturating_add(1);
        self.max == 0 || begun.1 <= self.max
    }
}

fn session(
    stream: &TlsStream<TcpStream>,
    authorities: &[Vec<u8>],
) -> Result<TlsSession, NotAdmitted> {
    let (_, connection) = stream.get_ref();
    let shown = connection.peer_certificates().unwrap_or_default();
    let certificates: Result<Vec<ClientCertificate>, String> =
        shown.iter().map(|certificate| certificate::read(certificate)).collect();
    Ok(TlsSession {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        },
        cipher_suite: connection
            .negotiated_cipher_suite()
            .map_or_else(String::new, settings::iana_name),
        first: false,
        maps_user: false,
        certificates: certificates.map_err(NotAdmitted::Tls)?,
        chain: certificate::chain(shown, authorities).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_handshakes() {
        let start = Instant::now();
        let rate = Rate { max: 2, begun: Mutex::new((start, 0)) };
        let allowed = |milliseconds| rate.allows(start + Duration::from_millis(milliseconds));
        assert_eq!([0, 1, 2, 999].map(allowed), [true, true, false, false]);
        assert!(allowed(1000));
        let any = Rate { max: 0, begun: Mutex::new((start, u32::MAX)) };
        assert!(any.allows(start));
    }
}
