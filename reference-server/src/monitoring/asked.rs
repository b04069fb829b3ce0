//! Pages that are asked for in messages.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    absent, accounts, connz,
    query::{BadRequest, Query},
    subsz, varz,
};
use crate::server::Overview;

/// The JSON of a page, by the last word of the request (SYS-005).
pub(crate) fn page(
    what: &str,
    server: &Overview<'_>,
    query: &Query,
    cpu_percent: f64,
) -> Result<Vec<u8>, BadRequest> {
    match what {
        "VARZ" => json(Ok(varz::varz(server, BTreeMap::new(), cpu_percent))),
        "CONNZ" => {
            let unfiltered = query.text("filter_subject").is_empty();
            match (unfiltered, query.text("acc")) {
                (true, _) => json(connz::connz(server, query)),
                (false, "") => bad("filter by subject only valid with account filtering"),
                (false, _) => bad("filter by subject is not supported by this server"),
            }
        }
        "SUBSZ" => {
            // Of one account they are always listed.
            let listed = !query.text("acc").is_empty() && query.text("subs").is_empty();
            json(subsz::subsz(
                server,
                &if listed { query.with("subs", "1") } else { query.clone() },
            ))
        }
        "ACCOUNTZ" => json(accounts::accountz(server, query)),
        "INFO" => json(accounts::account_detail(server, query.text("acc"))),
        "ROUTEZ" => json(absent::routez(server, query)),
        "GATEWAYZ" => json(absent::gatewayz(server, query)),
        "LEAFZ" => json(absent::leafz(server, query)),
        "JSZ" => json(absent::jsz(server, query)),
        "HEALTHZ" => json(absent::health(server, query)),
        "EXPVARZ" => json(Ok(absent::expvars())),
        _ => json(Ok(absent::Nothing {})),
    }
}

fn bad(words: &str) -> Result<Vec<u8>, BadRequest> {
    Err(BadRequest(words.to_owned()))
}

/// Texts and numbers can always be written.
fn json(page: Result<impl Serialize, BadRequest>) -> Result<Vec<u8>, BadRequest> {
    page.map(|page| serde_json::to_vec(&page).unwrap_or_default())
}
