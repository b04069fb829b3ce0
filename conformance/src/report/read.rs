//! Recorded runs, read back from their JSON files.

use std::{fs, io, path::Path};

use serde_json::Value;
use thiserror::Error;

use super::json::{Report, SCHEMA};

/// Why a file holds no runs that can be shown.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is not JSON.
    #[error("{path} is not JSON: {source}")]
    Json {
        /// The file.
        path: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// It is JSON, but not what `run --json` writes.
    #[error("{path} is not a report that `run --json` wrote: {what}")]
    Shape {
        /// The file.
        path: String,
        /// What is missing.
        what: String,
    },
    /// Another version of this program wrote it.
    #[error("{path} has schema {found}; this program reads schema {SCHEMA}, so run it again")]
    Schema {
        /// The file.
        path: String,
        /// The schema it has.
        found: Value,
    },
}

/// The runs of a file: one report, or `{"schema": 1, "runs": […]}` of several targets.
///
/// # Errors
/// [`ReadError`], with the file's name.
pub fn read(path: &Path) -> Result<Vec<Report>, ReadError> {
    let name = path.display().to_string();
    let text = match name.as_str() {
        "-" => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(path),
    };
    let text = text.map_err(|source| ReadError::Read { path: name.clone(), source })?;
    parse(&name, &text)
}

/// As [`read`], from a text; `path` names it in errors.
///
/// # Errors
/// [`ReadError`], but for reading.
pub fn parse(path: &str, text: &str) -> Result<Vec<Report>, ReadError> {
    let shape = |what: String| ReadError::Shape { path: path.to_owned(), what };
    let document: Value = serde_json::from_str(text)
        .map_err(|source| ReadError::Json { path: path.to_owned(), source })?;
    match document.get("schema") {
        None => return Err(shape("it has no `schema`".to_owned())),
        Some(found) if *found != SCHEMA => {
            return Err(ReadError::Schema { path: path.to_owned(), found: found.clone() });
        }
        Some(_) => {}
    }
    let runs = match document.get("runs").map(Value::as_array) {
        None => vec![document],
        Some(None) => return Err(shape("`runs` is not a list".to_owned())),
        Some(Some(runs)) if runs.is_empty() => return Err(shape("it has no run".to_owned())),
        Some(Some(runs)) => runs.clone(),
    };
    let report = |mut run: Value| {
        if let Some(members) = run.as_object_mut() {
            members.entry("schema").or_insert(SCHEMA.into());
        }
        serde_json::from_value(run).map_err(|error| shape(error.to_string()))
    };
    runs.into_iter().map(report).collect()
}
