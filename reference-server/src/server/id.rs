//! Who a server is to others.

use std::sync::Arc;

use crate::{Config, protocol::Info};

/// A server as its requests to others name it.
#[derive(Debug)]
pub(crate) struct ServerIdentity {
    pub(crate) name: Arc<str>,
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) key: ServerKey,
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) host: String,
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) version: Arc<str>,
}

impl ServerIdentity {
    pub(crate) fn new(config: &Config, greeting: &Info, key: ServerKey) -> Arc<ServerIdentity> {
        Arc::new(ServerIdentity {
            name: greeting.server_name.clone(),
            key,
            host: config.host.clone(),
            version: greeting.version.clone(),
        })
    }
}

/// What a server is known by, and signs with.
#[derive(Debug, Clone)]
pub(crate) struct ServerKey {
    id: String,
    #[cfg(feature = "jwt")]
    pair: Arc<nkeys::KeyPair>,
    #[cfg(feature = "jwt")]
    curve: Arc<nkeys::XKey>,
}

impl ServerKey {
    #[cfg(feature = "jwt")]
    pub(crate) fn new() -> ServerKey {
        let pair = Arc::new(nkeys::KeyPair::new_server());
        ServerKey { id: pair.public_key(), pair, curve: Arc::new(nkeys::XKey::new()) }
    }

    /// Without tokens nothing is ever signed.
    #[cfg(not(feature = "jwt"))]
    pub(crate) fn new() -> ServerKey {
        ServerKey { id: server_id(rand::random()) }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    #[cfg(feature = "jwt")]
    pub(crate) fn pair(&self) -> &nkeys::KeyPair {
        &self.pair
    }

    /// What is sealed for the server, and by it.
    #[cfg(feature = "jwt")]
    pub(crate) fn curve(&self) -> &nkeys::XKey {
        &self.curve
    }

    /// As INFO shows it (CORE-INFO-019); none where nothing is ever sealed.
    pub(super) fn curve_key(&self) -> Option<Arc<str>> {
        #[cfg(feature = "jwt")]
        return Some(self.curve.public_key().into());
        #[cfg(not(feature = "jwt"))]
        None
    }
}

/// A public server nkey made of random bytes: prefix, key, checksum, in base 32 (ADR-14).
#[cfg(any(test, not(feature = "jwt")))]
fn server_id(key: [u8; 32]) -> String {
    const PREFIX_SERVER: u8 = 13 << 3;
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut raw = vec![PREFIX_SERVER];
    raw.extend_from_slice(&key);
    raw.extend_from_slice(&crc16(&raw).to_le_bytes());
    let mut text = String::new();
    for chunk in raw.chunks(5) {
        let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for at in (0..8).rev() {
            text.push(char::from(LETTERS[(bits >> (at * 5) & 31) as usize]));
        }
    }
    text
}

/// CRC-16/XMODEM, as nkeys use it.
#[cfg(any(test, not(feature = "jwt")))]
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_id_is_a_server_nkey() {
        assert_eq!(crc16(b"123456789"), 0x31C3); // the check value of CRC-16/XMODEM
        let id = server_id([7; 32]);
        assert!(id.len() == 56 && id.starts_with('N'), "{id}");
        assert_ne!(server_id(rand::random()), server_id(rand::random()));
        let key = ServerKey::new();
        assert!(key.id().len() == 56 && key.id().starts_with('N'), "{key:?}");
        assert_ne!(key.id(), ServerKey::new().id());
    }
}
