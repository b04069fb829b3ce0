//! The half of a connection that sends.

use std::{collections::VecDeque, io, io::IoSlice, sync::Arc, time::Duration, time::Instant};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::trace;
use crate::{
    Config,
    ledger::Reason,
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
    let mut delivered = 0;
    loop {
        match outbox.next().await {
            Batch::Send(pieces) => {
                trace::sending(&client.label, &pieces, config.max_traced_bytes);
                let sent = tokio::select! {
                    sent = send(&mut writer, pieces, &client, config.write_deadline) => sent,
                    () = outbox.cut() => return,
                };
                match sent {
                    Err(error) => {
                        log::debug!("{} - {error}", client.label);
                        client.ledger.ends(match error.kind() {
                            io::ErrorKind::TimedOut => Reason::SLOW_WRITE,
                            _ => Reason::WRITE_ERROR,
                        });
                        return outbox.end(Ending::Cut);
                    }
                    // Messages are activity of their receiver, too; PONG is not.
                    Ok(so_far) if so_far > delivered => {
                        delivered = so_far;
                        client.ledger.active(Instant::now());
                    }
                    Ok(_) => {}
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
/// is a flush, for those who buffer: a socket does not. Says how many messages the client has been
/// given so far.
async fn send<W: AsyncWrite + Unpin>(
    writer: &mut W,
    mut pieces: VecDeque<Bytes>,
    client: &Client,
    deadline: Duration,
) -> io::Result<u64> {
    let mut delivered = 0;
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
        delivered = client.outbox.sent(written);
        drop_front(&mut pieces, written);
    }
    Ok(delivered)
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
