//! How log lines name a connection.

use std::{fmt, net::SocketAddr, sync::OnceLock};

use serde::Deserialize;

/// `127.0.0.1:1234 - cid:5`, and once CONNECT has come, what that says of itself (LOG-004).
#[derive(Debug)]
pub(crate) struct Label {
    id: u64,
    addr: OnceLock<SocketAddr>,
    said: OnceLock<String>,
}

impl Label {
    pub(crate) fn new(id: u64) -> Label {
        Label { id, addr: OnceLock::new(), said: OnceLock::new() }
    }

    /// Where the connection comes from; the first one counts.
    pub(crate) fn comes_from(&self, addr: SocketAddr) {
        // Nobody sets it twice.
        let _ = self.addr.set(addr);
    }

    /// Remembers version, language and name of the first CONNECT.
    pub(crate) fn connects(&self, json: &[u8]) {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said {
            version: String,
            lang: String,
            name: String,
        }
        let said: Said = serde_json::from_slice(json).unwrap_or_default();
        let version = Some(said.version).filter(|v| !v.is_empty()).map(|v| format!("v{v}"));
        let words = [version.unwrap_or_default(), said.lang, said.name];
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            // A second CONNECT changes nothing.
            let _ = self.said.set(words.join(":"));
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(addr) = self.addr.get() {
            write!(f, "{addr} - ")?;
        }
        write!(f, "cid:{}", self.id)?;
        match self.said.get() {
            Some(said) => write!(f, " - {said:?}"),
            None => Ok(()),
        }
    }
}
