//! The register of clauses: NATS has no numbered specification, so the suite keeps one.

use serde::{Deserialize, Serialize};

use crate::{run::matches, scenario::Level};

/// What a server promises, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Stable, never reused: `CORE-SUB-012`.
    pub id: String,
    /// The id in words, as stable: `unsub.max-counts-from-sub`.
    pub name: String,
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
    /// Why no scenario can show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
    /// Tests that show it where a dialogue can't: `reference-server/tests/parser.rs::name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
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

    /// The clauses whose id or name is what a pattern says, see [`matches()`].
    pub fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a Clause> {
        let named =
            move |clause: &&Clause| matches(pattern, &clause.id) || matches(pattern, &clause.name);
        self.clauses.iter().filter(named)
    }
}
