//! One connection through the proxy: bytes in both directions, the network's troubles, and the
//! fault. One task does all; nothing blocks, so neither direction waits for the other.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::sleep_until,
};

use super::{
    Fault,
    client::{Cutter, Op},
    frame::Delivery,
    talk::{Order, Talk},
};
use crate::wire::{self, Frame};

/// More than this does not wait in a direction: who writes faster is not read.
const WAITING_BYTES_MAX: usize = 64 << 10;
const READ_BYTES: usize = 16 << 10;
/// How long an ended stream is still read, so that what it was sent last can arrive.
const LINGER: Duration = Duration::from_secs(2);

/// What is wrong with one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) delay: Duration,
    pub(super) stalled: bool,
    pub(super) lossy: bool,
    /// After how many bytes more connections are cut.
    pub(super) truncate: Option<u64>,
    /// How often that was said: each time connections count anew.
    pub(super) truncations: u64,
}

/// What is wrong with all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Troubles {
    pub(super) to_client: Line,
    pub(super) to_server: Line,
    /// Goes up when connections are cut, with how.
    pub(super) cuts: u64,
    pub(super) reset: bool,
}

/// One direction: what waits, and until when.
#[derive(Debug, Default)]
struct Pipe {
    line: Line,
    waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Bytes that may still pass.
    allowance: Option<u64>,
    /// The source has ended; the end is handed on behind what waits.
    ended: bool,
    /// The end was handed on; what comes now is dropped.
    shut: bool,
    /// Takes all there is, however much waits.
    hoards: bool,
}

impl Pipe {
    fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() && !self.line.lossy && !self.ended && !self.shut {
            self.bytes += bytes.len();
            self.waiting.push_back((Instant::now() + self.line.delay, bytes));
        }
    }

    fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES_MAX || self.hoards
    }

    /// What may be written now.
    fn due(&self) -> Option<&[u8]> {
        let (due, bytes) = self.waiting.front().filter(|_| !self.line.stalled)?;
        let most = self.allowance.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        (*due <= Instant::now()).then(|| &bytes[..bytes.len().min(most)])
    }

    /// When something is due that is not yet.
    fn next_due(&self) -> Option<Instant> {
        self.waiting.front().filter(|_| !self.line.stalled).map(|(due, _)| *due)
    }

    /// So much was written; true if that is the end.
    fn written(&mut self, count: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(count);
        if let Some((_, front)) = self.waiting.front_mut() {
            match count < front.len() {
                true => drop(front.drain(..count)),
                false => drop(self.waiting.pop_front()),
            }
        }
        self.allowance = self.allowance.map(|left| left.saturating_sub(count as u64));
        self.allowance == Some(0)
    }

    fn set(&mut self, line: Line) {
        if line.truncations != self.line.truncations {
            self.allowance = line.truncate;
        }
        self.line = line;
    }

    fn wants_shutdown(&self) -> bool {
        self.ended && !self.shut && self.waiting.is_empty() && !self.line.stalled
    }

    /// No more bytes, and the end.
    fn drop_all(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
        self.ended = true;
    }
}

/// A fault at work on one connection.
struct Bent {
    fault: &'static Fault,
    talk: Talk,
    inbox: mpsc::UnboundedReceiver<Order>,
    said: Cutter,
    heard: Vec<u8>,
    /// The server has sent what is no frame; the rest passes as it comes.
    unreadable: bool,
}

pub(super) struct Link {
    from_client: OwnedReadHalf,
    to_client: OwnedWriteHalf,
    from_server: OwnedReadHalf,
    to_server: OwnedWriteHalf,
    down: Pipe,
    up: Pipe,
    bent: Option<Bent>,
    client_ended: bool,
    server_ended: bool,
    linger: Option<Instant>,
}

/// Connects the client with the server until both have ended.
pub(super) async fn run(
    client: TcpStream,
    upstream: SocketAddr,
    fault: Option<(&'static Fault, Talk, mpsc::UnboundedReceiver<Order>)>,
    mut troubles: watch::Receiver<Troubles>,
) {
    let cuts = troubles.borrow_and_update().cuts;
    let server = tokio::select! {
        server = TcpStream::connect(upstream) => server,
        _ = troubles.wait_for(|now| now.cuts > cuts) => return,
    };
    // A client whose server is not there sees its connection end.
    let Ok(server) = server else { return };
    let delayed = client.set_nodelay(true).and(server.set_nodelay(true));
    if delayed.is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let bent = fault.map(|(fault, talk, inbox)| Bent {
        fault,
        talk,
        inbox,
        said: Cutter::default(),
        heard: Vec::new(),
        unreadable: false,
    });
    let mut link = Link {
        from_client,
        to_client,
        from_server,
        to_server,
        down: Pipe::default(),
        up: Pipe::default(),
        bent,
        client_ended: false,
        server_ended: false,
        linger: None,
    };
    link.down.hoards = fault_hoards(&link.bent);
    let now = *troubles.borrow_and_update();
    link.set(now);
    if let Some(bent) = &mut link.bent {
        bent.talk.wake = bent.fault.patience.map(|time| Instant::now() + time);
        if let Some(open) = bent.fault.open {
            open(&mut bent.talk);
        }
    }
    link.bend();
    match link.pump(troubles, cuts).await {
        true => link.reset(),
        false => link.close().await,
    }
}

fn fault_hoards(bent: &Option<Bent>) -> bool {
    bent.as_ref().is_some_and(|bent| bent.fault.hoards)
}

impl Link {
    /// Until both have ended or the connection is cut; whether it is to be a reset.
    async fn pump(&mut self, mut troubles: watch::Receiver<Troubles>, cuts: u64) -> bool {
        let (mut said, mut heard) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
        while !self.is_over() {
            let wake = self.wake();
            let hears_client = !self.client_ended && self.up.has_room();
            let hears_server = !self.server_ended && self.down.has_room();
            let (down, up) = (self.down.due(), self.up.due());
            tokio::select! {
                read = self.from_client.read(&mut said), if hears_client => {
                    self.client_said(read, &said);
                }
                read = self.from_server.read(&mut heard), if hears_server => {
                    self.server_said(read, &heard);
                }
                written = self.to_client.write(down.unwrap_or_default()), if down.is_some() => {
                    self.written_to_client(written);
                }
                written = self.to_server.write(up.unwrap_or_default()), if up.is_some() => {
                    self.written_to_server(written);
                }
                order = next_order(&mut self.bent) => self.obey(order),
                () = sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {
                    self.awake();
                }
                changed = troubles.changed() => {
                    let now = *troubles.borrow_and_update();
                    if changed.is_err() || now.cuts > cuts {
                        return now.reset;
                    }
                    self.set(now);
                }
            }
            self.shut_down().await;
        }
        false
    }

    fn is_over(&self) -> bool {
        let lingered = self.linger.is_some_and(|until| until <= Instant::now());
        let said_all = self.client_ended && (self.up.shut || self.up.waiting.is_empty());
        self.down.shut && (self.server_ended || self.up.shut) && (lingered || said_all)
    }

    /// When something is to be done though nothing comes.
    fn wake(&self) -> Option<Instant> {
        let held = self.bent.as_ref().and_then(|bent| bent.talk.wake);
        let due = [self.down.next_due(), self.up.next_due()].map(|due| {
            // What is due already is being written.
            due.filter(|due| *due > Instant::now())
        });
        [held, self.linger, due[0], due[1]].into_iter().flatten().min()
    }

    fn awake(&mut self) {
        if let Some(bent) = &mut self.bent
            && bent.talk.wake.is_some_and(|wake| wake <= Instant::now())
        {
            bent.talk.release();
            if bent.fault.patience.is_some() {
                bent.talk.end();
            }
            self.bend();
        }
    }

    fn set(&mut self, troubles: Troubles) {
        self.down.set(troubles.to_client);
        self.up.set(troubles.to_server);
        if self.down.allowance == Some(0) || self.up.allowance == Some(0) {
            self.truncated();
        }
    }

    fn client_said(&mut self, read: io::Result<usize>, bytes: &[u8]) {
        // A reset is handed on as an end, behind what came before it.
        let Ok(count @ 1..) = read else { return self.client_end() };
        match &mut self.bent {
            Some(bent) => bent.said(&bytes[..count]),
            None => self.up.push(bytes[..count].to_vec()),
        }
        self.bend();
    }

    fn server_said(&mut self, read: io::Result<usize>, bytes: &[u8]) {
        let Ok(count @ 1..) = read else { return self.server_end() };
        match &mut self.bent {
            Some(bent) => bent.heard(&bytes[..count]),
            None => self.down.push(bytes[..count].to_vec()),
        }
        self.bend();
    }

    fn client_end(&mut self) {
        self.client_ended = true;
        match &mut self.bent {
            Some(bent) => bent.client_end(),
            None => self.up.ended = true,
        }
        self.bend();
    }

    fn server_end(&mut self) {
        self.server_ended = true;
        match &mut self.bent {
            Some(bent) => bent.server_end(),
            None => self.down.ended = true,
        }
        self.bend();
    }

    /// What the fault wants done.
    fn bend(&mut self) {
        let Some(bent) = &mut self.bent else { return };
        self.down.push(std::mem::take(&mut bent.talk.to_client));
        self.up.push(std::mem::take(&mut bent.talk.to_server));
        self.down.ended |= bent.talk.ends_client;
        self.up.ended |= bent.talk.ends_server;
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::ToClient(bytes) => self.down.push(bytes),
            Order::ToServer(bytes) => self.up.push(bytes),
        }
    }

    fn written_to_client(&mut self, written: io::Result<usize>) {
        match written {
            Ok(count) => {
                if self.down.written(count) {
                    self.truncated();
                }
            }
            Err(_) => {
                self.down.drop_all();
                self.down.shut = true;
                if !self.client_ended {
                    self.client_end();
                }
            }
        }
    }

    fn written_to_server(&mut self, written: io::Result<usize>) {
        match written {
            Ok(count) => {
                if self.up.written(count) {
                    self.truncated();
                }
            }
            Err(_) => {
                self.up.drop_all();
                self.up.shut = true;
            }
        }
    }

    /// As many bytes have passed as may: both sides see the end.
    fn truncated(&mut self) {
        self.down.drop_all();
        self.up.drop_all();
        self.down.line.stalled = false;
        self.up.line.stalled = false;
    }

    /// Hands ends on, once what stands before them has been written.
    async fn shut_down(&mut self) {
        if self.up.wants_shutdown() {
            self.up.shut = true;
            // The other side may have gone first.
            let _ = self.to_server.shutdown().await;
        }
        if self.down.wants_shutdown() {
            self.down.shut = true;
            self.linger = Some(Instant::now() + LINGER);
            let _ = self.to_client.shutdown().await;
        }
    }

    /// Ends both sides with a reset. Dropping the writers would say an orderly end before it.
    fn reset(self) {
        for writer in [self.to_client, self.to_server] {
            // Without it the close is an orderly one.
            let _ = writer.as_ref().set_zero_linger();
            writer.forget();
        }
    }

    /// Ends both sides in an orderly way.
    async fn close(mut self) {
        // They may have ended before.
        let _ = self.to_client.shutdown().await;
        let _ = self.to_server.shutdown().await;
        // Closing a socket that holds unread bytes would be a reset.
        let mut rest = [0; 4096];
        while matches!(self.from_client.try_read(&mut rest), Ok(1..)) {}
        while matches!(self.from_server.try_read(&mut rest), Ok(1..)) {}
    }
}

/// What another conversation wants of this one; never, if there is no fault.
async fn next_order(bent: &mut Option<Bent>) -> Order {
    match bent {
        Some(bent) => match bent.inbox.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

impl Bent {
    fn said(&mut self, bytes: &[u8]) {
        self.said.feed(bytes);
        self.said.max_payload = self.talk.max_payload().unwrap_or(self.said.max_payload);
        while let Some(op) = self.said.next() {
            self.op(op);
        }
        if let Some(patience) = self.fault.patience {
            self.talk.wake = self.said.is_mid_way().then(|| Instant::now() + patience);
        }
    }

    fn op(&mut self, op: Op) {
        match self.fault.op {
            Some(bend) => bend(&mut self.talk, &op),
            None => self.talk.pass(&op),
        }
        self.talk.note_op(op);
    }

    fn heard(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        while !self.unreadable {
            match wire::next(&mut self.heard) {
                Ok(Some(Frame(frame))) => self.frame(frame),
                Ok(None) => return,
                Err(_) => self.unreadable = true,
            }
        }
        let rest = std::mem::take(&mut self.heard);
        self.talk.deliver(&rest);
    }

    fn frame(&mut self, frame: Vec<u8>) {
        self.talk.note_info(&frame);
        let delivery = Delivery::parse(&frame);
        match (&delivery, self.fault.delivery, self.fault.frame) {
            (Some(delivery), Some(bend), _) => bend(&mut self.talk, delivery.clone()),
            (_, _, Some(bend)) => bend(&mut self.talk, frame),
            _ => {
                // What was held back goes before, whatever it is.
                self.talk.release_frames();
                self.talk.deliver(&frame);
            }
        }
        if let Some(delivery) = delivery {
            self.talk.note_delivery(&delivery);
        }
    }

    fn client_end(&mut self) {
        let rest = self.said.rest();
        self.talk.client_ended = true;
        match self.fault.client_end {
            Some(bend) => bend(&mut self.talk, rest),
            None => {
                self.talk.release();
                self.talk.say(&rest);
                self.talk.ends_server = true;
            }
        }
    }

    fn server_end(&mut self) {
        let rest = std::mem::take(&mut self.heard);
        self.talk.server_ended = true;
        match self.fault.server_end {
            Some(bend) => bend(&mut self.talk),
            None => {
                self.talk.release();
                self.talk.deliver(&rest);
                self.talk.ends_client = true;
            }
        }
    }
}
