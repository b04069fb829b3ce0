//! What the project's own benchmarks need of the library's private parts: thin functions, with no
//! promise to anybody else. Only with the feature `bench`.

use std::{
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{
    io::sink,
    runtime::{Builder, Runtime},
    sync::watch,
};

use crate::{
    AccountLimits, Config,
    connection::{Newcomer, serve},
    outbox::{self, Batch},
    protocol::{Info, Publish},
    router::{Account, Client, Publisher, Scope},
    server::{ServerKey, Terms},
};

/// The queue of one receiver.
#[derive(Debug)]
pub struct Outbox(outbox::Outbox);

/// A client without a socket: it subscribes, publishes and is written to.
#[derive(Debug)]
pub struct Side {
    client: Arc<Client>,
    scope: Arc<Scope>,
    publisher: Publisher,
}

/// A server without sockets, on the thread that asks for it.
#[derive(Debug)]
pub struct Conversations {
    runtime: Runtime,
    terms: watch::Sender<Terms>,
}

/// More than any benchmark lets wait.
const MAX_PENDING_BYTES: usize = 1 << 30;

impl Outbox {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "no promise, no comfort")]
    pub fn new() -> Outbox {
        Outbox(outbox::Outbox::new(MAX_PENDING_BYTES))
    }

    /// Appends bytes, as PONG and `+OK` are.
    pub fn append(&self, bytes: &[u8]) {
        let _ = self.0.append(|out| out.extend_from_slice(bytes));
    }

    /// Appends a delivery whose body is copied, or shared where `shared` ends with it.
    pub fn deliver(&self, message: &Publish<'_>, sid: &[u8], shared: Option<&Bytes>) {
        let _ = self.0.lock().deliver(MAX_PENDING_BYTES, message, (sid, true), shared);
    }

    /// Takes everything that waits, as the writer does, and says how many bytes that was.
    pub fn take(&self) -> usize {
        take(&self.0)
    }
}

impl Side {
    /// The first client of an account.
    pub fn first() -> Side {
        let account = Account::new("bench", AccountLimits::default(), false);
        Side::of(Arc::new(Scope::new(Arc::new(account), "", None)))
    }

    /// Another client of the same account.
    pub fn another(&self) -> Side {
        Side::of(self.scope.clone())
    }

    fn of(scope: Arc<Scope>) -> Side {
        let client = Arc::new(Client::new(1, MAX_PENDING_BYTES));
        client.set_options(true, true);
        Side { client, publisher: Publisher::new(scope.clone()), scope }
    }

    /// SUB.
    pub fn subscribe(&self, pattern: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
        self.client.subscribe(&self.scope, pattern, queue, sid);
    }

    /// UNSUB.
    pub fn unsubscribe(&self, sid: &[u8]) {
        self.client.unsubscribe(sid, 0);
    }

    /// PUB or HPUB; false if nobody got it.
    pub fn publish(&mut self, message: &Publish<'_>) -> bool {
        self.publisher.publish(&self.client, message)
    }

    /// Rings everybody written to, as at the end of a read buffer, and forgets them.
    pub fn ring(&mut self) {
        self.publisher.ring();
        // No receiver is full here, so there is nothing to wait for.
        let _ = poll(self.publisher.ease());
    }

    /// Takes what waits for this client, as its writer does, and says how many bytes that was.
    pub fn take(&self) -> usize {
        take(&self.client.outbox)
    }
}

impl Conversations {
    /// A server with no option set.
    ///
    /// # Errors
    ///
    /// If the system has no runtime to give.
    pub fn new() -> io::Result<Conversations> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let terms = Terms::new(Config::default(), Info::default(), ServerKey::new());
        Ok(Conversations { runtime, terms: watch::Sender::new(terms) })
    }

    /// Serves a client that says this and goes, to its end; what it is told goes nowhere.
    pub fn serve(&self, stream: &[u8]) {
        let client = Arc::new(Client::new(1, MAX_PENDING_BYTES));
        let newcomer = Newcomer::without_socket(client, self.terms.borrow().clone());
        self.runtime.block_on(serve(stream, sink(), newcomer, self.terms.subscribe(), || {}));
    }
}

impl Drop for Side {
    /// Its subscriptions and itself hold each other.
    fn drop(&mut self) {
        self.client.unsubscribe_all();
    }
}

fn take(outbox: &outbox::Outbox) -> usize {
    let Poll::Ready(Batch::Send(pieces)) = poll(outbox.next()) else { return 0 };
    let bytes = pieces.iter().map(Bytes::len).sum();
    outbox.sent(bytes);
    bytes
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
