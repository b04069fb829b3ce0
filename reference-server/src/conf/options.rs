//! The options at the top of a configuration file.

use std::time::Duration;

use super::{
    Problem, auth,
    block::{Field, Table, ignored, put, setting, unsupported},
    duration::show,
    exchange, jetstream, operator, proxies, tls, websocket,
};
use crate::{Config, Monitoring, Profile};

/// nats-server takes no less.
const LAME_DUCK_MIN: Duration = Duration::from_secs(30);
/// What nats-server calls large, and discourages from.
const PAYLOAD_MAX: i64 = i32::MAX as i64;

/// Every option of nats-server by its names.
pub(super) const OPTIONS: &Table<Config> = &[
    // Listening and INFO.
    setting(&["host", "net"], |c, it| put(&mut c.host, it.text())),
    setting(&["port"], |c, it| put(&mut c.port, it.port())),
    setting(&["listen"], |c, it| {
        let (host, port) = it.address()?;
        c.host = host.unwrap_or_else(|| c.host.clone());
        put(&mut c.port, Ok(port))
    }),
    setting(&["server_name"], |c, it| put(&mut c.server_name, server_name(it).map(Some))),
    setting(&["client_advertise"], |c, it| put(&mut c.client_advertise, it.text().map(Some))),
    // Limits.
    setting(&["max_payload"], |c, it| put(&mut c.max_payload_bytes, payload(it))),
    setting(&["max_control_line"], |c, it| put(&mut c.max_control_line_bytes, it.count())),
    setting(&["max_connections", "max_conn"], |c, it| {
        put(&mut c.max_connections, it.limit(usize::MAX))
    }),
    setting(&["max_subscriptions", "max_subs"], |c, it| put(&mut c.max_subscriptions, it.limit(0))),
    setting(&["max_sub_tokens", "max_subscription_tokens"], |c, it| {
        put(&mut c.max_subject_tokens, it.count())
    }),
    setting(&["max_pending"], |c, it| put(&mut c.max_pending_bytes, it.count())),
    setting(&["write_deadline"], |c, it| put(&mut c.write_deadline, it.duration())),
    setting(&["ping_interval"], |c, it| put(&mut c.ping_interval, it.duration())),
    setting(&["ping_max"], |c, it| put(&mut c.ping_max, it.count())),
    setting(&["no_header_support"], |c, it| put(&mut c.headers, it.flag().map(|off| !off))),
    setting(&["lame_duck_duration"], |c, it| put(&mut c.lame_duck_duration, lame_duck(it))),
    setting(&["lame_duck_grace_period"], |c, it| put(&mut c.lame_duck_grace_period, grace(it))),
    // Who may log in.
    setting(&["authorization"], auth::authorization),
    setting(&["accounts"], auth::accounts),
    setting(&["no_system_account", "no_system", "no_sys_acc"], |c, it| {
        put(&mut c.auth.no_system_account, it.flag())
    }),
    setting(&["mappings", "maps"], |c, it| put(&mut c.auth.mappings, exchange::mappings(it))),
    setting(&["no_auth_user"], |c, it| put(&mut c.auth.no_auth_user, it.text().map(Some))),
    setting(&["operator", "operators", "root", "roots", "root_operator", "root_operators"], {
        operator::operators
    }),
    setting(&["resolver", "account_resolver", "accounts_resolver"], operator::resolver),
    setting(&["resolver_preload"], operator::preload),
    setting(&["default_sentinel"], |c, it| {
        let sentinel = it.text().map(|token| Some(token.into()));
        put(&mut c.auth.operator_mode.default_sentinel, sentinel)
    }),
    setting(&["trusted", "trusted_keys"], |c, it| {
        put(&mut c.auth.operator_mode.trusted_keys, it.texts())
    }),
    setting(&["system_account", "system"], |c, it| {
        put(&mut c.auth.operator_mode.system_account, it.text().map(Some))
    }),
    setting(&["proxies"], proxies::read),
    // Monitoring.
    setting(&["http"], |c, it| {
        let (host, port) = it.address()?;
        c.monitoring.host = host.or(c.monitoring.host.take());
        put(&mut c.monitoring.port, Ok(Some(port)))
    }),
    setting(&["https"], |c, it| {
        let (host, port) = it.address()?;
        c.monitoring.host = host.or(c.monitoring.host.take());
        put(&mut c.monitoring.https_port, Ok(Some(port)))
    }),
    setting(&["http_port", "monitor_port"], |c, it| put(&mut c.monitoring.port, pages_port(it))),
    setting(&["https_port"], |c, it| put(&mut c.monitoring.https_port, pages_port(it))),
    setting(&["http_base_path"], |c, it| put(&mut c.monitoring.base_path, it.text())),
    setting(&["max_closed_clients"], |c, it| {
        put(&mut c.monitoring.max_closed_clients, closed_clients(it))
    }),
    setting(&["server_tags"], |c, it| put(&mut c.tags, tags(it))),
    setting(&["server_metadata"], |c, it| {
        for it in it.named()? {
            c.metadata.insert(it.name.to_owned(), it.text()?);
        }
        Ok(())
    }),
    // Transports.
    setting(&["tls"], |c, it| put(&mut c.tls, tls::read(it).map(Some))),
    setting(&["allow_non_tls"], |c, it| put(&mut c.allow_non_tls, it.flag())),
    setting(&["proxy_protocol"], |c, it| put(&mut c.proxy_protocol, it.flag())),
    setting(&["websocket", "ws"], |c, it| put(&mut c.websocket, websocket::read(it))),
    // Ours: nats-server has no such option.
    setting(&["profile"], |c, it| put(&mut c.profile, profile(it))),
    // The program.
    setting(&["debug"], |c, it| put(&mut c.program.debug, it.flag())),
    setting(&["trace"], |c, it| put(&mut c.program.trace, it.flag())),
    setting(&["trace_verbose"], |c, it| put(&mut c.program.trace, it.flag())),
    setting(&["logtime"], |c, it| put(&mut c.program.log_time, it.flag())),
    setting(&["logtime_utc"], |c, it| put(&mut c.program.log_utc, it.flag())),
    setting(&["logfile", "log_file"], |c, it| put(&mut c.program.log_file, it.path().map(Some))),
    setting(&["syslog"], |c, it| put(&mut c.program.syslog, it.flag())),
    setting(&["remote_syslog"], |c, it| {
        put(&mut c.program.remote_syslog, it.text().map(|it| Some(it).filter(|it| !it.is_empty())))
    }),
    setting(&["logfile_size_limit", "log_size_limit"], |c, it| {
        put(&mut c.program.log_file_bytes_max, it.count())
    }),
    setting(&["logfile_max_num", "log_max_num"], |c, it| {
        put(&mut c.program.log_files_max, it.count())
    }),
    setting(&["max_traced_msg_len"], |c, it| put(&mut c.max_traced_bytes, it.count())),
    setting(&["pidfile", "pid_file"], |c, it| put(&mut c.program.pid_file, it.path().map(Some))),
    setting(&["ports_file_dir"], |c, it| put(&mut c.program.ports_dir, it.path().map(Some))),
    // Nothing that a client sees depends on these.
    ignored(&["trace_headers"], "headers are traced with their message"),
    ignored(&["write_timeout"], "who is too slow is closed"),
    ignored(&["prof_port"], NO_PROFILER),
    ignored(&["prof_block_rate"], NO_PROFILER),
    ignored(&["disable_sublist_cache", "no_sublist_cache"], "there is no such cache"),
    ignored(&["no_fast_producer_stall"], "a stall is short"),
    ignored(&["connect_error_reports"], NO_CLUSTER),
    ignored(&["reconnect_error_reports"], NO_CLUSTER),
    ignored(&["feature_flags"], "there are none"),
    ignored(&["ocsp_cache"], "there is no OCSP"),
    ignored(&["default_js_domain"], NO_JETSTREAM),
    ignored(&["store_dir", "storedir"], NO_JETSTREAM),
    // Not here yet.
    unsupported(&["ocsp"]),
    unsupported(&["default_sentinel"]),
    unsupported(&["resolver_tls"]),
    unsupported(&["resolver_pinned_accounts"]),
    // Not meant to be here.
    unsupported(&["cluster"]),
    unsupported(&["gateway"]),
    unsupported(&["leafnodes", "leaf"]),
    unsupported(&["mqtt"]),
    setting(&["jetstream"], jetstream::server),
];

const NO_PROFILER: &str = "there is no profiler";
const NO_CLUSTER: &str = "there is no cluster";
const NO_JETSTREAM: &str = "there is no JetStream";

fn server_name(it: Field<'_>) -> Result<String, Problem> {
    let name = it.text()?;
    match name.contains(' ') {
        true => Err(it.problem("server name cannot contain spaces")),
        false => Ok(name),
    }
}

/// Each once, in small letters.
fn tags(it: Field<'_>) -> Result<Vec<String>, Problem> {
    let mut tags: Vec<String> = Vec::new();
    for tag in it.texts()? {
        let tag = tag.trim().to_lowercase();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn payload(it: Field<'_>) -> Result<usize, Problem> {
    match it.integer()? > PAYLOAD_MAX {
        true => Err(it.problem("max_payload value is too big")),
        false => it.count(),
    }
}

/// 0 is no pages.
fn pages_port(it: Field<'_>) -> Result<Option<u16>, Problem> {
    Ok(Some(it.port()?).filter(|_| it.integer() != Ok(0)))
}

/// 0 stands for the default.
fn closed_clients(it: Field<'_>) -> Result<usize, Problem> {
    match it.count()? {
        0 => Ok(Monitoring::default().max_closed_clients),
        clients => Ok(clients),
    }
}

fn lame_duck(it: Field<'_>) -> Result<Duration, Problem> {
    let duration = it.duration()?;
    match duration < LAME_DUCK_MIN {
        true => {
            let words = "invalid lame_duck_duration of";
            Err(it.problem(format!("{words} {}, minimum is 30 seconds", show(duration))))
        }
        false => Ok(duration),
    }
}

fn grace(it: Field<'_>) -> Result<Duration, Problem> {
    match it.is_text() && it.text()?.starts_with('-') {
        true => Err(it.problem("invalid lame_duck_grace_period, needs to be positive")),
        false => it.duration(),
    }
}

fn profile(it: Field<'_>) -> Result<Profile, Problem> {
    let text = match it.is_text() {
        true => it.text()?,
        // `2.15` without quotes is a float to the language.
        false => it.float()?.to_string(),
    };
    let unknown = || it.problem(format!("no release {text:?} is known")).advice("try \"2.15\"");
    Profile::parse(&text).ok_or_else(unknown)
}
