//! A socket around a session: the only place that waits for bytes.
//!
//! Two tasks serve a connection. The reader takes what has arrived, hands every complete operation
//! to the session, and rings the receivers once the bytes are used up; the writer
//! (`connection/writer.rs`) sends whatever waits in the outbox. An operation is finished, all
//! outboxes filled, before the next one is looked at, and PONG goes through the same outbox as
//! messages do: that makes PING a fence.

mod bounds;
mod farewell;
mod names;
mod side;
mod trace;
mod writer;

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::watch,
    task::yield_now,
    time::sleep,
};

#[cfg(any(feature = "tls", feature = "websocket"))]
pub(crate) use self::farewell::last_moments;
use self::side::{Login, Side};
pub(crate) use self::{farewell::refuse, side::Newcomer};
use crate::{
    Config,
    auth::Check,
    keepalive::{Due, Keepalive},
    ledger::{Reason, Traffic},
    outbox::{Ending, News},
    protocol::{ClientOp, Limits, Parser, encode},
    server::{Phase, Terms},
    session::{Broker, Close, LogIn, Session},
};

/// A read starts with this much room and doubles it while reads fill it.
const READ_BYTES_MIN: usize = 1 << 10;
/// No read has more room, unless a large payload is on its way. With a quarter of it, messages from
/// 1 KiB on cost a quarter more.
const READ_BYTES_MAX: usize = 256 << 10;
/// Bytes read in a row before others on the same thread have a turn. The runtime would let a flood
/// be read a hundred times, 32 MiB, before even the writers that were rung are let in.
const TURN_BYTES_MAX: usize = 1 << 20;
/// The reason of an end that comes from elsewhere in the server.
pub(crate) const ENDED: &str = "ended by the server";

/// Serves a connection until either side ends it; `gone` is called once nothing of the client is
/// left in the broker, before its last words have arrived.
pub(crate) async fn serve<R, W>(
    mut reader: R,
    writer: W,
    newcomer: Box<Newcomer>,
    terms: watch::Receiver<Terms>,
    gone: impl FnOnce(),
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let client = newcomer.client.clone();
    let config = newcomer.terms.config.clone();
    let sending = tokio::spawn(writer::write(writer, client.clone(), config.clone()));
    let limits = limits(&config);
    let ping_interval = newcomer.peer.ping_interval.unwrap_or(config.ping_interval);
    let keepalive = Keepalive::new(ping_interval, config.ping_max);
    let (mut parser, session) = (Parser::new(limits), Session::new());
    parser.announce(session.pedantic());
    let side = Side::new(*newcomer);
    let mut conversation = Conversation {
        parser,
        session,
        side,
        keepalive,
        pinged: None,
        config,
        terms,
        begun: false,
        lame_duck: false,
        ponged: false,
    };
    let mut buffer = BytesMut::new();
    let close = conversation.read(&mut reader, &mut buffer).await;
    log::debug!("{} - Client connection closed: {close}", client.label);
    if conversation.config.monitoring.is_on() {
        client.note_subscriptions();
    }
    client.leave().await;
    conversation.side.stand_up();
    client.outbox.end(Ending::Flush);
    gone();
    let _ = tokio::join!(sending, farewell::silence(&mut reader, &mut buffer));
}

/// What is known of the conversation.
struct Conversation {
    parser: Parser,
    session: Session,
    side: Side,
    keepalive: Keepalive,
    /// When the PING was sent that has no answer yet.
    pinged: Option<Instant>,
    config: Arc<Config>,
    terms: watch::Receiver<Terms>,
    /// Before the login: the first byte has come.
    begun: bool,
    /// The client need not be told again that the server is a lame duck.
    lame_duck: bool,
    /// A PONG has been sent.
    ponged: bool,
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_payload_bytes: config.max_payload_bytes,
        max_control_line_bytes: config.max_control_line_bytes,
    }
}

/// Makes the room for reads fit what was read; false if that was little.
fn fit(room: &mut usize, read: usize) -> bool {
    if read >= *room {
        *room = (*room * 2).min(READ_BYTES_MAX);
    } else if read < *room / 8 {
        *room = (*room / 2).max(READ_BYTES_MIN);
        return false;
    }
    true
}

impl Conversation {
    /// Reads until the end, and says why it is one.
    async fn read<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut R,
        buffer: &mut BytesMut,
    ) -> String {
        let client = self.side.client.clone();
        let mut news = pin!(client.outbox.news());
        let mut timer = pin!(sleep(self.delay()));
        let (mut room, mut grown, mut turn_bytes) = (READ_BYTES_MIN, false, 0);
        self.side.greet();
        loop {
            let missing = self.parser.wanted().saturating_sub(buffer.len());
            buffer.reserve(room.max(missing));
            grown |= missing > READ_BYTES_MAX;
            tokio::select! {
                biased;
                read = reader.read_buf(buffer) => match read {
                    Ok(0) => return self.over(Reason::CLIENT_CLOSED, "end of stream"),
                    Err(error) => return self.over(Reason::READ_ERROR, &error.to_string()),
                    Ok(read) => {
                        let is_flood = fit(&mut room, read);
                        turn_bytes = if is_flood { turn_bytes + read } else { 0 };
                    }
                },
                () = timer.as_mut() => {
                    if let Err(close) = self.keep_alive() {
                        return self.last_words(close);
                    }
                    timer.set(sleep(self.delay()));
                    if buffer.is_empty() {
                        // Whoever was busy and is quiet now gives its room back.
                        (*buffer, room) = (BytesMut::new(), READ_BYTES_MIN);
                    }
                }
                what = news.as_mut() => {
                    if what == News::Ending {
                        return self.over(Reason::SHUTDOWN, ENDED);
                    }
                    news.set(client.outbox.news());
                    if let Err(close) = self.follow() {
                        return self.last_words(close);
                    }
                    timer.set(sleep(self.delay()));
                }
            }
            let was_admitted = self.side.is_admitted();
            let result = self.operations_and_checks(buffer).await;
            if grown && buffer.is_empty() {
                // A quiet connection must not keep the room of a large payload.
                (*buffer, grown) = (BytesMut::new(), false);
            }
            if let Err(close) = result {
                return self.last_words(close);
            }
            self.side.publisher.ring();
            client.ledger.stalled(self.side.publisher.ease().await);
            if turn_bytes >= TURN_BYTES_MAX {
                turn_bytes = 0;
                yield_now().await;
            }
            if std::mem::take(&mut self.side.first_ping) {
                let delay = self.keepalive.first_delay(rand::random());
                timer.set(sleep(self.side.bounds.cut(delay)));
            } else if !was_admitted && self.side.is_admitted() {
                timer.set(sleep(self.delay()));
            }
        }
    }

    /// Until the timer is asked for the first time, or again.
    fn delay(&self) -> Duration {
        match self.side.is_admitted() {
            true => self.side.bounds.cut(self.keepalive.delay()),
            false => self.side.login_timeout(),
        }
    }

    /// Handles every complete operation; where a login takes long, what stands behind it waits.
    async fn operations_and_checks(&mut self, buffer: &mut BytesMut) -> Result<(), Close> {
        while let Some(check) = self.operations(buffer)? {
            self.side.publisher.ring();
            let client = self.side.client.clone();
            let ended = async { while client.outbox.news().await != News::Ending {} };
            let scope = tokio::select! {
                scope = check.run() => scope,
                () = ended => return Err(Close::Silently(ENDED)),
            };
            match self.side.checked(scope)? {
                Login::New => self.session.logged_in(&self.config, &mut self.side)?,
                Login::Silent => {
                    self.bound_without_connect();
                    continue;
                }
                Login::Again => {}
            }
            self.connected();
        }
        Ok(())
    }

    /// The first byte must be one of CONNECT, unless there is a user for those who bring nothing
    /// (AUTH-011, AUTH-014). One letter is enough to see that.
    fn first_operation(&mut self, first: u8) -> Result<(), Close> {
        if first.eq_ignore_ascii_case(&b'c') {
            return Ok(());
        }
        match self.side.admit_without_connect()? {
            LogIn::Done => self.bound_without_connect(),
            LogIn::Later => {}
        }
        Ok(())
    }

    fn bound_without_connect(&mut self) {
        self.session.bound_without_connect();
        self.parser.limits.max_payload_bytes = self.side.max_payload_bytes();
    }

    /// The parser learns what CONNECT said.
    fn connected(&mut self) {
        self.parser.allow_headers(self.session.headers());
        self.parser.announce(self.session.pedantic());
        self.parser.limits.max_payload_bytes = self.side.max_payload_bytes();
    }

    /// Handles every complete operation and leaves the rest in the buffer; stops at a login whose
    /// check takes long.
    fn operations(&mut self, buffer: &mut BytesMut) -> Result<Option<Check>, Close> {
        // What came behind a change is judged by it, even if the bytes are seen first.
        if self.terms.has_changed().unwrap_or(false) {
            self.follow()?;
        }
        if let (false, false, Some(first)) = (self.side.is_admitted(), self.begun, buffer.first()) {
            self.begun = true;
            self.first_operation(*first)?;
        }
        // A login without CONNECT, or one that a reload has to judge again.
        if let Some(check) = self.side.take_check() {
            return Ok(Some(check));
        }
        let (mut done, mut heard, mut received) = (0, false, Traffic::default());
        let result = loop {
            let (used, op) = match self.parser.next(&buffer[done..]) {
                Ok(step) => step,
                Err(error) => break Err(error.into()),
            };
            done += used;
            let Some(op) = op else { break Ok(None) };
            trace::received(&self.side.client.label, &op, self.config.max_traced_bytes);
            match op {
                ClientOp::Announce { .. } => {}
                ClientOp::Publish(ref message) => {
                    heard = true;
                    received.add(message.body.len());
                }
                ClientOp::Pong => self.answered(),
                ClientOp::Connect(_) | ClientOp::Info(_) | ClientOp::Nothing | ClientOp::Error => {}
                ClientOp::Ping => (heard, self.ponged) = (true, true),
                _ => heard = true,
            }
            let connects = matches!(op, ClientOp::Connect(_));
            if let Err(close) = self.session.handle(op, &self.config, &mut self.side) {
                break Err(close);
            }
            if connects {
                if let Some(check) = self.side.take_check() {
                    break Ok(Some(check));
                }
                self.connected();
            }
        };
        // One look at the clock for all; one for each was a fifth of what small operations cost.
        if heard {
            let now = Instant::now();
            self.keepalive.heard(now);
            self.side.client.ledger.heard(now, received);
        }
        buffer.advance(done);
        result
    }

    /// Does what a reload or a lame duck asks for (LIFE-004 to 006, LIFE-011).
    fn follow(&mut self) -> Result<(), Close> {
        let terms = self.terms.borrow_and_update().clone();
        if !Arc::ptr_eq(&terms.config, &self.config) {
            let ping_interval = self.side.peer.ping_interval.unwrap_or(terms.config.ping_interval);
            self.keepalive.set(ping_interval, terms.config.ping_max);
            let followed = self.side.follow(&terms, self.session.credentials());
            self.parser.limits = Limits {
                max_payload_bytes: self.side.max_payload_bytes(),
                ..limits(&terms.config)
            };
            self.config = terms.config;
            followed?;
        }
        if terms.phase == Phase::LameDuck && !std::mem::replace(&mut self.lame_duck, true) {
            self.side.info.lame_duck = true;
            if self.ponged && self.side.takes_info {
                let mut line = Vec::new();
                self.side.info.encode(&mut line);
                self.side.send(&line);
            }
        }
        Ok(())
    }

    fn answered(&mut self) {
        self.keepalive.answered();
        if let Some(pinged) = self.pinged.take() {
            self.side.client.ledger.measured(pinged.elapsed());
        }
    }

    fn keep_alive(&mut self) -> Result<(), Close> {
        if !self.side.is_admitted() {
            return Err(Close::Told("Authentication Timeout"));
        }
        if let Some(words) = self.side.bounds.expired() {
            return Err(Close::Told(words));
        }
        let client = &self.side.client;
        self.side.publisher.forget_old_routes();
        if self.config.profile.output_suppresses_ping() && client.outbox.take_delivered() {
            self.keepalive.heard(Instant::now());
        }
        match self.keepalive.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Ping => {
                self.pinged = Some(Instant::now());
                self.side.send(encode::PING);
                Ok(())
            }
            Due::Stale => Err(Close::Told("Stale Connection")),
        }
    }

    /// Ends without a word to the client.
    fn over(&self, reason: Reason, words: &str) -> String {
        self.side.ends(reason);
        words.to_owned()
    }

    /// Tells the client why, where it is told.
    fn last_words(&mut self, close: Close) -> String {
        let words = close.to_string();
        self.side.ends(Reason::behind(&words));
        if let Close::Told(text) = close {
            let mut line = Vec::new();
            encode::error(&mut line, text);
            self.side.send(&line);
        }
        self.side.publisher.ring();
        words
    }
}

#[cfg(test)]
mod tests;
