//! The export of the scenarios: its schema, all of it against the schema, and a reader of it that
//! is no Rust.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{fs, path::Path, process::Command};

use nats_conformance::{corpus::Corpus, export::Export, run::select};
use nats_reference_server::Server;
use serde_json::{Value, json};

fn exported(selectors: &[&str]) -> Value {
    let corpus = Corpus::built_in().unwrap();
    let selectors: Vec<String> = selectors.iter().map(|word| (*word).to_owned()).collect();
    let (cases, useless) = select(&corpus.scenarios, &selectors);
    assert!(useless.is_empty(), "{useless:?}");
    serde_json::to_value(Export::new(&cases, &corpus.register)).unwrap()
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn the_schema_is_what_the_types_say() {
    let path = repository("conformance/schema/export.schema.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == Export::schema().unwrap(),
        "the schema is stale; mend it with\n  cargo run -p nats-conformance -- export --schema \
         > conformance/schema/export.schema.json"
    );
}

#[test]
fn everything_exported_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(&Export::schema().unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut export = exported(&[]);
    let problems: Vec<String> = validator
        .iter_errors(&export)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(3)
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    // The schema refuses something: it is not one that everything fits.
    export["cases"][0]["steps"][0]["do"] = json!("dance");
    assert!(!validator.is_valid(&export));
}

#[test]
fn a_row_is_a_case_with_its_cells_put_in() {
    let case = &exported(&["core/wildcards/arrow-misses[2]"])["cases"][0];
    assert_eq!(case["row"]["number"], 2);
    assert_eq!(case["row"]["text"], "w2.ab");
    let sent = |step: &Value| step["text"][0]["text"].as_str().unwrap_or_default().to_owned();
    let lines: Vec<String> = case["steps"].as_array().unwrap().iter().map(sent).collect();
    assert!(lines.contains(&"PUB w2.ab 1\r\n".to_owned()), "{lines:?}");
    assert!(case["clauses"][0]["text"].is_string());
}

#[test]
fn bytes_that_are_no_text_stand_in_base64_alone() {
    let export = exported(&[]).to_string();
    let part = r#"{"base64":""#;
    let with_text = export.matches(r#"","kind":"bytes","text":""#).count();
    let all = export.matches(part).count();
    assert!(with_text > 1000 && all > with_text, "{with_text} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_python_plays_it() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("no python3 here: nothing is played");
        return;
    }
    let server = Server::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.json");
    let cases = exported(&["core/sub", "core/wildcards", "core/delivery"]);
    fs::write(&export, cases.to_string()).unwrap();
    let played = Command::new("python3")
        .arg(repository("docs/play.py"))
        .arg(&export)
        .arg(server.client_url().trim_start_matches("nats://"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}{}", String::from_utf8_lossy(&played.stderr));
    let held: usize = said.split(" held").next().unwrap().trim().parse().unwrap();
    assert!(held >= 40, "{said}");
}
