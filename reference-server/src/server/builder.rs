//! Options before the start.

use std::{path::Path, time::Duration};

use super::{Server, StartError};
use crate::{
    AccountOptions, Auth, Config, ConfigError, ConfigWarning, Profile, Secret, Tls, User, WebSocket,
};

/// Options before the start. Each has the default of [`Config`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// Takes all options at once.
    pub fn config(mut self, config: Config) -> Builder {
        self.config = config;
        self
    }

    /// Takes over what a fragment of nats-server's configuration language says.
    ///
    /// # Errors
    /// Text that can't be read, unknown options, values that don't fit: with line and column.
    pub fn config_text(mut self, text: &str) -> Result<Builder, ConfigError> {
        warn(&self.config.merge(text)?);
        Ok(self)
    }

    /// Takes over a configuration file; see [`config_text`](Builder::config_text).
    ///
    /// # Errors
    /// As there, and a file that can't be read.
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Result<Builder, ConfigError> {
        warn(&self.config.merge_file(path.as_ref())?);
        Ok(self)
    }

    /// Listens on this port instead of a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.config.port = port;
        self
    }

    /// Listens on this address instead of `127.0.0.1`.
    pub fn host(mut self, host: impl Into<String>) -> Builder {
        self.config.host = host.into();
        self
    }

    /// The name in INFO.
    pub fn server_name(mut self, name: impl Into<String>) -> Builder {
        self.config.server_name = Some(name.into());
        self
    }

    /// Largest payload, headers included.
    pub fn max_payload_bytes(mut self, bytes: usize) -> Builder {
        self.config.max_payload_bytes = bytes;
        self
    }

    /// Largest argument part of a control line.
    pub fn max_control_line_bytes(mut self, bytes: usize) -> Builder {
        self.config.max_control_line_bytes = bytes;
        self
    }

    /// Connections served at a time.
    pub fn max_connections(mut self, connections: usize) -> Builder {
        self.config.max_connections = connections;
        self
    }

    /// Subscriptions of one connection; 0 is no limit.
    pub fn max_subscriptions(mut self, subscriptions: usize) -> Builder {
        self.config.max_subscriptions = subscriptions;
        self
    }

    /// Tokens in a subscription's subject; 0 is no limit.
    pub fn max_subject_tokens(mut self, tokens: usize) -> Builder {
        self.config.max_subject_tokens = tokens;
        self
    }

    /// Bytes that may wait for one connection before it is cut off.
    pub fn max_pending_bytes(mut self, bytes: usize) -> Builder {
        self.config.max_pending_bytes = bytes;
        self
    }

    /// How long a connection may accept no bytes before it is cut off.
    pub fn write_deadline(mut self, deadline: Duration) -> Builder {
        self.config.write_deadline = deadline;
        self
    }

    /// Time between keep-alive PINGs.
    pub fn ping_interval(mut self, interval: Duration) -> Builder {
        self.config.ping_interval = interval;
        self
    }

    /// Unanswered PINGs after which a connection is stale.
    pub fn ping_max(mut self, pings: u32) -> Builder {
        self.config.ping_max = pings;
        self
    }

    /// How long a shutdown waits for what is queued to be sent.
    pub fn shutdown_grace(mut self, grace: Duration) -> Builder {
        self.config.shutdown_grace = grace;
        self
    }

    /// Whether messages can carry headers.
    pub fn headers(mut self, headers: bool) -> Builder {
        self.config.headers = headers;
        self
    }

    /// Lets in whoever shows this token (AUTH-004), or a token with this bcrypt hash.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let server = nats_reference_server::Server::builder().token("s3cr3t").start().await?;
    /// let options = async_nats::ConnectOptions::with_token("s3cr3t".to_owned());
    /// options.connect(server.client_url()).await?;
    /// assert!(async_nats::connect(server.client_url()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn token(mut self, token: impl Into<Secret>) -> Builder {
        self.config.auth.token = Some(token.into());
        self
    }

    /// Lets this user in, besides others (AUTH-007). For permissions and nkeys, see
    /// [`auth`](Builder::auth).
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let server =
    ///     nats_reference_server::Server::builder().user("alice", "wonder").start().await?;
    /// let options =
    ///     async_nats::ConnectOptions::with_user_and_password("alice".into(), "wonder".into());
    /// options.connect(server.client_url()).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn user(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Builder {
        self.config.auth.users.push(User::with_password(name, password));
        self
    }

    /// Adds an account: its users see each other's messages and nobody else's (ACC-001).
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use nats_reference_server::{AccountOptions, Permissions, Server, User};
    ///
    /// let reader = Permissions::default().allow_subscribe("orders.>").deny_publish(">");
    /// let server = Server::builder()
    ///     .account(
    ///         AccountOptions::new("SHOP")
    ///             .user(User::with_password("till", "1"))
    ///             .user(User::with_password("stock", "2").permissions(reader)),
    ///     )
    ///     .account(AccountOptions::new("LAB").user(User::with_password("ann", "3")))
    ///     .start()
    ///     .await?;
    /// let options = async_nats::ConnectOptions::with_user_and_password("till".into(), "1".into());
    /// options.connect(server.client_url()).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn account(mut self, account: AccountOptions) -> Builder {
        self.config.auth.accounts.push(account);
        self
    }

    /// Lets in whose token leads back to one of these operators (AUTH-025), instead of users and
    /// accounts that are configured here.
    ///
    /// ```
    /// use data_encoding::BASE64URL_NOPAD;
    /// use nats_reference_server::{OperatorMode, Server};
    /// use nkeys::KeyPair;
    /// use serde_json::{Value, json};
    ///
    /// /// What `issuer` says of `subject`, signed; `nsc` makes such tokens as well.
    /// fn token(issuer: &KeyPair, subject: &KeyPair, says: Value) -> String {
    ///     let part = |json: Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    ///     let keys = [issuer, subject].map(KeyPair::public_key);
    ///     let body = json!({ "iss": keys[0], "sub": keys[1], "nats": says });
    ///     let head = part(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    ///     let signed = format!("{head}.{}", part(body));
    ///     let signature = issuer.sign(signed.as_bytes()).unwrap_or_default();
    ///     format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    /// }
    ///
    /// let (operator, acme) = (KeyPair::new_operator(), KeyPair::new_account());
    /// let limits = json!({ "conn": 10, "subs": -1, "payload": -1 });
    /// let account = json!({ "type": "account", "version": 2, "limits": limits });
    /// let mode = OperatorMode::new(token(
    ///     &operator,
    ///     &operator,
    ///     json!({ "type": "operator", "version": 2 }),
    /// ))
    /// .account(acme.public_key(), token(&operator, &acme, account));
    /// let server = Server::builder().operator_mode(mode).start_blocking()?;
    /// assert!(server.config().auth.operator_mode.accounts.contains_key(&acme.public_key()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn operator_mode(mut self, mode: crate::OperatorMode) -> Builder {
        self.config.auth.operator_mode = mode;
        self
    }

    /// Says all at once who may log in.
    pub fn auth(mut self, auth: Auth) -> Builder {
        self.config.auth = auth;
        self
    }

    /// The nats-server release to behave like.
    pub fn profile(mut self, profile: Profile) -> Builder {
        self.config.profile = profile;
        self
    }

    /// Serves clients in TLS.
    pub fn tls(mut self, tls: Tls) -> Builder {
        self.config.tls = Some(tls);
        self
    }

    /// With [`tls`](Builder::tls): serves clients in clear as well.
    pub fn allow_non_tls(mut self, allow: bool) -> Builder {
        self.config.allow_non_tls = allow;
        self
    }

    /// Listens for WebSockets, too.
    pub fn websocket(mut self, websocket: WebSocket) -> Builder {
        self.config.websocket = Some(websocket);
        self
    }

    /// Threads that serve connections.
    pub fn threads(mut self, threads: usize) -> Builder {
        self.config.threads = threads;
        self
    }

    /// Serves monitoring pages over HTTP on this port; 0 takes a free one (MON-004). Takes the
    /// feature `monitoring`.
    pub fn monitoring(mut self, port: u16) -> Builder {
        self.config.monitoring.port = Some(port);
        self
    }

    /// Starts; once this returns, clients are served.
    ///
    /// # Errors
    /// An address that can't be listened on, options that contradict each other.
    pub async fn start(self) -> Result<Server, StartError> {
        let (server, ready) = Server::launch(self.config)?;
        // The other end only goes away without a word if the thread is gone.
        let _ = ready.await;
        Ok(server)
    }

    /// [`start`](Builder::start) for callers without a runtime.
    ///
    /// # Errors
    /// As [`start`](Builder::start).
    pub fn start_blocking(self) -> Result<Server, StartError> {
        let (server, ready) = Server::launch(self.config)?;
        let _ = ready.blocking_recv();
        Ok(server)
    }
}

fn warn(odd: &[ConfigWarning]) {
    odd.iter().for_each(|warning| log::warn!("{warning}"));
}
