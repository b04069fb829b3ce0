//! Field by field, our pages have what those of nats-server 2.15.1 have, in the same situations.
//!
//! `fields-2.15.1.json` is what the real server was seen to have. With `NATS_SERVER` (the path of
//! that program) it is asked again, and the file must be right; `UPDATE_EXPECT=1` writes it anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use nats_reference_server::Server;
use serde_json::Value;

use crate::peers::Target;

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/monitoring/fields-2.15.1.json");

/// Nobody is connected.
const IDLE: &[&str] = &[
    "/varz",
    "/connz",
    "/connz?state=all",
    "/connz?acc=NOPE",
    "/subsz",
    "/subscriptionsz",
    "/accountz",
    "/accstatz",
    "/routez",
    "/gatewayz",
    "/leafz",
    "/jsz",
    "/jsz?accounts=1&streams=1&consumers=1&config=1",
    "/healthz",
    "/ipqueuesz",
];

/// One client with subscriptions and traffic, another one that has gone.
const BUSY: &[&str] = &[
    "/varz",
    "/connz",
    "/connz?subs=1&auth=1",
    "/connz?subs=detail",
    "/connz?state=closed&subs=1",
    "/connz?state=all",
    "/subsz?subs=1&acc=$G",
    "/subsz?test=x.1&subs=1",
    "/accountz?acc=$G",
    "/accstatz",
    "/accstatz?unused=1",
];

/// What the real server has and ours has not, with the reason.
const MISSING: &[(&str, &str)] = &[(
    "busy /accountz?acc=$G .account_detail.imports",
    "every account imports services of $SYS there; here nobody offers them",
)];

/// What ours has and the real server has not, with the reason: nothing.
const EXTRA: &[(&str, &str)] = &[];

/// For each page its fields with their types.
pub(crate) type Fields = BTreeMap<String, BTreeSet<String>>;

#[test]
fn our_pages_have_the_fields_of_nats_server() {
    let theirs = theirs(STORED, None, observe);
    let ours = observe(&Target::ours(Server::builder()));
    let mut findings = Vec::new();
    for (page, fields) in &theirs {
        let differences = [
            ("missing", fields.difference(&ours[page]), MISSING),
            ("extra", ours[page].difference(fields), EXTRA),
        ];
        for (what, fields, known) in differences {
            let named = fields.map(|field| format!("{page} {field}"));
            let is_known = |field: &String| known.iter().any(|(start, _)| field.starts_with(start));
            findings.extend(named.filter(|it| !is_known(it)).map(|it| format!("{what}: {it}")));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// As stored in this file, after a look at the real server if there is one.
pub(crate) fn theirs(
    stored_at: &str,
    config: Option<&Path>,
    observe: impl FnOnce(&Target) -> Fields,
) -> Fields {
    let stored = || serde_json::from_str(&std::fs::read_to_string(stored_at).unwrap()).unwrap();
    let Ok(program) = std::env::var("NATS_SERVER") else { return stored() };
    assert!(Path::new(&program).is_absolute(), "NATS_SERVER must be an absolute path");
    let seen = observe(&Target::real(&program, config));
    if std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1") {
        std::fs::write(stored_at, serde_json::to_string_pretty(&seen).unwrap() + "\n").unwrap();
    }
    assert_eq!(seen, stored(), "{stored_at} is not what {program} does");
    seen
}

fn observe(target: &Target) -> Fields {
    let mut seen = Fields::new();
    let mut look = |situation: &str, pages: &[&str]| {
        for page in pages {
            let mut fields = BTreeSet::new();
            collect(&target.json(page), "", &mut fields);
            seen.insert(format!("{situation} {page}"), fields);
        }
    };
    look("idle", IDLE);
    let mut stays = target.connect(r#"{"verbose":false,"name":"n","lang":"l","version":"1"}"#);
    stays.say("SUB x.* q 1\r\nSUB y 2\r\nUNSUB 2 5\r\nSUB a 3\r\n");
    stays.say("PUB a 3\r\nabc\r\nPUB b 2\r\nab\r\n");
    let mut goes = target.connect(r#"{"verbose":false,"name":"goes"}"#);
    goes.say("SUB z 1\r\n");
    drop(goes);
    target.closed(1);
    look("busy", BUSY);
    seen
}

/// Paths with types; of a list, those of all its elements.
pub(crate) fn collect(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            fields.insert(format!("{path}: object"));
            // Its keys are pages, not fields.
            for (key, value) in map.iter().filter(|_| !path.ends_with(".http_req_stats")) {
                collect(value, &format!("{path}.{key}"), fields);
            }
        }
        Value::Array(list) => {
            fields.insert(format!("{path}: list"));
            list.iter().for_each(|value| collect(value, &format!("{path}[]"), fields));
        }
        Value::Null => drop(fields.insert(format!("{path}: null"))),
        Value::Bool(_) => drop(fields.insert(format!("{path}: boolean"))),
        Value::Number(_) => drop(fields.insert(format!("{path}: number"))),
        Value::String(_) => drop(fields.insert(format!("{path}: string"))),
    }
}
