//! `/accountz` and `/accstatz`: accounts, and what goes on in them (MON-029, MON-030).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    exchange::{Exchange, Response, responses},
    format,
    query::{BadRequest, Query},
    subsz::SublistStats,
};
use crate::{
    Profile,
    ledger::{Record, Tally, Traffic},
    server::Overview,
};

/// `/accountz`.
#[derive(Serialize)]
pub(super) struct Accountz {
    server_id: String,
    now: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    system_account: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_detail: Option<AccountDetail>,
}

#[derive(Serialize)]
pub(super) struct AccountDetail {
    account_name: String,
    update_time: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_system: bool,
    expired: bool,
    complete: bool,
    jetstream_enabled: bool,
    leafnode_connections: usize,
    client_connections: u64,
    subscriptions: usize,
    #[serde(flatten)]
    exchange: Exchange,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_tag: Option<String>,
    sublist_stats: SublistStats,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    responses: BTreeMap<String, Response>,
}

pub(super) fn accountz(server: &Overview<'_>, query: &Query) -> Result<Accountz, BadRequest> {
    let name = query.text("acc");
    let detail = (!name.is_empty()).then(|| account_detail(server, name)).transpose()?;
    Ok(Accountz {
        server_id: server.id(),
        now: format::time(server.now),
        system_account: server.system_account().to_owned(),
        accounts: if detail.is_some() { Vec::new() } else { names(server) },
        account_detail: detail,
    })
}

/// Of all accounts, the system's included.
fn names(server: &Overview<'_>) -> Vec<String> {
    server.accounts().iter().map(|it| it.name().to_owned()).collect()
}

/// What `/accountz?acc=NAME` tells of that account.
pub(super) fn account_detail(
    server: &Overview<'_>,
    name: &str,
) -> Result<AccountDetail, BadRequest> {
    if !names(server).iter().any(|known| known == name) {
        return Err(BadRequest(format!("Account {name} does not exist")));
    }
    let mut accounts = server.accounts();
    accounts.retain(|account| account.name() == name);
    Ok(AccountDetail {
        account_name: name.to_owned(),
        update_time: format::time(server.started()),
        is_system: name == server.system_account(),
        expired: false,
        complete: true,
        jetstream_enabled: false,
        leafnode_connections: 0,
        client_connections: tallies(server).get(name).map_or(0, |account| account.open),
        subscriptions: accounts.iter().map(|account| account.subscriptions()).sum(),
        exchange: Exchange::of(server, name),
        name_tag: (server.profile() >= Profile::V2_11).then(|| name.to_owned()),
        sublist_stats: SublistStats::of(&accounts),
        responses: accounts.iter().flat_map(|account| responses(account)).collect(),
    })
}

/// `/accstatz`.
#[derive(Serialize)]
pub(crate) struct AccountStatz {
    server_id: String,
    now: String,
    account_statz: Vec<AccountStat>,
}

/// What goes on in an account.
#[derive(Clone, Serialize)]
pub(crate) struct AccountStat {
    pub(crate) acc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    conns: u64,
    leafnodes: u64,
    total_conns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_subscriptions: Option<usize>,
    sent: DataStats,
    received: DataStats,
    slow_consumers: u64,
}

#[derive(Clone, Serialize)]
struct DataStats {
    msgs: u64,
    bytes: u64,
    #[serde(flatten)]
    others: Option<OtherStats>,
}

/// What came by other ways than clients: there are none.
#[derive(Clone, Default, Serialize)]
struct OtherStats {
    gateways: MsgBytes,
    routes: MsgBytes,
    leafs: MsgBytes,
}

#[derive(Clone, Default, Serialize)]
struct MsgBytes {
    msgs: u64,
    bytes: u64,
}

pub(super) fn accstatz(server: &Overview<'_>, query: &Query) -> Result<AccountStatz, BadRequest> {
    let stats = account_stats(server, None, query.flag("unused")?);
    Ok(AccountStatz::new(server, stats))
}

/// What goes on in these accounts, or in all; a page without any is none.
#[cfg(feature = "system")]
pub(crate) fn account_statz(
    server: &Overview<'_>,
    wanted: Option<&[&str]>,
    unused: bool,
) -> Option<AccountStatz> {
    let stats = account_stats(server, wanted, unused);
    (!stats.is_empty()).then(|| AccountStatz::new(server, stats))
}

/// What goes on in these accounts, or in all that there are.
pub(crate) fn account_stats(
    server: &Overview<'_>,
    wanted: Option<&[&str]>,
    unused: bool,
) -> Vec<AccountStat> {
    let (profile, tallies) = (server.profile(), tallies(server));
    let accounts = server.accounts();
    let data = |Traffic { msgs, bytes }| DataStats {
        msgs,
        bytes,
        others: (profile >= Profile::V2_11).then(OtherStats::default),
    };
    let stat = |name: String| {
        let Activity { open, ever } = tallies.get(&name).copied().unwrap_or_default();
        let account = accounts.iter().find(|account| account.name() == name);
        let subscriptions = account.map_or(0, |account| account.subscriptions());
        AccountStat {
            name: (profile >= Profile::V2_11).then(|| name.clone()),
            acc: name,
            conns: open,
            leafnodes: 0,
            total_conns: open,
            num_subscriptions: (profile >= Profile::V2_10).then_some(subscriptions),
            sent: data(ever.sent),
            received: data(ever.received),
            slow_consumers: ever.slow_consumers,
        }
    };
    let mut names = names(server);
    names.retain(|name| wanted.is_none_or(|wanted| wanted.contains(&name.as_str())));
    names.into_iter().map(stat).filter(|stat| unused || stat.conns > 0).collect()
}

impl AccountStatz {
    fn new(server: &Overview<'_>, account_statz: Vec<AccountStat>) -> AccountStatz {
        AccountStatz { server_id: server.id(), now: format::time(server.now), account_statz }
    }
}

/// How many are in an account, and what they have sent and got.
#[derive(Debug, Clone, Copy, Default)]
struct Activity {
    open: u64,
    /// Those that are over included.
    ever: Tally,
}

fn tallies(server: &Overview<'_>) -> BTreeMap<String, Activity> {
    let (open, past) = server.connections();
    let was = past.by_account.into_iter().map(|(name, ever)| (name, Activity { open: 0, ever }));
    let mut accounts: BTreeMap<String, Activity> = was.collect();
    for client in open {
        let record = Record::of(&client);
        if let Some(name) = &record.identity.account {
            let activity = accounts.entry(name.clone()).or_default();
            activity.open += 1;
            activity.ever.add(&record);
        }
    }
    accounts
}
