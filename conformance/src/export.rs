//! The scenarios as plain data, for programs that are not written in Rust or judge in another way.
//!
//! A case is what is run and reported: of a table's rows each has its own steps, with its cells
//! put in. The types here mirror the tree of [`scenario`] and are the schema that
//! stands in `conformance/schema/export.schema.json`.

mod step;
mod tell;
mod text;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

use crate::{clauses::Register, scenario};
pub use step::{Act, Bound, Control, Counted, Frame, Sign, Step, Tally, Test, What};
pub use text::{Bytes, Part, PathStep, Text, Value};

/// Goes up with every change that a reader could stumble over.
pub const SCHEMA: u32 = 1;

/// Scenarios of the conformance suite for NATS servers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Goes up with every change that a reader could stumble over.
    pub schema: u32,
    /// The version of the program that wrote this.
    pub harness_version: String,
    /// Sorted by id, a table's rows in their order.
    pub cases: Vec<Case>,
}

/// What is run and reported.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `core/sub/max`, or `core/sub/max[2]` for the second row of a table.
    pub id: String,
    /// The file's path below `scenarios/`, without its ending.
    pub scenario: String,
    /// One sentence that is true of a correct server.
    pub title: String,
    /// The row, for cases of a table; its cells are put into the steps already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
    /// The clauses it shows, the main one first.
    pub clauses: Vec<Clause>,
    /// What a broken promise means.
    pub level: Level,
    /// First release of nats-server the case is true of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last release of nats-server the case is true of; `2.11` includes every 2.11.x.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Words to select by.
    pub tags: Vec<String>,
    /// Capabilities that the server must have.
    pub needs: Vec<String>,
    /// Key pairs that are made for the case, each before those it vouches for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// A fragment of nats-server's configuration that the server must run with. Its values are
    /// what is made before the server starts: keys, `certs` (a folder of certificates), `ports`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Text>,
    /// The server's PINGs are frames that the steps expect; else they are answered and passed over.
    pub manual_pings: bool,
    /// INFOs behind the first are frames that the steps expect; else they are passed over.
    pub manual_infos: bool,
    /// The story. At its end every open connection is quiet.
    pub steps: Vec<Step>,
}

/// A row of a table.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Counted from 1.
    pub number: usize,
    /// As it was written.
    pub text: String,
    /// By the names of the columns. A value that still names a column means this.
    pub cells: BTreeMap<String, Text>,
}

/// A key pair, and with an operator behind it a token (JWT).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What the steps call it: the public key is its member `key`, the token its member `jwt`.
    pub name: String,
    /// Whose key it is.
    pub role: Role,
    /// Whose key signs the token: an account's operator, a user's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How long the token is valid from the start of the server, in milliseconds; else for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
    /// What else the token says in its member `nats`; null takes away what it would say. A text
    /// `<ann.key>` stands for the public key of `ann`. With `version` 1 the type stands outside
    /// `nats`, and the payload alone is signed.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// Whose a key is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The root of trust; signs its own token.
    Operator,
    /// An account's.
    Account,
    /// A user's.
    User,
}

/// A promise of the register of clauses.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Stable: `CORE-SUB-012`.
    pub id: String,
    /// A short name of words, if the register has the clause: `unsub.max-counts-from-sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The promise in one sentence, if the register has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The part of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Where it is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The force of a requirement.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Broken is a failure.
    Must,
    /// Broken is a warning.
    Should,
    /// Broken is information.
    May,
}

impl Export {
    /// These cases.
    pub fn new(cases: &[scenario::Case], register: &Register) -> Export {
        Export {
            schema: SCHEMA,
            harness_version: env!("CARGO_PKG_VERSION").to_owned(),
            cases: cases.iter().map(|one| tell::case(one, register)).collect(),
        }
    }

    /// The JSON schema of this, as it stands in `conformance/schema/`.
    ///
    /// # Errors
    /// What the JSON writer says.
    pub fn schema() -> Result<String, serde_json::Error> {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<Export>();
        Ok(serde_json::to_string_pretty(&schema)? + "\n")
    }
}
