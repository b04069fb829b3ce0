//! The scenario language: no text makes the parser, the linter or the formatter panic; what is
//! formatted stays so and is read as before; problems can be shown.

use std::sync::LazyLock;

use nats_conformance::{
    corpus::Corpus,
    lint::lint,
    scenario::{format, parse, render},
};

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| Corpus {
    scenarios: Vec::new(),
    ..Corpus::built_in().expect("the built-in corpus has no mistake")
});

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let formatted = format(text);
    let problems = match parse("x", text) {
        Ok(scenario) => {
            assert_eq!(format(&formatted), formatted, "formatted twice");
            assert!(parse("x", &formatted).is_ok(), "what is formatted can't be read");
            lint(&scenario, &CORPUS)
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            problems
        }
    };
    if !problems.is_empty() {
        assert!(!render("x.nats", text, &problems, false).is_empty());
    }
}
