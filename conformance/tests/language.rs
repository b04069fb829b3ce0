//! The scenario language from outside. What it says of each mistake stands in a file beside the
//! mistake: `tests/language/NAME.nats` and `NAME.err`. `UPDATE_EXPECT=1 cargo test --test language`
//! accepts changed messages; look at the difference before you commit it. And no text, however
//! wild, makes the parser, the formatter or the linter panic.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nats_conformance::{
    corpus::Corpus,
    lint::lint,
    scenario::{Scenario, format, parse, render},
};
use proptest::prelude::*;
use similar::TextDiff;

/// The built-in register, and one scenario that others can be like.
fn corpus() -> Corpus {
    let other = "title: A title that another scenario has\nspec:  CORE-PING-001\nlevel: MUST\n\n\
        alice connects\nalice is quiet\n";
    let other = Arc::new(parse("a/first", other).unwrap());
    Corpus { scenarios: vec![other], ..Corpus::built_in().unwrap() }
}

/// What the language says of a text, as `check` shows it; nothing if there is no mistake.
fn message(name: &str, text: &str, corpus: &Corpus) -> Option<String> {
    let problems = match parse(&format!("language/{name}"), text) {
        Ok(scenario) => lint(&scenario, corpus),
        Err(problems) => problems,
    };
    let shown = render(&format!("{name}.nats"), text, &problems, false);
    // The renderer pads lines without content.
    let lines = shown.lines().map(|line| line.trim_end().to_owned() + "\n");
    (!problems.is_empty()).then(|| lines.collect())
}

/// The names of the folder's files with this ending.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter(|path| path.extension().is_some_and(|other| other == ending));
    named.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_mistake_has_its_message() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let update = env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let (mistakes, messages) = (names(&folder, "nats"), names(&folder, "err"));
    let corpus = corpus();
    let mut wrong = Vec::new();
    for name in messages.difference(&mistakes) {
        wrong.push(format!("{name}.err has no {name}.nats beside it"));
    }
    for name in &mistakes {
        let text = fs::read_to_string(folder.join(format!("{name}.nats"))).unwrap();
        let Some(is) = message(name, &text, &corpus) else {
            wrong.push(format!("{name}.nats has no mistake"));
            continue;
        };
        let path = folder.join(format!("{name}.err"));
        let was = fs::read_to_string(&path).ok();
        if was.as_ref() == Some(&is) {
            continue;
        }
        if update {
            fs::write(&path, is).unwrap();
            continue;
        }
        wrong.push(match was {
            None => format!("{name}.nats has no {name}.err beside it; it would be\n{is}"),
            Some(was) => {
                let diff = TextDiff::from_lines(&was, &is);
                let diff = diff.unified_diff().header("written", "said").to_string();
                format!("{name}.nats is told otherwise than written in {name}.err\n{diff}")
            }
        });
    }
    let advice = "if all of this is meant: UPDATE_EXPECT=1 cargo test --test language";
    assert!(wrong.is_empty(), "\n{}\n\n{advice}", wrong.join("\n\n"));
}
