//! A named connection. A task of its own reads all the time, also while we write; frames of all
//! peers arrive in one channel.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

use crate::{
    transcript::{EventKind, Transcript},
    wire::{self, Frame, Malformed, shown},
};

/// Between writes that a story cuts apart. No time can prove that they arrive so; the verdict must
/// be the same either way.
const CUT_PAUSE: Duration = Duration::from_millis(1);

/// What came from a connection.
#[derive(Debug)]
pub enum Incoming {
    /// A whole frame.
    Frame(Frame),
    /// Bytes that no server should send; the reading ends there.
    Malformed(Malformed),
    /// The end of the stream, by FIN or by reset.
    End,
}

/// Where what comes is sent: with the number of the connection.
pub type Inbox = mpsc::UnboundedSender<(usize, Incoming)>;

/// One connection.
#[derive(Debug)]
pub struct Peer {
    /// The name in the story.
    pub name: String,
    /// Frames that came and were not yet expected.
    pub frames: VecDeque<Frame>,
    /// So many of `frames` came before the PONG of the last fence.
    pub fenced_frames: usize,
    /// No more frames will come.
    pub ended: bool,
    /// Why the reading ended, if the bytes were wrong.
    pub malformed: Option<Malformed>,
    /// Something was sent that no fence has followed.
    pub unfenced: bool,
    /// PONGs for the story's own PINGs which the story has not expected yet.
    pub owed_pongs: usize,
    /// PINGs sent and PONGs received in all.
    pub pings: usize,
    /// See `pings`.
    pub pongs: usize,
    /// We closed it, one way or another.
    pub left: bool,
    /// The story let input pile up.
    pub stalled: bool,
    /// The greeting has come.
    pub greeted: bool,
    /// The server wants credentials and has been given none: a PING would be a violation.
    pub must_log_in: bool,
    /// More pieces than this do not get a pause between them.
    pub paused_pieces_max: usize,
    /// Bytes of a payload that the story has announced and not sent yet.
    payload_bytes: usize,
    writer: Arc<Mutex<OwnedWriteHalf>>,
    mid_line: Arc<AtomicBool>,
    reading: watch::Sender<bool>,
    reader: JoinHandle<()>,
    transcript: Transcript,
}

impl Peer {
    /// Opens a connection whose frames come as number `id`.
    ///
    /// # Errors
    /// What the system says.
    pub async fn dial(
        name: &str,
        id: usize,
        addr: SocketAddr,
        inbox: Inbox,
        manual_pings: bool,
        transcript: Transcript,
    ) -> io::Result<Peer> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        transcript.note(name, EventKind::Note, "dials".to_owned());
        let (read, write) = stream.into_split();
        let writer = Arc::new(Mutex::new(write));
        let mid_line = Arc::new(AtomicBool::new(false));
        let (reading, may_read) = watch::channel(true);
        let reader = Reader {
            id,
            name: name.to_owned(),
            inbox,
            transcript: transcript.clone(),
            answer: (!manual_pings).then(|| (writer.clone(), mid_line.clone())),
        };
        Ok(Peer {
            name: name.to_owned(),
            frames: VecDeque::new(),
            fenced_frames: usize::MAX,
            ended: false,
            malformed: None,
            unfenced: false,
            owed_pongs: 0,
            pings: 0,
            pongs: 0,
            left: false,
            stalled: false,
            greeted: false,
            must_log_in: false,
            paused_pieces_max: usize::MAX,
            payload_bytes: 0,
            writer,
            mid_line,
            reading,
            reader: tokio::spawn(reader.run(read, may_read)),
            transcript,
        })
    }

    /// Whether a PING can prove anything.
    pub fn can_fence(&self) -> bool {
        let open = !self.ended && !self.left && !self.stalled && self.malformed.is_none();
        open && !self.must_log_in && !self.is_mid_line()
    }

    /// Whether both sides have ended.
    pub fn is_over(&self) -> bool {
        self.left && self.ended
    }

    /// Whether what was sent last ended within a line or payload.
    pub fn is_mid_line(&self) -> bool {
        self.mid_line.load(Ordering::Relaxed)
    }

    /// How often PING stands in what is about to be sent, outside of payloads: so many PONGs are
    /// the story's own.
    pub fn pings_in(&mut self, bytes: &[u8]) -> usize {
        let mut pings = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.payload_bytes > 0 {
                let skipped = self.payload_bytes.min(rest.len());
                self.payload_bytes -= skipped;
                rest = &rest[skipped..];
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, tail) = rest.split_at(end);
            let line = line.to_ascii_uppercase();
            pings += usize::from(line.starts_with(b"PING"));
            if line.starts_with(b"PUB") || line.starts_with(b"HPUB") {
                let size =
                    line.split(|byte| byte.is_ascii_whitespace()).rfind(|word| !word.is_empty());
                let size = size.and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
                self.payload_bytes = size.map_or(0, |size: usize| size.saturating_add(2));
            }
            rest = tail;
        }
        pings
    }

    /// Sends the pieces, each as a write of its own; `finished` says whether a line or payload ends
    /// with them. A door that has been shut is no failure: what is expected may have come before.
    pub async fn send(&mut self, pieces: &[&[u8]], finished: bool, kind: EventKind) {
        // A run that cuts everything makes thousands of pieces; they get a turn of the scheduler.
        let paused = pieces.len() <= self.paused_pieces_max;
        self.transcript.bytes(&self.name, kind, &pieces.concat());
        let mut writer = self.writer.lock().await;
        self.mid_line.store(!finished, Ordering::Relaxed);
        self.unfenced |= kind == EventKind::Sent;
        self.must_log_in = false;
        for (at, piece) in pieces.iter().enumerate() {
            match at {
                0 => {}
                _ if paused => tokio::time::sleep(CUT_PAUSE).await,
                _ => tokio::task::yield_now().await,
            }
            if writer.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    /// Ends our side only.
    pub async fn half_close(&mut self) {
        self.left = true;
        self.transcript.note(&self.name, EventKind::Note, "half-closes".to_owned());
        // The other side may have gone first.
        let _ = self.writer.lock().await.shutdown().await;
    }

    /// Closes both sides; what comes from now on is not looked at.
    pub async fn close(&mut self, reset: bool) {
        self.left = true;
        self.ended = true;
        self.frames.clear();
        let what = if reset { "resets" } else { "closes" };
        self.transcript.note(&self.name, EventKind::Note, what.to_owned());
        let mut writer = self.writer.lock().await;
        if reset {
            // Without it the close is an orderly one, which only a story about resets minds.
            let _ = writer.as_ref().set_zero_linger();
        } else {
            let _ = writer.shutdown().await;
        }
        self.reader.abort();
    }

    /// Lets input pile up in the socket, or reads on.
    pub fn read(&mut self, on: bool) {
        self.stalled = !on;
        self.reading.send_replace(on);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reader {
    id: usize,
    name: String,
    inbox: Inbox,
    transcript: Transcript,
    /// PINGs are answered here, unless something is half sent.
    answer: Option<(Arc<Mutex<OwnedWriteHalf>>, Arc<AtomicBool>)>,
}

impl Reader {
    async fn run(self, mut stream: OwnedReadHalf, mut may_read: watch::Receiver<bool>) {
        let mut buffer = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        let mut stalled = false;
        loop {
            stalled |= !*may_read.borrow();
            if may_read.wait_for(|on| *on).await.is_err() {
                return;
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
                    return;
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
                        return;
                    }
                }
            }
        }
    }

    async fn frame(&self, frame: Frame) {
        self.transcript.bytes(&self.name, EventKind::Came, &frame.0);
        match &self.answer {
            Some((writer, mid_line)) if frame.0 == b"PING\r\n" => {
                let mut writer = writer.lock().await;
                if !mid_line.load(Ordering::Relaxed) && writer.write_all(b"PONG\r\n").await.is_ok()
                {
                    self.transcript.bytes(&self.name, EventKind::Fence, b"PONG\r\n");
                }
            }
            _ => {
                let _ = self.inbox.send((self.id, Incoming::Frame(frame)));
            }
        }
    }
}
