//! `/subsz`: subscriptions, counted and listed (MON-020).

use std::sync::Arc;

use serde::Serialize;

use super::{
    format::{self, Number},
    query::{BadRequest, Query},
};
use crate::{
    Profile,
    ledger::SubscriptionRecord,
    router::{Account, Subscription},
    server::Overview,
    subject,
};

/// The page.
#[derive(Serialize)]
pub(super) struct Subsz {
    #[serde(flatten)]
    head: Option<Head>,
    #[serde(flatten)]
    stats: SublistStats,
    #[serde(flatten)]
    part: Option<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<SubscriptionDetail>,
}

#[derive(Serialize)]
struct Head {
    server_id: String,
    now: String,
}

#[derive(Serialize)]
struct Part {
    total: usize,
    offset: usize,
    limit: usize,
}

/// Counters of an index. Ours has no cache: publishers remember where subjects led.
#[derive(Default, Serialize)]
pub(super) struct SublistStats {
    num_subscriptions: u64,
    num_cache: u64,
    num_inserts: u64,
    num_removes: u64,
    num_matches: u64,
    cache_hit_rate: Number,
    max_fanout: u64,
    avg_fanout: Number,
}

/// A subscription on a page.
#[derive(Serialize)]
pub(super) struct SubscriptionDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_tag: Option<String>,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qgroup: Option<String>,
    sid: String,
    msgs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    cid: u64,
}

pub(super) fn subsz(server: &Overview<'_>, query: &Query) -> Result<Subsz, BadRequest> {
    let subs = query.flag("subs")?;
    let (offset, limit) = query.part()?;
    let test = query.text("test");
    if !test.is_empty() && !subject::is_valid_literal(test.as_bytes()) {
        let words = "invalid test subject, must be valid publish subject";
        return Err(BadRequest(format!("{words}: {test}")));
    }
    let name = query.text("acc");
    let mut accounts = server.accounts();
    accounts.retain(|account| name.is_empty() || account.name() == name);
    let listed = subs && !accounts.is_empty();
    let (mut total, mut list) = (0, Vec::new());
    if listed {
        let found = find(server, &accounts, test);
        total = found.len();
        let part = found.iter().skip(offset).take(limit);
        list = part.map(|found| SubscriptionDetail::of_account(server.profile(), found)).collect();
    }
    let whole = listed || server.profile() >= Profile::V2_12;
    Ok(Subsz {
        head: whole.then(|| Head { server_id: server.id(), now: format::time(server.now) }),
        stats: SublistStats::of(&accounts),
        part: whole.then_some(Part { total, offset, limit }),
        subscriptions_list: list,
    })
}

/// All that a message with the subject `test` would reach, or all there are.
fn find(server: &Overview<'_>, accounts: &[Arc<Account>], test: &str) -> Vec<Arc<Subscription>> {
    if !test.is_empty() {
        return accounts.iter().flat_map(|it| it.interested(test.as_bytes())).collect();
    }
    let (open, _) = server.connections();
    let mut found: Vec<_> = open.iter().flat_map(|client| client.subscriptions()).collect();
    found.retain(|found| accounts.iter().any(|it| it.name() == found.account().name()));
    found
}

impl SublistStats {
    pub(super) fn of(accounts: &[Arc<Account>]) -> SublistStats {
        let mut stats = SublistStats::default();
        for account in accounts {
            let (inserts, lookups) = account.inserts_and_lookups();
            let now = account.subscriptions() as u64;
            stats.num_subscriptions += now;
            stats.num_inserts += inserts;
            stats.num_removes += inserts.saturating_sub(now);
            stats.num_matches += lookups;
        }
        stats
    }
}

impl SubscriptionDetail {
    pub(super) fn new(cid: u64, record: &SubscriptionRecord) -> SubscriptionDetail {
        SubscriptionDetail {
            account: None,
            account_tag: None,
            subject: record.subject.clone(),
            qgroup: record.queue.clone(),
            sid: record.sid.clone(),
            msgs: record.msgs,
            max: (record.max > 0).then_some(record.max),
            cid,
        }
    }

    fn of_account(profile: Profile, subscription: &Subscription) -> SubscriptionDetail {
        let account = subscription.account().name().to_owned();
        let cid = subscription.client().map_or(0, |client| client.label.id());
        SubscriptionDetail {
            account_tag: (profile >= Profile::V2_11).then(|| account.clone()),
            account: Some(account),
            ..SubscriptionDetail::new(cid, &subscription.record())
        }
    }
}
