//! What TLS and WebSockets can be told.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{Auth, Profile, Secret, User};

/// TLS for a listener (TLS-001).
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use nats_reference_server::{Server, Tls};
///
/// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// let tls = Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
/// let server = Server::builder().tls(tls).start().await?;
/// assert!(server.client_url().starts_with("tls://"));
/// server.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// What the server shows clients; with several, the first that suits the client (TLS-018).
    pub identities: Vec<Identity>,
    /// Who signs clients' certificates; the system's authorities if absent.
    pub authorities: Option<Pem>,
    /// Clients must show a certificate (TLS-011). Default false.
    pub verify: bool,
    /// The certificate says who the user is (TLS-013), which includes [`verify`](Tls::verify).
    pub verify_and_map: bool,
    /// How long a handshake may take. Default 2 s (TLS-005).
    pub timeout: Duration,
    /// Whether INFO waits for the handshake. Default no.
    pub handshake_first: HandshakeFirst,
    /// The lowest version that is spoken. Default 1.2 (TLS-006).
    pub min_version: TlsVersion,
    /// The suites of TLS 1.2 by their IANA names; empty, the default, is all that there are. Those
    /// of TLS 1.3 are always on.
    pub cipher_suites: Vec<String>,
    /// Groups of the key exchange, such as `X25519` or `CurveP256`; empty is all.
    pub curve_preferences: Vec<String>,
    /// SHA-256 of the public keys (SubjectPublicKeyInfo) that clients may have; empty is any
    /// (TLS-012).
    pub pinned_certs: Vec<[u8; 32]>,
    /// Handshakes that are begun in a second, more are refused; 0, the default, is any number
    /// (TLS-017).
    pub connections_per_second: u32,
}

/// A chain of certificates, the server's own first, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain.
    pub certificates: Pem,
    /// The key.
    pub key: Pem,
}

/// Certificates or a key in PEM.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// The text itself.
    Text(String),
    /// A file, read at the start and at each reload.
    File(PathBuf),
}

/// Whether a client does the handshake before it has read INFO (TLS-014, TLS-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HandshakeFirst {
    /// INFO comes in clear, then the handshake.
    #[default]
    No,
    /// The handshake comes first, or the connection is closed.
    Always,
    /// INFO comes in clear to a client that has sent nothing for this long.
    Within(Duration),
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl Tls {
    /// TLS with this chain of certificates and its key, both in PEM.
    pub fn from_pem(certificates: impl Into<String>, key: impl Into<String>) -> Tls {
        Tls::new(Pem::Text(certificates.into()), Pem::Text(key.into()))
    }

    /// TLS with the chain and the key in these files.
    pub fn from_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls::new(Pem::File(certificates.into()), Pem::File(key.into()))
    }

    fn new(certificates: Pem, key: Pem) -> Tls {
        Tls { identities: vec![Identity { certificates, key }], ..Tls::default() }
    }

    /// Asks clients for a certificate that one of these has signed.
    #[must_use]
    pub fn verify_clients(mut self, authorities: Pem) -> Tls {
        (self.authorities, self.verify) = (Some(authorities), true);
        self
    }

    /// The same for those who are not asked who they are.
    pub(crate) fn without_client_certificates(&self) -> Tls {
        Tls {
            authorities: None,
            verify: false,
            verify_and_map: false,
            pinned_certs: Vec::new(),
            connections_per_second: 0,
            ..self.clone()
        }
    }

    /// Whether clients must show a certificate.
    pub(crate) fn asks_for_certificate(&self) -> bool {
        self.verify || self.verify_and_map
    }
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            identities: Vec::new(),
            authorities: None,
            verify: false,
            verify_and_map: false,
            timeout: Duration::from_secs(2),
            handshake_first: HandshakeFirst::No,
            min_version: TlsVersion::V1_2,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            pinned_certs: Vec::new(),
            connections_per_second: 0,
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may be a private key.
            Pem::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Pem::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// A second listener, for WebSockets (WS-001).
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use nats_reference_server::{Server, WebSocket};
///
/// let server = Server::builder().websocket(WebSocket::on(0)).start().await?;
/// let url = server.websocket_url().ok_or("no WebSocket")?;
/// assert!(url.starts_with("ws://127.0.0.1:"));
/// let client = async_nats::connect(url).await?;
/// client.flush().await?;
/// server.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocket {
    /// The address to listen on. Default `127.0.0.1`.
    pub host: String,
    /// The port to listen on; 0, the default, takes a free one.
    pub port: u16,
    /// The `host:port` that INFO shows to these connections instead of the one listened on.
    pub advertise: Option<String>,
    /// `wss://` and nothing else (WS-019); `ws://` if absent.
    pub tls: Option<Tls>,
    /// Requests of browsers must come from pages of this host and port (WS-013).
    pub same_origin: bool,
    /// Requests of browsers must come from pages of these sites, `https://example.com`; empty is
    /// any (WS-013).
    pub allowed_origins: Vec<String>,
    /// Whether messages may be compressed (WS-011). Default false.
    pub compression: bool,
    /// How long a client may take to ask for the upgrade, handshake included. Default 10 s.
    pub handshake_timeout: Duration,
    /// Headers of the answer to the upgrade (WS-015).
    pub headers: Vec<(String, String)>,
    /// The cookie that holds a user's JWT (WS-016), in operator mode.
    pub jwt_cookie: Option<String>,
    /// The cookie that holds a user's name.
    pub user_cookie: Option<String>,
    /// The cookie that holds a password.
    pub pass_cookie: Option<String>,
    /// The cookie that holds a token.
    pub token_cookie: Option<String>,
    /// With it, [`user`](WebSocket::user) or [`no_auth_user`](WebSocket::no_auth_user), these
    /// three say who may log in here, in place of the same options of [`Auth`] (WS-017).
    pub token: Option<Secret>,
    /// The only user; it counts for nothing beside a token.
    pub user: Option<User>,
    /// The user that those are who bring no credentials.
    pub no_auth_user: Option<String>,
    /// How long a login may take here, if it is another time than elsewhere.
    pub login_timeout: Option<Duration>,
    /// Time between keep-alive PINGs, if it is another than elsewhere (WS-021).
    pub ping_interval: Option<Duration>,
}

impl WebSocket {
    /// `ws://` on this port of the loopback address; 0 takes a free one.
    pub fn on(port: u16) -> WebSocket {
        WebSocket { port, ..WebSocket::default() }
    }

    fn named_user(&self) -> Option<&User> {
        self.user.as_ref().filter(|user| !user.name().is_empty())
    }

    /// Whether others may log in here than elsewhere.
    pub(crate) fn replaces_logins(&self) -> bool {
        self.token.is_some() || self.named_user().is_some() || self.no_auth_user.is_some()
    }

    /// Who may log in here, if that is not as elsewhere.
    pub(crate) fn auth(&self, server: &Auth) -> Option<Auth> {
        let timeout = self.login_timeout.or(server.timeout);
        let server = Auth { timeout, ..server.clone() };
        if !self.replaces_logins() {
            return self.login_timeout.is_some().then_some(server);
        }
        Some(Auth {
            token: self.token.clone(),
            user: self.user.clone(),
            no_auth_user: self.no_auth_user.clone(),
            ..server
        })
    }

    /// Says what can't be meant about logins, if anything (WS-014).
    pub(crate) fn problem(&self, server: &Auth, profile: Profile) -> Option<String> {
        let what = match (&self.token, self.named_user()) {
            (_, Some(_)) => Some("username"),
            (Some(_), None) => Some("token"),
            (None, None) => None,
        };
        if let (Some(what), true) = (what, server.lists_users()) {
            let words = "not compatible with presence of users/nkeys";
            return Some(format!("websocket authentication {what} {words}"));
        }
        let jwt_cookie = self.jwt_cookie.as_ref().filter(|_| !server.operator_mode.is_on());
        if let Some(cookie) = jwt_cookie {
            let words = "trusted operators or trusted keys configuration is required for JWT";
            return Some(format!("{words} authentication via cookie {cookie:?}"));
        }
        self.auth(server)?.problem(profile)
    }
}

impl Default for WebSocket {
    fn default() -> WebSocket {
        WebSocket {
            host: "127.0.0.1".to_owned(),
            port: 0,
            advertise: None,
            tls: None,
            same_origin: false,
            allowed_origins: Vec::new(),
            compression: false,
            handshake_timeout: Duration::from_secs(10),
            headers: Vec::new(),
            jwt_cookie: None,
            user_cookie: None,
            pass_cookie: None,
            token_cookie: None,
            token: None,
            user: None,
            no_auth_user: None,
            login_timeout: None,
            ping_interval: None,
        }
    }
}
