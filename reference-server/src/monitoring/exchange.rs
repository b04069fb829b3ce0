//! What `/accountz` says of exports, imports and mappings (MON-029).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    ExportKind, ImportKind, ResponseType,
    auth::GLOBAL_ACCOUNT,
    router::{Account, Unanswered},
    server::Overview,
    subject::{
        mapping::Mappings,
        transform::{numbered, pattern_of},
    },
};

/// An account's part; what is empty is left out.
#[derive(Default, Serialize)]
pub(super) struct Exchange {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mappings: BTreeMap<String, Vec<Destination>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exports: Vec<Export>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<Import>,
}

#[derive(Serialize)]
struct Destination {
    subject: String,
    /// Of all destinations up to this one (ACC-018).
    weight: u8,
}

#[derive(Serialize)]
struct Export {
    subject: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approved_accounts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_latency: Option<Latency>,
}

#[derive(Serialize)]
struct Latency {
    sampling: Sampling,
    results: String,
}

/// Of how many requests, in percent, or of those alone that ask for it.
#[derive(Serialize)]
#[serde(untagged)]
enum Sampling {
    Percent(u8),
    Headers(&'static str),
}

impl From<&crate::Latency> for Latency {
    fn from(latency: &crate::Latency) -> Latency {
        let sampling = match latency.percent {
            0 => Sampling::Headers("headers"),
            percent => Sampling::Percent(percent),
        };
        Latency { sampling, results: latency.subject.clone() }
    }
}

#[derive(Serialize)]
struct Import {
    subject: String,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    local_subject: String,
    r#type: &'static str,
    invalid: bool,
    share: bool,
    tracking: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
}

/// A request of another account that has not been answered, as an import of its reply subject.
#[derive(Serialize)]
pub(super) struct Response {
    subject: String,
    account: String,
    to: String,
    local_subject: String,
    /// A service, by its number.
    r#type: u8,
    invalid: bool,
    share: bool,
    tracking: bool,
}

/// Of an account, by where they are to be answered.
pub(super) fn responses(account: &Account) -> impl Iterator<Item = (String, Response)> {
    account.unanswered().into_iter().map(|Unanswered { subject, reply, account, share }| {
        let response = Response {
            subject: reply,
            account,
            to: subject.clone(),
            local_subject: subject.clone(),
            r#type: 2,
            invalid: false,
            share,
            tracking: false,
        };
        (subject, response)
    })
}

impl Exchange {
    /// Of an account, as it is configured or its token says.
    pub(super) fn of(server: &Overview<'_>, account: &str) -> Exchange {
        let named = server.account_options().iter().find(|options| options.name == account);
        let mappings = match account {
            GLOBAL_ACCOUNT => server.config().auth.mappings.as_slice(),
            _ => named.map_or(&[][..], |options| &options.mappings),
        };
        Exchange {
            mappings: Mappings::new(mappings).iter().flat_map(shown).collect(),
            exports: named.iter().flat_map(|it| &it.exports).map(export).collect(),
            imports: named.iter().flat_map(|it| &it.imports).map(|it| import(server, it)).collect(),
        }
    }
}

fn shown(mappings: &Mappings) -> impl Iterator<Item = (String, Vec<Destination>)> {
    mappings.shown().map(|(source, destinations)| {
        let each = destinations.into_iter();
        let each =
            each.map(|(subject, weight)| Destination { subject: subject.to_owned(), weight });
        (source.to_owned(), each.collect())
    })
}

fn export(export: &crate::Export) -> Export {
    let response_type = match export.kind {
        ExportKind::Stream => None,
        ExportKind::Service { responses, .. } => Some(match responses {
            ResponseType::Singleton => "Singleton",
            ResponseType::Stream => "Streamed",
            ResponseType::Chunked => "Chunked",
        }),
    };
    Export {
        subject: export.subject.clone(),
        r#type: if export.is_stream() { "stream" } else { "service" },
        response_type,
        approved_accounts: export.accounts.clone(),
        service_latency: export.latency.as_ref().map(Into::into),
    }
}

fn import(server: &Overview<'_>, import: &crate::Import) -> Import {
    let (local, _) = pattern_of(&numbered(&import.local_subject()));
    let service = !import.is_stream();
    let exporter = server.account_options().iter().find(|it| it.name == import.account);
    let timed = exporter.and_then(|it| it.exports.get(import.governed_by(&it.exports)?.0));
    Import {
        subject: import.subject.clone(),
        account: import.account.clone(),
        to: service.then(|| local.clone()),
        local_subject: local,
        r#type: if service { "service" } else { "stream" },
        invalid: false,
        share: import.kind == ImportKind::Service { share: true },
        tracking: false,
        latency: timed.and_then(|export| export.latency.as_ref()).map(Into::into),
    }
}
