//! A named connection. A task of its own reads all the time, also while we write; frames of all
//! peers arrive in one channel.

mod reader;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::{Mutex, mpsc, watch},
    task::{AbortHandle, JoinHandle},
};
use tokio_rustls::rustls::ClientConfig;

use self::reader::{Reader, Reading};
use crate::{
    tls::{self, Source, Writer},
    transcript::{EventKind, Transcript},
    websocket::{self, Answer, Request},
    wire::{Frame, Malformed},
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
    /// The server wants TLS and has not got it yet: a PING would be no handshake.
    pub must_start_tls: bool,
    /// More pieces than this do not get a pause between them.
    pub paused_pieces_max: usize,
    /// Bytes of a payload that the story has announced and not sent yet.
    payload_bytes: usize,
    addr: SocketAddr,
    writer: Arc<Mutex<Writer>>,
    mid_line: bool,
    /// A line is unfinished, or its payload has not been sent: a PONG would be part of it.
    busy: Arc<AtomicBool>,
    reading: watch::Sender<Reading>,
    /// Gives its half back if the connection is to travel in something else.
    reading_task: JoinHandle<Option<Source>>,
    tls: bool,
    /// The code of the close frame of a WebSocket.
    close_code: Arc<OnceLock<u16>>,
    /// Ends whichever task reads.
    reader: AbortHandle,
    /// For a reader that takes over.
    spare: Reader,
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
        let writer = Arc::new(Mutex::new(Writer::Clear(write)));
        let busy = Arc::new(AtomicBool::new(false));
        let (reading, may_read) = watch::channel(Reading::On);
        let reader = Reader {
            id,
            name: name.to_owned(),
            inbox,
            transcript: transcript.clone(),
            answer: (!manual_pings).then(|| (writer.clone(), busy.clone())),
        };
        let spare = reader.clone();
        let reading_task = tokio::spawn(reader.run(Source::Clear(read), may_read));
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
            must_start_tls: false,
            paused_pieces_max: usize::MAX,
            payload_bytes: 0,
            addr,
            writer,
            mid_line: false,
            busy,
            reading,
            reader: reading_task.abort_handle(),
            reading_task,
            tls: false,
            close_code: Arc::default(),
            spare,
            transcript,
        })
    }

    /// Whether a PING can prove anything. Before the greeting nobody knows whether it would break
    /// the rules.
    pub fn can_fence(&self) -> bool {
        let may_ping = self.greeted && !self.must_log_in && !self.must_start_tls;
        self.is_open() && may_ping && !self.is_mid_line()
    }

    /// Whether the server has not said its first word yet, and still can.
    pub fn awaits_greeting(&self) -> bool {
        self.is_open() && !self.greeted
    }

    fn is_open(&self) -> bool {
        !self.ended && !self.left && !self.stalled && self.malformed.is_none()
    }

    /// Whether it has changed to TLS.
    pub fn speaks_tls(&self) -> bool {
        self.tls
    }

    /// The code of the close frame of a WebSocket.
    pub fn close_code(&self) -> Option<u16> {
        self.close_code.get().copied()
    }

    /// Changes to TLS; what has come before has come in clear.
    ///
    /// # Errors
    /// Why the change did not come about.
    pub async fn start_tls(&mut self, config: ClientConfig) -> Result<(), String> {
        let read = self.hand_over().await?;
        let started = {
            let mut writer = self.writer.lock().await;
            tls::start(read, &mut writer, self.addr, config).await
        };
        let read = started.inspect_err(|_| self.ended = true)?;
        self.transcript.note(&self.name, EventKind::Note, "starts TLS".to_owned());
        (self.tls, self.must_start_tls) = (true, false);
        self.read_from(read);
        Ok(())
    }

    /// Tries to change to TLS, which the server must not let happen: what came instead, if it did.
    /// The connection is at its end then.
    ///
    /// # Errors
    /// Why it could not be tried.
    pub async fn fail_tls(&mut self, config: ClientConfig) -> Result<Option<String>, String> {
        let read = self.hand_over().await?;
        let mut writer = self.writer.lock().await;
        self.ended = true;
        let let_in = tls::fails(read, &mut writer, self.addr, config).await.err();
        if let_in.is_none() {
            self.transcript.note(&self.name, EventKind::Note, "fails to start TLS".to_owned());
        }
        Ok(let_in)
    }

    /// Asks for the change to a WebSocket. The connection is at its end if it does not come about.
    ///
    /// # Errors
    /// No answer that could be read.
    pub async fn upgrade(&mut self, request: Request) -> Result<Answer, String> {
        let read = self.hand_over().await?;
        let upgraded = {
            let mut writer = self.writer.lock().await;
            let code = self.close_code.clone();
            websocket::upgrade(read, &mut writer, self.addr, request, code).await
        };
        let (answer, read) = upgraded.inspect_err(|_| self.ended = true)?;
        let what = match read {
            Some(read) => {
                self.read_from(read);
                "changes to a WebSocket".to_owned()
            }
            None => {
                self.ended = true;
                format!("is answered {}", answer.status)
            }
        };
        self.transcript.note(&self.name, EventKind::Note, what);
        Ok(answer)
    }

    fn read_from(&mut self, read: Source) {
        let (reading, may_read) = watch::channel(Reading::On);
        self.reading = reading;
        self.reading_task = tokio::spawn(self.spare.clone().run(read, may_read));
        self.reader = self.reading_task.abort_handle();
    }

    /// Ends the reading in what the connection has travelled in so far.
    async fn hand_over(&mut self) -> Result<Source, String> {
        self.reading.send_replace(Reading::HandOver);
        let read = (&mut self.reading_task).await.ok().flatten();
        read.ok_or_else(|| "the stream has ended before, or within a frame".to_owned())
    }

    /// Whether both sides have ended.
    pub fn is_over(&self) -> bool {
        self.left && self.ended
    }

    /// Whether what was sent last ended within a line or payload.
    pub fn is_mid_line(&self) -> bool {
        self.mid_line
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
        self.mid_line = !finished;
        self.busy.store(!finished || self.payload_bytes > 0, Ordering::Relaxed);
        self.unfenced |= kind == EventKind::Sent;
        self.must_log_in = false;
        for (at, piece) in pieces.iter().enumerate() {
            match at {
                0 => {}
                _ if paused => tokio::time::sleep(CUT_PAUSE).await,
                _ => tokio::task::yield_now().await,
            }
            if writer.write(piece).await.is_err() {
                return;
            }
        }
    }

    /// Ends our side only.
    pub async fn half_close(&mut self) {
        self.left = true;
        self.transcript.note(&self.name, EventKind::Note, "half-closes".to_owned());
        self.writer.lock().await.shut().await;
    }

    /// Closes both sides; what comes from now on is not looked at.
    pub async fn close(&mut self, reset: bool) {
        self.left = true;
        self.ended = true;
        self.frames.clear();
        let what = if reset { "resets" } else { "closes" };
        self.transcript.note(&self.name, EventKind::Note, what.to_owned());
        let mut writer = self.writer.lock().await;
        match reset {
            true => writer.reset(),
            false => writer.shut().await,
        }
        self.reader.abort();
    }

    /// Lets input pile up in the socket, or reads on.
    pub fn read(&mut self, on: bool) {
        self.stalled = !on;
        self.reading.send_replace(if on { Reading::On } else { Reading::Paused });
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
