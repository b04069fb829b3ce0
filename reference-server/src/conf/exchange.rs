//! `exports`, `imports` and `mappings` of accounts. Errors have nats-server's words (ACC-012,
//! ACC-019).

use std::time::Duration;

use super::{
    Problem,
    block::{Field, Table, ignored, put, setting},
    value::Kind,
};
use crate::{
    AccountOptions, Destination, Export, ExportKind, Import, Latency, Local, ResponseType,
    SubjectMapping,
    auth::{Part, faults},
};

/// What an entry of `exports` says, before it is known what it means together.
#[derive(Default)]
struct ExportEntry {
    stream: Option<String>,
    service: Option<String>,
    responses: Option<ResponseType>,
    threshold: Option<Duration>,
    accounts: Vec<String>,
    account_token_position: usize,
    latency: Option<Latency>,
}

/// What an entry says of latencies.
struct LatencyEntry {
    percent: u8,
    subject: Option<String>,
}

const LATENCY: &Table<LatencyEntry> = &[
    setting(&["sampling"], |entry, it| put(&mut entry.percent, percent(it))),
    setting(&["subject"], |entry, it| put(&mut entry.subject, it.text().map(Some))),
];

const EXPORT: &Table<ExportEntry> = &[
    setting(&["stream"], |entry, it| put(&mut entry.stream, it.text().map(Some))),
    setting(&["service"], |entry, it| put(&mut entry.service, it.text().map(Some))),
    setting(&["response", "response_type"], |entry, it| put(&mut entry.responses, responses(it))),
    setting(
        &["threshold", "response_threshold", "response_max_time", "response_time"],
        |entry, it| put(&mut entry.threshold, threshold(it)),
    ),
    setting(&["accounts"], |entry, it| put(&mut entry.accounts, it.texts())),
    setting(&["account_token_position"], |entry, it| {
        put(&mut entry.account_token_position, it.count())
    }),
    setting(&["latency"], |entry, it| put(&mut entry.latency, latency(it).map(Some))),
    ignored(&["allow_trace"], "messages are not traced through accounts"),
];

/// What an entry of `imports` says.
#[derive(Default)]
struct ImportEntry {
    stream: Option<Remote>,
    service: Option<Remote>,
    prefix: Option<String>,
    to: Option<String>,
    share: bool,
}

/// A subject of another account.
#[derive(Default)]
struct Remote {
    account: String,
    subject: String,
}

const IMPORT: &Table<ImportEntry> = &[
    setting(&["stream"], |entry, it| put(&mut entry.stream, remote(it, "Stream").map(Some))),
    setting(&["service"], |entry, it| put(&mut entry.service, remote(it, "Service").map(Some))),
    setting(&["prefix"], |entry, it| put(&mut entry.prefix, it.text().map(Some))),
    setting(&["to"], |entry, it| put(&mut entry.to, it.text().map(Some))),
    setting(&["share"], |entry, it| put(&mut entry.share, it.flag())),
    ignored(&["allow_trace"], "messages are not traced through accounts"),
];

const REMOTE: &Table<Remote> = &[
    setting(&["account"], |remote, it| put(&mut remote.account, it.text())),
    setting(&["subject"], |remote, it| put(&mut remote.subject, it.text())),
];

pub(super) fn exports(it: Field<'_>) -> Result<Vec<Export>, Problem> {
    entries(it, "Exports")?.filter_map(|it| export(it).transpose()).collect()
}

pub(super) fn imports(it: Field<'_>) -> Result<Vec<Import>, Problem> {
    entries(it, "Imports")?.filter_map(|it| import(it).transpose()).collect()
}

fn entries<'a>(it: Field<'a>, name: &str) -> Result<impl Iterator<Item = Field<'a>>, Problem> {
    match it.is_list() {
        true => it.elements(),
        false => Err(it.problem(format!("{name} should be an array, got {}", go_type(it)))),
    }
}

/// The type of a value, as Go names it.
pub(super) fn go_type(it: Field<'_>) -> &'static str {
    match it.kind {
        Kind::Flag(_) => "bool",
        Kind::Integer(_) => "int64",
        Kind::Float(_) => "float64",
        Kind::Text(_) => "string",
        Kind::Date(_) => "time.Time",
        Kind::List(_) => "[]interface {}",
        Kind::Map(_) => "map[string]interface {}",
    }
}

/// None if what is wrong has been reported.
fn export(it: Field<'_>) -> Result<Option<Export>, Problem> {
    if !it.is_map() {
        let words = "Export Items should be a map with type entry, got";
        return Err(it.problem(format!("{words} {}", go_type(it))));
    }
    let (mut entry, before) = (ExportEntry::default(), it.problems());
    it.block(EXPORT, &mut entry)?;
    if it.problems() > before {
        return Ok(None);
    }
    let of_service = entry.responses.is_some() || entry.threshold.is_some();
    let export = match (entry.stream, entry.service) {
        (Some(stream), Some(_)) => {
            let words = format!("Detected stream {stream:?} but already saw a service");
            return Err(it.problem(words));
        }
        (Some(_), None) if entry.latency.is_some() => {
            return Err(it.problem("Detected latency directive on non-service"));
        }
        (Some(_), None) if of_service => {
            return Err(it.problem("Detected response directive on non-service"));
        }
        (Some(stream), None) => Export::stream(stream),
        (None, Some(service)) => {
            let mut export = Export::service(service);
            if let ExportKind::Service { responses, threshold } = &mut export.kind {
                *responses = entry.responses.unwrap_or_default();
                *threshold = entry.threshold.filter(|it| !it.is_zero()).unwrap_or(*threshold);
            }
            export
        }
        (None, None) => return Err(it.problem("an export needs a stream or a service")),
    };
    let (accounts, account_token_position) = (entry.accounts, entry.account_token_position);
    let latency = entry.latency;
    Ok(Some(Export { accounts, account_token_position, latency, ..export }))
}

/// All requests are timed unless it is said otherwise.
fn latency(it: Field<'_>) -> Result<Latency, Problem> {
    if it.is_text() {
        return Ok(Latency { percent: 100, subject: it.text()? });
    }
    if !it.is_map() {
        let words = "Expected latency entry to be a map/struct or string, got";
        return Err(it.problem(format!("{words} {}", go_type(it))));
    }
    let mut entry = LatencyEntry { percent: 100, subject: None };
    it.block(LATENCY, &mut entry)?;
    let missing = || it.problem("Latency subject required, but missing");
    Ok(Latency { percent: entry.percent, subject: entry.subject.ok_or_else(missing)? })
}

/// A number, or a text with the sign of percent behind it; 0 stands for `headers` alone.
fn percent(it: Field<'_>) -> Result<u8, Problem> {
    let number = match it.is_text() {
        false => it.integer()?,
        true => {
            let text = it.text()?;
            if text.trim().eq_ignore_ascii_case("headers") {
                return Ok(0);
            }
            let digits = text.trim_end_matches('%');
            let words = "Failed to parse latency sample: strconv.Atoi: parsing";
            let wrong = |_| it.problem(format!("{words} {digits:?}: invalid syntax"));
            digits.parse().map_err(wrong)?
        }
    };
    let percent = u8::try_from(number).ok().filter(|percent| (1..=100).contains(percent));
    percent.ok_or_else(|| it.problem("bad sampling percentage, should be 1-100"))
}

fn responses(it: Field<'_>) -> Result<Option<ResponseType>, Problem> {
    let text = it.text()?;
    match text.to_lowercase().as_str() {
        "single" | "singleton" => Ok(Some(ResponseType::Singleton)),
        "stream" => Ok(Some(ResponseType::Stream)),
        "chunk" | "chunked" => Ok(Some(ResponseType::Chunked)),
        _ => Err(it.problem(format!("Unknown response type: {text:?}"))),
    }
}

fn threshold(it: Field<'_>) -> Result<Option<Duration>, Problem> {
    let words = "Expected response threshold to be a parseable time duration, got";
    let Ok(text) = it.text() else {
        return Err(it.problem(format!("{words} {}", go_type(it))));
    };
    it.duration_text().map(Some).map_err(|_| it.problem(format!("{words} {text:?}")))
}

/// None if what is wrong has been reported.
fn import(it: Field<'_>) -> Result<Option<Import>, Problem> {
    if !it.is_map() {
        let words = "Import Items should be a map with type entry, got";
        return Err(it.problem(format!("{words} {}", go_type(it))));
    }
    let (mut entry, before) = (ImportEntry::default(), it.problems());
    it.block(IMPORT, &mut entry)?;
    if it.problems() > before {
        return Ok(None);
    }
    let import = match (entry.stream, entry.service) {
        (Some(_), Some(_)) => {
            return Err(it.problem("Detected stream but already saw a service"));
        }
        (Some(_), None) if entry.prefix.is_some() && entry.to.is_some() => {
            let words = "Stream import can not have a 'prefix' and a 'to' property";
            return Err(it.problem(words));
        }
        (Some(Remote { account, subject }), None) => Import::stream(account, subject),
        (None, Some(Remote { account, subject })) => {
            let import = Import::service(account, subject);
            if entry.share { import.share() } else { import }
        }
        (None, None) => return Err(it.problem("an import needs a stream or a service")),
    };
    // A prefix says nothing of a service.
    let prefix = entry.prefix.filter(|prefix| !prefix.is_empty() && import.is_stream());
    let to = entry.to.filter(|to| !to.is_empty()).map(Local::To);
    let local = to.or(prefix.map(Local::Prefix)).unwrap_or(Local::Same);
    Ok(Some(Import { local, ..import }))
}

fn remote(it: Field<'_>, kind: &str) -> Result<Remote, Problem> {
    if !it.is_map() {
        let got = go_type(it);
        return Err(it.problem(format!("{kind} entry should be an account map, got {got}")));
    }
    let mut remote = Remote::default();
    it.block(REMOTE, &mut remote)?;
    match remote.account.is_empty() || remote.subject.is_empty() {
        true => Err(it.problem("Expect an account name and a subject")),
        false => Ok(remote),
    }
}

/// Reports, at their places, the exports and imports that do not fit together; the accounts stand
/// in the order of the block.
pub(super) fn check(accounts: &[AccountOptions], block: Field<'_>) {
    for fault in faults(accounts) {
        let (names, nth) = match fault.part {
            Part::Export(nth) => (["exports", "export"], nth),
            Part::Import(nth) => (["imports", "import"], nth),
        };
        let place = || {
            let account = block.named().ok()?.nth(fault.account)?;
            let part = |it: &Field<'_>| names.contains(&it.name.to_lowercase().as_str());
            account.named().ok()?.filter(part).last()?.elements().ok()?.nth(nth)
        };
        block.report(place().unwrap_or(block).problem(fault.words));
    }
}

#[derive(Default)]
struct DestinationEntry {
    subject: String,
    weight: Option<u8>,
    cluster: Option<String>,
}

const DESTINATION: &Table<DestinationEntry> = &[
    setting(&["dest", "destination"], |entry, it| put(&mut entry.subject, it.text())),
    setting(&["weight"], |entry, it| put(&mut entry.weight, weight(it).map(Some))),
    setting(&["cluster"], |entry, it| put(&mut entry.cluster, it.text().map(Some))),
];

/// Where publications go instead, for each subject (ACC-017).
pub(super) fn mappings(it: Field<'_>) -> Result<Vec<SubjectMapping>, Problem> {
    let mut mappings = Vec::new();
    for entry in it.named()? {
        match mapping(entry) {
            Ok(mapping) => mappings.push(mapping),
            Err(problem) => it.report(problem),
        }
    }
    Ok(mappings)
}

fn mapping(it: Field<'_>) -> Result<SubjectMapping, Problem> {
    let mapping = if it.is_text() {
        SubjectMapping::new(it.name, it.text()?)
    } else {
        let destinations = match it.is_list() {
            true => it.elements()?.map(destination).collect::<Result<_, _>>()?,
            false => vec![destination(it)?],
        };
        SubjectMapping { destinations, ..SubjectMapping::of(it.name) }
    };
    mapping.problem().map_or(Ok(mapping), |error| Err(it.problem(error)))
}

fn destination(it: Field<'_>) -> Result<Destination, Problem> {
    if !it.is_map() {
        return Err(it.problem("Expected an entry for the mapping destination"));
    }
    let mut entry = DestinationEntry::default();
    let before = it.problems();
    it.block(DESTINATION, &mut entry)?;
    let DestinationEntry { subject, weight, cluster } = entry;
    // A weight that was refused is not missing as well.
    let missing = weight.is_none() && it.problems() == before;
    match missing {
        true => Err(it.problem(format!("Missing weight for mapping destination {subject:?}"))),
        false => Ok(Destination { subject, weight: weight.unwrap_or_default(), cluster }),
    }
}

/// Percent, as a number or as text.
fn weight(it: Field<'_>) -> Result<u8, Problem> {
    let wrong = |weight: &dyn std::fmt::Display| {
        it.problem(format!("Invalid weight {weight} for mapping destination"))
    };
    let weight = match it.is_text() {
        true => {
            let text = it.text()?;
            let number = text.strip_suffix('%').unwrap_or(&text);
            number.parse().map_err(|_| wrong(&format!("{number:?}")))?
        }
        false => it.integer()?,
    };
    u8::try_from(weight).ok().filter(|weight| *weight <= 100).ok_or_else(|| wrong(&weight))
}

#[cfg(test)]
mod tests;
