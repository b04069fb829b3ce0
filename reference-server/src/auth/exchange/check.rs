//! Whether exports and imports fit together; what is wrong is told in nats-server's words
//! (ACC-012).

use std::collections::HashSet;

use super::{Export, ExportKind, Import, Local, ResponseType};
use crate::{
    AccountOptions, is_valid_literal, is_valid_pattern,
    subject::{
        self,
        transform::{Transform, has_wildcard, numbered, pattern_of},
    },
};

/// What can't be meant, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Among all accounts.
    pub(crate) account: usize,
    pub(crate) part: Part,
    pub(crate) words: String,
}

/// A part of an account, the nth of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Export(usize),
    Import(usize),
}

/// All that can't be meant, the exports first.
pub(crate) fn faults(accounts: &[AccountOptions]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (account, options) in accounts.iter().enumerate() {
        for (nth, export) in options.exports.iter().enumerate() {
            let kind = if export.is_stream() { "stream" } else { "service" };
            let known = |name: &&String| accounts.iter().any(|it| it.name == **name);
            let place = export.account_token_position;
            let words = if let Some(name) = export.accounts.iter().find(|name| !known(name)) {
                format!("{name:?} account not defined for {kind} export")
            } else if let Some(words) = latency_problem(export) {
                words
            } else if place > 0 && export.subject.split('.').nth(place - 1) != Some("*") {
                format!("Error adding {kind} export {:?}: {INVALID}", export.subject)
            } else {
                continue;
            };
            faults.push(Fault { account, part: Part::Export(nth), words });
        }
    }
    let mut imports = Imports { accounts, streams: Vec::new(), services: Vec::new() };
    for streams in [true, false] {
        for (account, options) in accounts.iter().enumerate() {
            for (nth, import) in options.imports.iter().enumerate() {
                if import.is_stream() == streams
                    && let Err(words) = imports.add(account, import)
                {
                    faults.push(Fault { account, part: Part::Import(nth), words });
                }
            }
        }
    }
    faults
}

/// Says what can't be meant about latencies, if anything.
fn latency_problem(export: &Export) -> Option<String> {
    let subject = &export.latency.as_ref()?.subject;
    let single =
        matches!(export.kind, ExportKind::Service { responses: ResponseType::Singleton, .. });
    let words = match (single, is_valid_literal(subject.as_bytes())) {
        (false, _) => "bad service response type",
        (true, false) => "invalid publish subject",
        (true, true) => return None,
    };
    let (service, sampling) = (&export.subject, "Error adding service latency sampling for");
    Some(format!("{sampling} {service:?} on subject {subject:?}: {words}"))
}

const INVALID: &str = "sublist: invalid subject";
const CYCLE: &str = "import forms a cycle";

/// Those that were found to be right so far.
struct Imports<'a> {
    accounts: &'a [AccountOptions],
    streams: Vec<Link>,
    services: Vec<Link>,
}

/// An import, with accounts by number and patterns without `$1`.
struct Link {
    importer: usize,
    exporter: usize,
    local: String,
    remote: String,
}

impl Imports<'_> {
    fn add(&mut self, importer: usize, import: &Import) -> Result<(), String> {
        let kind = if import.is_stream() { "stream" } else { "service" };
        let exporter = self.accounts.iter().position(|it| it.name == import.account);
        let exporter = exporter
            .ok_or_else(|| format!("{:?} account not defined for {kind} import", import.account))?;
        let link = Link {
            importer,
            exporter,
            local: pattern_of(&import.local_subject()).0,
            remote: import.subject.clone(),
        };
        let right = match import.is_stream() {
            true => self.check_stream(import, &link),
            false => self.check_service(import, &link),
        };
        match right {
            Ok(()) if import.is_stream() => self.streams.push(link),
            Ok(()) => self.services.push(link),
            Err(Wrong::Told(words)) => return Err(words),
            Err(Wrong::Added(words)) => {
                return Err(format!("Error adding {kind} import {:?}: {words}", import.subject));
            }
        }
        Ok(())
    }

    fn check_stream(&self, import: &Import, link: &Link) -> Result<(), Wrong> {
        self.allows(import, link)?;
        if let Local::Prefix(prefix) = &import.local
            && (has_wildcard(prefix) || !is_valid_pattern(prefix.trim_end_matches('.').as_bytes()))
        {
            return Err(Wrong::from("stream import prefix can not contain wildcard tokens"));
        }
        for subject in [&link.local, &import.subject] {
            if self.streams_lead_back(link.exporter, subject, &mut HashSet::from([link.importer])) {
                return Err(Wrong::from(CYCLE));
            }
        }
        check_names(import, &import.subject, &import.local_subject())?;
        let same = |it: &&Link| {
            (it.importer, it.exporter) == (link.importer, link.exporter) && it.remote == link.remote
        };
        match self.streams.iter().find(same) {
            Some(_) => Err(Wrong::from("stream import already exists")),
            None => Ok(()),
        }
    }

    fn check_service(&self, import: &Import, link: &Link) -> Result<(), Wrong> {
        let local = import.local_subject();
        let alike = |it: &&Link| {
            (it.importer, it.exporter) == (link.importer, link.exporter) && it.local == link.local
        };
        if let Some(earlier) = self.services.iter().find(alike) {
            return Err(Wrong::Told(format!(
                "Duplicate service import subject {local:?}, previously used in import for account \
                 {:?}, subject {:?}",
                import.account, earlier.remote
            )));
        }
        if !is_valid_pattern(local.as_bytes()) || !is_valid_pattern(import.subject.as_bytes()) {
            return Err(Wrong::from(INVALID));
        }
        self.allows(import, link)?;
        if self.services_lead_back(link.exporter, &link.local, &mut HashSet::from([link.importer]))
        {
            return Err(Wrong::from(CYCLE));
        }
        check_names(import, &local, &import.subject)
    }

    fn allows(&self, import: &Import, link: &Link) -> Result<(), Wrong> {
        let (importer, exporter) = (&self.accounts[link.importer], &self.accounts[link.exporter]);
        let kind = if import.is_stream() { "stream" } else { "service" };
        let valid = is_valid_pattern(import.subject.as_bytes());
        match exporter.export_for(import, &importer.name).filter(|_| valid) {
            Some(_) => Ok(()),
            None => Err(Wrong::Added(format!("{kind} import not authorized"))),
        }
    }

    /// Whether a service that an account is asked for is, in the end, one of an account that asks.
    fn services_lead_back(&self, account: usize, subject: &str, seen: &mut HashSet<usize>) -> bool {
        self.services.iter().filter(|it| it.importer == account).any(|it| {
            overlap(subject, &it.remote) && {
                let next = narrower(&it.local, subject);
                seen.contains(&it.exporter) || {
                    seen.insert(account);
                    self.services_lead_back(it.exporter, next, seen)
                }
            }
        })
    }

    /// Whether what an account is to export comes, in the end, from an account that imports it.
    fn streams_lead_back(&self, account: usize, subject: &str, seen: &mut HashSet<usize>) -> bool {
        let mut exports = self.accounts[account].exports.iter().filter(|it| it.is_stream());
        let covers = |pattern: &str| subject::matches(pattern.as_bytes(), subject.as_bytes());
        exports.any(|export| covers(&export.subject))
            && self.streams.iter().filter(|it| it.importer == account).any(|it| {
                overlap(subject, &it.local) && {
                    let next = narrower(&it.local, subject);
                    seen.contains(&it.exporter) || {
                        seen.insert(account);
                        self.streams_lead_back(it.exporter, next, seen)
                    }
                }
            })
    }
}

/// What is wrong with an import.
enum Wrong {
    /// Said as it is.
    Told(String),
    /// Said of the import.
    Added(String),
}

impl From<&str> for Wrong {
    fn from(words: &str) -> Wrong {
        Wrong::Added(words.to_owned())
    }
}

/// Whether each name of an import can be made of the other one.
fn check_names(import: &Import, from: &str, to: &str) -> Result<(), Wrong> {
    let local = import.local_subject();
    if local == import.subject || !has_wildcard(&import.subject) {
        return Ok(());
    }
    let kind = if import.is_stream() { "stream" } else { "service" };
    let made = Transform::reversible(&import.subject, &numbered(&local));
    made.map(drop).map_err(|error| {
        Wrong::Added(format!(
            "failed to create mapping transform for {kind} import subject from {from:?} to \
             {to:?}: {error}"
        ))
    })
}

fn overlap(one: &str, other: &str) -> bool {
    subject::overlap(one.as_bytes(), other.as_bytes()).is_some()
}

/// The first, if the other one covers it.
fn narrower<'a>(one: &'a str, other: &'a str) -> &'a str {
    if subject::matches(other.as_bytes(), one.as_bytes()) { one } else { other }
}
