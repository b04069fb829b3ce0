//! A socket around a session: the only place that waits for bytes.
//!
//! Two tasks serve a connection. The reader takes what has arrived, hands every complete operation
//! to the session, and rings the receivers once the bytes are used up; the writer
//! (`connection/writer.rs`) sends whatever waits in the outbox. An operation is finished, all
//! outboxes filled, before the next one is looked at, and PONG goes through the same outbox as
//! messages do: that makes PING a fence.

mod writer;

use std::{pin::pin, sync::Arc, time::Duration, time::Instant};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{
    Config,
    keepalive::{Due, Keepalive},
    outbox::Ending,
    protocol::{ClientOp, ConnectOptions, Info, Limits, Parser, Publish, encode},
    router::{Client, Publisher},
    session::{Broker, Close, Session},
    transport::{Peer, Reason},
};

/// A read starts with this much room and doubles it while reads fill it.
const READ_BYTES_MIN: usize = 2 << 10;
/// No read has more room, unless a large payload is on its way. With a quarter of it, messages from
/// 1 KiB on cost a quarter more.
const READ_BYTES_MAX: usize = 256 << 10;
/// Bytes read in a row before others on the same thread have a turn. The runtime would let a flood
/// be read a hundred times, 32 MiB, before even the writers that were rung are let in.
const TURN_BYTES_MAX: usize = 1 << 20;
/// How long the last words are given to arrive while unread input is thrown away; a socket that
/// is closed over unread input is reset, and a reset destroys what the peer has not read yet.
const LINGER: Duration = Duration::from_millis(200);

/// Serves a connection until either side ends it; `gone` is called once nothing of the client is
/// left in the broker, before its last words have arrived.
pub(crate) async fn serve<R, W>(
    mut reader: R,
    writer: W,
    client: Arc<Client>,
    info: Info,
    peer: Arc<Peer>,
    config: Arc<Config>,
    gone: impl FnOnce(),
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let sending = tokio::spawn(writer::write(writer, client.clone(), config.write_deadline));
    let limits = Limits {
        max_payload_bytes: config.max_payload_bytes,
        max_control_line_bytes: config.max_control_line_bytes,
    };
    let keepalive =
        Keepalive::new(peer.ping_interval.unwrap_or(config.ping_interval), config.ping_max);
    let (mut parser, session) = (Parser::new(limits), Session::new());
    parser.announce(session.pedantic());
    let mut conversation = Conversation {
        parser,
        session,
        side: Side {
            client: client.clone(),
            publisher: Publisher::new(),
            info,
            peer,
            first_ping: false,
        },
        keepalive,
        config,
    };
    let mut buffer = BytesMut::new();
    let close = conversation.read(&mut reader, &mut buffer).await;
    conversation.side.peer.ends(Reason::CLIENT_CLOSED);
    log::debug!("cid:{} - Client connection closed: {close}", client.id);
    client.leave().await;
    client.outbox.end(Ending::Flush);
    gone();
    let silence = async {
        // Nothing to do about an error here: the connection is over.
        let _ = timeout(LINGER, discard(&mut reader, &mut buffer)).await;
    };
    let _ = tokio::join!(sending, silence);
}

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
    let _ = timeout(LINGER, discard(&mut reader, &mut BytesMut::new())).await;
}

/// Says goodbye in the words of the transport, and lets it arrive.
#[cfg(any(feature = "tls", feature = "websocket"))]
pub(crate) async fn last_moments<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    // A peer that does not take it is gone anyway.
    let _ = timeout(LINGER, stream.shutdown()).await;
    let _ = timeout(LINGER, discard(stream, &mut BytesMut::new())).await;
}

/// What is known of the conversation.
struct Conversation {
    parser: Parser,
    session: Session,
    side: Side,
    keepalive: Keepalive,
    config: Arc<Config>,
}

/// The broker as one client's session sees it.
struct Side {
    client: Arc<Client>,
    publisher: Publisher,
    info: Info,
    peer: Arc<Peer>,
    /// CONNECT has come and the early first PING is to be scheduled.
    first_ping: bool,
}

impl Conversation {
    /// Reads until the end, and says why it is one.
    async fn read<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut R,
        buffer: &mut BytesMut,
    ) -> String {
        let client = self.side.client.clone();
        let mut ended = pin!(client.outbox.ended(Ending::Flush));
        let mut timer = pin!(sleep(self.keepalive.delay()));
        let (mut room, mut grown, mut turn_bytes) = (READ_BYTES_MIN, false, 0);
        if !self.side.peer.greeted {
            let mut greeting = Vec::new();
            self.side.info.encode(&mut greeting);
            self.side.publisher.send(&client, &greeting);
            self.side.publisher.ring();
        }
        loop {
            let missing = self.parser.wanted().saturating_sub(buffer.len());
            buffer.reserve(room.max(missing));
            grown |= missing > READ_BYTES_MAX;
            tokio::select! {
                biased;
                read = reader.read_buf(buffer) => match read {
                    Ok(0) => return "end of stream".to_owned(),
                    Err(error) => return error.to_string(),
                    Ok(read) => {
                        turn_bytes += read;
                        if read >= room {
                            room = (room * 2).min(READ_BYTES_MAX);
                        } else if read < room / 8 {
                            room = (room / 2).max(READ_BYTES_MIN);
                            turn_bytes = 0;
                        }
                    }
                },
                () = timer.as_mut() => {
                    timer.set(sleep(self.keepalive.delay()));
                    if buffer.is_empty() {
                        // Whoever was busy and is quiet now gives its room back.
                        (*buffer, room) = (BytesMut::new(), READ_BYTES_MIN);
                    }
                    if let Err(close) = self.keep_alive() {
                        return self.last_words(close);
                    }
                }
                () = ended.as_mut() => {
                    self.side.peer.ends(Reason::SHUTDOWN);
                    return "ended by the server".to_owned();
                }
            }
            let result = self.operations(buffer);
            if grown && buffer.is_empty() {
                // A quiet connection must not keep the room of a large payload.
                (*buffer, grown) = (BytesMut::new(), false);
            }
            if let Err(close) = result {
                return self.last_words(close);
            }
            self.side.publisher.ring();
            self.side.publisher.ease().await;
            if turn_bytes >= TURN_BYTES_MAX {
                turn_bytes = 0;
                yield_now().await;
            }
            if std::mem::take(&mut self.side.first_ping) {
                timer.set(sleep(self.keepalive.first_delay(rand::random())));
            }
        }
    }

    /// Handles every complete operation and leaves the rest in the buffer.
    fn operations(&mut self, buffer: &mut BytesMut) -> Result<(), Close> {
        let (mut done, mut heard) = (0, false);
        let result = loop {
            let (used, op) = match self.parser.next(&buffer[done..]) {
                Ok(step) => step,
                Err(error) => break Err(error.into()),
            };
            done += used;
            let Some(op) = op else { break Ok(()) };
            log::trace!("cid:{} - <<- [{op}]", self.side.client.id);
            match op {
                ClientOp::Announce { .. } => {}
                ClientOp::Pong => self.keepalive.answered(),
                ClientOp::Connect(_) | ClientOp::Info(_) | ClientOp::Nothing | ClientOp::Error => {}
                _ => heard = true,
            }
            let connects = matches!(op, ClientOp::Connect(_));
            if let Err(close) = self.session.handle(op, &self.config, &mut self.side) {
                break Err(close);
            }
            if connects {
                self.parser.allow_headers(self.session.headers());
                self.parser.announce(self.session.pedantic());
            }
        };
        // One look at the clock for all; one for each was a fifth of what small operations cost.
        if heard {
            self.keepalive.heard(Instant::now());
        }
        buffer.advance(done);
        result
    }

    fn keep_alive(&mut self) -> Result<(), Close> {
        let client = &self.side.client;
        self.side.publisher.forget_old_routes(client.account());
        if self.config.profile.output_suppresses_ping() && client.outbox.take_delivered() {
            self.keepalive.heard(Instant::now());
        }
        match self.keepalive.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Ping => {
                self.side.send(encode::PING);
                Ok(())
            }
            Due::Stale => Err(Close::Told("Stale Connection")),
        }
    }

    /// Tells the client why, where it is told.
    fn last_words(&mut self, close: Close) -> String {
        self.side.peer.ends(Reason::behind(&close.to_string()));
        if let Close::Told(text) = close {
            let mut line = Vec::new();
            encode::error(&mut line, text);
            self.side.send(&line);
        }
        self.side.publisher.ring();
        close.to_string()
    }
}

impl Broker for Side {
    fn send(&mut self, bytes: &[u8]) {
        self.publisher.send(&self.client, bytes);
    }

    fn connected(&mut self, options: &ConnectOptions, first: bool) {
        self.client.set_options(options.echo, options.headers);
        self.first_ping |= first;
    }

    fn send_info(&mut self) {
        let account = self.client.account().name().to_owned();
        let info = Info { connect_info: true, remote_account: Some(account), ..self.info.clone() };
        let mut line = Vec::new();
        info.encode(&mut line);
        self.send(&line);
    }

    fn subscriptions(&self) -> usize {
        self.client.subscription_count()
    }

    fn is_subscribed(&self, sid: &[u8]) -> bool {
        self.client.is_subscribed(sid)
    }

    fn subscribe(&mut self, pattern: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
        self.client.subscribe(pattern, queue, sid);
    }

    fn unsubscribe(&mut self, sid: &[u8], max: u64) {
        self.client.unsubscribe(sid, max);
    }

    fn unsubscribe_all(&mut self) {
        self.client.unsubscribe_all();
    }

    fn publish(&mut self, message: &Publish<'_>) -> bool {
        self.publisher.publish(&self.client, message)
    }

    fn no_responders(&mut self, message: &Publish<'_>, reply: &[u8], names_subject: bool) {
        let name = names_subject.then_some(message.subject);
        self.publisher.no_responders(&self.client, reply, name);
    }
}

async fn discard<R: AsyncRead + Unpin>(reader: &mut R, buffer: &mut BytesMut) {
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES_MIN);
        match reader.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Account;

    #[tokio::test]
    async fn a_quiet_connection_does_not_keep_alive_who_is_gone() {
        let account = Arc::new(Account::new("test"));
        let client = |id| Arc::new(Client::new(id, account.clone(), 1 << 20));
        let gone = client(1);
        gone.subscribe(b"subject", None, b"1");
        let interval = Duration::from_millis(20);
        let config = Config { ping_interval: interval, ping_max: u32::MAX, ..Config::default() };
        let (mut quiet, (reader, writer)) = {
            let (near, far) = tokio::io::duplex(64 << 10);
            (near, tokio::io::split(far))
        };
        let peer = Arc::default();
        let serving =
            serve(reader, writer, client(2), Info::default(), peer, Arc::new(config), || {});
        tokio::spawn(serving);
        quiet.write_all(b"CONNECT {}\r\nPUB subject 2\r\nhi\r\n").await.unwrap();
        let soon = timeout(Duration::from_secs(10), async {
            while !gone.outbox.take_delivered() {
                sleep(Duration::from_millis(1)).await;
            }
            gone.unsubscribe_all();
            let left = Arc::downgrade(&gone);
            drop(gone);
            while left.strong_count() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(soon.await.is_ok(), "the quiet connection still knows it");
    }
}
