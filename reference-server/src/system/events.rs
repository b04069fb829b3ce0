//! What is told without being asked (SYS-001 to SYS-004, SYS-009).

use serde::Serialize;

use super::voice::{EventHead, ServerInfo, Voice};
use crate::{
    Profile,
    ledger::{Record, Traffic},
    monitoring::{AccountStat, Statsz, account_stats, statsz, time},
    server::Overview,
    transport::Kind,
};

/// The account of those who have not logged in.
const GLOBAL_ACCOUNT: &str = "$G";

const CONNECT: &str = "io.nats.server.advisory.v1.client_connect";
const DISCONNECT: &str = "io.nats.server.advisory.v1.client_disconnect";
const CONNECTIONS: &str = "io.nats.server.advisory.v1.account_connections";

#[derive(Serialize)]
struct Connected<'a> {
    #[serde(flatten)]
    head: EventHead<'a>,
    client: ClientInfo,
}

#[derive(Serialize)]
struct Disconnected<'a> {
    #[serde(flatten)]
    head: EventHead<'a>,
    client: ClientInfo,
    /// By the client.
    sent: Counted,
    /// By the client.
    received: Counted,
    reason: &'static str,
}

/// An account's connections have become more or fewer, or are told again (SYS-009).
#[derive(Serialize)]
pub(super) struct Connections<'a> {
    #[serde(flatten)]
    head: EventHead<'a>,
    #[serde(flatten)]
    stat: AccountStat,
}

/// What the server does, now and then (SYS-004).
#[derive(Serialize)]
pub(super) struct Heartbeat<'a> {
    server: ServerInfo<'a>,
    statsz: Statsz,
}

#[derive(Serialize)]
struct ClientInfo {
    start: String,
    host: String,
    id: u64,
    acc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ver: String,
    /// In nanoseconds, at the end only.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_tag: Option<String>,
    kind: &'static str,
    client_type: &'static str,
}

#[derive(Serialize)]
struct Counted {
    msgs: u64,
    bytes: u64,
}

/// A client has logged in.
pub(super) fn connected(voice: &Voice, server: &Overview<'_>, record: &Record) {
    let account = account(record);
    account_changed(voice, server, account);
    voice.announce(&format!("$SYS.ACCOUNT.{account}.CONNECT"), || Connected {
        head: voice.event_head(CONNECT),
        client: ClientInfo::of(server.profile(), record),
    });
}

/// A connection is over; first its account is told smaller, if it was in one.
pub(super) fn gone(voice: &Voice, server: &Overview<'_>, record: &Record) {
    if let Some(account) = &record.identity.account {
        account_changed(voice, server, account);
    }
    let reason = record.stop.map_or("", |(_, reason)| reason.text);
    let event = || Disconnected {
        head: voice.event_head(DISCONNECT),
        client: ClientInfo::of(server.profile(), record),
        sent: Counted::of(record.received),
        received: Counted::of(record.sent),
        reason,
    };
    if reason == "Authentication Failure" {
        voice.announce(&format!("$SYS.SERVER.{}.CLIENT.AUTH.ERR", voice.server_id()), event);
    }
    // Up to 2.11 nobody is told of those who have never logged in.
    if record.identity.account.is_some() || server.profile() >= Profile::V2_12 {
        voice.announce(&format!("$SYS.ACCOUNT.{}.DISCONNECT", account(record)), event);
    }
}

/// Tells the connections of all accounts that have any.
pub(super) fn accounts(voice: &Voice, server: &Overview<'_>) {
    if voice.is_heard() {
        for stat in account_stats(server, None, false) {
            tell_connections(voice, stat.acc.clone(), || Some(stat));
        }
    }
}

/// What an account's connections come to, for who asks; nothing if it has none.
pub(super) fn connections<'a>(
    voice: &'a Voice,
    server: &Overview<'_>,
    account: &str,
) -> Option<Connections<'a>> {
    let stat = account_stats(server, Some(&[account]), false).pop()?;
    Some(Connections { head: voice.event_head(CONNECTIONS), stat })
}

/// What the server does.
pub(super) fn heartbeat(voice: &Voice, server: &Overview<'_>, cpu_percent: f64) {
    voice.announce(&format!("$SYS.SERVER.{}.STATSZ", voice.server_id()), || Heartbeat {
        server: voice.server_info(),
        statsz: statsz(server, cpu_percent),
    });
}

fn account_changed(voice: &Voice, server: &Overview<'_>, account: &str) {
    let stat = || account_stats(server, Some(&[account]), true).pop();
    tell_connections(voice, account.to_owned(), stat);
}

fn tell_connections(voice: &Voice, account: String, stat: impl FnOnce() -> Option<AccountStat>) {
    let subjects = [
        format!("$SYS.SERVER.ACCOUNT.{account}.CONNS"),
        format!("$SYS.ACCOUNT.{account}.SERVER.CONNS"),
    ];
    if !subjects.iter().any(|subject| voice.is_heard_on(subject)) {
        return;
    }
    let Some(stat) = stat() else { return };
    for subject in subjects {
        let head = || voice.event_head(CONNECTIONS);
        voice.announce(&subject, || Connections { head: head(), stat: stat.clone() });
    }
}

/// Who has not logged in is shown in `$G`.
fn account(record: &Record) -> &str {
    record.identity.account.as_deref().unwrap_or(GLOBAL_ACCOUNT)
}

impl ClientInfo {
    fn of(profile: Profile, record: &Record) -> ClientInfo {
        let identity = &record.identity;
        let rtt = u64::try_from(record.rtt.as_nanos()).unwrap_or(u64::MAX);
        ClientInfo {
            start: time(record.start),
            host: record.addr.map_or_else(String::new, |addr| addr.ip().to_string()),
            id: record.cid,
            acc: account(record).to_owned(),
            user: identity.user.clone(),
            name: identity.name.clone(),
            lang: identity.lang.clone(),
            ver: identity.version.clone(),
            rtt: (record.stop.is_some() && rtt > 0).then_some(rtt),
            stop: record.stop.map(|(stop, _)| time(stop)),
            issuer_key: identity.issuer.clone(),
            name_tag: (profile >= Profile::V2_11).then(|| {
                let named = identity.account_name.as_deref();
                named.unwrap_or_else(|| account(record)).to_owned()
            }),
            kind: "Client",
            client_type: match record.transport.as_ref().map(|transport| transport.kind) {
                Some(Kind::WebSocket) => "websocket",
                Some(Kind::Standard) | None => "nats",
            },
        }
    }
}

impl Counted {
    fn of(Traffic { msgs, bytes }: Traffic) -> Counted {
        Counted { msgs, bytes }
    }
}
