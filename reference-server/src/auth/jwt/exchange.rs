//! What an account's token says of other accounts: exports, imports, mappings (ACC-003 to 017).

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

use nkeys::KeyPairType;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Claims, Kind};
use crate::{Destination, Export, Import, Latency, ResponseType, SubjectMapping, subject};

/// How long an answer is waited for where the export does not say.
const THRESHOLD: Duration = Duration::from_secs(120);

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Stream,
    Service,
}

/// Subjects that others may import.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ExportClaims {
    pub(crate) subject: String,
    r#type: Way,
    /// Importers need a token of their own for it.
    #[serde(default)]
    token_req: bool,
    /// Importers, or `*`, whose tokens count no more if they were issued up to this time.
    #[serde(default)]
    revocations: HashMap<String, i64>,
    #[serde(default)]
    response_type: String,
    /// In nanoseconds.
    #[serde(default)]
    response_threshold: u64,
    #[serde(default)]
    account_token_position: usize,
    #[serde(default)]
    service_latency: Option<LatencyClaims>,
}

/// Where it is told how long answers take.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct LatencyClaims {
    /// In percent, or `headers`, which is 0.
    #[serde(default)]
    sampling: Value,
    results: String,
}

/// Subjects of another account.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ImportClaims {
    subject: String,
    account: String,
    r#type: Way,
    /// Of old: the prefix of a stream here, the subject of a service there.
    #[serde(default)]
    to: String,
    #[serde(default)]
    local_subject: String,
    #[serde(default)]
    share: bool,
    /// By which the exporter allows it, if it wants to be asked.
    #[serde(default)]
    token: String,
}

/// What an exporter says of an importer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
struct ActivationClaims {
    subject: String,
    kind: Option<Way>,
    /// Whose signing key has issued it.
    issuer_account: String,
}

impl Kind for ActivationClaims {
    const NAME: &'static str = "activation";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Account, KeyPairType::Operator];

    /// It has no limits; what is imported was called otherwise.
    fn unlimited(nats: &mut Map<String, Value>) {
        if !nats.contains_key("kind")
            && let Some(kind) = nats.remove("type")
        {
            nats.insert("kind".to_owned(), kind);
        }
    }
}

/// Where publications go instead.
pub(crate) type MappingClaims = BTreeMap<String, Vec<DestinationClaims>>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct DestinationClaims {
    subject: String,
    /// In percent; 0 is all.
    #[serde(default)]
    weight: u8,
    #[serde(default)]
    cluster: String,
}

impl ExportClaims {
    pub(crate) fn export(&self) -> Export {
        let responses = match self.response_type.as_str() {
            "Stream" => ResponseType::Stream,
            "Chunked" => ResponseType::Chunked,
            _ => ResponseType::Singleton,
        };
        let threshold = match self.response_threshold {
            0 => THRESHOLD,
            nanoseconds => Duration::from_nanos(nanoseconds),
        };
        let mut export = match self.r#type {
            Way::Stream => Export::stream(&self.subject),
            Way::Service => Export::service(&self.subject).answered(responses, threshold),
        };
        export.account_token_position = self.account_token_position;
        export.latency = self.latency();
        export
    }

    fn latency(&self) -> Option<Latency> {
        let LatencyClaims { sampling, results } = self.service_latency.as_ref()?;
        let percent = match sampling {
            Value::Null => 0,
            Value::String(text) if text.eq_ignore_ascii_case("headers") => 0,
            number => number.as_u64().filter(|percent| *percent <= 100)?,
        };
        Some(Latency { percent: u8::try_from(percent).ok()?, subject: results.clone() })
    }

    /// Whether an importer needs a token for it.
    pub(crate) fn asks_for_token(&self) -> bool {
        self.token_req && self.account_token_position == 0
    }

    /// Until when a token that was read from an import allows it now; `None` if it does not, and
    /// `Some(None)` for ever. The exporter's signing keys may have issued it.
    pub(crate) fn allows(
        &self,
        import: &ImportClaims,
        signing_keys: &[&str],
        now: i64,
    ) -> Option<Option<SystemTime>> {
        let token = Claims::<ActivationClaims>::read(&import.token).ok()?;
        let issuer = token.issuer.as_str();
        let trusted = issuer == import.account || signing_keys.contains(&issuer);
        let revoked =
            |key: &str| self.revocations.get(key).is_some_and(|at| *at >= token.issued_at);
        if !trusted || !token.is_valid_at(now) || revoked(&token.subject) || revoked("*") {
            return None;
        }
        let expires = u64::try_from(token.expires).ok().filter(|seconds| *seconds > 0);
        let at = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Some(expires.and_then(at))
    }
}

impl ImportClaims {
    /// Whether its token, if it has one, is about this import into this account (AUTH-026): an
    /// account that says otherwise counts for nothing.
    pub(crate) fn is_sound_in(&self, importer: &str) -> bool {
        if self.token.is_empty() {
            return true;
        }
        let Ok(token) = Claims::<ActivationClaims>::read(&self.token) else { return false };
        let ActivationClaims { subject: allowed, kind, issuer_account } = &token.nats;
        let remote = match (self.r#type, self.to.as_str()) {
            (Way::Service, to) if !to.is_empty() => to,
            _ => &self.subject,
        };
        token.subject == importer
            && (token.issuer == self.account || *issuer_account == self.account)
            && *kind == Some(self.r#type)
            && subject::matches(allowed.as_bytes(), remote.as_bytes())
    }

    pub(crate) fn import(&self) -> Import {
        let ImportClaims { subject, account, to, local_subject, .. } = self;
        match (self.r#type, local_subject.as_str(), to.as_str()) {
            (Way::Stream, "", "") => Import::stream(account, subject),
            (Way::Stream, "", prefix) => Import::stream(account, subject).prefix(prefix),
            (Way::Stream, local, _) => Import::stream(account, subject).to(local),
            (Way::Service, "", "") => self.service(subject),
            (Way::Service, "", remote) => self.service(remote).to(subject),
            (Way::Service, local, _) => self.service(subject).to(local),
        }
    }

    fn service(&self, subject: &str) -> Import {
        let import = Import::service(&self.account, subject);
        if self.share { import.share() } else { import }
    }
}

/// Each subject with the places that it leads to.
pub(crate) fn mappings(claims: &MappingClaims) -> Vec<SubjectMapping> {
    let destination = |it: &DestinationClaims| Destination {
        subject: it.subject.clone(),
        weight: if it.weight == 0 { 100 } else { it.weight },
        cluster: Some(it.cluster.clone()).filter(|cluster| !cluster.is_empty()),
    };
    let mapping = |(source, destinations): (&String, &Vec<DestinationClaims>)| SubjectMapping {
        source: source.clone(),
        destinations: destinations.iter().map(destination).collect(),
    };
    claims.iter().map(mapping).collect()
}
