//! The register of clauses is in order, and the page made of it is the newest.

#![allow(clippy::expect_used, reason = "a test may stop where something is not there")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use nats_conformance::{
    corpus::Corpus,
    coverage::{Count, Coverage, Standing},
    report::clauses::markdown,
    scenario::Level,
};
use regex::Regex;

fn corpus() -> Corpus {
    Corpus::built_in().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_clause_has_an_id_and_a_name_of_its_own() {
    let register = corpus().register;
    let id = Regex::new("^(CORE-)?[A-Z]+-[0-9]{3}$").expect("a pattern");
    let name = Regex::new("^[a-z]+[.][a-z0-9]+(-[a-z0-9]+)*$").expect("a pattern");
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for clause in &register.clauses {
        assert!(id.is_match(&clause.id), "{} is no id", clause.id);
        assert!(name.is_match(&clause.name), "{}: {:?} is no name", clause.id, clause.name);
        assert!(ids.insert(&clause.id), "{} twice", clause.id);
        assert!(names.insert(&clause.name), "{} twice", clause.name);
    }
    assert!(ids.len() > 200);
}

/// `unsub.*` may be chosen without catching half of another section.
#[test]
fn the_word_before_the_dot_belongs_to_one_section() {
    let register = corpus().register;
    let mut sections = BTreeMap::new();
    for clause in &register.clauses {
        let word = clause.name.split('.').next().expect("a first word");
        let section = *sections.entry(word).or_insert(&clause.section);
        assert_eq!(section, &clause.section, "{}", clause.name);
    }
}

#[test]
fn excuses_are_true() {
    let corpus = corpus();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for entry in &Coverage::of(&corpus).entries {
        let clause = entry.clause;
        for test in &clause.tests {
            let (file, name) = test.split_once("::").expect("file::name");
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "{}: no test {test}", clause.id);
        }
        if let Some(reason) = &clause.outside {
            assert!(reason.len() > 20, "{}: {reason:?} is no reason", clause.id);
            assert!(clause.tests.is_empty(), "{} is tested and outside", clause.id);
            let ids: Vec<&str> = entry.scenarios.iter().map(|scenario| &*scenario.id).collect();
            assert!(ids.is_empty(), "{} is outside, and reached by {ids:?}", clause.id);
        }
    }
}

#[test]
fn clauses_are_chosen_by_id_and_by_name() {
    let corpus = corpus();
    let ids = |selectors: &[&str]| {
        let selectors: Vec<String> = selectors.iter().map(|text| (*text).to_owned()).collect();
        let (cases, useless) = corpus.select(&selectors);
        (cases.into_iter().map(|case| case.id).collect::<Vec<String>>(), useless)
    };
    let (by_name, useless) = ids(&["unsub.max-counts-from-sub"]);
    assert!(useless.is_empty());
    assert!(by_name.contains(&"core/sub/maximum-counts-from-sub".to_owned()));
    assert_eq!(by_name, ids(&["CORE-SUB-012"]).0);
    let (family, _) = ids(&["unsub.*"]);
    assert!(by_name.iter().all(|id| family.contains(id)));
    assert!(!family.contains(&"core/sub/opaque-sid[1]".to_owned()));
    assert_eq!(ids(&["unsub.*", "unsub.nothing"]), (family, vec!["unsub.nothing".to_owned()]));
}

#[test]
fn the_page_is_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/CLAUSES.md");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == markdown(&Coverage::of(&corpus())),
        "scenarios/CLAUSES.md is old; this mends it:\n  \
         cargo conformance coverage --markdown > scenarios/CLAUSES.md\n"
    );
}

#[test]
fn what_nothing_shows_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let clause = |id: &str, level: &str, more: &str| {
        format!(
            "[[clause]]\nid = \"{id}\"\nname = \"a.{}\"\nsection = \"A\"\nlevel = \"{level}\"\n\
             text = \"Text.\"\nsource = \"docs\"\n{more}\n",
            id.to_lowercase()
        )
    };
    let register = [
        clause("A", "MUST", ""),
        clause("B", "MUST", ""),
        clause("C", "SHOULD", "outside = \"nobody can see it\""),
        clause("D", "SHOULD", "tests = [\"tests/d.rs::d\"]"),
        clause("E", "MAY", ""),
        clause("F", "SHOULD", ""),
    ];
    fs::write(folder.path().join("clauses.toml"), register.concat()).expect("written");
    let scenario = "title: A pong comes\nspec:  A\nlevel: MUST\n\nalice connects\nalice is quiet\n";
    fs::write(folder.path().join("pong.nats"), scenario).expect("written");
    let corpus = Corpus::load(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let coverage = Coverage::of(&corpus);
    let standings: Vec<Standing> = coverage.entries.iter().map(|entry| entry.standing()).collect();
    use Standing::{Outside, Reached, Tested, Unreached};
    assert_eq!(standings, [Reached, Unreached, Outside, Tested, Unreached, Unreached]);
    let gaps: Vec<&str> = coverage.gaps().map(|entry| &*entry.clause.id).collect();
    assert_eq!(gaps, ["B", "F"]);
    assert_eq!(coverage.count(Some("A"), Some(Level::Should)), Count { covered: 2, all: 3 });
    assert_eq!(coverage.count(None, None), Count { covered: 3, all: 6 });
}
