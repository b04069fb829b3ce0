//! What a record says, in the forms that people and programs read.

mod bencher;
pub mod comparison;
mod csv;
mod figures;
mod github;
mod goals;
mod grid;
mod html;
mod markdown;
pub mod terminal;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use self::{
    bencher::bencher,
    csv::csv,
    figures::floor,
    github::github,
    goals::{goals, goals_markdown},
    html::html,
    markdown::markdown,
};
pub(crate) use self::{figures::significant, grid::Grid};
use crate::{
    error::{Error, Result},
    record::{Record, SCHEMA},
};

/// Where reports go; none is written that is not asked for.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Files {
    /// Where a report for a pull request's comment goes.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Where all blocks go, a line each.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Where a page with plots goes, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where the JSON of github-action-benchmark goes: into NAME.smaller.json for its tool
    /// customSmallerIsBetter, and NAME.bigger.json for customBiggerIsBetter.
    #[arg(long, value_name = "NAME.json")]
    pub github: Option<PathBuf>,
    /// Where Bencher's JSON goes, for its adapter `json`.
    #[arg(long, value_name = "FILE")]
    pub bencher: Option<PathBuf>,
}

impl Files {
    /// Writes all that are asked for; with a threshold there are verdicts in those for people.
    ///
    /// # Errors
    /// Files that can't be written.
    pub fn write(&self, record: &Record, threshold: Option<f64>) -> Result<()> {
        if let Some(path) = &self.markdown {
            write(path, &markdown(record, threshold))?;
        }
        if let Some(path) = &self.csv {
            write(path, &csv(record)?)?;
        }
        if let Some(path) = &self.html {
            write(path, &html(record, threshold)?)?;
        }
        if let Some(path) = &self.github {
            for (suffix, bigger_is_better) in [("smaller.json", false), ("bigger.json", true)] {
                let entries = github(record, bigger_is_better);
                write(&path.with_extension(suffix), &format!("{entries:#}\n"))?;
            }
        }
        if let Some(path) = &self.bencher {
            write(path, &format!("{:#}\n", bencher(record)))?;
        }
        Ok(())
    }

    /// Whether none is asked for.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let Files { markdown, csv, html, github, bencher } = self;
        [markdown, csv, html, github, bencher].iter().all(|file| file.is_none())
    }
}

/// Reads a record that was written by `--json`.
///
/// # Errors
/// The file can't be read, is no record, or is one of a later version of this program.
pub fn read(path: &Path) -> Result<Record> {
    let failed = |why: String| Error::File { path: path.into(), why };
    let text =
        fs::read_to_string(path).map_err(|error| failed(format!("can't be read: {error}")))?;
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| failed(format!("is no JSON, so no record of --json: {error}")))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            return Err(failed(format!(
                "is a record of schema {schema}, and this program reads {SCHEMA}; read it with the \
                 broker-bench that wrote it, or measure again"
            )));
        }
        None => return Err(failed("is no record; `run --json FILE` writes one".into())),
    }
    serde_json::from_value(value).map_err(|error| failed(format!("is a broken record: {error}")))
}

/// Writes a record for [`read`].
///
/// # Errors
/// The file can't be written.
pub fn save(path: &Path, record: &Record) -> Result<()> {
    let text = serde_json::to_string_pretty(record)
        .map_err(|error| Error::File { path: path.into(), why: error.to_string() })?;
    write(path, &(text + "\n"))
}

/// Writes a text.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let failed =
        |error| Error::File { path: path.into(), why: format!("can't be written: {error}") };
    fs::write(path, text).map_err(failed)
}
