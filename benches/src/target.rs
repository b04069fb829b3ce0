//! Who is measured: started afresh for each block, and stopped after it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Result, Trying as _},
    load::{Address, Dialect, PATIENCE, line},
    record::{TargetKind, TargetRecord},
};

/// Where `ci/servers.sh` puts real servers.
const SERVERS: &str = ".cache/servers";

/// A target as named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Short, for tables.
    pub name: String,
    how: How,
    /// Where `broker-bench` is, if it is not this program.
    program: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    /// A hidden subcommand of this program.
    Child(&'static str),
    Program(PathBuf),
    Url {
        addr: SocketAddr,
        pid: Option<u32>,
    },
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Target> {
        if let Some((label, target)) = name.split_once('=').filter(|(label, _)| is_label(label)) {
            return Ok(Target { name: label.to_owned(), ..target.parse()? });
        }
        let no = |why: String| Error::Target { name: name.to_owned(), why };
        let how = match name {
            "embedded" => How::Child("serve"),
            "relay" => How::Child("relay"),
            _ => {
                if let Some(address) = name.strip_prefix("nats://") {
                    let mut found = address
                        .to_socket_addrs()
                        .map_err(|error| no(format!("{address} is no HOST:PORT ({error})")))?;
                    let addr =
                        found.next().ok_or_else(|| no(format!("{address} has no address")))?;
                    How::Url { addr, pid: None }
                } else if let Some(version) = name.strip_prefix("nats-server@") {
                    let path = Path::new(SERVERS).join(version).join("nats-server");
                    if !path.is_file() {
                        return Err(no(format!(
                            "{} is not there; run ci/servers.sh {version}",
                            path.display()
                        )));
                    }
                    How::Program(path)
                } else if Path::new(name).is_file() {
                    How::Program(PathBuf::from(name))
                } else {
                    return Err(no("there is no such file".into()));
                }
            }
        };
        Ok(Target { name: short(name), how, program: None })
    }
}

/// What may stand before `=` to name a target.
fn is_label(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', ':'])
}

/// The last parts of a path that tell servers apart.
fn short(name: &str) -> String {
    let path = Path::new(name);
    let file = path.file_name().map_or(name.into(), |file| file.to_string_lossy());
    let parent = path.parent().and_then(Path::file_name).map(|parent| parent.to_string_lossy());
    match parent {
        Some(version) if version.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("{file}@{version}")
        }
        _ if name.starts_with("nats://") => name.to_owned(),
        _ => file.into_owned(),
    }
}

impl Target {
    /// Watches this process for a server that runs already.
    ///
    /// # Errors
    /// Servers that we start ourselves.
    pub fn watch(&mut self, process: u32) -> Result<()> {
        match &mut self.how {
            How::Url { pid, .. } => {
                *pid = Some(process);
                Ok(())
            }
            _ => Err(Error::Usage("--pid is for a target nats://HOST:PORT alone".into())),
        }
    }

    /// Takes `broker-bench` from this file; needed where this program is another, such as a test.
    #[must_use]
    pub fn with_program(mut self, path: impl Into<PathBuf>) -> Target {
        self.program = Some(path.into());
        self
    }

    /// The same under another name.
    #[must_use]
    pub fn again(&self) -> Target {
        Target { name: format!("{} (again)", self.name), ..self.clone() }
    }

    /// What sort of a target it is.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self.how {
            How::Child("relay") => TargetKind::Relay,
            How::Child(_) => TargetKind::Embedded,
            How::Program(_) => TargetKind::Program,
            How::Url { .. } => TargetKind::Url,
        }
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It does not come up within ten seconds, or ends before.
    pub fn start(&self) -> Result<Running> {
        match &self.how {
            How::Child(subcommand) => self.start_child(subcommand),
            How::Program(path) => self.start_program(path),
            How::Url { addr, pid } => {
                let info = greeting(*addr)
                    .map_err(|error| self.failed(format!("{error}"), String::new()))?;
                let address = Address { addr: *addr, pid: *pid, dialect: Dialect::Nats };
                Ok(Running { address, child: None, info: Some(info) })
            }
        }
    }

    /// `broker-bench`, whose hidden subcommands are the children.
    fn own_program(&self) -> Result<PathBuf> {
        let own = self.program.clone().map_or_else(std::env::current_exe, Ok);
        own.trying("finding this program's file")
    }

    fn start_child(&self, subcommand: &str) -> Result<Running> {
        let program = self.own_program()?;
        let mut child = Command::new(&program)
            .arg(subcommand)
            .stdin(Stdio::piped()) // closed when we end, however we end, and then it ends
            .stdout(Stdio::piped())
            .spawn()
            .trying(format!("starting {}", program.display()))?;
        let first = first_line(&mut child)?;
        let guard = Guard(child);
        let addr: SocketAddr = first.trim().parse().map_err(|_| {
            self.failed(format!("it did not say its address: '{first}'"), String::new())
        })?;
        let dialect = if subcommand == "relay" { Dialect::Relay } else { Dialect::Nats };
        let info = if dialect == Dialect::Nats { Some(greeting(addr)?) } else { None };
        let address = Address { addr, pid: Some(guard.0.id()), dialect };
        Ok(Running { address, child: Some(guard), info })
    }

    fn start_program(&self, path: &Path) -> Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .trying("looking for a free port")?;
        let mut log = tempfile::tempfile().trying("making a file for the server's log")?;
        // Behind a guard, so that it does not outlive us even if we are killed.
        let mut child = Command::new(self.own_program()?)
            .args(["guard", "--"])
            .arg(path)
            .args(["-a", "127.0.0.1", "-p", &port.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().trying("sharing the server's log")?)
            .spawn()
            .trying(format!("starting {}", path.display()))?;
        let said = first_line(&mut child)?;
        let mut guard = Guard(child);
        let Ok(pid) = said.trim().parse() else {
            return Err(self.failed("it can't be run".into(), tail(&mut log)));
        };
        let start = Instant::now();
        loop {
            let ended = guard.0.try_wait().trying("looking after the server")?;
            if let Some(status) = ended {
                return Err(self.failed(format!("it ended at once, {status}"), tail(&mut log)));
            }
            match greeting(port) {
                Ok(info) => {
                    let address = Address { addr: port, pid: Some(pid), dialect: Dialect::Nats };
                    return Ok(Running { address, child: Some(guard), info: Some(info) });
                }
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(self.failed(format!("after 10 s, {error}"), tail(&mut log)));
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn failed(&self, why: String, log: String) -> Error {
        Error::Start { name: self.name.clone(), why, log }
    }

    /// Starts it once to ask what it is.
    ///
    /// # Errors
    /// As [`start`](Target::start).
    pub fn describe(&self) -> Result<TargetRecord> {
        let running = self.start()?;
        let info = running.info.as_deref().unwrap_or_default();
        let info: serde_json::Value = serde_json::from_str(info).unwrap_or_default();
        let text = |name: &str| info.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        Ok(TargetRecord {
            name: self.name.clone(),
            kind: self.kind(),
            version: text("version"),
            description: match &self.how {
                How::Program(path) => says_version(path),
                _ => None,
            },
        })
    }
}

/// What a child says first.
fn first_line(child: &mut Child) -> Result<String> {
    let mut first = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut first).trying("reading what a child says first")?;
    }
    Ok(first)
}

/// The first line of what it says to `--version`.
fn says_version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The JSON of a server's INFO.
fn greeting(addr: SocketAddr) -> Result<String> {
    let stream = TcpStream::connect(addr).trying(format!("connecting to {addr}"))?;
    stream.set_read_timeout(Some(PATIENCE)).trying("setting a time limit")?;
    let first = line(addr, &mut BufReader::new(stream))?;
    let json = first.strip_prefix("INFO ").ok_or_else(|| Error::Talk {
        name: addr.to_string(),
        why: format!("expected INFO, got '{}'", first.trim_end()),
    })?;
    Ok(json.trim().to_owned())
}

/// The log's last lines, indented.
fn tail(log: &mut File) -> String {
    let mut text = String::new();
    if log.rewind().and_then(|()| log.read_to_string(&mut text)).is_err() {
        return String::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].iter().map(|line| format!("\n  {line}")).collect()
}

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where, and who.
    pub address: Address,
    child: Option<Guard>,
    info: Option<String>,
}

impl Running {
    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.0.try_wait().ok()??;
        Some(status.to_string())
    }
}

/// A child, which ends when its input is closed: when this is dropped, and when we are no more.
#[derive(Debug)]
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It may have ended already, which is what is wanted.
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        text.parse::<Target>().unwrap().name
    }

    #[test]
    fn names_are_short_and_can_be_given() {
        let here = std::env::current_exe().unwrap();
        let file = here.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name(here.to_str().unwrap()), file);
        assert_eq!(name(&format!("new={}", here.display())), "new");
        assert_eq!(name("nats://127.0.0.1:4222"), "nats://127.0.0.1:4222");
        assert_eq!(short(".cache/servers/2.15.1/nats-server"), "nats-server@2.15.1");
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = |text: &str| text.parse::<Target>().unwrap_err().to_string();
        assert!(error("nats-server@0.0.1").contains("run ci/servers.sh 0.0.1"));
        assert!(error("nobody").contains("targets: embedded, relay"));
        assert!(error("nats://nowhere").contains("no HOST:PORT"));
    }

    #[test]
    fn a_process_is_watched_only_where_we_did_not_start_it() {
        assert!("embedded".parse::<Target>().unwrap().watch(1).is_err());
        assert!("nats://127.0.0.1:1".parse::<Target>().unwrap().watch(1).is_ok());
    }
}
