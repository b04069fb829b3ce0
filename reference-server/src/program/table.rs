//! Every flag of nats-server: its names, what it takes, what it does, and its line in the help.

use nats_reference_server::{Config, Credential, Profile, Secret, User};

/// A flag, declared once.
pub(super) struct Flag {
    pub(super) names: &'static [&'static str],
    pub(super) takes: Takes,
    pub(super) help: &'static str,
    pub(super) does: Does,
}

/// What stands behind a flag.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// An integer, with what stands for it in the help.
    Integer(&'static str),
    /// Anything, with what stands for it in the help.
    Text(&'static str),
}

/// Takes a value over; what it can't be is told without its name.
pub(super) type Set = fn(&mut Config, &str) -> Result<(), String>;

/// What a flag does.
pub(super) enum Does {
    /// Changes the configuration; it wins over the file (CONF-016).
    Set(Set),
    /// The program looks for it by its name.
    Program,
    /// Nothing that a client sees depends on it; why.
    Nothing(&'static str),
    /// This server has not got it.
    Unsupported,
}

pub(super) const PORT: &str = "a port from 0 to 65535, or -1 for a free one";
const RELEASES: &str = "a release of nats-server from 2.9 to 2.15";
const NO_CLUSTER: &str = "there is no cluster";

use Does::{Nothing, Program, Unsupported};
use Takes::{Integer, Switch, Text};

/// The flags as the help shows them, under their headings (table 6.1).
pub(super) const SECTIONS: &[(&str, &[Flag])] = &[
    (
        "Server Options",
        &[
            flag(
                &["a", "addr", "net"],
                Text("<host>"),
                "Bind to host address (default: 0.0.0.0)",
                Does::Set(|c, v| put(&mut c.host, v.to_owned())),
            ),
            flag(
                &["p", "port"],
                Integer("<port>"),
                "Use port for clients (default: 4222; -1 for a free one)",
                Does::Set(|c, v| put(&mut c.port, port(v)?)),
            ),
            flag(
                &["n", "name", "server_name"],
                Text("<name>"),
                "Server name (default: its id)",
                Does::Set(|c, v| put(&mut c.server_name, Some(name(v)?))),
            ),
            flag(
                &["P", "pid"],
                Text("<file>"),
                "File to store PID",
                Does::Set(|c, v| put(&mut c.program.pid_file, Some(v.into()))),
            ),
            flag(
                &["m", "http_port"],
                Integer("<port>"),
                "Use port for http monitoring (-1 for a free one)",
                Does::Set(|c, v| put(&mut c.monitoring.port, Some(port(v)?).filter(|_| v != "0"))),
            ),
            flag(
                &["ms", "https_port"],
                Integer("<port>"),
                "Use port for https monitoring (-1 for a free one)",
                Does::Set(|c, v| {
                    put(&mut c.monitoring.https_port, Some(port(v)?).filter(|_| v != "0"))
                }),
            ),
            flag(&["c", "config"], Text("<file>"), "Configuration file", Program),
            flag(&["t"], Switch, "Test configuration and exit", Program),
            flag(
                &["sl", "signal"],
                Text("<signal>[=<pid>]"),
                "Send signal to a server (ldm, stop, quit, term, reopen, reload); \
                 <pid> may be a pid file",
                Program,
            ),
            flag(
                &["client_advertise"],
                Text("<string>"),
                "Client URL to advertise to clients",
                Does::Set(|c, v| put(&mut c.client_advertise, Some(v.to_owned()))),
            ),
            flag(
                &["ports_file_dir"],
                Text("<dir>"),
                "Create <executable_name>_<pid>.ports in this directory",
                Does::Set(|c, v| put(&mut c.program.ports_dir, Some(v.into()))),
            ),
        ],
    ),
    (
        "Options of This Server",
        &[
            flag(
                &["profile"],
                Text("<release>"),
                "Behave like this nats-server: 2.9 to 2.15",
                Does::Set(profile),
            ),
            flag(
                &["threads"],
                Integer("<n>"),
                "Threads that serve connections (default: one a core)",
                Does::Set(|c, v| put(&mut c.threads, number(v)?)),
            ),
        ],
    ),
    (
        "Logging Options",
        &[
            flag(
                &["l", "log"],
                Text("<file>"),
                "File to redirect log output",
                Does::Set(|c, v| put(&mut c.program.log_file, Some(v.into()))),
            ),
            flag(
                &["T", "logtime"],
                Switch,
                "Timestamp log entries (default: true)",
                Does::Set(|c, v| put(&mut c.program.log_time, v == "true")),
            ),
            flag(
                &["logtime_utc"],
                Switch,
                "Timestamps in UTC instead of local timezone",
                Does::Set(|c, v| put(&mut c.program.log_utc, v == "true")),
            ),
            flag(
                &["s", "syslog"],
                Switch,
                "Log to syslog",
                Does::Set(|c, v| put(&mut c.program.syslog, v == "true")),
            ),
            flag(
                &["r", "remote_syslog"],
                Text("<addr>"),
                "Syslog server addr",
                Does::Set(|c, v| put(&mut c.program.remote_syslog, Some(v.to_owned()))),
            ),
            flag(
                &["D", "debug"],
                Switch,
                "Enable debugging output",
                Does::Set(|c, v| put(&mut c.program.debug, v == "true")),
            ),
            flag(
                &["V", "trace"],
                Switch,
                "Trace the raw protocol",
                Does::Set(|c, v| put(&mut c.program.trace, v == "true")),
            ),
            flag(
                &["VV"],
                Switch,
                "As -V",
                Does::Set(|c, v| put(&mut c.program.trace, v == "true")),
            ),
            flag(&["DV"], Switch, "Debug and trace", Does::Set(debug_and_trace)),
            flag(&["DVV"], Switch, "As -DV", Does::Set(debug_and_trace)),
            flag(
                &["log_size_limit"],
                Integer("<limit>"),
                "Logfile size limit in bytes (default: none)",
                Does::Set(|c, v| put(&mut c.program.log_file_bytes_max, number(v)?)),
            ),
            flag(
                &["max_traced_msg_len"],
                Integer("<len>"),
                "Maximum printable length for traced messages (default: unlimited)",
                Does::Set(|c, v| put(&mut c.max_traced_bytes, number(v)?)),
            ),
        ],
    ),
    (
        "JetStream Options",
        &[
            flag(&["js", "jetstream"], Switch, "Enable JetStream", Unsupported),
            flag(
                &["sd", "store_dir"],
                Text("<dir>"),
                "Set the storage directory",
                Nothing("there is no JetStream"),
            ),
        ],
    ),
    (
        "Authorization Options",
        &[
            flag(
                &["user"],
                Text("<user>"),
                "User required for connections",
                Does::Set(|c, v| only_user(c, |name, _| *name = v.to_owned())),
            ),
            flag(
                &["pass"],
                Text("<password>"),
                "Password required",
                Does::Set(|c, v| only_user(c, |_, password| *password = v.into())),
            ),
            flag(
                &["auth"],
                Text("<token>"),
                "Authorization token required",
                Does::Set(|c, v| put(&mut c.auth.token, some(v).map(Secret::from))),
            ),
        ],
    ),
    (
        "TLS Options",
        &[
            flag(&["tls"], Switch, "Enable TLS, do not verify clients", Program),
            flag(&["tlscert"], Text("<file>"), "Server certificate file", Program),
            flag(&["tlskey"], Text("<file>"), "Private key for server certificate", Program),
            flag(&["tlsverify"], Switch, "Enable TLS, verify client certificates", Program),
            flag(&["tlscacert"], Text("<file>"), "Client certificate CA", Program),
        ],
    ),
    (
        "Cluster Options",
        &[
            flag(&["routes"], Text("<rurl-1, rurl-2>"), "Routes to connect", Unsupported),
            flag(&["cluster"], Text("<cluster-url>"), "Cluster URL", Unsupported),
            flag(&["cluster_listen"], Text("<url>"), "Cluster URL to listen on", Unsupported),
            flag(&["cluster_name"], Text("<string>"), "Cluster name", Nothing(NO_CLUSTER)),
            flag(&["no_advertise"], Switch, "Do not tell of servers", Nothing(NO_CLUSTER)),
            flag(&["cluster_advertise"], Text("<string>"), "Cluster URL", Nothing(NO_CLUSTER)),
            flag(&["connect_retries"], Integer("<number>"), "Of routes", Nothing(NO_CLUSTER)),
        ],
    ),
    (
        "Common Options",
        &[
            flag(&["h", "help"], Switch, "Show this message", Program),
            flag(&["v", "version"], Switch, "Show version", Program),
            flag(&["help_tls"], Switch, "TLS help", Program),
        ],
    ),
];

const fn flag(
    names: &'static [&'static str],
    takes: Takes,
    help: &'static str,
    does: Does,
) -> Flag {
    Flag { names, takes, help, does }
}

/// All flags.
pub(super) fn all() -> impl Iterator<Item = &'static Flag> {
    SECTIONS.iter().flat_map(|(_, flags)| flags.iter())
}

fn put<T>(option: &mut T, value: T) -> Result<(), String> {
    *option = value;
    Ok(())
}

/// An empty text is none, as for nats-server.
fn some(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

/// Name and password may come in either order, or one of them from the file (AUTH-006).
fn only_user(
    config: &mut Config,
    change: impl FnOnce(&mut String, &mut Secret),
) -> Result<(), String> {
    let user = config.auth.user.get_or_insert_with(|| User::with_password("", ""));
    if let Credential::Password { name, password } = &mut user.credential {
        change(name, password);
    }
    Ok(())
}

fn port(value: &str) -> Result<u16, String> {
    match value {
        "-1" => Ok(0),
        _ => value.parse().map_err(|_| format!("expected {PORT}")),
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| "out of range".to_owned())
}

fn name(value: &str) -> Result<String, String> {
    match value.contains(' ') {
        true => Err("server name cannot contain spaces".to_owned()),
        false => Ok(value.to_owned()),
    }
}

/// nats-server means the port of its profiler, which is never mistaken for a release.
fn profile(config: &mut Config, value: &str) -> Result<(), String> {
    if value.parse::<u16>().is_ok() {
        return Ok(());
    }
    let profile = Profile::parse(value).ok_or_else(|| format!("expected {RELEASES}"))?;
    put(&mut config.profile, profile)
}

fn debug_and_trace(config: &mut Config, value: &str) -> Result<(), String> {
    config.program.debug = value == "true";
    config.program.trace = value == "true";
    Ok(())
}
