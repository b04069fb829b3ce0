//! A connection's way out, in clear or in TLS, and the change from one to the other.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig};

/// How long a handshake may take, and a server that refuses one may take to say so.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where bytes are written.
#[derive(Debug)]
pub(crate) enum Writer {
    /// As they are.
    Clear(OwnedWriteHalf),
    /// Encrypted.
    Tls(WriteHalf<TlsStream<TcpStream>>),
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
            Writer::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) async fn shut(&mut self) {
        // The other side may have gone first.
        let _ = match self {
            Writer::Clear(half) => half.shutdown().await,
            Writer::Tls(half) => half.shutdown().await,
            Writer::Gone => Ok(()),
        };
    }

    /// Makes the close that follows a TCP reset.
    pub(crate) fn reset(&mut self) {
        match self {
            // Without it the close is an orderly one, which only a story about resets minds.
            Writer::Clear(half) => drop(half.as_ref().set_zero_linger()),
            // Gone without the goodbye of TLS.
            Writer::Tls(_) | Writer::Gone => *self = Writer::Gone,
        }
    }

    /// Takes the place of a writer in clear.
    fn take(&mut self) -> Option<OwnedWriteHalf> {
        match std::mem::replace(self, Writer::Gone) {
            Writer::Clear(half) => Some(half),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// Changes a connection to TLS: the writer from now on encrypts, what is returned decrypts.
///
/// # Errors
/// Why the change did not come about; the connection is lost then.
pub(crate) async fn start(
    read: OwnedReadHalf,
    writer: &mut Writer,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<impl AsyncRead + Send + Unpin + 'static, String> {
    let (read, write) = tokio::io::split(handshake(read, writer, addr, config).await?);
    *writer = Writer::Tls(write);
    Ok(read)
}

/// Proves that the server does not let this client in: the handshake fails, or what follows it is
/// nothing but the end. (In TLS 1.3 a client is done before the server has looked at its
/// certificate.)
///
/// # Errors
/// What came instead.
pub(crate) async fn fails(
    read: OwnedReadHalf,
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
    read: OwnedReadHalf,
    writer: &mut Writer,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<TlsStream<TcpStream>, String> {
    let write = writer.take().ok_or("it speaks TLS already")?;
    let stream = read.reunite(write).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(config));
    match timeout(HANDSHAKE, connector.connect(addr.ip().into(), stream)).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", HANDSHAKE.as_secs())),
    }
}
