//! What is asked of `/connz` (MON-014, MON-015).

use super::sort::Sort;
use crate::{
    ledger::Record,
    monitoring::query::{BadRequest, Query},
};

/// All parameters.
pub(super) struct Options<'a> {
    pub(super) auth: bool,
    pub(super) subs: Subs,
    pub(super) state: State,
    pub(super) sort: Sort,
    pub(super) offset: usize,
    pub(super) limit: usize,
    /// Empty is any.
    pub(super) account: &'a str,
    /// 0 is any.
    cid: u64,
    /// Empty is any.
    user: &'a str,
    /// Empty is any; no client has one.
    mqtt_client: &'a str,
}

/// What is told of subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subs {
    None,
    Subjects,
    Details,
}

/// Which connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closed,
    All,
}

impl<'a> Options<'a> {
    pub(super) fn read(query: &'a Query) -> Result<Options<'a>, BadRequest> {
        let sort = Sort::read(query.text("sort"))?;
        let auth = query.flag("auth")?;
        let subs = match query.text("subs").eq_ignore_ascii_case("detail") {
            true => Subs::Details,
            false if query.flag("subs")? => Subs::Subjects,
            false => Subs::None,
        };
        let (offset, limit) = query.part()?;
        let cid = query.count("cid")?;
        let state = State::read(query.text("state"))?;
        if sort.is_of_closed() && state != State::Closed {
            let name = query.text("sort");
            let words = "only valid on closed connections";
            return Err(BadRequest(format!("sort by {name} {words}")));
        }
        Ok(Options {
            auth,
            subs,
            state,
            sort,
            // Of one there is no list.
            offset: if cid > 0 { 0 } else { offset },
            limit: if cid > 0 { 1 } else { limit },
            account: query.text("acc"),
            cid,
            user: query.text("user"),
            mqtt_client: query.text("mqtt_client"),
        })
    }

    /// Whether a connection passes all filters but that of accounts.
    pub(super) fn wants(&self, record: &Record) -> bool {
        (self.cid == 0 || record.cid == self.cid)
            && (self.user.is_empty() || record.identity.user.as_deref() == Some(self.user))
            && self.mqtt_client.is_empty()
    }
}

impl State {
    fn read(text: &str) -> Result<State, BadRequest> {
        match text.to_ascii_lowercase().as_str() {
            "" | "open" => Ok(State::Open),
            "closed" => Ok(State::Closed),
            "any" | "all" => Ok(State::All),
            _ => Err(BadRequest(format!("Error decoding state for {text}"))),
        }
    }
}
