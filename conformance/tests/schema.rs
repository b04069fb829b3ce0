//! The JSON report is as its schema says, and the schema says all of it.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{fs, path::Path, process::Command};

use jsonschema::Validator;
use nats_conformance::report::{json, read};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");

fn generated() -> String {
    format!("{:#}\n", json!(json::schema()))
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_the_types() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(PATH, generated()).unwrap();
    }
    let kept = fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        kept == generated(),
        "conformance/schema/report.schema.json is not what the types say; look at the difference \
         after\n\n    UPDATE_EXPECT=1 cargo test -p nats-conformance --test schema\n"
    );
}

/// The place of every property without a description.
fn undescribed(schema: &Value, place: &str, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if property["description"].as_str().is_none_or(str::is_empty) {
            found.push(format!("{place}/{name}"));
        }
    }
    match schema {
        Value::Object(members) => {
            members.iter().for_each(|(key, of)| undescribed(of, &format!("{place}/{key}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| undescribed(item, place, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_described() {
    let schema = json!(json::schema());
    let mut found = Vec::new();
    undescribed(&schema, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
    // The test can fail.
    let mut lacking = schema;
    lacking["$defs"]["CaseReport"]["properties"]["id"]["description"].take();
    undescribed(&lacking, "", &mut found);
    assert_eq!(found, ["/$defs/CaseReport/id"]);
}

fn validator() -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&json!(json::schema())).unwrap()
}

/// A run of scenarios that come to all kinds of results.
fn run(flags: &[&str], targets: usize) -> Value {
    let folder = TempDir::new().unwrap();
    let scenario = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
    };
    let head = "spec: CORE-PING-001\nlevel: MUST\ntags: one two\n";
    let told = "alice connects\nalice> PING\n";
    scenario("pass.nats", &format!("title: Right\n{head}\n{told}alice< PONG\n"));
    scenario("fail.nats", &format!("title: Wrong\n{head}\n{told}alice< PANG\n"));
    scenario(
        "skip.nats",
        &format!("title: Asked of few\n{head}needs: gateways\n\n{told}alice< PONG\n"),
    );
    let rows = "for word in\n  | PONG\n  | PANG\n";
    let table = format!("{rows}  alice connects\n  alice> PING\n  alice< <word>\n");
    scenario("rows.nats", &format!("title: Both\n{head}\n{table}"));
    let json = folder.path().join("run.json");
    let status = Command::new(env!("CARGO_BIN_EXE_nats-conformance"))
        .arg("--scenarios")
        .arg(folder.path())
        .args(["run", "--record", "all", "--json"])
        .arg(&json)
        .args(flags)
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(1), "{}", String::from_utf8_lossy(&status.stderr));
    assert_eq!(read::read(Path::new(&json)).unwrap().len(), targets);
    serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap()
}

fn mistakes(report: &Value) -> Vec<String> {
    validator().iter_errors(report).map(|error| error.to_string()).collect()
}

#[test]
fn a_run_of_one_target_is_as_the_schema_says() {
    let report = run(&[], 1);
    assert_eq!(mistakes(&report), Vec::<String>::new());
    let counts = json!({"pass": 2, "fail": 2, "warn": 0, "info": 0, "skip": 1, "known": 0,
                        "error": 0});
    assert_eq!(report["summary"], counts);
    // Every field of the types is in it, so all of them were looked at.
    let fail = report["cases"].as_array().unwrap().iter().find(|case| case["id"] == "rows[2]");
    for field in ["row", "message", "line", "expected", "got", "transcript", "tags", "clauses"] {
        assert!(!fail.unwrap()[field].is_null(), "{field} in {fail:#?}");
    }
    // The schema can say no.
    for (place, value) in [
        ("/schema", json!(2)),
        ("/cases/0/verdict", json!("great")),
        ("/cases/0/level", json!("must")),
        ("/cases/0/transcript/0", json!(1)),
        ("/provenance/started", json!("yesterday")),
        ("/provenance/host", json!({})),
        ("/summary/pass", json!(-1)),
    ] {
        let mut broken = report.clone();
        *broken.pointer_mut(place).unwrap() = value;
        assert_ne!(mistakes(&broken), Vec::<String>::new(), "{place}");
    }
}

#[test]
fn a_run_of_several_targets_is_as_the_schema_says() {
    let folder = TempDir::new().unwrap();
    let matrix = folder.path().join("matrix.toml");
    let targets = "[[target]]\nname = \"a\"\nembedded = true\n[[target]]\nname = \"b\"\nembedded \
                   = true\n";
    fs::write(&matrix, targets).unwrap();
    let report = run(&["--matrix", matrix.to_str().unwrap()], 2);
    assert_eq!(mistakes(&report), Vec::<String>::new());
    assert_eq!(report["runs"][1]["provenance"]["name"], "b");
    let mut broken = report;
    broken["runs"][1]["summary"].take();
    assert_ne!(mistakes(&broken), Vec::<String>::new());
}
