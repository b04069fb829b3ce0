//! A connection's ways in and out, in clear, in TLS or as a WebSocket, and the change to TLS.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig};

/// How long a handshake may take, and a server that refuses one may take to say so.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// As they are.
    Clear(OwnedReadHalf),
    /// Decrypted.
    Tls(ReadHalf<TlsStream<TcpStream>>),
    /// Taken out of messages.
    WebSocket(ReadHalf<DuplexStream>),
}

impl AsyncRead for Source {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Source::Clear(half) => Pin::new(half).poll_read(cx, buffer),
            Source::Tls(half) => Pin::new(half).poll_read(cx, buffer),
            Source::WebSocket(half) => Pin::new(half).poll_read(cx, buffer),
        }
    }
}

/// Where bytes are written.
#[derive(Debug)]
pub(crate) enum Writer {
    /// As they are.
    Clear(OwnedWriteHalf),
    /// Encrypted.
    Tls(WriteHalf<TlsStream<TcpStream>>),
    /// In messages.
    WebSocket(WriteHalf<DuplexStream>),
    /// Nowhere: the connection is lost.
    Gone,
}

impl Writer {
    /// Writes these bytes at once: in TLS, as records of their own.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Writer::Clear(half) => half.write_all(bytes).await,
            Writer::Tls(half) => {
                half.write_all(bytes).await?;
                half.flush().await
            }
            Writer::WebSocket(half) => half.write_all(bytes).await,
            Writer::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) async fn shut(&mut self) {
        // The other side may have gone first.
        let _ = match self {
            Writer::Clear(half) => half.shutdown().await,
            Writer::Tls(half) => half.shutdown().await,
            Writer::WebSocket(half) => half.shutdown().await,
            Writer::Gone => Ok(()),
        };
    }

    /// Makes the close that follows a TCP reset.
    pub(crate) fn reset(&mut self) {
        match self {
            // Without it the close is an orderly one, which only a story about resets minds.
            Writer::Clear(half) => drop(half.as_ref().set_zero_linger()),
            // Gone without the goodbye of TLS.
            Writer::Tls(_) | Writer::WebSocket(_) | Writer::Gone => *self = Writer::Gone,
        }
    }

    /// The whole connection, if it is in clear; the writer is gone then.
    pub(crate) fn reunite_clear(&mut self, read: Source) -> Result<TcpStream, String> {
        match (std::mem::replace(self, Writer::Gone), read) {
            (Writer::Clear(write), Source::Clear(read)) => {
                read.reunite(write).map_err(|error| error.to_string())
            }
            _ => Err("it is not in clear any more".to_owned()),
        }
    }
}

/// Changes a connection to TLS: the writer from now on encrypts, what is returned decrypts.
///
/// # Errors
/// Why the change did not come about; the connection is lost then.
pub(crate) async fn start(
    read: Source,
    writer: &mut Writer,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<Source, String> {
    let (read, write) = tokio::io::split(handshake(read, writer, addr, config).await?);
    *writer = Writer::Tls(write);
    Ok(Source::Tls(read))
}

/// Proves that the server does not let this client in: the handshake fails, or what follows it is
/// nothing but the end. (In TLS 1.3 a client is done before the server has looked at its
/// certificate.)
///
/// # Errors
/// What came instead.
pub(crate) async fn fails(
    read: Source,
    writer: &mut Writer,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<(), String> {
    let Ok(mut stream) = handshake(read, writer, addr, config).await else { return Ok(()) };
    // A server that took the handshake would answer.
    let _ = stream.write_all(b"PING\r\n").await;
    let mut answer = [0; 256];
    match timeout(HANDSHAKE, stream.read(&mut answer)).await {
        Ok(Ok(0) | Err(_)) => Ok(()),
        Ok(Ok(read)) => Err(String::from_utf8_lossy(&answer[..read]).into_owned()),
        Err(_) => Err("the handshake, and then an open connection".to_owned()),
    }
}

async fn handshake(
    read: Source,
    writer: &mut Writer,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<TlsStream<TcpStream>, String> {
    let stream = writer.reunite_clear(read)?;
    let connector = TlsConnector::from(Arc::new(config));
    match timeout(HANDSHAKE, connector.connect(addr.ip().into(), stream)).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", HANDSHAKE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            RootCertStore, ServerConfig,
            crypto::ring,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
            server::WebPkiClientVerifier,
        },
    };

    use super::*;
    use crate::fixtures::Certificates;

    /// A server that answers the first six bytes of each client with "yes", if the client has shown
    /// a certificate that our authority signed.
    async fn server(certificates: &Certificates) -> SocketAddr {
        let file = |name: &str| certificates.folder().join(name);
        let pem = |name: &str| CertificateDer::from_pem_file(file(name)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(pem("ca.pem")).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![pem("server.pem")],
                PrivateKeyDer::from_pem_file(file("server.key")).unwrap(),
            );
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut some = [0; 6];
                stream.read_exact(&mut some).await.unwrap();
                stream.write_all(b"yes").await.unwrap();
                stream.flush().await.unwrap();
            }
        });
        addr
    }

    async fn dial(addr: SocketAddr) -> (Source, Writer) {
        let (read, write) = TcpStream::connect(addr).await.unwrap().into_split();
        (Source::Clear(read), Writer::Clear(write))
    }

    #[tokio::test]
    async fn a_welcome_client_speaks_and_hears() {
        let certificates = Certificates::new().unwrap();
        let addr = server(&certificates).await;
        let (read, mut writer) = dial(addr).await;
        let config = certificates.client(Some("client"), None).unwrap();
        let mut read = start(read, &mut writer, addr, config).await.unwrap();
        writer.write(b"may I?").await.unwrap();
        let mut answer = [0; 3];
        read.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"yes");
    }

    #[tokio::test]
    async fn who_is_let_in_is_told_from_who_is_not() {
        let certificates = Certificates::new().unwrap();
        let addr = server(&certificates).await;
        for (shows, is) in [
            (None, Ok(())),
            (Some("stranger"), Ok(())),
            (Some("expired"), Ok(())),
            (Some("client"), Err("yes".to_owned())),
        ] {
            let (read, mut writer) = dial(addr).await;
            let config = certificates.client(shows, None).unwrap();
            assert_eq!(fails(read, &mut writer, addr, config).await, is, "{shows:?}");
        }
    }

    #[tokio::test]
    async fn a_server_of_another_authority_is_not_trusted() {
        let certificates = Certificates::new().unwrap();
        let addr = server(&certificates).await;
        let (read, mut writer) = dial(addr).await;
        let config = Certificates::new().unwrap().client(None, None).unwrap();
        let Err(why) = start(read, &mut writer, addr, config).await else { panic!("trusted") };
        assert!(why.contains("certificate"), "{why}");
    }
}
