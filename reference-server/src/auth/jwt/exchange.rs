//! What an account's token says of other accounts: exports, imports, mappings (ACC-003 to 017).

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::{Destination, Export, Import, ResponseType, SubjectMapping};

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
    pub(crate) token_req: bool,
    #[serde(default)]
    response_type: String,
    /// In nanoseconds.
    #[serde(default)]
    response_threshold: u64,
    #[serde(default)]
    account_token_position: usize,
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
        export
    }
}

impl ImportClaims {
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
