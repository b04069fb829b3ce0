//! `/connz`: connections, open and closed (MON-010 to MON-018).

mod options;
mod sort;

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use self::options::{Options, State, Subs};
use super::{
    Proxy, format,
    query::{BadRequest, Query},
    subsz::SubscriptionDetail,
};
use crate::{
    Profile,
    ledger::{Record, SubscriptionRecord},
    router::Client,
    server::Overview,
    transport::{ClientCertificate, Kind},
};

/// The account of clients who name none; its name is not told.
const GLOBAL_ACCOUNT: &str = "$G";

/// The page.
#[derive(Serialize)]
pub(super) struct Connz {
    server_id: String,
    now: String,
    num_connections: usize,
    total: usize,
    offset: usize,
    limit: usize,
    /// `null` if the account is unknown.
    connections: Option<Vec<Connection>>,
}

/// A connection on the page (table 8.6).
#[derive(Serialize)]
struct Connection {
    cid: u64,
    kind: &'static str,
    r#type: &'static str,
    ip: String,
    port: u16,
    start: String,
    last_activity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    rtt: String,
    uptime: String,
    idle: String,
    pending_bytes: usize,
    in_msgs: u64,
    out_msgs: u64,
    in_bytes: u64,
    out_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalls: Option<u64>,
    subscriptions: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cipher_suite: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tls_peer_certs: Vec<PeerCertificate>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list_detail: Vec<SubscriptionDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<Proxy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// What a client has shown of itself in the handshake (TLS-002).
#[derive(Serialize)]
struct PeerCertificate {
    subject: String,
    spki_sha256: String,
    cert_sha256: String,
}

impl From<&ClientCertificate> for PeerCertificate {
    fn from(shown: &ClientCertificate) -> PeerCertificate {
        PeerCertificate {
            subject: shown.subject.clone(),
            spki_sha256: format::hex(&shown.spki_sha256),
            cert_sha256: format::hex(&shown.cert_sha256),
        }
    }
}

pub(super) fn connz(server: &Overview<'_>, query: &Query) -> Result<Connz, BadRequest> {
    let options = Options::read(query)?;
    let account = options.account;
    if !account.is_empty() && !server.accounts().iter().any(|it| it.name() == account) {
        return Ok(Connz::of_nobody(server, &options));
    }
    let (open, past) = server.connections();
    let mut records: Vec<Arc<Record>> = Vec::new();
    if options.state != State::Closed {
        records.extend(open.iter().map(|client| Arc::new(Record::of(client))));
    }
    if options.state != State::Open {
        records.extend(past.closed);
    }
    if !account.is_empty() {
        records.retain(|record| record.identity.account.as_deref() == Some(account));
    }
    let total = records.len();
    records.retain(|record| options.wants(record));
    sort::sort(&mut records, options.sort, server.now);
    let part = records.iter().skip(options.offset).take(options.limit);
    let clients: HashMap<u64, &Arc<Client>> = open.iter().map(|it| (it.label.id(), it)).collect();
    let told = part.map(|record| {
        let subscriptions = match (options.subs, clients.get(&record.cid)) {
            (Subs::None, _) => Vec::new(),
            (_, Some(client)) if record.stop.is_none() => {
                client.subscriptions().iter().map(|found| found.record()).collect()
            }
            _ => record.had_subscribed.clone(),
        };
        Connection::tell(server, &options, record, &subscriptions)
    });
    let connections: Vec<Connection> = told.collect();
    Ok(Connz {
        server_id: server.id(),
        now: format::time(server.now),
        num_connections: connections.len(),
        total,
        offset: options.offset,
        limit: options.limit,
        connections: Some(connections),
    })
}

impl Connz {
    fn of_nobody(server: &Overview<'_>, options: &Options<'_>) -> Connz {
        Connz {
            server_id: String::new(),
            now: format::time(server.now),
            num_connections: 0,
            total: 0,
            offset: options.offset,
            limit: options.limit,
            connections: None,
        }
    }
}

impl Connection {
    fn tell(
        server: &Overview<'_>,
        options: &Options<'_>,
        record: &Record,
        subscriptions: &[SubscriptionRecord],
    ) -> Connection {
        let (profile, identity) = (server.profile(), &record.identity);
        let tls = record.transport.as_ref().and_then(|transport| transport.tls.as_ref());
        let until = record.stop.map_or(server.now, |(stop, _)| stop);
        let passed = |since| format::uptime(format::between(since, until));
        let account = identity.account.as_ref().filter(|_| options.auth);
        let subjects = subscriptions.iter().map(|found| found.subject.clone());
        let details = subscriptions.iter().map(|it| SubscriptionDetail::new(record.cid, it));
        Connection {
            cid: record.cid,
            kind: "Client",
            r#type: match record.transport.as_ref().map(|transport| transport.kind) {
                Some(Kind::WebSocket) => "websocket",
                Some(Kind::Standard) | None => "nats",
            },
            ip: record.addr.map_or_else(String::new, |addr| addr.ip().to_string()),
            port: record.addr.map_or(0, |addr| addr.port()),
            start: format::time(record.start),
            last_activity: format::time(record.last_activity),
            stop: record.stop.map(|(stop, _)| format::time(stop)),
            reason: record.stop.map(|(_, reason)| reason.text),
            rtt: format::rtt(record.rtt),
            uptime: passed(record.start),
            idle: passed(record.last_activity),
            pending_bytes: record.pending_bytes,
            in_msgs: record.received.msgs,
            out_msgs: record.sent.msgs,
            in_bytes: record.received.bytes,
            out_bytes: record.sent.bytes,
            stalls: (record.stalls > 0 && profile >= Profile::V2_12).then_some(record.stalls),
            subscriptions: record.subscriptions,
            name: identity.name.clone(),
            lang: identity.lang.clone(),
            version: identity.version.clone(),
            tls_version: tls.map(|tls| tls.version),
            tls_cipher_suite: tls.map(|tls| tls.cipher_suite.clone()),
            tls_peer_certs: match options.auth {
                true => tls.iter().flat_map(|tls| &tls.certificates).map(Into::into).collect(),
                false => Vec::new(),
            },
            tls_first: tls.is_some_and(|tls| tls.first),
            authorized_user: identity.user.clone().filter(|_| options.auth),
            account: account.filter(|name| *name != GLOBAL_ACCOUNT).cloned(),
            issuer_key: identity.issuer.clone().filter(|_| options.auth),
            subscriptions_list: match options.subs {
                Subs::Subjects => subjects.collect(),
                _ => Vec::new(),
            },
            subscriptions_list_detail: match options.subs {
                Subs::Details => details.collect(),
                _ => Vec::new(),
            },
            name_tag: account
                .filter(|_| profile >= Profile::V2_11)
                .map(|key| identity.account_name.as_ref().unwrap_or(key).clone()),
            tags: if options.auth { identity.tags.clone() } else { Vec::new() },
            proxy: identity.proxy.clone().map(|key| Proxy { key }),
        }
    }
}
