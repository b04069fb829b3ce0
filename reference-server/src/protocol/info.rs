//! The server's greeting.

use std::sync::Arc;

use serde::Serialize;

/// The fields of an INFO line for one connection (CORE-INFO-003). All connections share the texts
/// that are the same for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The server process, a public nkey that starts with N.
    pub server_id: Arc<str>,
    /// The configured name, else the id.
    pub server_name: Arc<str>,
    /// The release that is spoken.
    pub version: Arc<str>,
    /// Always 1: echo suppression and later INFOs are supported.
    pub proto: u8,
    /// nats-server tells its compiler here; clients only look whether it is a text.
    pub go: Arc<str>,
    /// The address listened on, as configured.
    pub host: Arc<str>,
    /// The port listened on.
    pub port: u16,
    /// Whether messages can carry headers.
    pub headers: bool,
    /// Whether credentials are asked for (AUTH-003).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auth_required: bool,
    /// A text to sign, where keys can log in (AUTH-009).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// A TLS handshake is the next thing to do (CORE-INFO-014).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_required: bool,
    /// The handshake takes a certificate of the client.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_verify: bool,
    /// A TLS handshake may be the next thing to do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_available: bool,
    /// Largest payload in bytes, headers included.
    pub max_payload: usize,
    /// This connection.
    pub client_id: u64,
    /// The peer's address as the server sees it, without port; empty while a proxy has not said it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_ip: String,
    /// The server is a lame duck: clients should go elsewhere (LIFE-011).
    #[serde(rename = "ldm", skip_serializing_if = "std::ops::Not::not")]
    pub lame_duck: bool,
    /// Set in the INFO that follows the first PONG (CORE-INFO-021).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub connect_info: bool,
    /// The account that the connection was bound to, in the same INFO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_account: Option<String>,
    /// That account is the system's, in the same INFO (ACC-015).
    #[serde(rename = "acc_is_sys", skip_serializing_if = "std::ops::Not::not")]
    pub account_is_system: bool,
    /// The server's public curve key (CORE-INFO-019).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xkey: Option<Arc<str>>,
}

impl Info {
    /// The whole line; nats-server writes a blank before the line end (CORE-INFO-002).
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"INFO ");
        // Writing a struct of texts and numbers to memory can't fail.
        if serde_json::to_writer(&mut *out, self).is_err() {
            out.extend_from_slice(b"{}");
        }
        out.extend_from_slice(b" \r\n");
    }
}
