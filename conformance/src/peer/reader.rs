//! The task that reads a connection.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::AsyncReadExt,
    sync::{Mutex, watch},
};

use super::{Inbox, Incoming};
use crate::{
    tls::{Source, Writer},
    transcript::{EventKind, Transcript},
    wire::{self, Frame, Malformed, shown},
};

/// What the task that reads is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    On,
    /// Input piles up in the socket.
    Paused,
    /// Stop between two frames and give the stream back.
    HandOver,
}

#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) id: usize,
    pub(super) name: String,
    pub(super) inbox: Inbox,
    pub(super) transcript: Transcript,
    /// PINGs are answered here, unless something is half sent.
    pub(super) answer: Option<(Arc<Mutex<Writer>>, Arc<AtomicBool>)>,
}

impl Reader {
    /// Reads to the end, or until the stream is wanted back.
    pub(super) async fn run(
        self,
        mut stream: Source,
        mut may_read: watch::Receiver<Reading>,
    ) -> Option<Source> {
        let mut buffer = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        let mut stalled = false;
        loop {
            stalled |= *may_read.borrow() == Reading::Paused;
            let reading = may_read.wait_for(|reading| *reading != Reading::Paused).await;
            if *reading.ok()? == Reading::HandOver {
                return buffer.is_empty().then_some(stream);
            }
            let read = tokio::select! {
                read = stream.read(&mut chunk) => read,
                _ = may_read.changed() => continue,
            };
            // Who did not read may be cut off anywhere, and so may everyone by a reset.
            if let Ok(0) = read
                && !buffer.is_empty()
                && !stalled
            {
                self.transcript.bytes(&self.name, EventKind::Came, &buffer);
                let unfinished = Malformed::Unfinished(shown(&buffer));
                let _ = self.inbox.send((self.id, Incoming::Malformed(unfinished)));
            }
            let read = match read {
                Ok(read @ 1..) => read,
                Ok(_) | Err(_) => {
                    let how = if read.is_ok() { "is closed" } else { "is closed by a reset" };
                    self.transcript.note(&self.name, EventKind::Note, how.to_owned());
                    // Who started us may have finished the story.
                    let _ = self.inbox.send((self.id, Incoming::End));
                    return None;
                }
            };
            buffer.extend_from_slice(&chunk[..read]);
            loop {
                match wire::next(&mut buffer) {
                    Ok(Some(frame)) => self.frame(frame).await,
                    Ok(None) => break,
                    Err(malformed) => {
                        self.transcript.bytes(&self.name, EventKind::Came, &buffer);
                        let _ = self.inbox.send((self.id, Incoming::Malformed(malformed)));
                        return None;
                    }
                }
            }
        }
    }

    async fn frame(&self, frame: Frame) {
        self.transcript.bytes(&self.name, EventKind::Came, &frame.0);
        match &self.answer {
            Some((writer, busy)) if frame.0 == b"PING\r\n" => {
                let mut writer = writer.lock().await;
                if !busy.load(Ordering::Relaxed) && writer.write(b"PONG\r\n").await.is_ok() {
                    self.transcript.bytes(&self.name, EventKind::Fence, b"PONG\r\n");
                }
            }
            _ => {
                let _ = self.inbox.send((self.id, Incoming::Frame(frame)));
            }
        }
    }
}
