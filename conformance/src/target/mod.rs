//! What is judged: a server inside this process, a program, or a server that is running already.
//! An adapter starts one with a configuration, says where it listens, and stops it.

pub mod bless;
#[cfg(feature = "embedded")]
mod embedded;
mod faulty;
pub mod file;
mod instance;
mod program;

use std::{
    collections::BTreeSet,
    io,
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};

pub use instance::{Instance, Order};

use crate::{
    faults::{Fault, ProxyError},
    fixtures::FixtureError,
};

/// No proxy stands before the server that passes on whole operations only.
const DIRECT: &str = "direct";

/// What a scenario can need, and a target lack.
pub const CAPABILITIES: &[&str] = &[
    "accounts",
    "auth",
    "callout",
    "cluster",
    DIRECT,
    "gateways",
    "headers",
    "imports",
    "jetstream",
    "jwt",
    "leafnodes",
    "mappings",
    "monitoring",
    "nkeys",
    "program",
    "proxy",
    "reload",
    "shutdown",
    "signals",
    "system",
    "tls",
    "tracing",
    "websocket",
    "xkeys",
];

/// How servers under test come to be.
#[derive(Debug, Clone)]
pub enum Target {
    /// Our broker inside this process.
    #[cfg(feature = "embedded")]
    Embedded,
    /// A program with nats-server's flags, started for each scenario.
    Program(PathBuf),
    /// A server that is running already and can't be told anything.
    Running {
        /// Where.
        addr: SocketAddr,
        /// As it was given, without credentials.
        url: String,
        /// Goes into every CONNECT.
        credentials: Map<String, Value>,
    },
    /// Another target with a bug put before it.
    Faulty {
        /// The healthy one.
        inner: Box<Target>,
        /// The bug.
        fault: &'static Fault,
    },
}

/// Why there is nothing to judge.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The URL can't be meant.
    #[error("{0:?} is no server's address; write nats://host:port")]
    Url(String),
    /// Nobody listens.
    #[error("can't connect to {addr}: {source}")]
    Unreachable {
        /// Where.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program can't be run.
    #[error("can't start {}: {source}", path.display())]
    Spawn {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program ended or never got ready.
    #[error("{} {what}\n{log}", path.display())]
    NotReady {
        /// The program.
        path: PathBuf,
        /// What it did.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// What the scenario wants to find ready can't be made.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// A server did not do what it was told.
    #[error("{what}\n{log}")]
    Order {
        /// What happened instead.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// A server refuses a configuration, and goes on.
    #[error("the server refuses the new configuration\n{0}")]
    Refused(String),
    /// The embedded server refused.
    #[error("the embedded server can't start: {0}")]
    Embedded(String),
    /// No proxy to put before it.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// What a target says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// `version` in INFO.
    pub version: Option<String>,
    /// `server_name` in INFO.
    pub server_name: Option<String>,
    /// `git_commit` in INFO.
    pub git_commit: Option<String>,
    /// `go` in INFO, where servers tell what they are built with.
    pub built_with: Option<String>,
    /// `headers` in INFO.
    pub headers: bool,
    /// The whole greeting; null if it could not be read.
    #[serde(default)]
    pub info: Value,
}

impl Target {
    /// A running server from `nats://user:password@host:port`, or `host:port`.
    ///
    /// # Errors
    /// What can't be meant.
    pub fn running(text: &str) -> Result<Target, TargetError> {
        let wrong = || TargetError::Url(text.to_owned());
        let rest = match text.split_once("://") {
            Some(("nats", rest)) => rest,
            Some(_) => return Err(wrong()),
            None => text,
        };
        let (login, host) = rest.rsplit_once('@').map_or((None, rest), |(l, h)| (Some(l), h));
        let host = host.trim_end_matches('/');
        let with_port = match host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => format!("{host}:4222"),
        };
        let addr =
            with_port.to_socket_addrs().ok().and_then(|mut all| all.next()).ok_or_else(wrong)?;
        let mut credentials = Map::new();
        match login.map(|login| login.split_once(':').ok_or(login)) {
            Some(Ok((user, password))) => {
                credentials.insert("user".to_owned(), user.into());
                credentials.insert("pass".to_owned(), password.into());
            }
            Some(Err(token)) => {
                credentials.insert("auth_token".to_owned(), token.into());
            }
            None => {}
        }
        Ok(Target::Running { addr, url: format!("nats://{with_port}"), credentials })
    }

    /// What reports call it.
    pub fn name(&self) -> String {
        match self {
            #[cfg(feature = "embedded")]
            Target::Embedded => "embedded".to_owned(),
            Target::Program(path) => path.display().to_string(),
            Target::Running { url, .. } => url.clone(),
            Target::Faulty { inner, fault } => format!("{} behind {}", inner.name(), fault.name),
        }
    }

    /// The options that repeat a run on it.
    pub fn flags(&self) -> String {
        match self {
            #[cfg(feature = "embedded")]
            Target::Embedded => String::new(),
            Target::Program(path) => format!(" --server-bin {}", path.display()),
            Target::Running { url, .. } => format!(" --server {url}"),
            Target::Faulty { inner, .. } => inner.flags(),
        }
    }

    /// Whether it can be started with a configuration of the scenario's own.
    pub fn can_be_configured(&self) -> bool {
        match self {
            Target::Faulty { inner, .. } => inner.can_be_configured(),
            other => !matches!(other, Target::Running { .. }),
        }
    }

    /// Capabilities it never has.
    pub fn lacks(&self) -> BTreeSet<String> {
        let lacks: &[&str] = match self {
            #[cfg(feature = "embedded")]
            Target::Embedded => embedded::LACKS,
            Target::Program(_) => &[],
            Target::Running { .. } => &["cluster", "program", "reload", "shutdown", "signals"],
            Target::Faulty { inner, .. } => {
                // The proxy reads operations, which TLS hides from it, and stands before the port
                // of clients alone.
                let own = [DIRECT, "monitoring", "program", "tls", "websocket"].map(str::to_owned);
                return inner.lacks().into_iter().chain(own).collect();
            }
        };
        lacks.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The program, where it is one.
    pub fn program(&self) -> Option<&Path> {
        match self {
            Target::Program(path) => Some(path),
            _ => None,
        }
    }

    /// Starts a server, with a fragment of configuration if the scenario has one.
    ///
    /// # Errors
    /// A target that can't be started or reached.
    pub async fn start(&self, config: Option<&str>) -> Result<Instance, TargetError> {
        match self {
            #[cfg(feature = "embedded")]
            Target::Embedded => embedded::Embedded::start(config).await.map(Instance::Embedded),
            Target::Program(path) => {
                program::Process::start(path, config).await.map(Instance::Program)
            }
            Target::Running { addr, url, .. } => match TcpStream::connect(addr).await {
                Ok(_) => Ok(Instance::Running(*addr)),
                Err(source) => Err(TargetError::Unreachable { addr: url.clone(), source }),
            },
            Target::Faulty { inner, fault } => {
                faulty::Faulty::start(inner, fault, config).await.map(Instance::Faulty)
            }
        }
    }

    /// Starts one to see what it says of itself. A greeting that can't be read leaves the facts
    /// empty: it is for the scenarios to find that.
    ///
    /// # Errors
    /// A target that can't be started or reached.
    pub async fn facts(&self) -> Result<Facts, TargetError> {
        let instance = self.start(None).await?;
        let addr = instance.addr();
        let stream = TcpStream::connect(addr)
            .await
            .map_err(|source| TargetError::Unreachable { addr: addr.to_string(), source })?;
        let mut line = String::new();
        let read = BufReader::new(stream);
        let mut read = read;
        // Whatever goes wrong here, the scenarios will say it better.
        let _ = timeout(Duration::from_secs(5), read.read_line(&mut line)).await;
        instance.stop().await;
        let info: Value = line
            .strip_prefix("INFO ")
            .and_then(|json| serde_json::from_str(json.trim()).ok())
            .unwrap_or_default();
        let text = |key: &str| info[key].as_str().map(str::to_owned);
        Ok(Facts {
            version: text("version"),
            server_name: text("server_name"),
            git_commit: text("git_commit"),
            built_with: text("go"),
            headers: info["headers"].as_bool().unwrap_or(false),
            info,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(text: &str) -> Option<(String, String, Value)> {
        match Target::running(text) {
            Ok(Target::Running { addr, url, credentials }) => {
                Some((addr.to_string(), url, Value::Object(credentials)))
            }
            _ => None,
        }
    }

    #[test]
    fn addresses_are_read_and_credentials_kept_out_of_them() {
        let none = || serde_json::json!({});
        for (text, addr, url, credentials) in [
            ("nats://127.0.0.1:4333", "127.0.0.1:4333", "nats://127.0.0.1:4333", none()),
            ("127.0.0.1:4333", "127.0.0.1:4333", "nats://127.0.0.1:4333", none()),
            ("127.0.0.1", "127.0.0.1:4222", "nats://127.0.0.1:4222", none()),
            ("nats://127.0.0.1/", "127.0.0.1:4222", "nats://127.0.0.1:4222", none()),
            ("nats://[::1]:4333", "[::1]:4333", "nats://[::1]:4333", none()),
            ("nats://[::1]", "[::1]:4222", "nats://[::1]:4222", none()),
            (
                "nats://ann:p@ss:w@127.0.0.1:1",
                "127.0.0.1:1",
                "nats://127.0.0.1:1",
                serde_json::json!({"user": "ann", "pass": "p@ss:w"}),
            ),
            (
                "nats://secret@127.0.0.1:1",
                "127.0.0.1:1",
                "nats://127.0.0.1:1",
                serde_json::json!({"auth_token": "secret"}),
            ),
        ] {
            let expected = (addr.to_owned(), url.to_owned(), credentials);
            assert_eq!(running(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "nats://", "ftp://127.0.0.1", "nats://127.0.0.1:99999", "nats://a b:1"] {
            assert_eq!(running(text), None, "{text}");
        }
    }
}
