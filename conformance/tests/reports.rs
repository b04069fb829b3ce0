//! Reports of recorded runs: what each makes of every verdict, and of a server that is out to
//! deceive the reader.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::collections::BTreeMap;

use nats_conformance::{
    report::{
        badge::Badge,
        html,
        json::{CaseReport, Provenance, Report, SCHEMA},
        junit::junit,
        markdown::markdown,
        read,
        tap::tap,
    },
    run::Verdict,
    scenario::Level,
    target::Facts,
};

const SCENARIO: &str = "\
title: A title
spec:  CORE-SUB-001
level: MUST

for word in
  | a
  | b
  alice connects
  alice> SUB <word> 1
  alice< PONG
";

fn case(id: &str, verdict: Verdict) -> CaseReport {
    let broken = !matches!(verdict, Verdict::Pass | Verdict::Skip);
    CaseReport {
        id: id.to_owned(),
        title: format!("What {id} promises"),
        row: id.contains('[').then(|| "a # b | c".to_owned()),
        clauses: vec!["CORE-SUB-001".to_owned()],
        tags: vec!["slow".to_owned()],
        level: Level::Must,
        verdict,
        duration_ms: 1.5,
        message: (verdict != Verdict::Pass).then(|| format!("because of `{}`", verdict.word())),
        line: broken.then_some(10),
        expected: broken.then(|| r"MSG a 1 1\r\nx\r\n".to_owned()),
        got: broken.then(|| r"MSG a 1 2\r\nxy\r\n".to_owned()),
        transcript: match verdict {
            Verdict::Skip => Vec::new(),
            _ => vec![
                "  0.000100 alice    · dials".to_owned(),
                r"  0.001234 alice    < PONG\r\n".to_owned(),
                "… 7 more".to_owned(),
                r"  2.000000 alice    > PING\r\n".to_owned(),
            ],
        },
        log: broken.then(|| "[ERR] something".to_owned()),
    }
}

/// Every verdict once, and a table.
fn run(target: &str, version: &str, of_row: Verdict) -> Report {
    let mut cases: Vec<CaseReport> = Verdict::ALL
        .iter()
        .map(|verdict| case(&format!("core/words/{}", verdict.word()), *verdict))
        .collect();
    cases.push(case("core/words/table[1]", Verdict::Pass));
    cases.push(case("core/words/table[2]", of_row));
    report(target, version, cases)
}

fn report(target: &str, version: &str, cases: Vec<CaseReport>) -> Report {
    let scenario =
        |case: &CaseReport| (case.id.split('[').next().unwrap().to_owned(), SCENARIO.to_owned());
    Report {
        schema: SCHEMA,
        provenance: Provenance {
            target: target.to_owned(),
            server: Facts { version: Some(version.to_owned()), ..Facts::default() },
            judged_as: "2.15.1".to_owned(),
            harness_version: "0.1.0".to_owned(),
            seed: 7,
            started: "2026-01-02T03:04:05Z".parse().unwrap(),
            duration_ms: 4321,
            ..Provenance::default()
        },
        summary: BTreeMap::new(),
        scenarios: cases.iter().map(scenario).collect(),
        cases,
    }
}

fn two() -> [Report; 2] {
    [
        run("bin/nats-server", "2.15.1", Verdict::Pass),
        run("nats://127.0.0.1:4222", "2.9.10", Verdict::Fail),
    ]
}

#[test]
fn markdown_of_every_verdict() {
    insta::assert_snapshot!("markdown", markdown(&two()));
    let good = report("embedded", "2.15.1", vec![case("core/a", Verdict::Pass)]);
    insta::assert_snapshot!("markdown_of_a_pass", markdown(&[good]));
}

#[test]
fn tap_of_every_verdict() {
    insta::assert_snapshot!("tap", tap(&two()[..1]));
    insta::assert_snapshot!("tap_of_two", tap(&two()));
}

#[test]
fn junit_of_two_targets_keeps_them_apart() {
    let xml = junit(&two()).unwrap();
    for suite in ["bin/nats-server.core.words", "nats://127_0_0_1:4222.core.words"] {
        assert!(xml.contains(&format!("<testsuite name=\"{suite}\" tests=\"9\"")), "{xml}");
    }
    let one = junit(&two()[..1]).unwrap();
    assert!(one.contains("<testsuite name=\"core.words\" tests=\"9\""), "{one}");
}

#[test]
fn badges() {
    insta::assert_snapshot!("badge", Badge::new(&two()[..1]).svg());
    insta::assert_snapshot!("badge_endpoint", Badge::new(&two()).endpoint());
    let says = |verdicts: &[Verdict]| {
        let cases = verdicts.iter().map(|verdict| case("core/a", *verdict)).collect();
        let badge = Badge::new(&[report("embedded", "2.15.1", cases)]);
        format!("{} {:?}", badge.message, badge.colour)
    };
    assert_eq!(says(&[Verdict::Pass, Verdict::Pass]), "2 of 2 Green");
    assert_eq!(says(&[Verdict::Pass, Verdict::Skip]), "1 of 2, 1 skipped Yellow");
    assert_eq!(says(&[Verdict::Pass, Verdict::Warn]), "1 of 2, 1 warn Orange");
    assert_eq!(says(&[Verdict::Pass, Verdict::Error]), "1 of 2, 1 error Red");
    assert_eq!(says(&[]), "0 of 0 Yellow");
}

#[test]
fn the_data_of_a_page() {
    let data: serde_json::Value = serde_json::from_str(&html::data(&two()[..1]).unwrap()).unwrap();
    insta::assert_snapshot!("page_data", format!("{data:#}"));
}

/// Whatever a server says is text: in a page it ends no script and begins no element, in Markdown
/// it is no HTML.
#[test]
fn nothing_from_a_server_becomes_markup() {
    const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\
                        <!-- {{script}} {{data}} ```\u{2028}\u{2029}&lt;";
    let mut bad = case("core/evil", Verdict::Fail);
    bad.message = Some(EVIL.to_owned());
    bad.got = Some(EVIL.to_owned());
    bad.transcript = vec![format!("  0.000001 alice    < {EVIL}")];
    bad.log = Some(EVIL.to_owned());
    let evil = [report(EVIL, EVIL, vec![bad])];

    let tags = |page: &str| (page.matches("<script").count(), page.matches("</script").count());
    let (page, plain) = (html::html(&evil).unwrap(), html::html(&two()).unwrap());
    assert_eq!(tags(&page), tags(&plain));
    assert!(!page.contains("<img") && !page.contains(['\u{2028}', '\u{2029}']));
    // It is all there, as text.
    let (_, data) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["cases"][0]["results"][0]["got"], EVIL);

    let text = markdown(&evil);
    let outside: String = text.split("````").step_by(2).collect();
    assert!(!outside.contains("<img") && !outside.contains("<script"), "{outside}");
    assert!(text.contains("````text\n"), "the fence is longer than any within: {text}");
    assert!(tap(&evil).lines().count() < 14, "a line of a server is no line of TAP");
}

#[test]
fn a_page_loads_nothing() {
    let page = html::html(&two()).unwrap();
    assert!(page.contains("default-src 'none'"));
    let (head, _) = page.split_once("<script id=\"data\"").unwrap();
    for address in ["http://", "https://", "url(", "@import", " src="] {
        assert!(!head.contains(address), "{address}");
    }
}

#[test]
fn transcripts_that_are_alike_are_kept_once() {
    let size = |count: usize| {
        let runs: Vec<Report> = (0..count).map(|_| run("a", "1", Verdict::Fail)).collect();
        html::data(&runs).unwrap().matches(r"PONG\\r\\n").count()
    };
    assert_eq!(size(5), size(1));
}

#[test]
fn both_shapes_of_a_file_are_read() {
    let [one, other] = two();
    let read = |text: &str| read::parse("run.json", text);
    let single = serde_json::to_string(&one).unwrap();
    assert_eq!(read(&single).unwrap().len(), 1);
    let several = serde_json::json!({"schema": SCHEMA, "runs": [one, other]}).to_string();
    let runs = read(&several).unwrap();
    assert_eq!(runs[1].provenance.target, "nats://127.0.0.1:4222");
    let nothing = read(r#"{"schema":1,"runs":[]}"#).unwrap_err().to_string();
    assert_eq!(nothing, "run.json is no JSON report of nats-conformance: it has no run");
}
