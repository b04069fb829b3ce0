//! `/varz`: the server's options and counters (MON-002, MON-003).

mod websocket;

use std::{
    collections::BTreeMap,
    thread::available_parallelism,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{
    Proxy,
    absent::Nothing,
    format::{self, Number},
    process,
};
use crate::{
    Config, Profile,
    ledger::{Record, Tally, Traffic},
    server::Overview,
};

/// The page; what only some releases have is absent in others.
#[derive(Serialize)]
pub(super) struct Varz {
    server_id: String,
    server_name: String,
    version: String,
    proto: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_commit: Option<&'static str>,
    go: String,
    host: String,
    port: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    auth_required: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_required: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_verify: bool,
    max_connections: usize,
    #[serde(skip_serializing_if = "is_zero")]
    max_subscriptions: usize,
    ping_interval: u64,
    ping_max: u32,
    http_host: String,
    http_port: u16,
    http_base_path: String,
    https_port: u16,
    auth_timeout: Number,
    max_control_line: usize,
    max_payload: usize,
    max_pending: usize,
    cluster: Nothing,
    gateway: Nothing,
    leaf: Nothing,
    mqtt: Nothing,
    websocket: websocket::Varz,
    jetstream: Nothing,
    tls_timeout: Number,
    write_deadline: u64,
    start: String,
    now: String,
    uptime: String,
    mem: u64,
    cores: usize,
    gomaxprocs: usize,
    cpu: Number,
    connections: usize,
    total_connections: u64,
    routes: usize,
    remotes: usize,
    leafnodes: usize,
    #[serde(flatten)]
    traffic: VarzTraffic,
    slow_consumers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_connections: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalled_clients: Option<u64>,
    subscriptions: usize,
    http_req_stats: BTreeMap<&'static str, u64>,
    config_load_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_digest: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    feature_flags: BTreeMap<&'static str, bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    system_account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_consumer_stats: Option<ByKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_connection_stats: Option<ByKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_io_wait_stats: Option<DiskWaits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxies: Option<Proxies>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cert_not_after: Option<String>,
}

/// Whom clients may come through.
#[derive(Serialize)]
struct Proxies {
    trusted: Vec<Proxy>,
}

/// Counters of messages in the order of the release.
#[derive(Serialize)]
#[serde(untagged)]
enum VarzTraffic {
    V2_14 {
        in_msgs: u64,
        in_bytes: u64,
        in_client_msgs: u64,
        in_client_bytes: u64,
        out_msgs: u64,
        out_bytes: u64,
        out_client_msgs: u64,
        out_client_bytes: u64,
    },
    V2_9 {
        in_msgs: u64,
        out_msgs: u64,
        in_bytes: u64,
        out_bytes: u64,
    },
}

/// A count by the kind of connection; there are only clients.
#[derive(Default, Serialize)]
struct ByKind {
    clients: u64,
    routes: u64,
    gateways: u64,
    leafs: u64,
}

impl From<u64> for ByKind {
    fn from(clients: u64) -> ByKind {
        ByKind { clients, ..ByKind::default() }
    }
}

#[derive(Default, Serialize)]
struct DiskWaits {
    waiters: u64,
    waits: u64,
    wait_time: u64,
    max_wait_time: u64,
}

pub(super) fn varz(
    server: &Overview<'_>,
    requests: BTreeMap<&'static str, u64>,
    cpu_percent: f64,
) -> Varz {
    let (config, info, profile) = (server.config(), server.tcp_info(), server.profile());
    let (connections, all) = tally(server);
    Varz {
        server_id: server.id(),
        server_name: server.name(),
        version: info.version.to_string(),
        proto: info.proto,
        git_commit: (profile >= Profile::V2_10).then_some("none"),
        go: info.go.to_string(),
        host: info.host.to_string(),
        port: info.port,
        auth_required: info.auth_required,
        tls_required: info.tls_required,
        tls_verify: info.tls_verify,
        max_connections: config.max_connections,
        max_subscriptions: config.max_subscriptions,
        ping_interval: nanos(config.ping_interval),
        ping_max: config.ping_max,
        http_host: config.monitoring.host.as_ref().unwrap_or(&config.host).clone(),
        http_port: server.http_port(),
        http_base_path: config.monitoring.base_path.clone(),
        https_port: server.https_port(),
        auth_timeout: Number(config.login_timeout().as_secs_f64()),
        max_control_line: config.max_control_line_bytes,
        max_payload: config.max_payload_bytes,
        max_pending: config.max_pending_bytes,
        cluster: Nothing {},
        gateway: Nothing {},
        leaf: Nothing {},
        mqtt: Nothing {},
        websocket: websocket::Varz::of(server),
        jetstream: Nothing {},
        tls_timeout: Number(config.tls.as_ref().map_or(2.0, |tls| tls.timeout.as_secs_f64())),
        write_deadline: nanos(config.write_deadline),
        start: format::time(server.started()),
        now: format::time(server.now),
        uptime: format::uptime(format::between(server.started(), server.now)),
        mem: process::memory_bytes(),
        cores: available_parallelism().map_or(1, usize::from),
        gomaxprocs: config.threads,
        cpu: Number(cpu_percent),
        connections,
        total_connections: server.connections_ever(),
        routes: 0,
        remotes: 0,
        leafnodes: 0,
        traffic: VarzTraffic::of(profile, &all),
        slow_consumers: all.slow_consumers,
        stale_connections: (profile >= Profile::V2_12).then_some(all.stale_connections),
        stalled_clients: (profile >= Profile::V2_12).then_some(all.stalls),
        subscriptions: server.accounts().iter().map(|account| account.subscriptions()).sum(),
        http_req_stats: requests,
        config_load_time: format::time(server.loaded()),
        config_digest: (profile >= Profile::V2_11).then(|| config.digest.clone()),
        tags: config.tags.clone(),
        metadata: config.metadata.clone(),
        feature_flags: feature_flags(profile).iter().copied().collect(),
        system_account: server.system_account().to_owned(),
        slow_consumer_stats: (profile >= Profile::V2_10).then(|| all.slow_consumers.into()),
        stale_connection_stats: (profile >= Profile::V2_12).then(|| all.stale_connections.into()),
        disk_io_wait_stats: (profile >= Profile::V2_14).then(DiskWaits::default),
        proxies: Proxies::of(config),
        tls_cert_not_after: valid_until(server.tls_until(), profile),
    }
}

impl Proxies {
    fn of(config: &Config) -> Option<Proxies> {
        let trusted = config.auth.trusted_proxies.iter();
        let trusted: Vec<Proxy> = trusted.map(|key| Proxy { key: key.clone() }).collect();
        (!trusted.is_empty()).then_some(Proxies { trusted })
    }
}

/// When a certificate ends, where the release tells it.
fn valid_until(end: Option<SystemTime>, profile: Profile) -> Option<String> {
    end.filter(|_| profile >= Profile::V2_12).map(format::time)
}

/// How many are connected, and all that ever went on.
fn tally(server: &Overview<'_>) -> (usize, Tally) {
    let (open, past) = server.connections();
    let mut all = past.all;
    open.iter().for_each(|client| all.add(&Record::of(client)));
    (open.len(), all)
}

impl VarzTraffic {
    fn of(profile: Profile, all: &Tally) -> VarzTraffic {
        let Traffic { msgs: in_msgs, bytes: in_bytes } = all.received;
        let Traffic { msgs: out_msgs, bytes: out_bytes } = all.sent;
        match profile >= Profile::V2_14 {
            true => VarzTraffic::V2_14 {
                in_msgs,
                in_bytes,
                in_client_msgs: in_msgs,
                in_client_bytes: in_bytes,
                out_msgs,
                out_bytes,
                out_client_msgs: out_msgs,
                out_client_bytes: out_bytes,
            },
            false => VarzTraffic::V2_9 { in_msgs, out_msgs, in_bytes, out_bytes },
        }
    }
}

/// What can be switched on there, and is not here: all of it is JetStream's.
pub(crate) fn feature_flags(profile: Profile) -> &'static [(&'static str, bool)] {
    match profile {
        Profile::V2_15 => &[
            ("js_ack_fc_v2", false),
            ("js_api_reply_v2", false),
            ("js_raft_delete_range", true),
            ("js_snapshot_sources", false),
        ],
        Profile::V2_14 => &[("js_ack_fc_v2", false), ("js_raft_delete_range", false)],
        _ => &[],
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
