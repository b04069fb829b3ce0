//! Other options for a server that is running.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rand::seq::SliceRandom;
use thiserror::Error;

use super::{Entrances, Phase, Server, Shared, Terms, terms::greeting};
use crate::{
    Auth, Config, Credential, HandshakeFirst, Secret, Tls, User, WebSocket,
    conf::duration::show,
    ledger::Reason,
    outbox::{Ending, Ring},
    protocol::{Info, encode},
    router::Client,
    transport::TransportError,
};

/// Why a server keeps its options.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// This option can't change while the server runs (LIFE-008).
    #[error("config reload not supported for {option}: old={old}, new={new}")]
    NotSupported {
        /// As nats-server names it.
        option: &'static str,
        /// What it is.
        old: String,
        /// What it was to become.
        new: String,
    },
    /// The options contradict each other.
    #[error("{0}")]
    Config(String),
    /// The server is stopping.
    #[error("the server is shutting down")]
    Stopping,
}

/// A reload of logins waits so long for all connections to follow, which takes them no time unless
/// a hash is being computed; whoever needs longer is judged later.
const LOGINS_JUDGED_IN: Duration = Duration::from_secs(1);

/// How an option is shown.
type Shown = fn(&Config) -> String;

/// Options that need a restart, as nats-server names them.
const FIXED: &[(&str, Shown)] = &[
    ("Host", |c| c.host.clone()),
    ("Port", |c| c.port.to_string()),
    ("ServerName", |c| c.server_name.clone().unwrap_or_default()),
    ("MaxPending", |c| c.max_pending_bytes.to_string()),
    ("MaxSubs", |c| c.max_subscriptions.to_string()),
    ("MaxSubTokens", |c| c.max_subject_tokens.to_string()),
    ("SystemAccount", |c| c.auth.operator_mode.system_account.clone().unwrap_or_default()),
    ("NoSystemAccount", |c| c.auth.no_system_account.to_string()),
    ("AuthCallout", |c| format!("{:?}", c.auth.callout)),
    ("NoAuthUser", |c| c.auth.no_auth_user.clone().unwrap_or_default()),
    ("ProxyRequired", |c| c.auth.proxy_required.to_string()),
    ("TrustedOperators", |c| c.auth.operator_mode.trusted()),
    ("NoHeaderSupport", |c| (!c.headers).to_string()),
    ("LameDuckDuration", |c| show(c.lame_duck_duration)),
    ("LameDuckGracePeriod", |c| show(c.lame_duck_grace_period)),
    ("HTTPHost", |c| c.monitoring.host.as_ref().unwrap_or(&c.host).clone()),
    ("HTTPPort", |c| pages_port(c.monitoring.port)),
    ("HTTPSPort", |c| pages_port(c.monitoring.https_port)),
    ("HTTPBasePath", |c| c.monitoring.base_path.clone()),
    ("MaxClosedClients", |c| c.monitoring.max_closed_clients.to_string()),
    ("LogSizeLimit", |c| c.program.log_file_bytes_max.to_string()),
    ("LogMaxFiles", |c| c.program.log_files_max.to_string()),
    ("AllowNonTLS", |c| c.allow_non_tls.to_string()),
    ("ProxyProtocol", |c| c.proxy_protocol.to_string()),
    ("TLSRateLimit", |c| c.tls.as_ref().map_or(0, |tls| tls.connections_per_second).to_string()),
    ("Profile", |c| c.profile.version().to_owned()),
    ("Threads", |c| c.threads.to_string()),
];

/// Options that hold at once, as nats-server's log names them.
const CHANGEABLE: &[(&str, Shown)] = &[
    ("client_advertise", |c| c.client_advertise.clone().unwrap_or_default()),
    ("max_connections", |c| match c.max_connections {
        usize::MAX => "-1".to_owned(),
        max => max.to_string(),
    }),
    ("max_control_line", |c| c.max_control_line_bytes.to_string()),
    ("max_payload", |c| c.max_payload_bytes.to_string()),
    ("ping_interval", |c| show(c.ping_interval)),
    ("ping_max", |c| c.ping_max.to_string()),
    ("write_deadline", |c| show(c.write_deadline)),
    ("shutdown_grace", |c| show(c.shutdown_grace)),
    ("max_traced_msg_len", |c| c.max_traced_bytes.to_string()),
    ("debug", |c| c.program.debug.to_string()),
    ("trace", |c| c.program.trace.to_string()),
    ("logtime", |c| c.program.log_time.to_string()),
    ("logtime_utc", |c| c.program.log_utc.to_string()),
    ("log_file", |c| path(&c.program.log_file)),
    ("syslog", |c| c.program.syslog.to_string()),
    ("remote_syslog", |c| c.program.remote_syslog.clone().unwrap_or_default()),
    ("pid_file", |c| path(&c.program.pid_file)),
    ("ports_file_dir", |c| path(&c.program.ports_dir)),
];

/// 0 is no port, and -1 any that is free.
fn pages_port(port: Option<u16>) -> String {
    match port {
        None => "0".to_owned(),
        Some(0) => "-1".to_owned(),
        Some(port) => port.to_string(),
    }
}

fn path(path: &Option<std::path::PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// All but the certificates, which are read again.
fn websocket(config: &Config) -> Option<WebSocket> {
    config.websocket.as_ref().map(|it| WebSocket { tls: None, ..it.clone() })
}

/// The name of the only user.
fn name(auth: &Auth) -> Option<&str> {
    auth.user.as_ref().map(User::name)
}

/// The password of the only user.
fn password(auth: &Auth) -> Option<&Secret> {
    match auth.user.as_ref().map(|user| &user.credential)? {
        Credential::Password { password, .. } => Some(password),
        Credential::Nkey(_) => None,
    }
}

/// What has changed about logins, as nats-server's log names it, without values. Users and
/// accounts are looked at together: there, too, neither is ever named alone.
fn auth_changes(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let timeouts = (old.login_timeout(), new.login_timeout());
    let (old, new) = (&old.auth, &new.auth);
    if old != new {
        changes.extend(["authorization users", "accounts"].map(str::to_owned));
    }
    if name(old) != name(new) {
        changes.push("authorization username".to_owned());
    }
    if password(old) != password(new) {
        changes.push("authorization password".to_owned());
    }
    if old.token != new.token {
        changes.push("authorization token".to_owned());
    }
    if timeouts.0 != timeouts.1 {
        changes.push(format!("authorization timeout = {}", timeouts.1.as_secs_f64()));
    }
    let only_in = |one: &Auth, other: &Auth| -> Vec<String> {
        let keys = one.trusted_proxies.iter().filter(|key| !other.trusted_proxies.contains(key));
        keys.map(|key| format!("{key:?}")).collect()
    };
    for (keys, what) in [(only_in(old, new), "removed"), (only_in(new, old), "added")] {
        if !keys.is_empty() {
            changes.push(format!("proxies trusted keys [{}] were {what}", keys.join(" ")));
        }
    }
    changes
}

/// What has changed about TLS, as nats-server's log names it. Certificates and keys are read again
/// in any case.
fn tls_changes(old: Option<&Tls>, new: Option<&Tls>) -> Vec<String> {
    let (Some(old), Some(new)) = (old, new) else {
        return match (old, new) {
            (None, Some(_)) => vec!["tls = enabled".to_owned()],
            (Some(_), None) => vec!["tls = disabled".to_owned()],
            _ => Vec::new(),
        };
    };
    let mut changes = Vec::new();
    let told_alone = |tls: &Tls| Tls {
        timeout: Duration::ZERO,
        handshake_first: HandshakeFirst::No,
        pinned_certs: Vec::new(),
        ..tls.clone()
    };
    if told_alone(old) != told_alone(new) {
        changes.push("tls = enabled".to_owned());
    }
    if old.timeout != new.timeout {
        changes.push(format!("tls timeout = {}", new.timeout.as_secs_f64()));
    }
    if old.pinned_certs != new.pinned_certs {
        changes.push(format!("{} pinned_certs", new.pinned_certs.len()));
    }
    let first = |tls: &Tls| match tls.handshake_first {
        HandshakeFirst::No => (false, Duration::ZERO),
        HandshakeFirst::Always => (true, Duration::ZERO),
        HandshakeFirst::Within(time) => (true, time),
    };
    let ((was_first, fallback_was), (is_first, fallback)) = (first(old), first(new));
    if was_first != is_first {
        changes.push(format!("Client TLS handshake first: {is_first}"));
    }
    if fallback_was != fallback {
        changes.push(format!("Client TLS handshake first fallback delay: {}", show(fallback)));
    }
    changes
}

impl Server {
    /// Takes other options over, all or none, and says which: `max_payload = 200` (LIFE-003).
    /// They hold for connections that are open as well: logins are judged again (LIFE-004), and
    /// subscriptions that are no longer allowed are cancelled (LIFE-005), before this returns
    /// unless a hash takes long. More connections than
    /// [`max_connections`](Config::max_connections) are closed (LIFE-010). A write deadline holds
    /// for new ones only, and so does TLS, whose files are read again (TLS-021). Options of the
    /// program are compared, and are for the program to follow.
    ///
    /// ```
    /// # use nats_reference_server::{Config, Server};
    /// let server = Server::builder().start_blocking()?;
    /// let config = Config { max_payload_bytes: 100, ..(*server.config()).clone() };
    /// assert_eq!(server.reload(config)?, ["max_payload = 100"]);
    /// let config = Config { max_subscriptions: 1, ..(*server.config()).clone() };
    /// let refused = server.reload(config).unwrap_err().to_string();
    /// assert!(refused.contains("not supported for MaxSubs"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Options that need a restart, or contradict each other; then nothing has changed.
    pub fn reload(&self, config: Config) -> Result<Vec<String>, ReloadError> {
        let old = self.config();
        // Who asked for a free port, and now names the one that was found, means the same.
        let port = if config.port == self.addr().port() { old.port } else { config.port };
        let mut config = Config { port, ..config };
        let pages_port = self.shared.monitoring_addr.map(|addr| addr.port());
        if config.monitoring.port.is_some() && config.monitoring.port == pages_port {
            config.monitoring.port = old.monitoring.port;
        }
        if config.monitoring.https_port.is_some() && config.monitoring.https_port == pages_port {
            config.monitoring.https_port = old.monitoring.https_port;
        }
        if let Some(problem) = config.problem() {
            return Err(ReloadError::Config(problem));
        }
        let differs = |(_, show): &&(&str, Shown)| show(&old) != show(&config);
        if let Some((option, show)) = FIXED.iter().find(differs) {
            let (old, new) = (show(&old), show(&config));
            return Err(ReloadError::NotSupported { option, old, new });
        }
        // Compared as they are: what is shown has no passwords.
        let (old_websocket, websocket) = (websocket(&old), websocket(&config));
        if old_websocket != websocket {
            let (old, new) = (format!("{old_websocket:?}"), format!("{websocket:?}"));
            return Err(ReloadError::NotSupported { option: "Websocket", old, new });
        }
        let unusable = |error: TransportError| ReloadError::Config(error.to_string());
        let entrances = self.shared.terms.borrow().entrances.clone();
        let entrances = entrances.renewed(&config).map_err(unusable)?;
        let changes = CHANGEABLE.iter().filter(differs);
        let changes = changes.map(|(name, show)| format!("{name} = {}", show(&config)));
        let named =
            [("tags", old.tags != config.tags), ("metadata", old.metadata != config.metadata)];
        let named = named.into_iter().filter(|(_, differs)| *differs);
        let changes = changes
            .chain(auth_changes(&old, &config))
            .chain(tls_changes(old.tls.as_ref(), config.tls.as_ref()))
            .chain(named.map(|(name, _)| name.to_owned()))
            .collect();
        self.shared.replace(config, entrances)?;
        Ok(changes)
    }

    /// Reads certificates and keys again, for connections from now on (TLS-021).
    ///
    /// # Errors
    /// What can't be read or does not fit together; what held before then goes on.
    pub fn reload_certificates(&self) -> Result<(), TransportError> {
        let Terms { config, entrances, .. } = self.shared.terms.borrow().clone();
        let entrances = entrances.renewed(&config)?;
        self.shared.change(|terms| terms.entrances = entrances);
        Ok(())
    }
}

impl Shared {
    fn replace(&self, config: Config, entrances: Arc<Entrances>) -> Result<(), ReloadError> {
        if self.terms.borrow().phase == Phase::Stopping {
            return Err(ReloadError::Stopping);
        }
        let max = config.max_connections;
        let greeting = greeting(&config, self.addr, &self.id);
        let mut judged_again = None;
        self.change(|terms| {
            terms.reloaded = Some(SystemTime::now());
            let timeout = |config: &Config| config.login_timeout();
            if terms.config.auth != config.auth || timeout(&terms.config) != timeout(&config) {
                judged_again = Some(terms.authenticator.watch());
                terms.authenticator = Arc::new(terms.authenticator.reloaded(&config));
            }
            terms.config = Arc::new(config);
            terms.entrances = entrances;
            let auth_required = terms.authenticator.asks();
            let xkey = terms.greeting.xkey.clone();
            terms.greeting = Arc::new(Info { auth_required, xkey, ..greeting });
        });
        let Terms { config, authenticator, .. } = self.terms.borrow().clone();
        self.herald.speak_of(config);
        self.herald.follow(authenticator.accounts());
        if let Some(judged_again) = judged_again {
            // Nothing is ever sent: it ends when all have seen to their logins.
            let _ = judged_again.recv_timeout(LOGINS_JUDGED_IN);
        }
        let mut clients: Vec<Arc<Client>> = self.clients().values().cloned().collect();
        let surplus = clients.len().saturating_sub(max);
        if surplus > 0 {
            clients.shuffle(&mut rand::rng());
        }
        for client in &clients[..surplus] {
            let told = client.outbox.append(|out| {
                encode::error(out, "maximum connections exceeded");
            });
            log::error!("{} - maximum connections exceeded", client.label);
            client.ledger.ends(Reason::behind("maximum connections exceeded"));
            client.outbox.end(if told == Ring::Overflow { Ending::Cut } else { Ending::Flush });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Monitoring, ProgramConfig};

    /// Counts the names, and says them so that a new option does not compile before it is here.
    macro_rules! fields {
        ($type:ident, $($field:ident)*) => {{
            let $type { $($field: _),* } = $type::default();
            [$(stringify!($field)),*].len()
        }};
    }

    #[test]
    fn every_option_can_change_or_needs_a_restart() {
        let of_the_server = fields!(
            Config, host port server_name client_advertise max_payload_bytes
            max_control_line_bytes max_connections max_subscriptions max_subject_tokens
            max_pending_bytes write_deadline ping_interval ping_max shutdown_grace
            lame_duck_duration lame_duck_grace_period max_traced_bytes headers profile threads
            auth monitoring tls allow_non_tls proxy_protocol websocket tags metadata digest
            program
        );
        let of_the_pages = fields!(Monitoring, host port https_port base_path max_closed_clients);
        let of_the_program = fields!(
            ProgramConfig, debug trace log_file syslog remote_syslog log_file_bytes_max
            log_files_max log_time log_utc pid_file ports_dir
        );
        // Of logins six parts need a restart, and one of TLS; the others are compared as
        // `auth_changes` and `tls_changes` do, WebSockets, tags and metadata as a whole, options of
        // the pages and the program one by one. A digest is of others.
        let all = of_the_server - 1 + of_the_pages + of_the_program;
        assert_eq!(FIXED.len() + CHANGEABLE.len(), all);
    }
}
