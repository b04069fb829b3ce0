//! All scenarios, from the program itself or from a folder.

use std::{fs, io, path::Path, sync::Arc};

use thiserror::Error;

use crate::{
    clauses::Register,
    lint, run,
    scenario::{Case, Scenario, parse, render},
};

/// The repository's scenarios as they were when the program was built.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// The scenarios and the register they refer to.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// Sorted by id.
    pub scenarios: Vec<Arc<Scenario>>,
    /// The clauses.
    pub register: Register,
}

/// Why there is no corpus.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A file can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The register can't be read.
    #[error("the register {path} can't be read: {source}")]
    Register {
        /// The file.
        path: String,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// Scenarios with mistakes, already rendered.
    #[error("{0}")]
    Scenarios(String),
    /// No scenario at all.
    #[error("no scenario (a file that ends in .nats) in {0}")]
    Empty(String),
}

impl Corpus {
    /// The scenarios inside the program.
    ///
    /// # Errors
    /// Mistakes in them; a test of this crate proves that there are none.
    pub fn built_in() -> Result<Corpus, CorpusError> {
        let files = BUILT_IN.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Corpus::read("scenarios", files)
    }

    /// The scenarios of a folder and all below it, and its `clauses.toml`, or else the built-in
    /// register.
    ///
    /// # Errors
    /// Files that can't be read, and mistakes in them.
    pub fn load(folder: &Path) -> Result<Corpus, CorpusError> {
        let mut files = Vec::new();
        collect(folder, folder, &mut files)?;
        if !files.iter().any(|(name, _)| name.ends_with(".nats")) {
            return Err(CorpusError::Empty(folder.display().to_string()));
        }
        if !files.iter().any(|(name, _)| name == "clauses.toml") {
            let built_in = BUILT_IN.iter().find(|(name, _)| *name == "clauses.toml");
            files.extend(built_in.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        }
        let files = files.iter().map(|(name, text)| (&**name, text.clone())).collect();
        Corpus::read(&folder.display().to_string(), files)
    }

    /// The cases that any of the selectors names, and the selectors that name none, as
    /// [`run::select`]; clauses may also go by their names.
    pub fn select(&self, selectors: &[String]) -> (Vec<Case>, Vec<String>) {
        // Scenarios name clauses by id only.
        let in_ids = |selector: &String| {
            let ids = self.register.matching(selector).map(|clause| clause.id.clone());
            ids.chain([selector.clone()]).collect::<Vec<String>>()
        };
        let all: Vec<String> = selectors.iter().flat_map(in_ids).collect();
        let (cases, _) = run::select(&self.scenarios, &all);
        let names_none =
            |selector: &&String| run::select(&self.scenarios, &in_ids(selector)).0.is_empty();
        (cases, selectors.iter().filter(names_none).cloned().collect())
    }

    fn read(folder: &str, files: Vec<(&str, String)>) -> Result<Corpus, CorpusError> {
        let mut corpus = Corpus::default();
        if let Some((name, text)) = files.iter().find(|(name, _)| *name == "clauses.toml") {
            corpus.register = Register::parse(text).map_err(|source| CorpusError::Register {
                path: format!("{folder}/{name}"),
                source: Box::new(source),
            })?;
        }
        let mut mistakes = Vec::new();
        for (name, text) in &files {
            let Some(id) = name.strip_suffix(".nats") else { continue };
            let path = format!("{folder}/{name}");
            match parse(id, text) {
                Ok(scenario) => corpus.scenarios.push(Arc::new(scenario)),
                Err(problems) => mistakes.push(render(&path, text, &problems, false)),
            }
        }
        corpus.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
        for scenario in &corpus.scenarios {
            let problems = lint::lint(scenario, &corpus);
            if !problems.is_empty() {
                let path = format!("{folder}/{}.nats", scenario.id);
                mistakes.push(render(&path, &scenario.text, &problems, false));
            }
        }
        match mistakes.is_empty() {
            true => Ok(corpus),
            false => Err(CorpusError::Scenarios(mistakes.join("\n\n"))),
        }
    }
}

fn collect(
    root: &Path,
    folder: &Path,
    files: &mut Vec<(String, String)>,
) -> Result<(), CorpusError> {
    let failed =
        |path: &Path, source| CorpusError::Read { path: path.display().to_string(), source };
    let entries = fs::read_dir(folder).map_err(|source| failed(folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if name.ends_with(".nats") || name == "clauses.toml" {
            let text = fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
            files.push((name, text));
        }
    }
    Ok(())
}
