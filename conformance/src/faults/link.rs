//! One connection through the proxy: bytes in both directions, the network's troubles, and the
//! fault. One task does all; nothing blocks, so neither direction waits for the other.

use std::{
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
    bent::Bent,
    pipe::{Line, Pipe},
    talk::{Order, Talk},
};

const READ_BYTES: usize = 16 << 10;
/// How long an ended stream is still read, so that what it was sent last can arrive.
const LINGER: Duration = Duration::from_secs(2);

/// What is wrong with all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Troubles {
    pub(super) to_client: Line,
    pub(super) to_server: Line,
    /// Goes up when connections are cut, with how.
    pub(super) cuts: u64,
    pub(super) reset: bool,
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
    let bent = fault.map(|(fault, talk, inbox)| Bent::new(fault, talk, inbox));
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
    let now = *troubles.borrow_and_update();
    link.set(now);
    if let Some(bent) = &mut link.bent {
        link.down.hoards = bent.fault.hoards;
        bent.open();
    }
    link.bend();
    match link.pump(troubles, cuts).await {
        true => link.reset(),
        false => link.close().await,
    }
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
            bent.awake();
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
