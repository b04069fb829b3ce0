//! The configuration language of nats-server.
//!
//! [`syntax`] reads text into values that know where they stand; [`block`] gives each key its
//! meaning by a table, the outermost being [`options`]. What no table knows is an error: an
//! option that is silently ignored would be worse.

mod auth;
pub(crate) mod block;
mod callout;
#[cfg(feature = "program")]
mod digest;
pub(crate) mod duration;
mod exchange;
mod jetstream;
mod operator;
mod options;
mod proxies;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;
mod tls;
pub(crate) mod value;
mod websocket;

use std::{fmt, io, path::Path, path::PathBuf};

use thiserror::Error;

use self::{block::Findings, options::OPTIONS, syntax::Environment, value::Source};
use crate::Config;

/// What is wrong with a configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("open {}: {}", path.display(), words(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text can't be meant; all mistakes that were found.
    #[error("{}", lines(problems))]
    Text {
        /// At least one.
        problems: Vec<Problem>,
    },
}

/// One mistake in a configuration, and its place (CONF-011).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file, included ones too; none for a text without.
    pub file: Option<PathBuf>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line.
    pub excerpt: String,
    /// What to do.
    pub advice: Option<String>,
}

/// What is odd about a configuration that can be used (CONF-012).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigWarning {
    /// What is odd, with its place.
    pub text: String,
    /// nats-server's check of a configuration file, `-t`, fails over it.
    pub is_error_in_check: bool,
}

impl Config {
    /// Takes over what a text in nats-server's configuration language says; what it leaves out
    /// stays as it was. Returns what is odd, and no reason not to start.
    ///
    /// ```
    /// let mut config = nats_reference_server::Config::default();
    /// config.merge("max_payload: 8kb  # small\nping_interval = \"500ms\"")?;
    /// assert_eq!(config.max_payload_bytes, 8 << 10);
    /// let error = config.merge("max_paylod: 1").unwrap_err().to_string();
    /// assert!(error.contains("did you mean \"max_payload\"?"), "{error}");
    /// # Ok::<(), nats_reference_server::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Text that can't be read, unknown options and values that don't fit, with line and column.
    /// Then nothing is taken over.
    pub fn merge(&mut self, text: &str) -> Result<Vec<ConfigWarning>, ConfigError> {
        self.merge_source(Source { file: None, text: text.to_owned() }, &environment)
    }

    /// Takes over what a configuration file says; see [`merge`](Config::merge).
    ///
    /// # Errors
    /// As there, and a file that can't be read.
    pub fn merge_file(&mut self, path: &Path) -> Result<Vec<ConfigWarning>, ConfigError> {
        self.merge_source(open(path)?, &environment)
    }

    fn merge_source(
        &mut self,
        source: Source,
        environment: Environment<'_>,
    ) -> Result<Vec<ConfigWarning>, ConfigError> {
        let findings = Findings::default();
        let file = source.file.clone();
        let one = |problem| ConfigError::Text { problems: vec![problem] };
        let map = syntax::read(source, environment).map_err(one)?;
        let mut config = self.clone();
        #[cfg(feature = "program")]
        {
            config.digest = digest::of(&map);
        }
        block::read(&map, "", OPTIONS, &mut config, &findings).map_err(one)?;
        if let Some(file) = file.filter(|_| map.entries().is_ok_and(<[_]>::is_empty)) {
            let words = format!("{}: config has no values or is empty", file.display());
            findings.warn(words, true);
        }
        let (problems, warnings) = findings.into_parts();
        if !problems.is_empty() {
            return Err(ConfigError::Text { problems });
        }
        *self = config;
        Ok(warnings)
    }
}

impl Problem {
    pub(crate) fn advice(self, advice: impl Into<String>) -> Problem {
        Problem { advice: Some(advice.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Characters of a line that are shown, from shortly before the place on.
        const SHOWN: usize = 90;
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        let left_out = (self.column - 1).saturating_sub(SHOWN / 2);
        let shown: String = self.excerpt.chars().skip(left_out).take(SHOWN).collect();
        writeln!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        writeln!(f, "    {}", shown.trim_end())?;
        // Tabs stay, so that the caret stands below its letter.
        let blank = |letter| if letter == '\t' { '\t' } else { ' ' };
        let indent: String = shown.chars().take(self.column - 1 - left_out).map(blank).collect();
        write!(f, "    {indent}^ {}", self.advice.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the system said, in the words of nats-server: `no such file or directory`.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

fn open(path: &Path) -> Result<Source, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    Ok(Source { file: Some(path.to_owned()), text })
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
