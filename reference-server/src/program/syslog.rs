//! The log in the machine's syslog, or in that of another one: lines as nats-server sends them
//! (LOG-009).

use std::{
    env,
    io::{self, BufWriter, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use jiff::ZonedDateTime;
use nats_reference_server::ProgramConfig;
use syslog::{Facility, LogFormat, LoggerBackend, Severity};

use super::words;

/// A machine that takes longer must not keep the server: its lines go elsewhere then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Somebody who takes lines.
pub(super) struct Syslog(syslog::Logger<LoggerBackend, Line>);

/// What all lines have in common.
#[derive(Clone)]
struct Line {
    facility: Facility,
    /// The name of this machine, where others take the lines.
    host: Option<String>,
    /// The program's.
    tag: String,
}

impl Syslog {
    /// Finds the one that is asked for, if one is. A log file goes first, and then a machine.
    pub(super) fn open(config: &ProgramConfig) -> Result<Option<Syslog>, String> {
        let failed = |error: String| format!("error connecting to syslog: {error:?}");
        match (&config.log_file, &config.remote_syslog) {
            (Some(_), _) => Ok(None),
            (None, Some(address)) => Syslog::remote(address)
                .map_err(|error| match error {
                    Unreachable::Kind(kind) => format!("error invalid network type: {kind:?}"),
                    Unreachable::Io(error) => failed(words(&error)),
                    Unreachable::Other(error) => failed(error.to_string()),
                })
                .map(Some),
            (None, None) if config.syslog => {
                let line = Line { facility: Facility::LOG_DAEMON, host: None, tag: tag() };
                let opened = syslog::unix(line).map(Syslog).map(Some);
                opened.map_err(|_| failed("Unix syslog delivery error".to_owned()))
            }
            (None, None) => Ok(None),
        }
    }

    /// `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix:///PATH`.
    fn remote(address: &str) -> Result<Syslog, Unreachable> {
        let (kind, place) = address.split_once("://").unwrap_or(("", address));
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let line = Line { facility: Facility::LOG_KERN, host: Some(host), tag: tag() };
        let backend = match kind {
            "udp" => {
                let to = resolve(place)?;
                let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                return Ok(Syslog(syslog::udp(line, any, to)?));
            }
            "tcp" => {
                let stream = TcpStream::connect_timeout(&resolve(place)?, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                LoggerBackend::Tcp(BufWriter::new(stream))
            }
            "unix" => return Ok(Syslog(syslog::unix_custom(Line { host: None, ..line }, place)?)),
            _ => return Err(Unreachable::Kind(kind.to_owned())),
        };
        Ok(Syslog(syslog::Logger::new(backend, line)))
    }

    /// Sends a line with this label of the log.
    pub(super) fn write(&mut self, label: &str, text: &str) -> Result<(), syslog::Error> {
        let severity = match label {
            "FTL" => Severity::LOG_CRIT,
            "ERR" => Severity::LOG_ERR,
            "WRN" => Severity::LOG_WARNING,
            "DBG" => Severity::LOG_DEBUG,
            _ => Severity::LOG_NOTICE,
        };
        self.0.formatter.format(&mut self.0.backend, severity, text)
    }
}

/// Why no syslog takes lines.
enum Unreachable {
    Kind(String),
    Io(io::Error),
    Other(syslog::Error),
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Unreachable {
        Unreachable::Io(error)
    }
}

impl From<syslog::Error> for Unreachable {
    fn from(error: syslog::Error) -> Unreachable {
        Unreachable::Other(error)
    }
}

fn resolve(place: &str) -> io::Result<SocketAddr> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such host");
    place.to_socket_addrs()?.next().ok_or_else(missing)
}

fn tag() -> String {
    let program = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl LogFormat<&str> for Line {
    /// One write, as each is a message to some of those who take them.
    fn format<W: Write>(
        &self,
        to: &mut W,
        severity: Severity,
        text: &str,
    ) -> Result<(), syslog::Error> {
        let Line { facility, host, tag } = self;
        let (priority, pid) = (*facility as u8 | severity as u8, std::process::id());
        let now = ZonedDateTime::now();
        let place = match host {
            Some(host) => format!("{} {host}", now.strftime("%Y-%m-%dT%H:%M:%S%:z")),
            None => now.strftime("%b %e %H:%M:%S").to_string(),
        };
        writeln!(to, "<{priority}>{place} {tag}[{pid}]: {text}").map_err(syslog::Error::Write)
    }
}
