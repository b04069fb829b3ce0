//! What nats-server does around its protocol: flags, log, signals, files that tell of the process.

mod files;
mod flags;
mod logger;
mod signals;
mod table;

use std::{fmt, io, process::ExitCode};

use nats_reference_server::{Config, HandshakeFirst, Profile, ReloadRequest, Server, StartError};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use self::{
    files::PortsFile,
    flags::{CommandLine, Outcome, Refusal},
    logger::Logger,
};

/// Does what the command line asks for; the status is nats-server's (CLI-004, LIFE-001).
pub(crate) fn main() -> ExitCode {
    let done = match flags::parse(std::env::args().skip(1)) {
        Err(Refusal::Usage(words)) => {
            eprintln!("{words}");
            println!("{}", flags::help());
            return ExitCode::SUCCESS;
        }
        Err(Refusal::Fatal(words)) => Err(words),
        Ok(Outcome::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Outcome::Signal(order)) => signals::send(&order),
        Ok(Outcome::Check(path)) => flags::check(&path).map(|(odd, digest)| {
            odd.iter().for_each(|warning| eprintln!("nats-server: {warning}"));
            let path = path.display();
            eprintln!("nats-server: configuration file {path} is valid ({digest})");
        }),
        Ok(Outcome::Serve(line)) => return serve(&line),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => fail(&words),
    }
}

fn fail(words: &str) -> ExitCode {
    eprintln!("nats-server: {words}");
    ExitCode::FAILURE
}

fn serve(line: &CommandLine) -> ExitCode {
    let (config, odd) = match line.config() {
        Ok(read) => read,
        Err(error) => return fail(&error.to_string()),
    };
    odd.iter().for_each(|warning| eprintln!("nats-server: {warning}"));
    line.warnings.iter().for_each(|warning| eprintln!("nats-server: {warning}"));
    let logger = match logger::install(&config.program) {
        Ok(logger) => logger,
        Err(words) => return fail(&words),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(Process::run(line, config, logger)),
        Err(error) => Err(Failure::Fatal(words(&error))),
    };
    match served {
        Ok(code) => code,
        Err(Failure::Told(words)) => fail(&words),
        Err(Failure::Fatal(words)) => {
            log::error!(target: logger::FATAL, "{words}");
            ExitCode::FAILURE
        }
    }
}

/// Why the program does not serve.
enum Failure {
    /// For standard error, before there is a log.
    Told(String),
    /// For the log.
    Fatal(String),
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        match error {
            // CLI-011
            StartError::Listen { address, source } => {
                let why = words(&source);
                let words = format!("\"listen tcp {address}: bind: {why}\"");
                Failure::Fatal(format!("Error listening on port: {address}, {words}"))
            }
            StartError::Config(words) => Failure::Told(words),
            StartError::Transport(error) => Failure::Told(error.to_string()),
            other => Failure::Fatal(other.to_string()),
        }
    }
}

/// A server that serves until a signal ends it.
struct Process<'a> {
    line: &'a CommandLine,
    logger: &'a Logger,
    server: Server,
    profile: Profile,
    ports_file: Option<PortsFile>,
    is_lame_duck: bool,
    /// From users of the system account (SYS-007).
    reloads: mpsc::Receiver<ReloadRequest>,
}

impl Process<'_> {
    async fn run(line: &CommandLine, config: Config, logger: &Logger) -> Result<ExitCode, Failure> {
        // Before anything can be said to be ready, so that no signal is missed.
        let mut signals = Signals::new().map_err(|error| Failure::Fatal(words(&error)))?;
        let profile = config.profile;
        log::info!("Starting nats-server");
        log::info!("  Version:  {}", profile.version());
        log::info!("  Git:      [{} {}]", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let (host, pid_file) = (config.host.clone(), config.program.pid_file.clone());
        let ports_dir = config.program.ports_dir.clone();
        let server = Server::builder().config(config).start().await?;
        log::info!("  Name:     {}", server.name());
        log::info!("  ID:       {}", server.id());
        if let Some(path) = &line.config_file {
            let config = server.config();
            log::info!("Using configuration file: {} ({})", path.display(), config.digest);
        }
        if let Some(path) = pid_file {
            files::write_pid(&path).map_err(Failure::Fatal)?;
        }
        log_pages(&server);
        let addr = server.addr();
        let ports_file = ports_dir.and_then(|folder| PortsFile::write(&folder, &server));
        log_websockets(&server);
        log::info!("Listening for client connections on {}", join(&host, addr.port()));
        if server.config().proxy_protocol {
            log::info!("PROXY protocol enabled for client connections");
        }
        log_tls(&server.config());
        log::info!("Server is ready");
        let (reloads, is_lame_duck) = (server.reload_requests(), false);
        let mut process =
            Process { line, logger, server, profile, ports_file, is_lame_duck, reloads };
        let code = process.obey_all(&mut signals).await;
        log::info!("Initiating Shutdown...");
        process.server.shutdown().await;
        drop(process.ports_file);
        log::info!("Server Exiting..");
        Ok(code)
    }

    /// Does what signals mean until one of them, or the end of a lame duck, ends the process.
    async fn obey_all(&mut self, signals: &mut Signals) -> ExitCode {
        loop {
            let order = tokio::select! {
                order = signals.next() => order,
                Some(request) = self.reloads.recv() => {
                    // Who asked is told what went wrong, and nobody else, as there.
                    request.answer(self.reload());
                    continue;
                }
                () = self.server.stopped(), if self.is_lame_duck => return ExitCode::SUCCESS,
            };
            if self.profile >= Profile::V2_11 {
                log::info!("Trapped \"{}\" signal", order.name());
            }
            match order {
                Order::Interrupt => return ExitCode::SUCCESS,
                // LIFE-013
                Order::Terminate if self.is_lame_duck => {}
                // LIFE-001
                Order::Terminate if self.profile <= Profile::V2_10 => return ExitCode::FAILURE,
                Order::Terminate => return ExitCode::SUCCESS,
                Order::Reopen => self.logger.reopen(),
                Order::LameDuck => {
                    self.is_lame_duck = true;
                    self.server.lame_duck();
                }
                Order::Reload => {
                    if let Err(words) = self.reload() {
                        log::error!("Failed to reload server configuration: {words}");
                    }
                }
            }
        }
    }

    /// Reads the file again and takes over what has changed, all or nothing (LIFE-003, LIFE-007).
    fn reload(&mut self) -> Result<(), String> {
        let words = "can only reload config when a file is provided using -c or --config";
        self.line.config_file.as_ref().ok_or(words)?;
        let (config, odd) = self.line.config().map_err(|error| error.to_string())?;
        let (program, digest) = (config.program.clone(), config.digest.clone());
        let old = self.server.config().program.clone();
        let changes = self.server.reload(config).map_err(|error| error.to_string())?;
        odd.iter().for_each(|warning| log::warn!("{warning}"));
        // The old log names what has changed, as there, and the new one begins with the end.
        changes.iter().for_each(|change| log::info!("Reloaded: {change}"));
        self.logger.configure(&program)?;
        if let Some(path) = program.pid_file.filter(|path| old.pid_file.as_ref() != Some(path)) {
            files::write_pid(&path)?;
        }
        if program.ports_dir != old.ports_dir {
            let write = |folder: std::path::PathBuf| PortsFile::write(&folder, &self.server);
            self.ports_file = program.ports_dir.and_then(write);
        }
        log::info!("Reloaded server configuration ({digest})");
        Ok(())
    }
}

/// Says where the monitoring pages are (LOG-001).
fn log_pages(server: &Server) {
    let (Some(url), config) = (server.monitoring_url(), server.config()) else { return };
    let (scheme, port) = scheme_and_port(&url);
    let host = config.monitoring.host.as_deref().unwrap_or(&config.host);
    log::info!("Starting {scheme} monitor on {}", join(host, port));
}

/// Says where WebSockets are listened for (WS-006).
fn log_websockets(server: &Server) {
    let config = server.config();
    let (Some(url), Some(websocket)) = (server.websocket_url(), &config.websocket) else { return };
    let (scheme, port) = scheme_and_port(&url);
    log::info!("Listening for websocket clients on {scheme}://{}:{port}", websocket.host);
    if websocket.tls.is_none() {
        log::warn!("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
    }
}

/// Says who is served in TLS (TLS-003, TLS-010).
fn log_tls(config: &Config) {
    let Some(tls) = &config.tls else { return };
    let first = tls.handshake_first == HandshakeFirst::Always;
    let both = config.allow_non_tls && !first && config.profile >= Profile::V2_14;
    log::info!("TLS {} for client connections", if both { "available" } else { "required" });
    if first {
        let option = "\"TLS Handshake First\"";
        log::warn!("Clients that are not using {option} option will fail to connect");
    }
}

/// What the signals of nats-server mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Interrupt,
    Terminate,
    Reload,
    Reopen,
    LameDuck,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Order::Interrupt => "interrupt",
            Order::Terminate => "terminated",
            Order::Reload => "hangup",
            Order::Reopen => "user defined signal 1",
            Order::LameDuck => "user defined signal 2",
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => Order::Interrupt,
            _ = self.terminate.recv() => Order::Terminate,
            _ = self.hangup.recv() => Order::Reload,
            _ = self.user1.recv() => Order::Reopen,
            _ = self.user2.recv() => Order::LameDuck,
        }
    }
}

/// Of one of the server's own addresses.
fn scheme_and_port(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let address = rest.split('/').next().unwrap_or_default();
    (scheme, address.rsplit(':').next().unwrap_or_default())
}

/// Host and port; an IPv6 address stands in brackets (CLI-013).
fn join(host: &str, port: impl fmt::Display) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// What the system said, in the words of nats-server: `no such file or directory`.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
