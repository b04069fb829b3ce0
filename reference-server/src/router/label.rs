//! How log lines name a connection.

use std::{fmt, net::SocketAddr, sync::OnceLock};

use crate::protocol::ConnectOptions;

/// `127.0.0.1:1234 - cid:5`, and once CONNECT has come, what that says of itself (LOG-004).
#[derive(Debug)]
pub(crate) struct Label {
    id: u64,
    addr: OnceLock<SocketAddr>,
    origin: OnceLock<SocketAddr>,
    said: OnceLock<String>,
}

impl Label {
    pub(crate) fn new(id: u64) -> Label {
        Label { id, addr: OnceLock::new(), origin: OnceLock::new(), said: OnceLock::new() }
    }

    /// The connection's number, which INFO tells it.
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "pages tell it"))]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Where the client is, if that is known.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.origin.get().or(self.addr.get()).copied()
    }

    /// The same without the port, as INFO says it.
    pub(crate) fn ip(&self) -> String {
        self.addr().map_or_else(String::new, |addr| addr.ip().to_string())
    }

    /// Where the connection comes from; the first one counts.
    pub(crate) fn comes_from(&self, addr: SocketAddr) {
        // Nobody sets it twice.
        let _ = self.addr.set(addr);
    }

    /// Where the client is that a proxy has connected. Log lines go on to name the proxy, as there.
    pub(crate) fn stands_for(&self, origin: SocketAddr) {
        // There is one header.
        let _ = self.origin.set(origin);
    }

    /// Remembers version, language and name of the first CONNECT.
    pub(crate) fn connects(&self, options: &ConnectOptions) {
        let ConnectOptions { version, lang, name, .. } = options;
        let version = if version.is_empty() { String::new() } else { format!("v{version}") };
        let words = [version.as_str(), lang, name];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            // A second CONNECT changes nothing.
            let _ = self.said.set(words.join(":"));
        }
    }

    /// Whether CONNECT has said anything.
    pub(crate) fn is_named(&self) -> bool {
        self.said.get().is_some()
    }

    /// The connection without what CONNECT said.
    pub(crate) fn place(&self) -> impl fmt::Display {
        Place { addr: self.addr.get().copied(), id: self.id }
    }
}

struct Place {
    addr: Option<SocketAddr>,
    id: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(addr) = self.addr {
            write!(f, "{addr} - ")?;
        }
        write!(f, "cid:{}", self.id)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place())?;
        match self.said.get() {
            Some(said) => write!(f, " - {said:?}"),
            None => Ok(()),
        }
    }
}
