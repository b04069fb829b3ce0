//! Every option of the broker, with its default and its bound.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use crate::{Auth, Monitoring, Tls, WebSocket, conf::duration::show};

/// The deepest that the tree of subscriptions may become.
const TREE_TOKENS_MAX: usize = 4096;

/// How long a login may take.
const LOGIN: Duration = Duration::from_secs(2);
/// The same, from the end of a handshake that takes as long as it may.
const LOGIN_BEHIND_HANDSHAKE: Duration = Duration::from_secs(1);

/// What a server is told before it starts.
///
/// The defaults are those of nats-server, except for [`port`](Config::port): a server that is
/// embedded listens on a free port unless told otherwise.
///
/// # Memory
///
/// What a connection can make the server hold, besides some 10 KiB for itself, and 256 KiB to read
/// into until the first keep-alive at which it is quiet:
///
/// - what it has begun to send and not finished: a control line, and a payload of
///   [`max_payload_bytes`](Config::max_payload_bytes);
/// - what waits to be sent to it: [`max_pending_bytes`](Config::max_pending_bytes);
/// - its subscriptions: some hundred bytes each, some hundred more for each token that no other
///   subject has in that place, and what its subject, queue group and sid are long; as many as
///   [`max_subscriptions`](Config::max_subscriptions) allows. The tokens weigh most: a line of
///   4 KiB that is all tokens takes 700 KiB;
/// - with permissions, which of its last subjects it may publish to: 128 KiB and one subject that
///   may be longer; with [`Responses`](crate::Responses), 65 536 reply subjects besides;
/// - where its last subjects led: 2 MiB and one route that may be longer. The subscriptions that
///   these lead to, if they have ended since, stay until it publishes again or its next keep-alive;
/// - in TLS 64 KiB of a handshake, later 16 KiB of what came and 64 KiB of what goes;
/// - as a WebSocket 64 KiB of its request; later what the writer has taken to send once more,
///   framed, 16 KiB each way, and 40 KiB for a client that sends compressed messages.
///
/// The whole is that times [`max_connections`](Config::max_connections): far more than any machine
/// has, with the defaults. Whoever serves strangers lowers them. A connection that is being closed
/// is not counted there any more; what waits for it stays up to
/// [`write_deadline`](Config::write_deadline) longer. Where there are monitoring pages, each of the
/// last [`max_closed_clients`](Monitoring::max_closed_clients) leaves behind who it was, in the
/// words of its CONNECT, and up to 4 KiB of its subscriptions.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The address to listen on, as it is written in INFO. Default `127.0.0.1`.
    pub host: String,
    /// The port to listen on; 0 takes a free one. Default 0 (the program's default is 4222).
    pub port: u16,
    /// `server_name` in INFO; the server's id if absent.
    pub server_name: Option<String>,
    /// The `host:port` that INFO shows instead of the one listened on.
    pub client_advertise: Option<String>,
    /// Largest payload, headers included. Default 1 MiB.
    pub max_payload_bytes: usize,
    /// Largest argument part of a control line. Default 4096.
    pub max_control_line_bytes: usize,
    /// Connections served at a time; one more is refused. Default 65 536.
    pub max_connections: usize,
    /// Subscriptions of one connection; 0 is no limit, the default.
    pub max_subscriptions: usize,
    /// Tokens in a subscription's subject; 0, the default, is as many as the tree can be deep:
    /// 4096, more than a control line of the default size has room for.
    pub max_subject_tokens: usize,
    /// Bytes that may wait for one connection; one more and it is cut off. Default 64 MiB.
    pub max_pending_bytes: usize,
    /// How long a connection may accept no bytes before it is cut off. Default 10 s.
    pub write_deadline: Duration,
    /// Time between keep-alive PINGs to a quiet connection. Default 2 min.
    pub ping_interval: Duration,
    /// Unanswered PINGs after which a connection is stale. Default 2.
    pub ping_max: u32,
    /// How long a shutdown waits for what is queued to be sent. Default 2 s.
    pub shutdown_grace: Duration,
    /// Over how long a lame duck closes its connections one after the other. Default 2 min.
    pub lame_duck_duration: Duration,
    /// How long a lame duck waits before it closes the first. Default 10 s.
    pub lame_duck_grace_period: Duration,
    /// Bytes of a payload that a trace shows; 0, the default, is all.
    pub max_traced_bytes: usize,
    /// Whether messages can carry headers. Default true.
    pub headers: bool,
    /// Who may log in, and what they may do. Default anybody, everything.
    pub auth: Auth,
    /// The monitoring pages. Default none.
    pub monitoring: Monitoring,
    /// The nats-server release to behave like, where releases differ. Default the newest.
    pub profile: Profile,
    /// Threads that serve connections. Default 1, plenty for tests; the program takes one a core.
    pub threads: usize,
    /// TLS for clients; none, the default, is TCP in clear.
    pub tls: Option<Tls>,
    /// With [`tls`](Config::tls): clients in clear are served as well (TLS-010). Default false.
    pub allow_non_tls: bool,
    /// Proxies stand before the server and say in the PROXY protocol whom they speak for
    /// (PROXY-001). Only proxies may be able to connect then: whoever is, can claim any address.
    /// Default false.
    pub proxy_protocol: bool,
    /// A second listener, for WebSockets. Default none.
    pub websocket: Option<WebSocket>,
    /// What a page tells of this server, and those can ask for who look for some of many: the words
    /// of `server_tags`, in small letters. Default none.
    pub tags: Vec<String>,
    /// The same as names and values, `server_metadata`. Default none.
    pub metadata: BTreeMap<String, String>,
    /// The digest of the [configuration](Config::merge) that was read last, as the log and
    /// `/varz` tell it: `sha256:` and 64 hexadecimal digits. Empty without one, and without the
    /// feature `program`.
    pub digest: String,
    /// What only the program looks at.
    pub program: ProgramConfig,
}

/// What the program `nats-reference-server` looks at, and an embedded server does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramConfig {
    /// Log connections coming and going.
    pub debug: bool,
    /// Log operations.
    pub trace: bool,
    /// Log to this file instead of standard error.
    pub log_file: Option<PathBuf>,
    /// Log to the machine's syslog instead, unless a log file or another syslog is named.
    pub syslog: bool,
    /// Log to this syslog, unless a log file is named: `udp://HOST:PORT`, `tcp://HOST:PORT` or
    /// `unix:///PATH`.
    pub remote_syslog: Option<String>,
    /// Begin another log file when this one would grow larger; 0, the default, is never.
    pub log_file_bytes_max: u64,
    /// Log files to keep, the current one included; 0, the default, is all.
    pub log_files_max: usize,
    /// Begin log lines with date and time. Default true.
    pub log_time: bool,
    /// Log in universal instead of local time.
    pub log_utc: bool,
    /// Write the process id to this file.
    pub pid_file: Option<PathBuf>,
    /// Write a file that says where clients connect to into this folder.
    pub ports_dir: Option<PathBuf>,
}

impl Default for ProgramConfig {
    fn default() -> ProgramConfig {
        ProgramConfig {
            debug: false,
            trace: false,
            log_file: None,
            syslog: false,
            remote_syslog: None,
            log_file_bytes_max: 0,
            log_files_max: 0,
            log_time: true,
            log_utc: false,
            pid_file: None,
            ports_dir: None,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            host: "127.0.0.1".to_owned(),
            port: 0,
            server_name: None,
            client_advertise: None,
            max_payload_bytes: 1 << 20,
            max_control_line_bytes: 4096,
            max_connections: 64 << 10,
            max_subscriptions: 0,
            max_subject_tokens: 0,
            max_pending_bytes: 64 << 20,
            write_deadline: Duration::from_secs(10),
            ping_interval: Duration::from_secs(120),
            ping_max: 2,
            shutdown_grace: Duration::from_secs(2),
            lame_duck_duration: Duration::from_secs(120),
            lame_duck_grace_period: Duration::from_secs(10),
            max_traced_bytes: 0,
            headers: true,
            auth: Auth::default(),
            monitoring: Monitoring::default(),
            profile: Profile::default(),
            threads: 1,
            tls: None,
            allow_non_tls: false,
            proxy_protocol: false,
            websocket: None,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            digest: String::new(),
            program: ProgramConfig::default(),
        }
    }
}

impl Config {
    /// Tokens of the longest subject that can be subscribed to. The index goes down one call a
    /// token, so there is an end to it even if nobody asked for one.
    pub(crate) fn tokens_max(&self) -> usize {
        match self.max_subject_tokens {
            0 => TREE_TOKENS_MAX,
            tokens => tokens.min(TREE_TOKENS_MAX),
        }
    }

    /// How long a login may take (AUTH-013), where nobody says otherwise.
    pub(crate) fn login_timeout(&self) -> Duration {
        let usual = || match &self.tls {
            Some(tls) => tls.timeout + LOGIN_BEHIND_HANDSHAKE,
            None => LOGIN,
        };
        self.auth.timeout.unwrap_or_else(usual)
    }

    /// Says what can't be meant, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.max_payload_bytes > self.max_pending_bytes {
            return Some(format!(
                "max_payload ({}) cannot be higher than max_pending ({})",
                self.max_payload_bytes, self.max_pending_bytes
            ));
        }
        let above_zero = [
            ("max_control_line", self.max_control_line_bytes),
            ("max_connections", self.max_connections),
            ("threads", self.threads),
        ];
        let zero = above_zero.iter().find(|(_, value)| *value == 0);
        if let Some((name, _)) = zero {
            return Some(format!("{name} must be above 0"));
        }
        let websocket_ping = self.websocket.as_ref().and_then(|it| it.ping_interval);
        if websocket_ping.is_some_and(|interval| interval.is_zero())
            || self.ping_interval.is_zero()
            || self.write_deadline.is_zero()
        {
            return Some("ping_interval and write_deadline must be above 0".to_owned());
        }
        if self.lame_duck_grace_period >= self.lame_duck_duration {
            return Some(format!(
                "lame duck grace period ({}) should be strictly lower than lame duck duration \
                 ({})",
                show(self.lame_duck_grace_period),
                show(self.lame_duck_duration)
            ));
        }
        self.auth
            .problem(self.profile)
            .or_else(|| self.monitoring.problem())
            .or_else(|| self.websocket.as_ref()?.problem(&self.auth, self.profile))
    }
}

/// A nats-server release to behave like, where releases differ in what a client can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Profile {
    /// As 2.9.10.
    V2_9,
    /// As 2.10.26.
    V2_10,
    /// As 2.11.11.
    V2_11,
    /// As 2.12.8.
    V2_12,
    /// As 2.14.6.
    V2_14,
    /// As 2.15.1.
    #[default]
    V2_15,
}

impl Profile {
    const ALL: [(Profile, &'static str); 6] = [
        (Profile::V2_9, "2.9.10"),
        (Profile::V2_10, "2.10.26"),
        (Profile::V2_11, "2.11.11"),
        (Profile::V2_12, "2.12.8"),
        (Profile::V2_14, "2.14.6"),
        (Profile::V2_15, "2.15.1"),
    ];

    /// The release that INFO names.
    pub fn version(self) -> &'static str {
        let (_, version) = Profile::ALL[self as usize];
        version
    }

    /// Reads a release such as `2.12` or `2.12.8`.
    pub fn parse(text: &str) -> Option<Profile> {
        let line = |version: &str| version.rsplit_once('.').map(|(line, _)| line.to_owned());
        let same = |version: &str| version == text || line(version).as_deref() == Some(text);
        Profile::ALL.iter().find(|(_, version)| same(version)).map(|(profile, _)| *profile)
    }

    /// The no-responders status names the subject (CORE-REQ-003).
    pub(crate) fn status_names_subject(self) -> bool {
        self >= Profile::V2_12
    }

    /// An INFO follows the first PONG after CONNECT (CORE-INFO-021).
    pub(crate) fn info_after_first_pong(self) -> bool {
        self >= Profile::V2_12
    }

    /// A repeated CONNECT drops the subscriptions (CORE-CONN-008).
    pub(crate) fn reconnect_drops_subscriptions(self) -> bool {
        self >= Profile::V2_12
    }

    /// A member of a queue group is held back by the denies of that group alone, where there are
    /// some, and by plain ones only where there are none (PERM-013).
    pub(crate) fn denied_queue_stands_alone(self) -> bool {
        self <= Profile::V2_11
    }

    /// Whether a subscription that a reload cancels is told with its queue group (CORE-ERR-010).
    pub(crate) fn names_queue_of_cancelled(self) -> bool {
        self >= Profile::V2_14
    }

    /// A permission to publish can't name a queue group (PERM-019).
    pub(crate) fn refuses_queues_in_publish(self) -> bool {
        self >= Profile::V2_14
    }

    /// INFO shows the server's curve key (CORE-INFO-019).
    pub(crate) fn shows_curve_key(self) -> bool {
        self >= Profile::V2_10
    }

    /// Whose first operation is not CONNECT is judged like somebody whose CONNECT brings nothing
    /// (AUTH-011, AUTH-035).
    pub(crate) fn judges_silent_guests(self) -> bool {
        self >= Profile::V2_14
    }

    /// A request to another account where nobody listens is answered with the status (ACC-011).
    pub(crate) fn tells_of_nobody_across_accounts(self) -> bool {
        self >= Profile::V2_10
    }

    /// Publishing below `$NRG.` is refused (CORE-SUBJ-019).
    pub(crate) fn refuses_nrg(self) -> bool {
        self >= Profile::V2_11
    }

    /// Publishing below `$GR.` is refused (CORE-SUBJ-017).
    pub(crate) fn refuses_old_gateway_prefix(self) -> bool {
        self >= Profile::V2_15
    }

    /// Who comes by WebSocket and sends no CONNECT is not that listener's own `no_auth_user` but
    /// the server's (WS-017).
    pub(crate) fn websocket_guests_must_connect(self) -> bool {
        self <= Profile::V2_11
    }

    /// What is sent to a connection also counts as life (CORE-PING-009).
    pub(crate) fn output_suppresses_ping(self) -> bool {
        self <= Profile::V2_9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_line_and_by_release() {
        assert_eq!(Profile::parse("2.11"), Some(Profile::V2_11));
        assert_eq!(Profile::parse("2.15.1"), Some(Profile::V2_15));
        assert_eq!(Profile::parse("2.13"), None);
        assert_eq!(Profile::default().version(), "2.15.1");
    }

    #[test]
    fn a_payload_that_can_never_be_queued_is_a_problem() {
        let config = Config { max_payload_bytes: 2, max_pending_bytes: 1, ..Config::default() };
        assert!(config.problem().is_some_and(|text| text.contains("max_pending")));
        assert_eq!(Config::default().problem(), None);
    }
}
