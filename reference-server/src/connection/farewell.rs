//! The ends of connections.

use std::time::Duration;

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::READ_BYTES_MIN;
use crate::protocol::{Info, encode};

/// How long the last words are given to arrive while unread input is thrown away; a socket that
/// is closed over unread input is reset, and a reset destroys what the peer has not read yet.
const LINGER: Duration = Duration::from_millis(200);

/// Greets, says why there is no room, and closes.
pub(crate) async fn refuse<R, W>(mut reader: R, mut writer: W, info: &Info, why: &str)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut words = Vec::new();
    info.encode(&mut words);
    encode::error(&mut words, why);
    let told = async {
        writer.write_all(&words).await?;
        writer.shutdown().await
    };
    // A peer that does not take it is gone anyway.
    let _ = timeout(LINGER, told).await;
    silence(&mut reader, &mut BytesMut::new()).await;
}

/// Says goodbye in the words of the transport, and lets it arrive.
#[cfg(any(feature = "tls", feature = "websocket"))]
pub(crate) async fn last_moments<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    // A peer that does not take it is gone anyway.
    let _ = timeout(LINGER, stream.shutdown()).await;
    silence(stream, &mut BytesMut::new()).await;
}

/// Throws away what still comes, for a moment.
pub(super) async fn silence<R: AsyncRead + Unpin>(reader: &mut R, buffer: &mut BytesMut) {
    let discarding = async {
        loop {
            buffer.clear();
            buffer.reserve(READ_BYTES_MIN);
            match reader.read_buf(buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    // It is over either way.
    let _ = timeout(LINGER, discarding).await;
}
