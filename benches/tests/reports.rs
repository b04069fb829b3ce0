//! What reports look like, from records that stay. `INSTA_UPDATE=always` accepts changes.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not there")]

use std::path::Path;

use broker_bench::{
    goals::{Standard, goals},
    record::{Curve, Record},
    report::{Files, bencher, csv, github, html, markdown, read, terminal},
};
use serde_json::Value;

fn record(name: &str) -> Record {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

#[test]
fn tables_for_a_terminal() {
    insta::assert_snapshot!("run", terminal::run(&record("record.json")));
    insta::assert_snapshot!("ab", terminal::ab(&record("record.json"), 0.05));
    insta::assert_snapshot!("curves", terminal::curves(&record("curves.json")));
}

#[test]
fn goals_for_a_terminal() {
    let standard = Standard {
        broker: "embedded".into(),
        against: vec!["nats-server@2.15.1".into()],
        limit: Some("relay".into()),
    };
    let goals = goals(&record("record.json"), &standard).unwrap();
    insta::assert_snapshot!("goals", broker_bench::report::goals(&goals));
}

#[test]
fn markdown_for_a_comment() {
    insta::assert_snapshot!("markdown", markdown(&record("record.json"), None));
    insta::assert_snapshot!("markdown_with_verdicts", markdown(&record("record.json"), Some(0.05)));
    insta::assert_snapshot!("markdown_of_curves", markdown(&record("curves.json"), None));
}

#[test]
fn blocks_as_csv() {
    let text = csv(&record("record.json")).unwrap();
    let record = record("record.json");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), record.blocks.len());
    let at = |name: &str| header.iter().position(|cell| cell == name).unwrap();
    for (line, block) in lines.iter().zip(&record.blocks) {
        assert_eq!(line[at("shape")], block.shape);
        assert_eq!(line[at("invalid")], block.invalid.clone().unwrap_or_default());
        for (metric, value) in &block.metrics {
            assert_eq!(line[at(metric.name())].parse::<f64>().unwrap(), *value);
        }
    }
    let first: Vec<&str> = text.lines().take(3).collect();
    insta::assert_snapshot!("csv", first.join("\n"));
}

/// As github-action-benchmark's README has it: an array of objects with a text `name`, a text
/// `unit`, a number `value`, and perhaps texts `range` and `extra`.
#[test]
fn json_for_github_action_benchmark() {
    let record = record("record.json");
    let (smaller, bigger) = (github(&record, false), github(&record, true));
    for list in [&smaller, &bigger] {
        let entries = list.as_array().unwrap();
        assert!(!entries.is_empty());
        for entry in entries {
            let entry = entry.as_object().unwrap();
            assert!(entry["name"].is_string() && entry["unit"].is_string(), "{entry:?}");
            assert!(entry["value"].is_f64(), "{entry:?}");
            for (key, value) in entry.iter().filter(|(key, _)| *key != "value") {
                assert!(["name", "unit", "range", "extra"].contains(&key.as_str()), "{key}");
                assert!(value.is_string(), "{entry:?}");
            }
        }
        let mut names: Vec<&str> = entries.iter().map(|e| e["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entries.len(), "the name is what figures are known by");
    }
    assert!(
        bigger.as_array().unwrap().iter().all(|e| e["name"].as_str().unwrap().ends_with("rate"))
    );
    insta::assert_snapshot!("github", format!("{:#}", smaller.as_array().unwrap()[0]));
}

/// As <https://bencher.dev/bmf.json> has it: benchmarks, measures, and of each a number `value` and
/// perhaps `lower_value` and `upper_value`.
#[test]
fn json_for_bencher() {
    let all = bencher(&record("record.json"));
    for (benchmark, measures) in all.as_object().unwrap() {
        assert!(!benchmark.is_empty() && !measures.as_object().unwrap().is_empty());
        for (measure, metric) in measures.as_object().unwrap() {
            assert!(measure.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
            let number = |key: &str| metric[key].as_f64().unwrap();
            assert!(number("lower_value") <= number("value"), "{benchmark} {measure}");
            assert!(number("value") <= number("upper_value"), "{benchmark} {measure}");
            assert_eq!(metric.as_object().unwrap().len(), 3);
        }
    }
    insta::assert_snapshot!("bencher", format!("{:#}", all["pubsub/128 embedded"]));
}

#[test]
fn the_page_has_all_plots_and_asks_for_nothing() {
    let page = html(&record("record.json"), Some(0.05)).unwrap();
    for title in [
        "pubsub: throughput by payload size",
        "Server CPU by shape",
        "Ratio to nats-server@2.15.1: server CPU",
        "Every block: rate",
        "request-1/128: latency",
        "Verdicts, with a threshold of 5 %",
        "Example CPU, 2 cores, 8 GiB",
        "broker-bench run --target",
        "3 lost, 1 out of order",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert_eq!(page.matches("<svg ").count(), page.matches("<figure>").count());
    let namespaces = page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(page.matches("http").count(), namespaces, "the page names an address");
    assert!(!page.contains("<script"));
}

#[test]
fn the_page_of_curves_has_theirs() {
    let page = html(&record("curves.json"), None).unwrap();
    assert!(page.contains("CPU by other subscriptions") && page.contains("CPU by subscribers"));
    assert!(!page.contains("CPU by idle connections") && !page.contains("Every block"));
    assert!(page.contains("logarithmic") && page.contains("1 lost"));
}

#[test]
fn names_are_no_markup() {
    let mut record = record("record.json");
    let name = "<b>&\"|";
    for block in record.blocks.iter_mut().filter(|block| block.target == "embedded") {
        block.target = name.into();
    }
    record.targets.iter_mut().find(|target| target.name == "embedded").unwrap().name = name.into();
    let page = html(&record, Some(0.05)).unwrap();
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;&amp;&quot;|"));
    assert!(markdown(&record, None).contains("&lt;b>&\"\\|"));
}

#[test]
fn files_are_written_and_what_is_no_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Some(folder.path().join(name));
    let files = Files {
        markdown: at("a.md"),
        csv: at("a.csv"),
        html: at("a.html"),
        github: at("a.json"),
        bencher: at("b.json"),
    };
    files.write(&record("record.json"), None).unwrap();
    for name in ["a.md", "a.csv", "a.html", "a.smaller.json", "a.bigger.json", "b.json"] {
        assert!(std::fs::metadata(at(name).unwrap()).unwrap().len() > 100, "{name}");
    }
    let why = |name: &str| read(&at(name).unwrap()).unwrap_err().to_string();
    assert!(why("a.md").contains("a.md: is no JSON"), "{}", why("a.md"));
    assert!(why("b.json").contains("is no record"), "{}", why("b.json"));
    assert!(why("none").contains("can't be read"), "{}", why("none"));
    let later = Value::from_iter([("schema", 99)]);
    std::fs::write(at("later.json").unwrap(), later.to_string()).unwrap();
    assert!(why("later.json").contains("schema 99"), "{}", why("later.json"));
}

#[test]
fn growth_is_told_by_the_median() {
    let points = Curve::Subscriptions.medians(&record("curves.json"), "embedded");
    assert_eq!(points.len(), 5);
    assert!(points.iter().all(|(_, cost)| (cost - 0.202).abs() < 1e-9), "{points:?}");
}
