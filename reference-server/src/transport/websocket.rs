//! A WebSocket as a stream of bytes.
//!
//! What the other side's messages hold is read as one stream, wherever they begin and end
//! (WS-003); what is written in one go leaves as one message. Control frames are answered from
//! within a read, whether or not anybody writes.
//!
//! No library for WebSockets is used: they put whole messages together in memory, do without
//! compression, or both.

mod deflate;
mod frame;
mod incoming;
mod origin;
mod outgoing;
mod upgrade;

use std::{
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use self::{
    frame::Opcode,
    incoming::{Event, Incoming},
    outgoing::Outgoing,
    upgrade::{Rules, Upgrade},
};
use super::{NotAdmitted, Peer, Stream, TlsAcceptor, TransportError, WebSocket};
use crate::{Config, connection, ledger::Reason, protocol::Info};

/// A read from the socket has this much room.
const READ_BYTES: usize = 16 << 10;
/// Answers to control frames that may wait; nothing is read from a peer that takes none of them.
const ANSWERS_BYTES_MAX: usize = 16 << 10;
/// The longest reason in a close frame: what a control frame has room for, less the code.
const CLOSE_TEXT_BYTES_MAX: usize = 123;

/// Takes connections that are to be WebSockets.
#[derive(Debug)]
pub(crate) struct Acceptor {
    tls: Option<TlsAcceptor>,
    rules: Rules,
    handshake_timeout: Duration,
    ping_interval: Option<Duration>,
}

impl Acceptor {
    /// Reads certificates, if there are any.
    ///
    /// # Errors
    /// Options that can't be meant, certificates that can't be used.
    pub(crate) fn new(options: &WebSocket, config: &Config) -> Result<Acceptor, TransportError> {
        let tls = options.tls.as_ref().map(|tls| TlsAcceptor::new(tls, false));
        Ok(Acceptor {
            tls: tls.transpose()?,
            rules: Rules::new(options, config.profile)?,
            handshake_timeout: options.handshake_timeout,
            ping_interval: options.ping_interval,
        })
    }

    /// Says in INFO what this listener wants (WS-019).
    pub(crate) fn announce(&self, info: &mut Info) {
        let (host, port) = self.rules.advertised(&info.host, info.port);
        (info.host, info.port) = (host.into(), port);
        let tls = self.tls.is_some();
        (info.tls_required, info.tls_available, info.tls_verify) = (tls, tls, false);
    }

    /// Until when the server's certificate is valid, if there is one.
    #[cfg(feature = "monitoring")]
    pub(crate) fn valid_until(&self) -> Option<std::time::SystemTime> {
        self.tls.as_ref().and_then(TlsAcceptor::valid_until)
    }

    /// Does the handshakes of TLS and of the WebSocket.
    ///
    /// # Errors
    /// A handshake that fails or takes too long; the connection is gone then.
    pub(crate) async fn admit(
        &self,
        stream: TcpStream,
        mut peer: Peer,
    ) -> Result<(Framed<Stream>, Arc<Peer>), NotAdmitted> {
        let admitted = async {
            let mut stream = match &self.tls {
                Some(tls) => tls.handshake_or_hint(stream, &mut peer).await?,
                None => Stream::Clear(stream),
            };
            match upgrade::answer(&mut stream, &self.rules, self.tls.is_some()).await {
                Ok(upgrade) => Ok((stream, upgrade)),
                Err(error) => {
                    connection::last_moments(&mut stream).await;
                    Err(error)
                }
            }
        };
        let admitted = timeout(self.handshake_timeout, admitted).await;
        let (stream, upgrade) = admitted.map_err(|_| NotAdmitted::TooSlow)??;
        peer.cookies = upgrade.cookies.clone();
        peer.ping_interval = self.ping_interval;
        let peer = Arc::new(peer);
        Ok((Framed::new(stream, &upgrade, peer.clone()), peer))
    }
}

/// The stream. Reader and writer may be tasks of their own, as halves of `tokio::io::split`.
#[derive(Debug)]
pub(crate) struct Framed<S> {
    io: S,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Frames that wait to be sent.
    waiting: BytesMut,
    /// Bytes of answers to control frames among them, at most.
    answers: usize,
    closing: Closing,
    wakers: Arc<Wakers>,
    peer: Arc<Peer>,
}

/// How far the close has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// The close frame is among those that wait, or gone; nothing may follow it.
    Said,
}

/// Who waits until the socket takes bytes again. It knows only one, but the reader's answers wait
/// in the same place as what the writer sends, so both are woken.
#[derive(Debug, Default)]
struct Wakers(Mutex<[Option<Waker>; 2]>);

#[derive(Debug, Clone, Copy)]
enum Half {
    Reader,
    Writer,
}

impl Wakers {
    fn remember(&self, half: Half, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut wakers[half as usize] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    fn new(io: S, upgrade: &Upgrade, peer: Arc<Peer>) -> Framed<S> {
        Framed {
            io,
            incoming: Incoming::new(upgrade.masked, upgrade.compressed),
            outgoing: Outgoing { in_small_frames: upgrade.browser, compressed: upgrade.compressed },
            waiting: BytesMut::new(),
            answers: 0,
            closing: Closing::No,
            wakers: Arc::default(),
            peer,
        }
    }

    /// Sends what waits.
    fn poll_drain(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waiting.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.wakers.remember(half, cx.waker());
        let waker = Waker::from(self.wakers.clone());
        let mut both = Context::from_waker(&waker);
        while !self.waiting.is_empty() {
            let sent = ready!(pin!(self.io.write_buf(&mut self.waiting)).poll(&mut both))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        // Room for a large message is not kept.
        (self.waiting, self.answers) = (BytesMut::new(), 0);
        Pin::new(&mut self.io).poll_flush(&mut both)
    }

    /// Puts a control frame behind what waits.
    fn answer(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.closing == Closing::No {
            let before = self.waiting.len();
            frame::control(&mut self.waiting, opcode, payload);
            self.answers += self.waiting.len() - before;
        }
    }

    fn close(&mut self, code: u16, text: &str) {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(&text.as_bytes()[..text.len().min(CLOSE_TEXT_BYTES_MAX)]);
        self.answer(Opcode::Close, &payload);
        self.closing = Closing::Said;
    }

    /// Reads from the socket; false at its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let input = self.incoming.input();
        input.reserve(READ_BYTES);
        let filled = pin!(self.io.read_buf(input)).poll(cx);
        if filled.is_pending() {
            self.incoming.rest();
        }
        filled.map_ok(|read| read > 0)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            // What is not sent now wakes the reader as well once it can be.
            let drained = this.poll_drain(Half::Reader, cx)?;
            if this.answers > ANSWERS_BYTES_MAX {
                ready!(drained);
            }
            if this.closing == Closing::Said || this.incoming.take(buffer) {
                return Poll::Ready(Ok(()));
            }
            match this.incoming.next() {
                Ok(Event::Data) => {}
                Ok(Event::Ping(data)) => this.answer(Opcode::Pong, &data),
                Ok(Event::Close(None)) => {
                    this.answer(Opcode::Close, &[]);
                    this.closing = Closing::Said;
                }
                Ok(Event::Close(Some((code, text)))) => this.close(code, &text),
                Ok(Event::Nothing) => {
                    if !ready!(this.poll_fill(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(violation) => {
                    this.close(violation.code(), &violation.to_string());
                    // Whether it goes out or not: the connection is at its end.
                    let _ = this.poll_drain(Half::Reader, cx);
                    let error = io::Error::new(io::ErrorKind::InvalidData, violation);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(Half::Writer, cx))?;
        if this.closing == Closing::No {
            this.outgoing.encode(pieces, &mut this.waiting);
        }
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(Half::Writer, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing == Closing::No {
            let Reason { text, code } = this.peer.reason();
            this.close(code, text);
        }
        ready!(this.poll_drain(Half::Writer, cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
