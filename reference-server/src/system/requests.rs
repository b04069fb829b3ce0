//! What may be asked, and what comes of it (SYS-005, AUTH-036, ACC-014).

use super::{
    desk::Desk,
    events,
    herald::Request,
    options::{self, Form},
    orders, user,
    voice::json,
};
use crate::{
    Profile,
    monitoring::{account_statz, page, statsz},
    server::Overview,
};

/// Where requests are taken.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In the system account, all of them.
    System { server_id: &'a str },
    /// In any other account what concerns that alone.
    Elsewhere,
}

/// What a server is asked, with the release that it came with.
const OF_SERVERS: &[(&str, Profile)] = &[
    ("STATSZ", Profile::V2_9),
    ("VARZ", Profile::V2_9),
    ("CONNZ", Profile::V2_9),
    ("SUBSZ", Profile::V2_9),
    ("ROUTEZ", Profile::V2_9),
    ("GATEWAYZ", Profile::V2_9),
    ("LEAFZ", Profile::V2_9),
    ("ACCOUNTZ", Profile::V2_9),
    ("JSZ", Profile::V2_9),
    ("HEALTHZ", Profile::V2_9),
    ("IDZ", Profile::V2_10),
    ("IPQUEUESZ", Profile::V2_11),
    ("RAFTZ", Profile::V2_11),
    ("EXPVARZ", Profile::V2_11),
];

/// What one server is told to do.
const ORDERS: [&str; 3] = ["KICK", "LDM", "RELOAD"];

/// What is asked about an account.
const OF_ACCOUNTS: [&str; 7] = ["CONNZ", "SUBSZ", "LEAFZ", "JSZ", "INFO", "STATZ", "CONNS"];

/// The subjects of all requests that are taken there.
pub(super) fn patterns(place: Place<'_>, profile: Profile) -> Vec<String> {
    let mut patterns = Vec::new();
    if profile >= Profile::V2_10 {
        patterns.push("$SYS.REQ.USER.INFO".to_owned());
    }
    let Place::System { server_id } = place else {
        patterns.extend(
            ["ACCOUNT.PING.CONNZ", "ACCOUNT.PING.STATZ", "SERVER.PING.CONNZ"]
                .map(|what| format!("$SYS.REQ.{what}")),
        );
        return patterns;
    };
    patterns.extend(["$SYS.REQ.SERVER.PING", "$SYS.DEBUG.SUBSCRIBERS"].map(str::to_owned));
    for (what, _) in OF_SERVERS.iter().filter(|(_, since)| profile >= *since) {
        patterns.push(format!("$SYS.REQ.SERVER.PING.{what}"));
        patterns.push(format!("$SYS.REQ.SERVER.{server_id}.{what}"));
    }
    if profile >= Profile::V2_10 {
        patterns.extend(ORDERS.map(|what| format!("$SYS.REQ.SERVER.{server_id}.{what}")));
    }
    patterns.extend(OF_ACCOUNTS.map(|what| format!("$SYS.REQ.ACCOUNT.*.{what}")));
    patterns
}

/// What is said in return.
pub(super) enum Answer {
    /// This alone.
    Bare(Vec<u8>),
    /// Who answers, and this under a name.
    Named(&'static str, Vec<u8>),
    /// Who answers, and that it is done.
    Done,
    /// The options can't be read.
    Unreadable(String),
    /// There is no such page.
    Failed(String),
    /// It could not be done.
    Refused(String),
}

/// Answers a request; not one that means other servers, or asks for nothing that there is.
pub(super) fn answer(desk: &Desk, request: &Request) -> Option<Answer> {
    let subject = std::str::from_utf8(&request.subject).ok()?;
    if subject == "$SYS.REQ.USER.INFO" {
        return Some(Answer::Named("data", json(&user::info(&desk.overview(), &request.scope))));
    }
    if subject == "$SYS.DEBUG.SUBSCRIBERS" {
        let count = request.account.interested(&request.payload).len();
        return Some(Answer::Bare(count.to_string().into_bytes()));
    }
    let own = (!desk.voice.is_in(&request.account)).then(|| request.account.name());
    match subject.strip_prefix("$SYS.REQ.")?.split('.').collect::<Vec<_>>()[..] {
        ["SERVER", "PING"] => of_server(desk, "STATSZ", &request.payload, own),
        ["SERVER", _, what] => of_server(desk, what, &request.payload, own),
        ["ACCOUNT", "PING", "STATZ"] => statz(desk, &request.payload, own),
        ["ACCOUNT", account, what] => {
            of_account(desk, what, &request.payload, own.unwrap_or(account))
        }
        _ => None,
    }
}

fn of_server(desk: &Desk, what: &str, payload: &[u8], account: Option<&str>) -> Option<Answer> {
    match what {
        "IDZ" => Some(Answer::Bare(json(&desk.voice.id()))),
        "KICK" => orders::kick(desk, payload),
        "LDM" => orders::send_lame_duck_info(desk, payload),
        "RELOAD" => Some(orders::reload(desk)),
        "STATSZ" => asked(desk, Form::of(what), payload, |server, _| {
            Answer::Named("statsz", json(&statsz(server, desk.cpu_percent())))
        }),
        _ => page_of(desk, what, payload, account),
    }
}

fn of_account(desk: &Desk, what: &str, payload: &[u8], account: &str) -> Option<Answer> {
    match what {
        "CONNS" => {
            let connections = events::connections(&desk.voice, &desk.overview(), account)?;
            Some(Answer::Bare(json(&connections)))
        }
        "STATZ" => statz(desk, payload, Some(account)),
        "JSZ" => Some(Answer::Failed("jetstream not enabled".to_owned())),
        _ => page_of(desk, what, payload, Some(account)),
    }
}

/// Accounts that have connections, or those that are named; silence if that is none.
fn statz(desk: &Desk, payload: &[u8], account: Option<&str>) -> Option<Answer> {
    let options = match options::read(Form::of("STATZ"), payload) {
        Ok(options) => options,
        Err(words) => return Some(Answer::Unreadable(words)),
    };
    let named: Vec<&str> = match account {
        Some(account) => vec![account],
        None => options.accounts.iter().map(String::as_str).collect(),
    };
    let named = (!named.is_empty()).then_some(&named[..]);
    let page = account_statz(&desk.overview(), named, options.include_unused)?;
    options.mean(&desk.voice).then(|| Answer::Named("data", json(&page)))
}

/// A page, of one account if one is given.
fn page_of(desk: &Desk, what: &str, payload: &[u8], account: Option<&str>) -> Option<Answer> {
    asked(desk, Form::of(what), payload, |server, mut query| {
        if let Some(account) = account {
            query.put("acc", account);
        }
        match page(what, server, &query, desk.cpu_percent()) {
            Ok(data) => Answer::Named("data", data),
            Err(bad) => Answer::Failed(bad.to_string()),
        }
    })
}

/// Reads the options, and asks if this server is meant.
fn asked(
    desk: &Desk,
    form: Form,
    payload: &[u8],
    ask: impl FnOnce(&Overview<'_>, crate::monitoring::Query) -> Answer,
) -> Option<Answer> {
    match options::read(form, payload) {
        Err(words) => Some(Answer::Unreadable(words)),
        Ok(options) if !options.mean(&desk.voice) => None,
        Ok(options) => Some(ask(&desk.overview(), options.query)),
    }
}
