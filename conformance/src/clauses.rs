//! The register of clauses: NATS has no numbered specification, so the suite keeps one.

use serde::{Deserialize, Serialize};

use crate::scenario::Level;

/// What a server promises, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Stable, never reused: `CORE-SUB-012`.
    pub id: String,
    /// The part of the protocol it belongs to.
    pub section: String,
    /// Its force.
    pub level: Level,
    /// The promise.
    pub text: String,
    /// Where it is written down: documentation pages, ADR numbers, source files.
    pub source: String,
    /// What differs between releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

/// All clauses, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// In order.
    #[serde(rename = "clause", default)]
    pub clauses: Vec<Clause>,
}

impl Register {
    /// Reads `clauses.toml`.
    ///
    /// # Errors
    /// What is not a register, in the words of the TOML reader.
    pub fn parse(text: &str) -> Result<Register, toml::de::Error> {
        toml::from_str(text)
    }

    /// The clause with this id.
    pub fn find(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id == id)
    }
}
