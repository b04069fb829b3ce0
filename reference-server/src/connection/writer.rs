//! The half of a connection that sends.

use std::{collections::VecDeque, io, io::IoSlice, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::trace;
use crate::{
    Config,
    outbox::{Batch, Ending},
    router::Client,
};

/// Pieces given to one write call.
const PIECES_MAX: usize = 64;

/// Sends what waits until the connection ends.
pub(super) async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    client: Arc<Client>,
    config: Arc<Config>,
) {
    let outbox = &client.outbox;
    loop {
        match outbox.next().await {
            Batch::Send(pieces) => {
                trace::sending(&client.label, &pieces, config.max_traced_bytes);
                let sent = tokio::select! {
                    sent = send(&mut writer, pieces, &client, config.write_deadline) => sent,
                    () = outbox.cut() => return,
                };
                if let Err(error) = sent {
                    log::debug!("{} - {error}", client.label);
                    return outbox.end(Ending::Cut);
                }
            }
            Batch::End(Ending::Flush) => {
                // The peer may have gone first, or take no last words: there is nobody to tell.
                let _ = timeout(config.write_deadline, writer.shutdown()).await;
                return;
            }
            Batch::End(Ending::Cut) => return,
        }
    }
}

/// Sends all pieces; each write must get some bytes through before the deadline. Behind each there
/// is a flush, for those who buffer: a socket does not.
async fn send<W: AsyncWrite + Unpin>(
    writer: &mut W,
    mut pieces: VecDeque<Bytes>,
    client: &Client,
    deadline: Duration,
) -> io::Result<()> {
    while !pieces.is_empty() {
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        let step = async {
            let written = writer.write_vectored(&slices[..count]).await?;
            writer.flush().await?;
            io::Result::Ok(written)
        };
        let written = match timeout(deadline, step).await {
            Ok(written) => written?,
            Err(_) => {
                let text = "Slow Consumer Detected: WriteDeadline exceeded";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        client.outbox.sent(written);
        drop_front(&mut pieces, written);
    }
    Ok(())
}

/// Forgets the bytes that have been sent.
fn drop_front(pieces: &mut VecDeque<Bytes>, mut bytes: usize) {
    while let Some(first) = pieces.front_mut() {
        if first.len() > bytes {
            first.advance(bytes);
            return;
        }
        bytes -= first.len();
        pieces.pop_front();
    }
}
