//! Starting, accepting, and stopping.

mod admission;
mod builder;
mod error;
mod id;
mod lame_duck;
mod listen;
#[cfg(feature = "system")]
mod orders;
#[cfg(feature = "monitoring")]
mod overview;
mod reload;
mod terms;
mod urls;

use std::{
    collections::HashMap,
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    runtime::{Builder as RuntimeBuilder, Runtime},
    sync::{oneshot, watch},
    task::JoinSet,
};

use self::admission::{Entrance, Entrances, accept};
pub(crate) use self::id::{ServerIdentity, ServerKey};
#[cfg(feature = "system")]
pub use self::orders::ReloadRequest;
#[cfg(feature = "monitoring")]
pub(crate) use self::overview::Overview;
pub(crate) use self::terms::{Phase, Terms};
pub use self::{builder::Builder, error::StartError, reload::ReloadError};
use crate::{
    Config,
    ledger::History,
    monitoring,
    outbox::Ending,
    router::Client,
    system::{self, Herald, Inbox},
};

/// A running server.
///
/// It lives on threads of its own, so it serves whatever the caller's runtime is doing, and any
/// number of servers in one process share nothing. Dropping it stops it and frees its port.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use futures_util::StreamExt as _;
/// use nats_reference_server::Server;
///
/// let server = Server::builder().start().await?;
/// let client = async_nats::connect(server.client_url()).await?;
/// let mut greetings = client.subscribe("greet.*").await?;
/// client.publish("greet.ann", "hello".into()).await?;
/// let message = greetings.next().await.ok_or("no message")?;
/// assert_eq!(&message.payload[..], b"hello");
/// server.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Without a runtime of one's own, in a plain `#[test]`:
///
/// ```
/// use std::{io::{BufRead, BufReader}, net::TcpStream};
///
/// let server = nats_reference_server::Server::builder().start_blocking()?;
/// let mut greeting = String::new();
/// BufReader::new(TcpStream::connect(server.addr())?).read_line(&mut greeting)?;
/// assert!(greeting.starts_with("INFO {"));
/// server.shutdown_blocking();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    stopped: Option<oneshot::Receiver<()>>,
}

/// What connections have in common.
pub(crate) struct Shared {
    terms: watch::Sender<Terms>,
    addr: SocketAddr,
    monitoring_addr: Option<SocketAddr>,
    id: String,
    name: Arc<str>,
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    history: History,
    herald: Herald,
    #[cfg(feature = "system")]
    reloads: orders::ReloadRequests,
    last_client_id: AtomicU64,
}

impl Server {
    /// A server with the defaults of [`Config`]: on a free port of the loopback address.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address that is listened on.
    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// The options that hold; a [`reload`](Server::reload) changes them.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// The id in INFO, a public nkey.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The name in INFO.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Connections that are being served.
    pub fn connections(&self) -> usize {
        self.shared.clients().len()
    }

    /// Subscriptions of all connections.
    pub fn subscriptions(&self) -> usize {
        let terms = self.shared.terms.borrow();
        terms.authenticator.accounts().iter().map(|account| account.subscriptions()).sum()
    }

    /// Stops: sends what is queued, closes all connections without an error line
    /// (CORE-LIFE-003), frees the port. Takes hardly longer than the option
    /// [`shutdown_grace`](Builder::shutdown_grace).
    pub async fn shutdown(mut self) {
        self.shared.enter(Phase::Stopping);
        self.stopped().await;
    }

    /// Waits until the server has stopped: a lame duck does so by itself.
    pub async fn stopped(&mut self) {
        if let Some(stopped) = &mut self.stopped {
            // An error is an end, too.
            let _ = stopped.await;
            self.stopped = None;
        }
    }

    /// [`shutdown`](Server::shutdown) for callers without a runtime.
    pub fn shutdown_blocking(self) {
        drop(self);
    }

    /// Stops and starts again on the same port with the same options: a new process, as far as
    /// clients can see. For tests of reconnecting.
    ///
    /// # Errors
    /// Somebody else took the port in between.
    pub async fn restart(self) -> Result<Server, StartError> {
        let mut config = (*self.config()).clone();
        config.port = self.addr().port();
        for port in [&mut config.monitoring.port, &mut config.monitoring.https_port] {
            *port = port.and(self.shared.monitoring_addr.map(|addr| addr.port()));
        }
        if let (Some(it), Some(addr)) = (&mut config.websocket, self.websocket_addr()) {
            it.port = addr.port();
        }
        self.shutdown().await;
        Server::builder().config(config).start().await
    }

    fn launch(config: Config) -> Result<(Server, oneshot::Receiver<()>), StartError> {
        if let Some(problem) = config.problem() {
            return Err(StartError::Config(problem));
        }
        listen::can_serve_pages(&config)?;
        let mut entrances = Entrances::new(&config)?;
        let listener = listen::for_clients(&config)?;
        let addr = listener.local_addr().map_err(StartError::Thread)?;
        let websockets = config.websocket.as_ref().map(listen::for_websockets);
        let websockets = websockets.transpose()?;
        entrances.websocket_addr = match &websockets {
            Some(listener) => Some(listener.local_addr().map_err(StartError::Thread)?),
            None => None,
        };
        let runtime = runtime(config.threads).map_err(StartError::Thread)?;
        let pages = listen::for_monitoring(&config)?;
        let pages_addr = pages.as_ref().map(TcpListener::local_addr).transpose();
        let pages_addr = pages_addr.map_err(StartError::Thread)?;
        let (shared, inbox) = Shared::new(config, addr, pages_addr, entrances);
        let shared = Arc::new(shared);
        let (ready, is_ready) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let serving = shared.clone();
        let run = move || {
            if let Some(pages) = pages {
                runtime.spawn(monitoring::serve(pages, serving.clone()));
            }
            runtime.spawn(system::serve(inbox, serving.clone()));
            // On the runtime's own threads: accepted here, each connection would have to wake one.
            let serving = runtime.spawn(serving.run(listener, websockets, ready));
            // A panic has been reported by itself.
            let _ = runtime.block_on(serving);
            runtime.shutdown_timeout(Duration::from_millis(100));
            // Nobody may be waiting for it.
            let _ = done.send(());
        };
        let name = format!("nats:{}", addr.port());
        let thread =
            std::thread::Builder::new().name(name).spawn(run).map_err(StartError::Thread)?;
        Ok((Server { shared, thread: Some(thread), stopped: Some(stopped) }, is_ready))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.enter(Phase::Stopping);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

impl Shared {
    fn new(
        config: Config,
        addr: SocketAddr,
        monitoring_addr: Option<SocketAddr>,
        entrances: Entrances,
    ) -> (Shared, Inbox) {
        let key = ServerKey::new();
        let id = key.id().to_owned();
        let greeting = terms::greeting(&config, addr, &id);
        let name = greeting.server_name.clone();
        let closed_max = match monitoring_addr {
            Some(_) => config.monitoring.max_closed_clients,
            None => 0,
        };
        let terms = Terms { entrances: Arc::new(entrances), ..Terms::new(config, greeting, key) };
        let (herald, inbox) = Herald::new(&terms, &id);
        let shared = Shared {
            addr,
            monitoring_addr,
            id,
            name,
            history: History::new(closed_max),
            herald,
            #[cfg(feature = "system")]
            reloads: orders::ReloadRequests::default(),
            terms: watch::Sender::new(terms),
            clients: Mutex::default(),
            last_client_id: AtomicU64::new(0),
        };
        (shared, inbox)
    }

    async fn run(
        self: Arc<Shared>,
        listener: TcpListener,
        websockets: Option<TcpListener>,
        ready: oneshot::Sender<()>,
    ) {
        let websockets = websockets.map(tokio::net::TcpListener::from_std).transpose();
        let (listener, websockets) = match (tokio::net::TcpListener::from_std(listener), websockets)
        {
            (Ok(listener), Ok(websockets)) => (listener, websockets),
            (Err(error), _) | (_, Err(error)) => {
                return log::error!("can't accept connections: {error}");
            }
        };
        // Who started us may have stopped waiting.
        let _ = ready.send(());
        let mut conversations = JoinSet::new();
        let mut terms = self.terms.subscribe();
        loop {
            let (accepted, entrance) = tokio::select! {
                accepted = listener.accept() => (accepted, Entrance::Tcp),
                accepted = accept(websockets.as_ref()) => (accepted, Entrance::WebSocket),
                // Taken out once they are over, so that the set does not grow.
                Some(_) = conversations.join_next() => continue,
                _ = terms.wait_for(|terms| terms.phase > Phase::Serving) => break,
            };
            match accepted {
                Ok((stream, addr)) => {
                    conversations.spawn(self.clone().welcome(stream, addr, entrance));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must close first.
                    log::error!("can't accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        drop((listener, websockets));
        tokio::select! {
            biased;
            _ = terms.wait_for(|terms| terms.phase == Phase::Stopping) => {}
            () = self.let_go() => {}
        }
        self.herald.stops();
        for client in self.clients().values() {
            client.outbox.end(Ending::Flush);
        }
        let all_over = async { while conversations.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.config().shutdown_grace, all_over).await;
    }

    fn config(&self) -> Arc<Config> {
        self.terms.borrow().config.clone()
    }

    /// Goes on to another phase of life; there is no way back.
    fn enter(&self, phase: Phase) {
        self.change(|terms| terms.phase = terms.phase.max(phase));
    }

    /// Changes what holds for all connections, and calls them.
    fn change(&self, change: impl FnOnce(&mut Terms)) {
        self.terms.send_modify(change);
        self.clients().values().for_each(|client| client.outbox.call());
    }

    fn forget(&self, id: u64) {
        let mut clients = self.clients();
        if let Some(client) = clients.remove(&id) {
            // Under the lock of the table, so that a sum counts it once.
            self.history.add(&client);
            drop(clients);
            self.herald.gone(&client);
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    match threads {
        1 => RuntimeBuilder::new_current_thread().enable_all().build(),
        _ => RuntimeBuilder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}
