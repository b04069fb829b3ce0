//! What people see, as snapshots: the wire of the article's experiments, a failure at the terminal,
//! and the tables of `article`. `cargo insta review` shows what changed.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    sync::{Arc, LazyLock},
    time::Duration,
};

use nats_conformance::{
    corpus::Corpus,
    run::{Plan, Verdict, judged_as, run, select},
    story::{Cut, Settings},
    target::Target,
    transcript::{Event, EventKind},
};
use regex::{Captures, Regex};
use serde_json::Map;
use support::{conformance, text};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Longer lists are shown without their middle.
const LIST_MAX: usize = 24;

/// What differs from run to run, and what stands for it.
static VOLATILE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r#""(server_id|server_name)":"\w*""#, r#""$1":"<id>""#),
        (r#""port":\d+"#, r#""port":<port>"#),
        (r#""client_id":\d+"#, r#""client_id":<n>"#),
        (r#"nats-reference-server [\d.]+"#, "nats-reference-server <version>"),
        (r#""version":"0[\d.]+""#, r#""version":"<version>""#),
        (r#""[^"]*"?… \(\d+ bytes\)"#, "…"),
        (r"_INBOX\.\w{22}", "_INBOX.<nuid>"),
    ]
    .map(|(volatile, instead)| (Regex::new(volatile).unwrap(), instead))
    .into()
});

/// What one connection said and heard.
#[derive(Default)]
struct Side {
    said: Vec<String>,
    heard: Vec<String>,
    /// Whether each PING that has no PONG yet was the story's own.
    pings: VecDeque<bool>,
}

/// The wire as it is every time: the peers one after the other, what each said and then what it
/// heard, since nothing orders the two. Left out are the harness's own fences, which it may need
/// more or fewer of, and the end. Members of a queue group hear as one: which of them is chance.
fn normalised(events: &[Event]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut sides: BTreeMap<&str, Side> = BTreeMap::new();
    for event in events {
        if !names.contains(&&*event.peer) {
            names.push(&event.peer);
        }
        hear(sides.entry(&event.peer).or_default(), event);
    }
    let mut shown = String::new();
    for group in groups(&sides) {
        let members: Vec<&str> =
            names.iter().filter(|name| group.contains(**name)).copied().collect();
        let is_message = |line: &String| line.starts_with("MSG");
        let mut heard: Vec<String> = Vec::new();
        for member in &members {
            let side = sides.get_mut(member).unwrap();
            heard.extend(side.heard.extract_if(.., |line| is_message(line)));
        }
        // By their numbers.
        heard.sort_by_key(|line| (line.len(), line.clone()));
        list(&format!("{}: together they hear", members.join(", ")), &heard, &mut shown);
    }
    for name in names {
        list(&format!("{name} says"), &sides[name].said, &mut shown);
        list(&format!("{name} hears"), &sides[name].heard, &mut shown);
    }
    shown
}

fn hear(side: &mut Side, event: &Event) {
    let mut text = event.text.clone();
    for (volatile, instead) in VOLATILE.iter() {
        text = volatile.replace_all(&text, *instead).into_owned();
    }
    match (event.kind, &*text) {
        (EventKind::Note, "is closed" | "half-closes") => {}
        (EventKind::Note, _) => {
            side.pings.clear();
            side.said.push(format!("({text})"));
        }
        (EventKind::Fence, "PONG\\r\\n") | (EventKind::Came, "PING\\r\\n") => {}
        (EventKind::Fence, "PING\\r\\n") => side.pings.push_back(false),
        (EventKind::Fence, _) => {
            side.pings.push_back(true);
            side.said.push(text);
        }
        (EventKind::Came, "PONG\\r\\n") if side.pings.pop_front() == Some(false) => {}
        (EventKind::Came, _) => side.heard.push(text),
        (EventKind::Sent, _) => {
            let pings = text.matches("PING\\r\\n").count();
            side.pings.extend(std::iter::repeat_n(true, pings));
            side.said.push(text);
        }
    }
}

/// The members of each queue group.
fn groups<'a>(sides: &BTreeMap<&'a str, Side>) -> Vec<BTreeSet<&'a str>> {
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, side) in sides {
        for line in &side.said {
            if let ["SUB", subject, queue, _] = line.split_whitespace().collect::<Vec<_>>()[..] {
                groups.entry(format!("{subject} {queue}")).or_default().insert(name);
            }
        }
    }
    groups.into_values().collect()
}

fn list(title: &str, lines: &[String], out: &mut String) {
    if lines.is_empty() {
        return;
    }
    out.push_str(&format!("{title}\n"));
    let head = if lines.len() > LIST_MAX { LIST_MAX / 2 } else { lines.len() };
    let tail = if lines.len() > LIST_MAX { lines.len() - 3 } else { lines.len() };
    lines[..head].iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    if head < tail {
        out.push_str(&format!("  … {} more\n", tail - head));
    }
    lines[tail..].iter().for_each(|line| out.push_str(&format!("  {line}\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_of_the_article() {
    let corpus = Corpus::built_in().unwrap();
    let (cases, _) = select(&corpus.scenarios, &["article/*".to_owned()]);
    assert_eq!(cases.len(), 8);
    let target = Target::Embedded;
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(20),
        cut: Cut::None,
        version: judged_as(None, &target.facts().await.unwrap()),
        credentials: Map::new(),
    };
    let lacks = target.lacks();
    let plan = Plan { target, settings, jobs: 4, lacks, known: Vec::new() };
    let (results, mut outcomes) = mpsc::unbounded_channel();
    run(Arc::new(plan), cases, results).await.unwrap();
    while let Some(outcome) = outcomes.recv().await {
        assert_eq!(outcome.verdict, Verdict::Pass, "{}", outcome.case.id);
        insta::assert_snapshot!(outcome.case.id.replace('/', "-"), normalised(&outcome.events));
    }
}

#[test]
fn a_failure_at_the_terminal() {
    let folder = TempDir::new().unwrap();
    let scenario = "title: Messages are heard by whom they are meant for
spec:  CORE-WILD-001, CORE-DLV-001
level: MUST

for subject, ear in
  | a.b | a.*
  | a   | a.*
  alice, bob connect
  bob> SUB <ear> 7
  everyone is quiet

  # The star wants one token more.
  alice> PUB <subject> #
  alice> hello
  bob< MSG <subject> 7 5
  bob< hello
";
    fs::write(folder.path().join("ears.nats"), scenario).unwrap();
    let said = conformance(&["run", "--scenarios", text(folder.path()), "--seed", "7"]);
    let time = Regex::new(r"in [\d.]+ s").unwrap();
    insta::assert_snapshot!("failure", time.replace(&said.out, "in <time> s"));
}

#[test]
fn the_tables_of_the_article() {
    let said = conformance(&["article"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    // Fresh ids; and which member of a group, how many for each, and the bars are chance.
    let chance = r"(?m)_INBOX\.\w{22}|┆ w\d +│$|^│ [wab]\d +┆ +\d+ ┆ █* *│$";
    let chance = Regex::new(chance).unwrap();
    assert!(chance.find_iter(&said.out).count() > 20, "{}", said.out);
    let veil = |found: &Captures<'_>| match found[0].strip_prefix("_INBOX.") {
        Some(id) => format!("_INBOX.{}", "?".repeat(id.len())),
        None if found[0].starts_with('│') => bars(&found[0]),
        None => digits(&found[0]),
    };
    let shown = chance.replace_all(&said.out, veil).into_owned();
    insta::assert_snapshot!("article", shown);
}

/// A row without the number in its middle and the bar behind it.
fn bars(row: &str) -> String {
    let (name, rest) = row.split_once('┆').unwrap();
    let last = rest.rfind(|letter: char| letter.is_ascii_digit());
    let veil = |(at, letter): (usize, char)| match letter {
        '0'..='9' if Some(at) == last => '?',
        '0'..='9' | '█' => ' ',
        _ => letter,
    };
    format!("{name}┆{}", rest.char_indices().map(veil).collect::<String>())
}

fn digits(text: &str) -> String {
    text.replace(|letter: char| letter.is_ascii_digit(), "?")
}
