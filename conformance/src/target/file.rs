//! Target files: what a target lacks and how it deviates, each with a reason.
//!
//! ```toml
//! name = "my-server"
//! lacks = ["tls"]
//!
//! [[known]]
//! id = "core/parse/leading-zeros*"
//! reason = "sizes are written anew"
//! link = "https://example.org/issues/1"
//! until = "0.4"
//! ```

use std::{fs, io, path::Path};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::CAPABILITIES;
use crate::{
    run::{Outcome, Verdict, matches},
    scenario::{Case, Version},
};

/// The reason that `bless` writes. A run reminds of it until somebody knows better.
pub const TO_BE_EXPLAINED: &str = "to be explained";

/// What is known of a target before it is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// What reports call it, its release aside.
    #[serde(default)]
    pub name: Option<String>,
    /// Capabilities that it has not got; words of [`CAPABILITIES`].
    #[serde(default)]
    pub lacks: Vec<String>,
    /// How it deviates.
    #[serde(default)]
    pub known: Vec<Deviation>,
}

/// A deviation of a target that is known, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The case, or several by `*`.
    pub id: String,
    /// Why it deviates; a file without one is refused.
    #[serde(default)]
    pub reason: String,
    /// Where that is discussed.
    #[serde(default)]
    pub link: Option<String>,
    /// The first release of the target that deviates so.
    #[serde(default, deserialize_with = "release")]
    pub since: Option<Version>,
    /// The last release of the target that deviates so; `0.4` includes every 0.4.x.
    #[serde(default, deserialize_with = "release")]
    pub until: Option<Version>,
}

/// What is wrong with a target file.
#[derive(Debug, Error)]
pub enum TargetFileError {
    /// It can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is no target file.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: String,
        /// What is wrong, with the place.
        source: Box<toml::de::Error>,
    },
    /// A word in `lacks` that means nothing.
    #[error("{path}: no capability {word:?} for `lacks`; there are {}", CAPABILITIES.join(", "))]
    Capability {
        /// The file.
        path: String,
        /// The word.
        word: String,
    },
    /// An entry that does not say why.
    #[error("{path}: the known deviation {id:?} has no reason; say why the target deviates")]
    NoReason {
        /// The file.
        path: String,
        /// The entry.
        id: String,
    },
    /// An entry about nothing.
    #[error("{path}: the known deviation {id:?} names no case; see `list`, or remove it")]
    NoCase {
        /// The file.
        path: String,
        /// The entry.
        id: String,
    },
}

impl TargetFile {
    /// The target file at a path.
    ///
    /// # Errors
    /// A file that can't be read or meant; see [`TargetFile::parse`].
    pub fn read(path: &Path) -> Result<TargetFile, TargetFileError> {
        let path_text = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|source| TargetFileError::Read { path: path_text.clone(), source })?;
        TargetFile::parse(&path_text, &text)
    }

    /// The target file of this text; `path` is for errors only.
    ///
    /// # Errors
    /// What is no target file, an unknown capability, an entry without a reason.
    pub fn parse(path: &str, text: &str) -> Result<TargetFile, TargetFileError> {
        let path = path.to_owned();
        let file: TargetFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(source) => {
                return Err(TargetFileError::Syntax { path, source: Box::new(source) });
            }
        };
        if let Some(word) = file.lacks.iter().find(|word| !CAPABILITIES.contains(&word.as_str())) {
            return Err(TargetFileError::Capability { path, word: word.clone() });
        }
        match file.known.iter().find(|entry| entry.reason.trim().is_empty()) {
            Some(entry) => Err(TargetFileError::NoReason { path, id: entry.id.clone() }),
            None => Ok(file),
        }
    }

    /// Finds entries about nothing: the list must not rot.
    ///
    /// # Errors
    /// An entry that names none of all cases.
    pub fn check_cases(&self, path: &str, all: &[Case]) -> Result<(), TargetFileError> {
        let useless = |entry: &&Deviation| !all.iter().any(|case| matches(&entry.id, &case.id));
        match self.known.iter().find(useless) {
            Some(entry) => {
                Err(TargetFileError::NoCase { path: path.to_owned(), id: entry.id.clone() })
            }
            None => Ok(()),
        }
    }
}

impl Deviation {
    /// Whether this release of the target is said to deviate so.
    pub fn is_of(&self, release: &Version) -> bool {
        self.since.as_ref().is_none_or(|since| release.at_least(since))
            && self.until.as_ref().is_none_or(|until| release.at_most(until))
    }

    /// Whether somebody has said why.
    pub fn is_explained(&self) -> bool {
        let reason = self.reason.trim_matches([' ', '.', '…']);
        !reason.eq_ignore_ascii_case(TO_BE_EXPLAINED)
    }
}

/// The first of the entries that names the case.
pub fn deviation<'a>(known: &'a [Deviation], id: &str) -> Option<&'a Deviation> {
    known.iter().find(|entry| matches(&entry.id, id))
}

/// Entries that were neither confirmed nor refuted: all their cases among the outcomes were
/// skipped. Of an entry whose cases were not chosen, nothing is said.
pub fn untried<'a>(known: &'a [Deviation], outcomes: &[Outcome]) -> Vec<&'a Deviation> {
    let is_untried = |entry: &&Deviation| {
        let mut named = outcomes.iter().filter(|o| matches(&entry.id, &o.case.id)).peekable();
        named.peek().is_some() && named.all(|outcome| outcome.verdict == Verdict::Skip)
    };
    known.iter().filter(is_untried).collect()
}

fn release<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Version>, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || D::Error::custom(format!("expected a release such as \"2.12\", got {text:?}"));
    Version::parse(&text).map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::scenario::{cases, parse};

    fn error(text: &str) -> String {
        TargetFile::parse("my.toml", text).unwrap_err().to_string()
    }

    fn all_cases() -> Vec<Case> {
        let text = "title: One\nspec: CORE-PING-001\nlevel: MUST\n\nfor word in\n  | PING\n  \
                    | ping\n  alice connects\n  alice> <word>\n  alice< PONG\n";
        cases(&Arc::new(parse("core/ping/case", text).unwrap()))
    }

    #[test]
    fn a_whole_file_is_read() {
        let file = TargetFile::parse(
            "my.toml",
            "name = \"mine\"\nlacks = [\"tls\"]\n[[known]]\nid = \"core/ping/*\"\nreason = \"r\"\n\
             link = \"l\"\nsince = \"0.2\"\nuntil = \"0.4.1\"\n",
        );
        let file = file.unwrap();
        assert_eq!(file.name.as_deref(), Some("mine"));
        assert_eq!(file.lacks, ["tls"]);
        let known = Deviation {
            id: "core/ping/*".to_owned(),
            reason: "r".to_owned(),
            link: Some("l".to_owned()),
            since: Version::parse("0.2"),
            until: Version::parse("0.4.1"),
        };
        assert_eq!(file.known, [known]);
    }

    #[test]
    fn an_unknown_capability_is_a_mistake() {
        let text = error("lacks = [\"tls\", \"tsl\"]\n");
        assert!(text.starts_with("my.toml: no capability \"tsl\""), "{text}");
        assert!(text.contains("tls, tracing"), "{text}");
    }

    #[test]
    fn a_reason_is_required() {
        for reason in ["", "reason = \"\"\n", "reason = \"  \"\n"] {
            let text = error(&format!("[[known]]\nid = \"core/x\"\n{reason}"));
            assert!(text.starts_with("my.toml: the known deviation \"core/x\" has no"), "{text}");
        }
    }

    #[test]
    fn an_entry_must_name_a_case() {
        let entry = |id| format!("[[known]]\nid = \"{id}\"\nreason = \"r\"\n");
        let check = |id| {
            let file = TargetFile::parse("my.toml", &entry(id)).unwrap();
            file.check_cases("my.toml", &all_cases()).map_err(|error| error.to_string())
        };
        assert_eq!(check("core/ping/case[2]"), Ok(()));
        assert_eq!(check("core/ping/*"), Ok(()));
        let text = check("core/ping/case[3]").unwrap_err();
        assert!(text.starts_with("my.toml: the known deviation \"core/ping/case[3]\""), "{text}");
    }

    #[test]
    fn what_can_not_be_meant_is_shown_with_its_place() {
        for (text, what) in [
            ("lack = []\n", "unknown field `lack`"),
            ("[[known]]\nreason = \"r\"\n", "missing field `id`"),
            ("[[known]]\nid = \"x\"\nreason = \"r\"\nsince = \"new\"\n", "got \"new\""),
        ] {
            let text = error(text);
            assert!(text.starts_with("my.toml: ") && text.contains(what), "{text}");
            assert!(text.contains("line "), "{text}");
        }
    }

    #[test]
    fn an_entry_is_of_some_releases() {
        let entry = |bounds| {
            let text = format!("[[known]]\nid = \"x\"\nreason = \"r\"\n{bounds}");
            TargetFile::parse("my.toml", &text).unwrap().known.remove(0)
        };
        let is_of = |bounds, release| entry(bounds).is_of(&Version::parse(release).unwrap());
        assert!(is_of("", "1.0"));
        assert!(is_of("since = \"0.2\"\nuntil = \"0.4\"\n", "0.4.7"));
        assert!(!is_of("since = \"0.2\"\n", "0.1.9"));
        assert!(!is_of("until = \"0.4\"\n", "0.5.0"));
    }

    #[test]
    fn a_placeholder_explains_nothing() {
        let is_explained = |reason: &str| {
            let text = format!("[[known]]\nid = \"x\"\nreason = \"{reason}\"\n");
            TargetFile::parse("my.toml", &text).unwrap().known[0].is_explained()
        };
        assert!(!is_explained(TO_BE_EXPLAINED));
        assert!(!is_explained(" To be explained …"));
        assert!(is_explained("to be explained by the parser's age"));
    }

    #[test]
    fn an_entry_whose_cases_were_all_skipped_is_untried() {
        let outcome = |case: Case, verdict| Outcome {
            case,
            verdict,
            message: None,
            failure: None,
            events: Vec::new(),
            duration: Duration::ZERO,
            log: None,
        };
        let entries = "[[known]]\nid = \"core/ping/case[1]\"\nreason = \"r\"\n[[known]]\nid = \
                       \"core/ping/*\"\nreason = \"r\"\n[[known]]\nid = \"core/pub/*\"\nreason = \
                       \"r\"\n";
        let known = TargetFile::parse("my.toml", entries).unwrap().known;
        let untried_of = |verdicts: [Verdict; 2]| {
            let outcomes: Vec<Outcome> =
                all_cases().into_iter().zip(verdicts).map(|(c, v)| outcome(c, v)).collect();
            untried(&known, &outcomes).iter().map(|entry| entry.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(untried_of([Verdict::Known, Verdict::Known]), Vec::<String>::new());
        assert_eq!(untried_of([Verdict::Skip, Verdict::Known]), ["core/ping/case[1]"]);
        let both = ["core/ping/case[1]", "core/ping/*"];
        assert_eq!(untried_of([Verdict::Skip, Verdict::Skip]), both);
    }
}
