//! What is known of the other side before it has said a word of the protocol.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{ConnectionType, ledger::Reason, protocol::Credentials};

/// The other side of a connection.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    /// Absent in clear.
    pub(crate) tls: Option<TlsSession>,
    /// What the request for a WebSocket had in its cookies.
    pub(crate) cookies: Cookies,
    /// Time between keep-alive PINGs, where it is another than elsewhere (WS-021).
    pub(crate) ping_interval: Option<Duration>,
    /// INFO was sent in clear, before the handshake.
    pub(crate) greeted: bool,
    ends: OnceLock<Reason>,
}

/// How connections come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Standard,
    WebSocket,
}

impl From<Kind> for ConnectionType {
    fn from(kind: Kind) -> ConnectionType {
        match kind {
            Kind::Standard => ConnectionType::Standard,
            Kind::WebSocket => ConnectionType::Websocket,
        }
    }
}

/// What the two sides of a handshake have agreed on (TLS-002).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsSession {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// By its IANA name.
    pub(crate) cipher_suite: String,
    /// INFO came inside.
    pub(crate) first: bool,
    /// The certificate says who the user is (TLS-013).
    pub(crate) maps_user: bool,
    /// The client's own and those that lead to its authority; empty if none was asked for.
    pub(crate) certificates: Vec<ClientCertificate>,
    /// In DER, from the client's own to its authority's.
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only callouts tell it"))]
    pub(crate) chain: Arc<[Vec<u8>]>,
}

/// Who a certificate says its holder is (TLS-013).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientCertificate {
    /// The distinguished name, last part first: `CN=carl,OU=Ops,O=Probe`.
    pub(crate) subject: String,
    pub(crate) emails: Vec<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) uris: Vec<String>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo).
    pub(crate) spki_sha256: [u8; 32],
    /// SHA-256 of the whole.
    pub(crate) cert_sha256: [u8; 32],
}

impl ClientCertificate {
    /// All names, in the order in which users are looked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let alternatives = self.emails.iter().chain(&self.dns_names).chain(&self.uris);
        alternatives.map(String::as_str).chain([self.subject.as_str()])
    }
}

/// Credentials from cookies (WS-016); what CONNECT says wins.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Cookies {
    pub(crate) jwt: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) pass: Option<String>,
    pub(crate) token: Option<String>,
}

impl Cookies {
    /// Credentials of CONNECT, with those of the cookies where it has none.
    pub(crate) fn complete<'a>(&self, said: &'a Credentials) -> Cow<'a, Credentials> {
        let Cookies { jwt, user, pass, token } = self;
        if (jwt, user, pass, token) == (&None, &None, &None, &None) {
            return Cow::Borrowed(said);
        }
        let mut all = said.clone();
        if let (true, Some(jwt)) = (all.jwt.is_empty(), jwt) {
            all.jwt = jwt.as_str().into();
        }
        if let (true, Some(user)) = (all.user.is_empty(), user) {
            all.user.clone_from(user);
        }
        if let (true, Some(pass)) = (all.password.is_empty(), pass) {
            all.password = pass.as_str().into();
        }
        if let (true, Some(token)) = (all.token.is_empty(), token) {
            all.token = token.as_str().into();
        }
        Cow::Owned(all)
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

impl Peer {
    pub(crate) fn new(kind: Kind) -> Peer {
        Peer { kind, ..Peer::default() }
    }

    /// The names in the certificate, where that says who the user is; none where it does not.
    pub(crate) fn names(&self) -> Option<impl Iterator<Item = &str>> {
        let tls = self.tls.as_ref().filter(|tls| tls.maps_user)?;
        Some(tls.certificates.first().into_iter().flat_map(ClientCertificate::names))
    }

    /// Says why the connection is about to end; the first to say so is right.
    pub(crate) fn ends(&self, reason: Reason) {
        let _ = self.ends.set(reason);
    }

    /// Why the connection ends. If nobody has said so, the server stops: that closes from the
    /// other side, and does not wait for readers.
    pub(crate) fn reason(&self) -> Reason {
        self.ends.get().copied().unwrap_or(Reason::SHUTDOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_known_by_its_names_before_its_subject() {
        let text = |words: &str| vec![words.to_owned()];
        let certificate = ClientCertificate {
            subject: "CN=s".to_owned(),
            emails: text("e"),
            dns_names: text("d"),
            uris: text("u"),
            ..ClientCertificate::default()
        };
        assert_eq!(certificate.names().collect::<Vec<_>>(), ["e", "d", "u", "CN=s"]);
    }

    #[test]
    fn the_first_reason_stays() {
        let peer = Peer::default();
        assert_eq!(peer.reason(), Reason::SHUTDOWN);
        peer.ends(Reason::behind("Maximum Payload Violation"));
        peer.ends(Reason::CLIENT_CLOSED);
        assert_eq!(peer.reason().code, 1009);
    }
}
