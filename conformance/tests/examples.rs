//! What the documents show is true: their scenarios are read, checked and told, and everything that
//! `scenarios/FORMAT.md` names is used somewhere.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use nats_conformance::{
    corpus::Corpus,
    lint::lint,
    report::terminal,
    run::{Plan, Verdict, judged_as, run},
    scenario::{Scenario, cases, format, parse, render},
    story::{Cut, Settings},
    target::Target,
};
use regex::Regex;
use serde_json::Map;
use tokio::sync::mpsc;

/// Documents with scenarios in them, and how many at least.
const DOCUMENTS: &[(&str, usize)] = &[("scenarios/FORMAT.md", 2), ("CONTRIBUTING.md", 1)];

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The blocks that begin with three backticks and `nats`: id and text, without their indentation.
fn blocks(path: &str) -> Vec<(String, String)> {
    let text = document(path);
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(indent) = line.strip_suffix("```nats") else { continue };
        let block = lines.by_ref().map(|(_, line)| line.strip_prefix(indent).unwrap_or(line));
        let block: String =
            block.take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        blocks.push((format!("{path}:{}", at + 1), block));
    }
    blocks
}

/// All scenarios of the documents; whoever has a mistake is shown with it.
fn examples() -> Vec<Arc<Scenario>> {
    let corpus = Corpus::built_in().unwrap();
    let mut examples = Vec::new();
    for (path, least) in DOCUMENTS {
        let blocks = blocks(path);
        assert!(blocks.len() >= *least, "{path} has {} examples", blocks.len());
        for (id, text) in blocks {
            let mistakes = |problems: Vec<_>| panic!("{}", render(&id, &text, &problems, false));
            let scenario = parse(&id, &text).unwrap_or_else(mistakes);
            let problems = lint(&scenario, &corpus);
            assert!(problems.is_empty(), "{}", render(&id, &text, &problems, false));
            assert_eq!(format(&text), text, "{id} is not formatted");
            examples.push(Arc::new(scenario));
        }
    }
    examples
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_are_true_of_the_broker() {
    let target = Target::Embedded;
    let facts = target.facts().await.unwrap();
    let settings = Settings {
        seed: 1,
        timeout: std::time::Duration::from_secs(20),
        cut: Cut::None,
        version: judged_as(None, &facts),
        credentials: Map::new(),
    };
    let lacks = target.lacks();
    let plan = Plan { target, settings, jobs: 2, lacks, known: Vec::new() };
    let chosen: Vec<_> = examples().iter().flat_map(cases).collect();
    let count = chosen.len();
    let (results, mut outcomes) = mpsc::unbounded_channel();
    run(Arc::new(plan), chosen, results).await.unwrap();
    let mut told = 0;
    while let Some(outcome) = outcomes.recv().await {
        let failure = || terminal::failure(&outcome, "embedded", 1, "", true);
        assert_eq!(outcome.verdict, Verdict::Pass, "{}", failure());
        told += 1;
    }
    assert_eq!(told, count);
}

/// How what a table of FORMAT.md names is found in scenarios.
const USES: &[(&str, &str)] = &[
    ("title", r"^title:"),
    ("spec", r"^spec:"),
    ("level", r"^level:"),
    ("since", r"^since:"),
    ("until", r"^until:"),
    ("tags", r"^tags:"),
    ("needs", r"^needs:"),
    ("config", r"^config:"),
    ("pings", r"^pings: +manual"),
    ("infos", r"^infos: +manual"),
    ("# text", r"^ *# \w"),
    ("alice dials", r"^ *\w+ dials$"),
    ("alice connects {json}", r"^ *\w+ connects \{"),
    ("alice> text", r"^ *\w+> \w"),
    ("alice< text", r"^ *\w+< \w"),
    ("a,b> …", r"^ *\w+,\w+> "),
    ("a,b< …", r"^ *\w+,\w+< "),
    (r"a\|b< …", r"^ *\w+\|\w+< "),
    ("alice is quiet", r"^ *\w+ is quiet"),
    ("alice is closed", r"^ *\w+ is closed"),
    ("alice closes", r"^ *\w+ closes"),
    ("half-closes", r"^ *\w+ half-closes"),
    ("resets", r"^ *\w+ resets"),
    ("alice stops reading", r"^ *\w+ stops reading"),
    ("reads on", r"^ *\w+ reads on"),
    ("in any order", r"^ *in any order$"),
    ("<x>", r"> .*<[a-z]+>"),
    ("<_>", r"< .*<_>"),
    ("<...>", r"< .*<\.\.\.>"),
    ("<x:json>", r"<\w+:json>"),
    ("<x:/re/>", r"<\w+:/.*/>"),
    ("<x.path>", r"<\w+\.\w+>"),
    ("<x + 1>", r"<[\w.]+ [+-] \d+>"),
    (r#"<"ab" x 300>"#, r#"<".*" x .+>"#),
    ("<nuid>", r"<nuid>"),
    ("#", r"> PUB .* #$"),
    ("for a, b in", r"^for \w+, \w+ in$"),
    ("for n in 1..9", r"^ *for \w+ in .*\.\..*$"),
    ("let x = text", r"^ *let \w+ = "),
    ("check path OP value", r"^ *check [\w.]+ (=|!=|>|>=|<|<=|~) "),
    ("since 2.12", r"^ *since \d"),
    ("until 2.11", r"^ *until \d"),
    (r"tally a, b: 900 of MSG q 1 #\r\njob <n>", r"^ *tally .*<n>"),
    ("each >= 200", r"^ *each >= "),
    ("a <= 700", r"^ *\w+ <= "),
    ("repeats >= 100", r"^ *repeats >= "),
    ("within 3s", r"^ *within \d"),
    ("between 450ms and 2s", r"^ *between \w+ and \w+$"),
    ("wait 2s because …", r"^ *wait \w+ because "),
    ("keys", r"^keys:"),
    ("alice is refused", r"^ *\w+ is refused"),
    ("alice starts tls", r"^ *\w+ starts tls"),
    ("fails tls", r"^ *\w+ fails tls"),
    ("the server reloads", r"^the server reloads$"),
    ("the server refuses to reload", r"^the server refuses to reload$"),
    ("the server enters lame duck mode", r"^the server enters lame duck mode$"),
    ("shuts down", r"^the server shuts down$"),
    ("another server joins", r"^another server joins$"),
    ("another server leaves", r"^another server leaves$"),
    ("<ann signs info.nonce>", r"<\w+ signs [\w.]+>"),
    ("<ann.key>", r"<\w+\.key>"),
    ("<ann.jwt>", r"<\w+\.jwt>"),
    ("<certs>", r"<certs>/"),
    ("<ports.route>", r"<ports\.\w+>"),
    ("alice upgrades", r"^ *\w+ upgrades"),
    ("alice fails to upgrade with 403", r"^ *\w+ fails to upgrade with \d"),
    ("alice is closed with 1008", r"^ *\w+ is closed with \d"),
    ("page varz from ports.http /varz", r"^ *page \w+ from ports\.\w+ /"),
    ("run said with -t -c <config>", r"^ *run \w+ with "),
    ("the server logs text", r"^ *the server logs "),
];

/// What stands between backticks in the first column of a document's tables.
fn named(text: &str) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    for row in text.lines().filter_map(|line| line.strip_prefix('|')) {
        let ends = row.match_indices('|').map(|(at, _)| at);
        let end = ends.into_iter().find(|at| !row[..*at].ends_with('\\')).unwrap_or(row.len());
        named.extend(row[..end].split('`').skip(1).step_by(2));
    }
    named
}

#[test]
fn whatever_the_format_names_is_used() {
    let format = document("scenarios/FORMAT.md");
    let named = named(&format);
    let corpus = Corpus::built_in().unwrap();
    let examples = examples();
    let texts = corpus.scenarios.iter().chain(&examples).map(|scenario| &*scenario.text);
    let all = texts.collect::<Vec<_>>().join("\n");
    let mut wrong = Vec::new();
    for name in &named {
        match USES.iter().find(|(other, _)| other == name) {
            None => wrong.push(format!("`{name}` has no entry in this test")),
            Some((_, use_of)) if !Regex::new(&format!("(?m){use_of}")).unwrap().is_match(&all) => {
                wrong.push(format!("`{name}` is used by no scenario and no example"));
            }
            Some(_) => {}
        }
    }
    let stale = USES.iter().filter(|(name, _)| !named.contains(name));
    wrong.extend(stale.map(|(name, _)| format!("`{name}` stands in no table of FORMAT.md")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
