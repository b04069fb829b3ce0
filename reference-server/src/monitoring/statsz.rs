//! What the server tells of itself now and then, and on `$SYS.REQ.SERVER.PING` (SYS-004).

use std::thread::available_parallelism;

use serde::Serialize;

use super::{
    accounts::account_stats,
    format::{self, Number},
    process,
};
use crate::{
    Profile,
    ledger::{Record, Traffic},
    server::Overview,
};

#[derive(Serialize)]
pub(crate) struct Statsz {
    start: String,
    mem: u64,
    cores: usize,
    cpu: Number,
    connections: usize,
    total_connections: u64,
    active_accounts: usize,
    subscriptions: usize,
    sent: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_to_clients: Option<Count>,
    received: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_from_clients: Option<Count>,
    slow_consumers: u64,
    active_servers: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gomaxprocs: Option<usize>,
}

#[derive(Clone, Copy, Serialize)]
struct Count {
    msgs: u64,
    bytes: u64,
}

pub(crate) fn statsz(server: &Overview<'_>, cpu_percent: f64) -> Statsz {
    let since = |release| server.profile() >= release;
    let (open, past) = server.connections();
    let mut all = past.all;
    open.iter().for_each(|client| all.add(&Record::of(client)));
    let count = |Traffic { msgs, bytes }| Count { msgs, bytes };
    let (sent, received) = (count(all.sent), count(all.received));
    Statsz {
        start: format::time(server.started()),
        mem: process::memory_bytes(),
        cores: available_parallelism().map_or(1, usize::from),
        cpu: Number(cpu_percent),
        connections: open.len(),
        total_connections: server.connections_ever(),
        active_accounts: account_stats(server, None, false).len(),
        subscriptions: server.accounts().iter().map(|account| account.subscriptions()).sum(),
        sent,
        sent_to_clients: since(Profile::V2_14).then_some(sent),
        received,
        received_from_clients: since(Profile::V2_14).then_some(received),
        slow_consumers: all.slow_consumers,
        active_servers: 1,
        gomaxprocs: since(Profile::V2_11).then_some(server.config().threads),
    }
}
