//! A proxy between clients and a server that can be made to misbehave while it runs.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{
    Fault,
    link::{self, Troubles},
    pipe::Line,
    talk::{Shared, Talk},
};

/// Why a proxy can't do what it is asked.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The port can't be listened on.
    #[error("can't listen on {addr}: {source}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No thread or runtime to live on.
    #[error("no thread for the proxy: {0}")]
    Thread(std::io::Error),
    /// Its runtime has ended.
    #[error("the proxy has ended")]
    Ended,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the server to clients.
    ToClient,
    /// From clients to the server.
    ToServer,
}

/// How connections are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Both sides see the end of the stream.
    Close,
    /// Both sides see a TCP reset; what they have not read is lost.
    Reset,
}

/// How a proxy is to be; see [`Proxy::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    upstream: SocketAddr,
    listen: SocketAddr,
    fault: Option<&'static Fault>,
}

impl Builder {
    /// Where to listen; a free port of 127.0.0.1 otherwise.
    #[must_use]
    pub fn listen(mut self, addr: SocketAddr) -> Builder {
        self.listen = addr;
        self
    }

    /// The bug to put before the server.
    #[must_use]
    pub fn fault(mut self, fault: &'static Fault) -> Builder {
        self.fault = Some(fault);
        self
    }

    /// Starts it in the current Tokio runtime. It listens when this returns.
    ///
    /// # Errors
    /// A port that can't be listened on.
    pub async fn start(self) -> Result<Proxy, ProxyError> {
        let listener = listen(self.listen).await?;
        let (proxy, server) = self.proxy(listener)?;
        tokio::spawn(server.serve());
        Ok(proxy)
    }

    /// Starts it on a thread of its own, for tests without a runtime.
    ///
    /// # Errors
    /// A port that can't be listened on, or no thread.
    pub fn start_blocking(self) -> Result<Proxy, ProxyError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ProxyError::Thread)?;
        let (proxy, server) = runtime.block_on(async {
            let listener = listen(self.listen).await?;
            self.proxy(listener)
        })?;
        let thread = std::thread::Builder::new().name("nats-proxy".to_owned());
        thread.spawn(move || runtime.block_on(server.serve())).map_err(ProxyError::Thread)?;
        Ok(proxy)
    }

    fn proxy(self, listener: TcpListener) -> Result<(Proxy, Serving), ProxyError> {
        let failed = |source| ProxyError::Listen { addr: self.listen, source };
        let addr = listener.local_addr().map_err(failed)?;
        let (commands, asked) = mpsc::unbounded_channel();
        let troubles = Arc::new(watch::Sender::default());
        let open = Arc::new(AtomicUsize::new(0));
        let serving = Serving {
            addr,
            upstream: self.upstream,
            fault: self.fault,
            listener: Some(listener),
            commands: asked,
            troubles: troubles.clone(),
            open: open.clone(),
            links: JoinSet::new(),
            shared: Arc::default(),
        };
        Ok((Proxy { addr, commands, troubles, open }, serving))
    }
}

/// A running proxy. Its troubles are for all connections, from the moment they are switched on;
/// connections made later have them as well. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    commands: mpsc::UnboundedSender<(Command, Answer)>,
    troubles: Arc<watch::Sender<Troubles>>,
    open: Arc<AtomicUsize>,
}

type Answer = oneshot::Sender<Result<(), ProxyError>>;

#[derive(Debug)]
enum Command {
    Refuse,
    Accept,
    Cut(End),
    Restart(Option<SocketAddr>),
    Stop,
}

impl Proxy {
    /// A proxy before the server at this address.
    pub fn builder(upstream: SocketAddr) -> Builder {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Builder { upstream, listen, fault: None }
    }

    /// Where it listens; the same through restarts.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address as clients want it.
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// From now on bytes arrive so much later; zero ends it.
    pub fn delay(&self, direction: Direction, time: Duration) {
        self.change(direction, |line| line.delay = time);
    }

    /// Forwards nothing in this direction until [`Proxy::flow`]. Nothing is lost: what is sent
    /// waits, and who sends more than fits is made to wait as well.
    pub fn stall(&self, direction: Direction) {
        self.change(direction, |line| line.stalled = true);
    }

    /// Goes on after [`Proxy::stall`].
    pub fn flow(&self, direction: Direction) {
        self.change(direction, |line| line.stalled = false);
    }

    /// Loses what comes in this direction while it is on; connections stay open.
    pub fn lose(&self, direction: Direction, on: bool) {
        self.change(direction, |line| line.lossy = on);
    }

    /// Cuts each connection when so many more bytes have passed in this direction, wherever in a
    /// frame that is; `None` ends it.
    pub fn truncate(&self, direction: Direction, bytes: Option<u64>) {
        self.change(direction, |line| {
            let serial = line.truncations + 1;
            (line.truncations, line.truncate) = (serial, bytes);
        });
    }

    /// Ends all troubles but [`Proxy::refuse`].
    pub fn heal(&self) {
        self.troubles.send_modify(|troubles| {
            for line in [&mut troubles.to_client, &mut troubles.to_server] {
                *line = Line { truncations: line.truncations + 1, ..Line::default() };
            }
        });
    }

    /// Cuts all connections; new ones are accepted. None of the old ones is left when this
    /// returns.
    ///
    /// # Errors
    /// A proxy whose runtime has ended.
    pub async fn cut(&self, end: End) -> Result<(), ProxyError> {
        self.ask(Command::Cut(end)).await
    }

    /// Refuses new connections, as a server that is down does, until [`Proxy::accept`]. Those that
    /// are open stay so.
    ///
    /// # Errors
    /// A proxy whose runtime has ended.
    pub async fn refuse(&self) -> Result<(), ProxyError> {
        self.ask(Command::Refuse).await
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Errors
    /// Somebody else has taken the port.
    pub async fn accept(&self) -> Result<(), ProxyError> {
        self.ask(Command::Accept).await
    }

    /// A server that restarts, as its clients see it: stops listening, cuts all connections, and
    /// listens again on the same port, before another server if one is given.
    ///
    /// # Errors
    /// Somebody else has taken the port.
    pub async fn restart(&self, upstream: Option<SocketAddr>) -> Result<(), ProxyError> {
        self.ask(Command::Restart(upstream)).await
    }

    /// As [`Proxy::restart`], outside of a runtime.
    ///
    /// # Errors
    /// Somebody else has taken the port.
    pub fn restart_blocking(&self, upstream: Option<SocketAddr>) -> Result<(), ProxyError> {
        let (answer, done) = oneshot::channel();
        self.commands.send((Command::Restart(upstream), answer)).map_err(|_| ProxyError::Ended)?;
        done.blocking_recv().map_err(|_| ProxyError::Ended)?
    }

    /// Ends it and its connections, and waits until that is done.
    pub async fn stop(self) {
        // It may have ended by itself.
        let _ = self.ask(Command::Stop).await;
    }

    fn change(&self, direction: Direction, change: impl FnOnce(&mut Line)) {
        self.troubles.send_modify(|troubles| match direction {
            Direction::ToClient => change(&mut troubles.to_client),
            Direction::ToServer => change(&mut troubles.to_server),
        });
    }

    async fn ask(&self, command: Command) -> Result<(), ProxyError> {
        let (answer, done) = oneshot::channel();
        self.commands.send((command, answer)).map_err(|_| ProxyError::Ended)?;
        done.await.map_err(|_| ProxyError::Ended)?
    }
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, ProxyError> {
    TcpListener::bind(addr).await.map_err(|source| ProxyError::Listen { addr, source })
}

/// The side of a proxy that does the work.
struct Serving {
    addr: SocketAddr,
    upstream: SocketAddr,
    fault: Option<&'static Fault>,
    listener: Option<TcpListener>,
    commands: mpsc::UnboundedReceiver<(Command, Answer)>,
    troubles: Arc<watch::Sender<Troubles>>,
    open: Arc<AtomicUsize>,
    links: JoinSet<()>,
    shared: Arc<Mutex<Shared>>,
}

impl Serving {
    async fn serve(mut self) {
        loop {
            tokio::select! {
                client = accept(self.listener.as_ref()) => self.connect(client),
                command = self.commands.recv() => match command {
                    Some((Command::Stop, answer)) => {
                        self.listener = None;
                        self.links.shutdown().await;
                        // Who asked may not wait for it.
                        let _ = answer.send(Ok(()));
                        return;
                    }
                    Some((command, answer)) => {
                        let done = self.obey(command).await;
                        let _ = answer.send(done);
                    }
                    None => return,
                },
                Some(_) = self.links.join_next(), if !self.links.is_empty() => {}
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), ProxyError> {
        match command {
            Command::Refuse => self.listener = None,
            Command::Accept if self.listener.is_none() => {
                self.listener = Some(listen(self.addr).await?);
            }
            Command::Cut(end) => self.cut(end).await,
            Command::Restart(upstream) => {
                self.listener = None;
                self.cut(End::Close).await;
                self.upstream = upstream.unwrap_or(self.upstream);
                self.listener = Some(listen(self.addr).await?);
            }
            Command::Accept | Command::Stop => {}
        }
        Ok(())
    }

    fn connect(&mut self, client: TcpStream) {
        let open = Open::new(self.open.clone());
        let (upstream, troubles) = (self.upstream, self.troubles.subscribe());
        let fault = self.fault.map(|fault| {
            let (talk, inbox) = Talk::new(self.shared.clone(), fault.remembers);
            (fault, talk, inbox)
        });
        self.links.spawn(async move {
            link::run(client, upstream, fault, troubles).await;
            drop(open);
        });
    }

    async fn cut(&mut self, end: End) {
        self.troubles.send_modify(|troubles| {
            troubles.cuts += 1;
            troubles.reset = end == End::Reset;
        });
        while self.links.join_next().await.is_some() {}
    }
}

/// The next client; never, while none are accepted.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        match listener {
            Some(listener) => match listener.accept().await {
                Ok((client, _)) => return client,
                // Too many open files, say; that may pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            None => std::future::pending().await,
        }
    }
}

/// Counts a connection for as long as it lives, also if its task is aborted.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: Arc<AtomicUsize>) -> Open {
        count.fetch_add(1, Ordering::SeqCst);
        Open(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
