//! Field by field, events and answers of the system account have what those of nats-server 2.15.1
//! have (SYS-001 to SYS-009, AUTH-036).
//!
//! `system-2.15.1.json` is what the real server was seen to have; `NATS_SERVER` and
//! `UPDATE_EXPECT=1` do what they do for the pages.

use std::collections::BTreeSet;

use nats_reference_server::{Config, Profile, Server};
use serde_json::Value;

use crate::{
    fields::{self, Fields, collect},
    peers::{Client, Target, eventually},
};

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/monitoring/system-2.15.1.json");

const CONFIG: &str = "
    accounts {
      $SYS { users: [{ user: s, password: p }] }
      A { users: [
        { user: a, password: p }
        { user: b, password: p, permissions: {
          publish: { allow: [\"$SYS.>\", x], deny: y }, subscribe: \">\", allow_responses: true } }
      ] }
    }
";

/// What is asked in the system account, behind `$SYS.REQ.`.
const ASKED: &[(&str, &str)] = &[
    ("SERVER.PING", ""),
    ("SERVER.PING.IDZ", ""),
    ("SERVER.PING.VARZ", ""),
    ("SERVER.PING.CONNZ", r#"{"auth":true,"subscriptions":true}"#),
    ("SERVER.PING.CONNZ", r#"{"state":1}"#),
    ("SERVER.PING.CONNZ", r#"{"sort":"nope"}"#),
    ("SERVER.PING.SUBSZ", r#"{"subscriptions":true,"account":"A"}"#),
    ("SERVER.PING.ROUTEZ", ""),
    ("SERVER.PING.GATEWAYZ", ""),
    ("SERVER.PING.LEAFZ", ""),
    ("SERVER.PING.ACCOUNTZ", ""),
    ("SERVER.PING.JSZ", ""),
    ("SERVER.PING.HEALTHZ", ""),
    ("SERVER.PING.HEALTHZ", r#"{"stream":"x","details":true}"#),
    ("SERVER.PING.HEALTHZ", "bad"),
    ("ACCOUNT.A.CONNZ", ""),
    ("ACCOUNT.A.SUBSZ", ""),
    ("ACCOUNT.A.INFO", ""),
    ("ACCOUNT.A.STATZ", ""),
    ("ACCOUNT.A.CONNS", ""),
    ("ACCOUNT.NOPE.CONNZ", ""),
    ("ACCOUNT.NOPE.INFO", ""),
    ("ACCOUNT.A.JSZ", ""),
    ("ACCOUNT.PING.STATZ", ""),
    ("USER.INFO", ""),
];

/// What the real server has and ours has not, with the reason.
const MISSING: &[(&str, &str)] = &[(
    "ACCOUNT.A.INFO  .data.imports",
    "every account imports services of $SYS there; here they are in each account",
)];

const SYSTEM: &str = r#"{"verbose":false,"user":"s","pass":"p"}"#;

fn login(target: &Target, user: &str) -> Client {
    let options = format!(r#"{{"verbose":false,"user":"{user}","pass":"p","name":"n"}}"#);
    target.connect(&options)
}

#[test]
fn events_and_answers_have_the_fields_of_nats_server() {
    let theirs = theirs();
    let ours = observe(&Target::ours(Server::builder().config_text(CONFIG).unwrap()));
    let mut findings = Vec::new();
    for (what, fields) in &theirs {
        let missing = fields.difference(&ours[what]).map(|field| format!("{what} {field}"));
        let is_known = |it: &String| MISSING.iter().any(|(start, _)| it.starts_with(start));
        findings.extend(missing.filter(|it| !is_known(it)).map(|it| format!("missing: {it}")));
        let extra = ours[what].difference(fields);
        findings.extend(extra.map(|field| format!("extra: {what} {field}")));
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn theirs() -> Fields {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("n.conf");
    std::fs::write(&config, CONFIG).unwrap();
    fields::theirs(STORED, Some(&config), observe)
}

fn observe(target: &Target) -> Fields {
    let mut seen = Fields::new();
    let mut note = |what: &str, payload: &[u8]| {
        let mut fields = BTreeSet::new();
        collect(&serde_json::from_slice(payload).unwrap(), "", &mut fields);
        seen.insert(what.to_owned(), fields);
    };
    let mut system = target.connect(SYSTEM);
    system.say("SUB $SYS.ACCOUNT.A.> 1\r\nSUB $SYS.SERVER.*.CLIENT.AUTH.ERR 2\r\n");
    let mut event = |system: &mut Client, name: &str| {
        let (subject, payload) = system.message();
        assert!(subject.ends_with(name), "{subject} in place of {name}");
        note(&format!("event {name}"), &payload);
    };
    let mut stays = login(target, "a");
    stays.say("SUB x 1\r\n");
    event(&mut system, "SERVER.CONNS");
    event(&mut system, "CONNECT");
    login(target, "a").say("PUB x 1\r\na\r\n");
    event(&mut system, "SERVER.CONNS");
    event(&mut system, "CONNECT");
    event(&mut system, "SERVER.CONNS");
    event(&mut system, "DISCONNECT");
    let mut refused = Client::greeted(target.clients);
    refused.send("CONNECT {\"verbose\":false,\"user\":\"a\",\"pass\":\"x\"}\r\n");
    refused.end();
    event(&mut system, "AUTH.ERR");
    system.say("UNSUB 1\r\nUNSUB 2\r\nSUB r 3\r\n");
    for (what, options) in ASKED {
        let size = options.len();
        system.send(&format!("PUB $SYS.REQ.{what} r {size}\r\n{options}\r\n"));
        note(&format!("{what} {options}"), &system.message().1);
    }
    let mut limited = login(target, "b");
    limited.say("SUB r 1\r\n");
    limited.send("PUB $SYS.REQ.USER.INFO r 0\r\n\r\n");
    note("USER.INFO with permissions", &limited.message().1);
    seen
}

#[test]
fn what_the_server_does_is_told_without_a_question() {
    let target = Target::ours(Server::builder().config_text(CONFIG).unwrap());
    let mut system = target.connect(SYSTEM);
    system.say("SUB $SYS.SERVER.*.STATSZ 1\r\n");
    let (subject, payload) = system.message();
    let event: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(subject, format!("$SYS.SERVER.{}.STATSZ", target.server().id()));
    assert_eq!(
        (&event["statsz"]["connections"], &event["statsz"]["subscriptions"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn an_account_that_a_reload_brings_is_served_and_one_that_it_takes_is_not() {
    let target = Target::ours(Server::builder().config_text(CONFIG).unwrap());
    let with_another = CONFIG.replace("A {", "B { users: [{ user: c, password: p }] }\n A {");
    let mut config = Config { ..(*target.server().config()).clone() };
    config.merge(&with_another).unwrap();
    target.server().reload(config.clone()).unwrap();
    let mut client = login(&target, "c");
    client.say("SUB r 1\r\n");
    client.send("PUB $SYS.REQ.USER.INFO r 0\r\n\r\n");
    let info: Value = serde_json::from_slice(&client.message().1).unwrap();
    assert_eq!(info["data"]["account"], "B");
    assert_eq!(target.server().subscriptions(), 1);
    drop(client);
    eventually(|| target.server().subscriptions() == 0);
}

#[test]
fn options_that_are_too_long_are_nobodys_to_answer() {
    let target = Target::ours(Server::builder().config_text(CONFIG).unwrap());
    let mut system = target.connect(SYSTEM);
    system.say("SUB r.* 1\r\n");
    let options = " ".repeat(100_000);
    let size = options.len();
    system.send(&format!("PUB $SYS.REQ.SERVER.PING r.1 {size}\r\n{options}\r\n"));
    system.send("PUB $SYS.REQ.SERVER.PING r.2 0\r\n\r\n");
    assert_eq!(system.message().0, "r.2");
}

#[test]
fn a_release_answers_what_it_answered() {
    let builder = Server::builder().profile(Profile::V2_9);
    let target = Target::ours(builder.config_text(CONFIG).unwrap());
    let mut system = target.connect(SYSTEM);
    system.say("SUB r.* 1\r\n");
    system.send("PUB $SYS.REQ.SERVER.PING.IDZ r.1 0\r\n\r\nPUB $SYS.REQ.USER.INFO r.2 0\r\n\r\n");
    system.send("PUB $SYS.REQ.SERVER.PING.HEALTHZ r.3 0\r\n\r\n");
    let (subject, payload) = system.message();
    let answer: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(subject, "r.3");
    assert_eq!(answer["data"], serde_json::json!({ "status": "ok" }));
}
