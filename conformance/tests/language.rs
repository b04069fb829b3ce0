//! The scenario language from outside. What it says of each mistake stands in a file beside the
//! mistake: `tests/language/NAME.nats` and `NAME.err`. `UPDATE_EXPECT=1 cargo test --test language`
//! accepts changed messages; look at the difference before you commit it. And no text, however
//! wild, makes the parser, the formatter or the linter panic.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use nats_conformance::{
    corpus::Corpus,
    lint::lint,
    pattern::path_text,
    scenario::{Expr, Scenario, format, parse, render},
};
use proptest::prelude::*;
use regex::Regex;
use similar::TextDiff;

/// The built-in register, and one scenario that others can be like.
static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let other = "title: A title that another scenario has\nspec:  CORE-PING-001\nlevel: MUST\n\n\
        alice connects\nalice is quiet\n";
    let other = Arc::new(parse("a/first", other).unwrap());
    Corpus { scenarios: vec![other], ..Corpus::built_in().unwrap() }
});

/// What the language says of a text, as `check` shows it; nothing if there is no mistake.
fn message(name: &str, text: &str) -> Option<String> {
    let problems = match parse(&format!("language/{name}"), text) {
        Ok(scenario) => lint(&scenario, &CORPUS),
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
    let mut wrong = Vec::new();
    for name in messages.difference(&mistakes) {
        wrong.push(format!("{name}.err has no {name}.nats beside it"));
    }
    for name in &mistakes {
        let text = fs::read_to_string(folder.join(format!("{name}.nats"))).unwrap();
        let Some(is) = message(name, &text) else {
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

/// The repository's scenarios: path and text.
fn texts() -> Vec<(String, String)> {
    let corpus = Corpus::built_in().unwrap();
    corpus.scenarios.iter().map(|scenario| (scenario.id.clone(), scenario.text.clone())).collect()
}

/// What a scenario says, wherever it says it.
fn meaning(scenario: &Scenario) -> String {
    static SPANS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"span: \d+\.\.\d+").unwrap());
    SPANS.replace_all(&format!("{:#?}{:#?}", scenario.header, scenario.body), "").into_owned()
}

/// The text without what the formatter may change: blanks, and the bar at the end of a row.
fn letters(text: &str) -> String {
    let line = |line: &str| {
        let line = line.trim();
        let row = line.strip_prefix('|').map(|row| row.trim_end_matches(['|', ' ']));
        let line = row.map_or(line.to_owned(), |row| format!("|{row}"));
        line.replace(char::is_whitespace, "")
    };
    text.lines().map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Formatting loses nothing and is done once.
fn check_format(text: &str) -> Result<(), TestCaseError> {
    let formatted = format(text);
    if let Ok(scenario) = parse("x", text) {
        prop_assert_eq!(&format(&formatted), &formatted, "formatted twice");
        let again = parse("x", &formatted);
        let again = again.map_err(|problems| render("formatted", &formatted, &problems, false));
        let again = again.map_err(TestCaseError::fail)?;
        prop_assert_eq!(meaning(&again), meaning(&scenario), "another meaning");
        prop_assert_eq!(letters(&formatted), letters(text), "letters are lost");
    }
    Ok(())
}

/// What is said of a story whose tally has such shares.
fn told_of_shares(shares: &str) -> Option<String> {
    let text = format!(
        "title: Shares\nspec:  CORE-PING-001\nlevel: MUST\n\na, b connect\n\
        tally a, b: 900 of MSG q 1 1\\r\\nx\n  shares {shares}\n  b <= 100\n"
    );
    message("shares", &text)
}

#[test]
fn numbers_at_the_end_of_their_range_are_counted_with() {
    let sum = |sum: &str| {
        let text = format!(
            "title: A sum\nspec:  CORE-PING-001\nlevel: MUST\n\nalice connects\n\
            let x = 1\nalice> PUB a <{sum}>\\r\\n\nalice is quiet\n"
        );
        message("sum", &text)
    };
    assert_eq!(sum("x + -9223372036854775808"), None);
    let least = Expr::Sum(Box::new(Expr::Path("x".to_owned(), Vec::new())), i64::MIN);
    assert_eq!(path_text(&least), "x - 9223372036854775808");
    let told = sum("x - -9223372036854775808").unwrap();
    assert!(told.contains("expected a number behind the sign"), "{told}");
    // All but nothing goes to the first one, so the other's bound is wide enough.
    assert_eq!(told_of_shares("18446744073709551615:2"), None);
    assert!(told_of_shares("2:18446744073709551615").unwrap().contains("cries wolf"));
}

#[test]
fn formatting_keeps_the_meaning() {
    let texts = texts();
    assert!(texts.len() > 200, "the corpus is there");
    for (id, text) in &texts {
        check_format(text).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
}

/// Pieces of the language, and letters that are awkward.
const PIECES: &[&str] = &[
    "#",
    " # ",
    "|",
    "| |",
    " |",
    "\\",
    "\\|",
    "\\x",
    "<",
    ">",
    "<_>",
    "<...>",
    "<x:/(/>",
    "<n + 1>",
    "\t",
    "\r",
    "\n",
    "\n\n",
    "  ",
    "\n  ",
    "é",
    "\u{a0}",
    "\"",
    "{",
    "{\"a\":\" # \"}",
    "=",
    ":",
    ",",
    "let x = a  # b",
    "tally a: 3 of MSG a  1 #\\r\\nx",
    "check a  = b  c",
    "for n in 1..2",
    "for a, b in",
    "in any order",
    "since 2.10",
    "config:",
    "wait 1s because  it",
    "alice> ",
    "alice, bob < ",
    "a|b< ",
    "within 3s",
];

/// A scenario of the repository that somebody has spoilt in a few places.
fn spoilt() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES));
    let changes = prop::collection::vec(change, 1..5);
    (prop::sample::select(texts()), changes).prop_map(|((_, mut text), changes)| {
        for (at, removed, piece) in changes {
            let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            places.push(text.len());
            let from = at.index(places.len());
            let to = (from + removed).min(places.len() - 1);
            text.replace_range(places[from]..places[to], piece);
        }
        text
    })
}

/// Reads, formats, checks and renders a text; it may say what it likes, but not panic.
fn survive(text: &str) {
    message("wild", text);
    format(text);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_scenarios_are_formatted_without_loss(text in spoilt()) {
        survive(&text);
        check_format(&text)?;
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,300}") {
        survive(&text);
    }

    #[test]
    fn no_pieces_make_it_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        let story = pieces.concat();
        survive(&story);
        let text = format!("title: t\nspec: CORE-PING-001\nlevel: MUST\n\n{story}");
        survive(&text);
        check_format(&text)?;
    }
}
