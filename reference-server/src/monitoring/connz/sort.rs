//! The order of connections (MON-017).

use std::{
    cmp::{Ordering, Reverse},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    ledger::Record,
    monitoring::{format, query::BadRequest},
};

/// By what connections are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Cid,
    Start,
    Subscriptions,
    Pending,
    MsgsTo,
    MsgsFrom,
    BytesTo,
    BytesFrom,
    Last,
    Idle,
    Uptime,
    Rtt,
    Stop,
    Reason,
}

impl Sort {
    pub(super) fn read(name: &str) -> Result<Sort, BadRequest> {
        Ok(match name {
            "" | "cid" => Sort::Cid,
            "start" => Sort::Start,
            "subs" => Sort::Subscriptions,
            "pending" => Sort::Pending,
            "msgs_to" => Sort::MsgsTo,
            "msgs_from" => Sort::MsgsFrom,
            "bytes_to" => Sort::BytesTo,
            "bytes_from" => Sort::BytesFrom,
            "last" => Sort::Last,
            "idle" => Sort::Idle,
            "uptime" => Sort::Uptime,
            "rtt" => Sort::Rtt,
            "stop" => Sort::Stop,
            "reason" => Sort::Reason,
            _ => return Err(BadRequest(format!("invalid sorting option: {name}"))),
        })
    }

    /// Whether open connections have not got it.
    pub(super) fn is_of_closed(self) -> bool {
        [Sort::Stop, Sort::Reason].contains(&self)
    }

    fn compare(self, a: &Record, b: &Record, now: SystemTime) -> Ordering {
        let uptime = |it: &Record| format::between(it.start, it.stop.map_or(now, |(stop, _)| stop));
        let reason = |it: &Record| it.stop.map_or("", |(_, reason)| reason.text);
        match self {
            Sort::Cid => a.cid.cmp(&b.cid),
            Sort::Start => a.start.cmp(&b.start),
            Sort::Uptime => uptime(a).cmp(&uptime(b)),
            Sort::Reason => reason(a).cmp(reason(b)),
            Sort::Subscriptions => b.subscriptions.cmp(&a.subscriptions),
            Sort::Pending => b.pending_bytes.cmp(&a.pending_bytes),
            Sort::MsgsTo => b.sent.msgs.cmp(&a.sent.msgs),
            Sort::MsgsFrom => b.received.msgs.cmp(&a.received.msgs),
            Sort::BytesTo => b.sent.bytes.cmp(&a.sent.bytes),
            Sort::BytesFrom => b.received.bytes.cmp(&a.received.bytes),
            Sort::Last | Sort::Idle => b.last_activity.cmp(&a.last_activity),
            Sort::Rtt => b.rtt.cmp(&a.rtt),
            Sort::Stop => Reverse(a.stop.map(|it| it.0)).cmp(&Reverse(b.stop.map(|it| it.0))),
        }
    }
}

/// Sorts; equals stay as they were, by age.
pub(super) fn sort(records: &mut [Arc<Record>], sort: Sort, now: SystemTime) {
    records.sort_by_key(|record| record.cid);
    records.sort_by(|a, b| sort.compare(a, b, now));
}
