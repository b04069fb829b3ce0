//! PROXY protocol: in front of a connection's own bytes a proxy says where it comes from
//! (PROXY-001). Both versions, <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, are
//! read as liberally as nats-server reads them, which is why no library reads them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
    time::timeout,
};

/// How long the client's first bytes, or the header, may take (PROXY-006).
const HEADER_WITHIN: Duration = Duration::from_secs(5);
/// How a line of the first version begins; so many bytes of the signature tell the second one.
const LINE_START: &[u8; 6] = b"PROXY ";
/// The longest line of the first version, with its beginning and its end.
const LINE_BYTES_MAX: usize = 107;
const LINE_END: &[u8] = b"\r\n";
/// How a header of the second version begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What stands before a connection's own bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preface {
    /// Where the proxy says that the connection comes from; absent if there is no proxy, or if it
    /// speaks for itself.
    pub(crate) origin: Option<SocketAddr>,
    /// The client's own first bytes, if it took a few to see that they are no header.
    pub(crate) early: Vec<u8>,
}

/// Why a header is none, in nats-server's words.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    #[error("failed to read: {0}")]
    Io(#[from] io::Error),
    #[error("failed to read: i/o timeout")]
    TooSlow,
    #[error("invalid PROXY protocol header: {0}")]
    Invalid(&'static str),
    #[error("invalid PROXY protocol header: invalid version 0x{0:02x}")]
    Version(u8),
    #[error("invalid PROXY protocol header: invalid protocol {0}")]
    Protocol(String),
    #[error("invalid {0} port")]
    Port(&'static str),
    #[error("unknown PROXY protocol command: 0x{0:02x}")]
    Command(u8),
    #[error("unsupported PROXY protocol feature: {0}")]
    Unsupported(&'static str),
    #[error("unsupported PROXY protocol feature: unsupported address family 0x{0:02x}")]
    Family(u8),
    #[error("{0} address data too short: {1} bytes")]
    TooShort(&'static str, u16),
}

/// Takes the header off, if there is one.
///
/// # Errors
/// A header that is none, or does not come in time.
pub(crate) async fn preface(stream: &mut TcpStream) -> Result<Preface, ProxyError> {
    let read = async {
        // Only looked at: whoever speaks TLS at once must find its first byte in its place.
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => Err(ProxyError::Io(io::ErrorKind::UnexpectedEof.into())),
            _ if begins_header(&first) => read(stream).await,
            _ => Ok(Preface::default()),
        }
    };
    timeout(HEADER_WITHIN, read).await.unwrap_or(Err(ProxyError::TooSlow))
}

fn begins_header(bytes: &[u8]) -> bool {
    LINE_START.starts_with(bytes) || SIGNATURE.starts_with(bytes)
}

/// Reads a header and nothing behind it.
async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Preface, ProxyError> {
    let mut early = Vec::with_capacity(LINE_START.len());
    while begins_header(&early) {
        if early.len() == LINE_START.len() {
            let origin = match early.starts_with(LINE_START) {
                true => line(reader).await?,
                false => block(reader).await?,
            };
            return Ok(Preface { origin, early: Vec::new() });
        }
        early.push(reader.read_u8().await?);
    }
    Ok(Preface { origin: None, early })
}

/// The first version's line, behind its beginning.
async fn line<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Option<SocketAddr>, ProxyError> {
    let mut line = Vec::with_capacity(LINE_BYTES_MAX);
    while !line.ends_with(LINE_END) {
        if LINE_START.len() + line.len() == LINE_BYTES_MAX {
            return Err(ProxyError::Invalid("v1 line too long"));
        }
        line.push(reader.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&line);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (protocol, source, destination, ports) = match words[..] {
        ["UNKNOWN", ..] => return Ok(None),
        [protocol, source, destination, from, to] => (protocol, source, destination, [from, to]),
        _ => return Err(ProxyError::Invalid("invalid v1 format")),
    };
    let address = |text: &str| text.parse().map_err(|_| ProxyError::Invalid("invalid address"));
    let (source, destination): (IpAddr, IpAddr) = (address(source)?, address(destination)?);
    let port = port(ports[0]).ok_or(ProxyError::Port("source"))?;
    self::port(ports[1]).ok_or(ProxyError::Port("dest"))?;
    match (protocol, source.is_ipv4() && destination.is_ipv4()) {
        ("TCP4", true) => {}
        ("TCP6", false) if source.is_ipv6() && destination.is_ipv6() => {}
        ("TCP4", false) => return Err(ProxyError::Invalid("TCP4 with IPv6 address")),
        ("TCP6", _) => return Err(ProxyError::Invalid("TCP6 with IPv4 address")),
        _ => return Err(ProxyError::Protocol(protocol.to_owned())),
    }
    Ok(Some(SocketAddr::new(source.to_canonical(), port)))
}

/// Digits alone, however many zeros are among them.
fn port(text: &str) -> Option<u16> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The second version's header, behind as much of its signature as has been seen.
async fn block<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Option<SocketAddr>, ProxyError> {
    let mut rest = [0; SIGNATURE.len() - LINE_START.len()];
    reader.read_exact(&mut rest).await?;
    if !SIGNATURE.ends_with(&rest) {
        return Err(ProxyError::Invalid("invalid signature"));
    }
    let [version_and_command, family_and_protocol] = reader.read_u16().await?.to_be_bytes();
    let len = reader.read_u16().await?;
    let mut body = reader.take(u64::from(len));
    let (version, command) = (version_and_command & 0xf0, version_and_command & 0x0f);
    let origin = match (version, command) {
        (0x20, 0) => None,
        (0x20, 1) => origin(&mut body, family_and_protocol, len).await?,
        (0x20, _) => return Err(ProxyError::Command(command)),
        _ => return Err(ProxyError::Version(version)),
    };
    // What a proxy may say besides: nobody asks.
    tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
    match body.limit() {
        0 => Ok(origin),
        _ => Err(ProxyError::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Source and destination of the second version.
async fn origin<R: AsyncRead + Unpin>(
    body: &mut R,
    family_and_protocol: u8,
    len: u16,
) -> Result<Option<SocketAddr>, ProxyError> {
    const STREAM: u8 = 1;
    if family_and_protocol & 0x0f != STREAM {
        return Err(ProxyError::Unsupported("only STREAM protocol supported"));
    }
    let (source, destination_bytes): (IpAddr, u16) = match family_and_protocol & 0xf0 {
        0x00 => return Ok(None),
        0x10 if len < 12 => return Err(ProxyError::TooShort("IPv4", len)),
        0x10 => (Ipv4Addr::from(body.read_u32().await?).into(), 4),
        0x20 if len < 36 => return Err(ProxyError::TooShort("IPv6", len)),
        0x20 => (Ipv6Addr::from(body.read_u128().await?).into(), 16),
        family => return Err(ProxyError::Family(family)),
    };
    for _ in 0..destination_bytes {
        body.read_u8().await?;
    }
    let port = body.read_u16().await?;
    Ok(Some(SocketAddr::new(source.to_canonical(), port)))
}

#[cfg(test)]
mod tests;
