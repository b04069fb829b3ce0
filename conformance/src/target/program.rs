//! A program with nats-server's flags, started on a free port in a fresh folder.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{Order, TargetError};

/// How long a program may take to get ready.
const READY: Duration = Duration::from_secs(10);
/// Somebody may take the port between our choice and the start.
const TRIES: usize = 3;
/// What the log says when all of a reload has been done. Lines like `Reloaded: authorization users`
/// come before that.
const RELOADED: &str = "Reloaded server configuration";
/// How often the log is looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// A program that says nothing is asked directly from then on. Not before: the question is a
/// connection, which a server with few of them to give might miss.
const SILENT: Duration = Duration::from_millis(1500);

/// A process that we started, and its folder. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    addr: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Process {
    pub(super) async fn start(path: &Path, config: Option<&str>) -> Result<Process, TargetError> {
        let mut last = None;
        for _ in 0..TRIES {
            match Process::try_start(path, config).await {
                Err(error @ TargetError::NotReady { .. }) => last = Some(error),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| TargetError::Embedded("no try was made".to_owned())))
    }

    async fn try_start(path: &Path, config: Option<&str>) -> Result<Process, TargetError> {
        let failed = |source| TargetError::Spawn { path: path.to_owned(), source };
        let folder = TempDir::with_prefix("nats-conformance-").map_err(failed)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(failed)?;
        let log = fs::File::create(log_path(&folder)).map_err(failed)?;
        let program = path.canonicalize().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["-p", &port.port().to_string()]);
        // A flag would win over a configuration that says where to listen.
        if !config.is_some_and(|text| text.lines().any(|line| line.starts_with("host:"))) {
            command.args(["-a", "127.0.0.1"]);
        }
        if let Some(config) = config {
            let file = config_path(&folder);
            fs::write(&file, config).map_err(failed)?;
            command.arg("-c").arg(file);
        }
        command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        let child = command.spawn().map_err(failed)?;
        let mut process = Process { addr: port, child, folder };
        process.ready(path).await?;
        Ok(process)
    }

    /// Waits for the log line that says so, or for a greeting from a program that logs nothing.
    async fn ready(&mut self, path: &Path) -> Result<(), TargetError> {
        let started = Instant::now();
        let not_ready = |process: &Process, what: String| {
            let log = process.log();
            TargetError::NotReady { path: path.to_owned(), what, log }
        };
        while started.elapsed() < READY {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(not_ready(self, format!("ended before it was ready, {status}")));
            }
            let log = fs::read_to_string(log_path(&self.folder)).unwrap_or_default();
            if log.contains("Server is ready") {
                return Ok(());
            }
            if started.elapsed() > SILENT && self.greets().await {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        Err(not_ready(self, format!("did not get ready within {} s", READY.as_secs())))
    }

    async fn greets(&self) -> bool {
        let greeting = async {
            let stream = TcpStream::connect(self.addr).await.ok()?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.ok()
        };
        timeout(Duration::from_millis(200), greeting).await.is_ok_and(|read| read.is_some())
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn whole_log(&self) -> String {
        fs::read_to_string(log_path(&self.folder)).unwrap_or_default()
    }

    pub(super) fn log(&self) -> String {
        let log = self.whole_log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub(super) async fn order(&mut self, order: Order<'_>) -> Result<(), TargetError> {
        match order {
            Order::Reload(config) => self.reload(config).await,
            Order::LameDuck => self.signal(Signal::USR2),
            Order::ShutDown => {
                self.signal(Signal::TERM)?;
                match timeout(READY, self.child.wait()).await {
                    Ok(_) => Ok(()),
                    Err(_) => Err(self.refused("the server was to shut down and is still there")),
                }
            }
        }
    }

    /// Waits for the log line that says so. A program that logs nothing is given some time.
    async fn reload(&mut self, config: &str) -> Result<(), TargetError> {
        let failed = |error| self.refused(&format!("the configuration can't be written: {error}"));
        fs::write(config_path(&self.folder), config).map_err(failed)?;
        let log = || fs::read_to_string(log_path(&self.folder)).unwrap_or_default();
        let before = log().len();
        self.signal(Signal::HUP)?;
        let started = Instant::now();
        loop {
            let log = log();
            let said = log.get(before..).unwrap_or_default();
            if said.contains("Failed to reload") {
                return Err(TargetError::Refused(self.log()));
            }
            let silent = before == 0 && started.elapsed() > SILENT;
            if said.contains(RELOADED) || silent {
                return Ok(());
            }
            if started.elapsed() > READY {
                return Err(self.refused(&format!("its log does not say \"{RELOADED}\"")));
            }
            sleep(GLANCE).await;
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), TargetError> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Err(self.refused("the server has ended")) };
        let failed = |error| self.refused(&format!("the server can't be signalled: {error}"));
        kill_process(id, signal).map_err(failed)
    }

    fn refused(&self, what: &str) -> TargetError {
        TargetError::Order { what: what.to_owned(), log: self.log() }
    }

    pub(super) async fn stop(mut self) {
        // It may have ended by itself.
        let _ = self.child.kill().await;
    }
}

fn config_path(folder: &TempDir) -> PathBuf {
    folder.path().join("server.conf")
}

fn log_path(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}
