//! Recorded runs, read again.

use std::{fs, io, path::Path};

use serde::{Deserialize, de::IgnoredAny};
use thiserror::Error;

use super::json::{Report, Runs, SCHEMA};

/// Why there are no results in a file.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{path} is no JSON report of nats-conformance: {what}")]
    Other {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A later program wrote it.
    #[error(
        "{path} has schema {schema}, this program reads up to {SCHEMA}; use a newer \
         nats-conformance"
    )]
    Newer {
        /// The file.
        path: String,
        /// The schema that it says it has.
        schema: u32,
    },
}

/// The reports in a file, of one target or of several; `-` is standard input.
///
/// # Errors
/// A file that can't be read, is of a newer schema, or is no report.
pub fn read(path: &Path) -> Result<Vec<Report>, ReadError> {
    let path_text = path.display().to_string();
    let text = match &*path_text {
        "-" => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(path),
    };
    let text = text.map_err(|source| ReadError::Read { path: path_text.clone(), source })?;
    parse(&path_text, &text)
}

/// The reports in a text; `path` is for errors only.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &str, text: &str) -> Result<Vec<Report>, ReadError> {
    /// What must be understood before the rest can be.
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
        runs: Option<IgnoredAny>,
    }
    let path = path.to_owned();
    let other = |error: serde_json::Error| {
        let what = error.to_string();
        ReadError::Other { path: path.clone(), what }
    };
    let head: Head = serde_json::from_str(text).map_err(other)?;
    if head.schema > SCHEMA {
        return Err(ReadError::Newer { path, schema: head.schema });
    }
    match head.runs {
        Some(_) => {
            let runs: Runs = serde_json::from_str(text).map_err(other)?;
            match runs.runs.is_empty() {
                true => Err(ReadError::Other { path, what: "it has no run".to_owned() }),
                false => Ok(runs.runs),
            }
        }
        None => serde_json::from_str(text).map(|report| vec![report]).map_err(other),
    }
}
