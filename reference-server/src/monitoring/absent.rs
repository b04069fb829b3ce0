//! Pages of what this server has not got: they are there, and empty (MON-021 to MON-023).

use serde::Serialize;

use super::{
    format,
    query::{BadRequest, Query},
};
use crate::{Profile, server::Overview};

#[derive(Serialize)]
pub(super) struct Routez {
    server_id: String,
    /// From 2.10 on, and empty there until a name is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    now: String,
    num_routes: usize,
    routes: [(); 0],
}

pub(super) fn routez(server: &Overview<'_>, query: &Query) -> Result<Routez, BadRequest> {
    query.flag("subs")?;
    let named = server.profile() >= Profile::V2_10;
    Ok(Routez {
        server_id: server.id(),
        server_name: named.then(|| server.name()),
        now: format::time(server.now),
        num_routes: 0,
        routes: [],
    })
}

#[derive(Serialize)]
pub(super) struct Gatewayz {
    server_id: String,
    now: String,
    outbound_gateways: Nothing,
    inbound_gateways: Nothing,
}

/// `{}`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Nothing {}

pub(super) fn gatewayz(server: &Overview<'_>, query: &Query) -> Result<Gatewayz, BadRequest> {
    query.flag("accs")?;
    Ok(Gatewayz {
        server_id: server.id(),
        now: format::time(server.now),
        outbound_gateways: Nothing {},
        inbound_gateways: Nothing {},
    })
}

#[derive(Serialize)]
pub(super) struct Leafz {
    server_id: String,
    now: String,
    leafnodes: usize,
    /// `null` up to 2.9.
    leafs: Option<[(); 0]>,
}

pub(super) fn leafz(server: &Overview<'_>, query: &Query) -> Result<Leafz, BadRequest> {
    query.flag("subs")?;
    Ok(Leafz {
        server_id: server.id(),
        now: format::time(server.now),
        leafnodes: 0,
        leafs: (server.profile() >= Profile::V2_10).then_some([]),
    })
}

/// `/jsz` of a server without JetStream, in the order of the release.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Jsz {
    V2_11 {
        #[serde(flatten)]
        stats: JetStreamStats,
        #[serde(flatten)]
        head: JszHead,
        #[serde(flatten)]
        totals: JszTotals,
        total: u64,
    },
    V2_9 {
        #[serde(flatten)]
        head: JszHead,
        #[serde(flatten)]
        stats: JetStreamStats,
        #[serde(flatten)]
        totals: JszTotals,
    },
}

#[derive(Default, Serialize)]
pub(super) struct JetStreamStats {
    memory: u64,
    storage: u64,
    reserved_memory: u64,
    reserved_storage: u64,
    accounts: u64,
    ha_assets: u64,
    api: JszApi,
}

#[derive(Default, Serialize)]
struct JszApi {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u64>,
    total: u64,
    errors: u64,
}

#[derive(Serialize)]
pub(super) struct JszHead {
    server_id: String,
    now: String,
    disabled: bool,
    config: JszConfig,
}

#[derive(Default, Serialize)]
struct JszConfig {
    max_memory: u64,
    max_storage: u64,
}

#[derive(Default, Serialize)]
pub(super) struct JszTotals {
    streams: u64,
    consumers: u64,
    messages: u64,
    bytes: u64,
}

pub(super) fn jsz(server: &Overview<'_>, query: &Query) -> Result<Jsz, BadRequest> {
    for name in ["accounts", "streams", "consumers", "config", "leader-only", "raft"] {
        query.flag(name)?;
    }
    query.part()?;
    let (mut stats, totals) = (JetStreamStats::default(), JszTotals::default());
    let head = JszHead {
        server_id: server.id(),
        now: format::time(server.now),
        disabled: true,
        config: JszConfig::default(),
    };
    if server.profile() <= Profile::V2_10 {
        return Ok(Jsz::V2_9 { head, stats, totals });
    }
    stats.api.level = Some(0);
    Ok(Jsz::V2_11 { stats, head, totals, total: 0 })
}

/// The answer of `/healthz`, in its order.
#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    /// Where the answer has no status of its own, from 2.10 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<HealthError>,
}

#[derive(Serialize)]
struct HealthError {
    r#type: &'static str,
    error: &'static str,
}

const WELL: Health = Health { status: "ok", status_code: None, error: None, errors: Vec::new() };

/// How the server is, and with which status that is said.
pub(super) fn healthz(server: &Overview<'_>, query: &Query) -> Result<(u16, Health), BadRequest> {
    for name in ["js-enabled", "js-enabled-only", "js-server-only"] {
        query.flag(name)?;
    }
    let old = server.profile() == Profile::V2_9;
    let ill = |error| Health { status: "error", error: Some(error), ..WELL };
    if server.is_lame_duck() {
        let error = "failed to be ready for connections after 1ms: server";
        return Ok((if old { 503 } else { 500 }, ill(error)));
    }
    if old {
        return Ok((200, WELL));
    }
    let details = query.flag("details")?;
    let [account, stream, consumer] =
        ["account", "stream", "consumer"].map(|name| !query.text(name).is_empty());
    let error = match (account, stream, consumer) {
        (false, true, _) => "\"account\" must not be empty when checking stream health",
        (_, false, true) => "\"stream\" must not be empty when checking consumer health",
        _ => return Ok((200, WELL)),
    };
    let error_list = || vec![HealthError { r#type: "BAD_REQUEST", error }];
    Ok((
        400,
        match details {
            true => Health { status: "error", errors: error_list(), ..WELL },
            false => ill(error),
        },
    ))
}

/// The same, with the status in it.
#[cfg(feature = "system")]
pub(super) fn health(server: &Overview<'_>, query: &Query) -> Result<Health, BadRequest> {
    let (status, health) = healthz(server, query)?;
    let status_code = (server.profile() >= Profile::V2_10).then_some(status);
    Ok(Health { status_code, ..health })
}

/// `/stacksz`: there are tasks instead of goroutines, and they have no stacks to show.
pub(super) fn stacksz() -> String {
    "no goroutines: this server is written in Rust\n".to_owned()
}

/// `/debug/vars`, as Go's library has it. The command line stays with whoever typed it.
#[derive(Serialize)]
pub(super) struct Expvars {
    cmdline: [&'static str; 1],
    memstats: Nothing,
}

pub(super) fn expvars() -> Expvars {
    Expvars { cmdline: ["nats-reference-server"], memstats: Nothing {} }
}
