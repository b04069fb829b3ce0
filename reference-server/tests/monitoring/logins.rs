//! What the pages say of users and accounts, and of a server that is going away.

use nats_reference_server::{Profile, Server};
use serde_json::{Value, json};

use crate::peers::{Client, Target, eventually};

const ACCOUNTS: &str = "
    accounts {
      A { users: [{ user: a, password: x }] }
      B { users: [{ user: b, password: x }] }
    }
    authorization { timeout: 0.2 }
";

fn with_accounts() -> Target {
    Target::ours(Server::builder().config_text(ACCOUNTS).unwrap())
}

fn login(target: &Target, user: &str) -> Client {
    let options = format!(r#"{{"verbose":false,"user":"{user}","pass":"x"}}"#);
    target.connect(&options)
}

#[test]
fn users_are_told_where_they_are_asked_for() {
    let target = with_accounts();
    let clients = ["a", "a", "b"].map(|user| login(&target, user));
    let told = |path: &str| -> Vec<Value> {
        let page = target.json(path);
        let fields = ["authorized_user", "account", "name_tag"];
        let of = |it: &Value| json!(fields.map(|field| &it[field]));
        page["connections"].as_array().unwrap().iter().map(of).collect()
    };
    let (a, b) = (json!(["a", "A", "A"]), json!(["b", "B", "B"]));
    assert_eq!(told("/connz?auth=1"), [a.clone(), a.clone(), b.clone()]);
    assert_eq!(told("/connz?auth=1&acc=A"), [a.clone(), a]);
    assert_eq!(told("/connz?auth=1&user=b"), [b]);
    assert_eq!(told("/connz?user=b"), [json!([null, null, null])]);
    assert_eq!(target.json("/connz?acc=A")["total"], 2);
    assert_eq!(target.json("/varz")["auth_required"], true);
    drop(clients);
}

#[test]
fn what_goes_on_in_an_account_stays_there() {
    let target = with_accounts();
    let (mut a, mut b) = (login(&target, "a"), login(&target, "b"));
    a.say("SUB x 1\r\nPUB x 3\r\nabc\r\n");
    b.say("SUB x 1\r\nSUB y 2\r\n");
    let page = target.json("/accstatz");
    let stat = |nth: usize, field: &str| page["account_statz"][nth][field].clone();
    assert_eq!((stat(0, "acc"), stat(1, "acc")), (json!("A"), json!("B")));
    assert_eq!((stat(0, "num_subscriptions"), stat(1, "num_subscriptions")), (json!(1), json!(2)));
    assert_eq!(
        (stat(0, "sent")["bytes"].clone(), stat(1, "sent")["bytes"].clone()),
        (json!(3), json!(0))
    );
    assert_eq!(target.json("/subsz?subs=1&acc=B")["total"], 2);
    assert_eq!(target.json("/subsz?subs=1&acc=B&test=y")["total"], 1);
    let detail = target.json("/accountz?acc=B")["account_detail"].take();
    assert_eq!((&detail["client_connections"], &detail["subscriptions"]), (&json!(1), &json!(2)));
    let system = target.json("/accountz?acc=$SYS")["account_detail"].take();
    assert_eq!(system["is_system"], true);
}

#[test]
fn who_is_not_let_in_is_told() {
    let target = with_accounts();
    let mut wrong = Client::greeted(target.clients);
    wrong.send("CONNECT {\"user\":\"a\",\"pass\":\"wrong\"}\r\n");
    wrong.end();
    target.closed(1);
    Client::greeted(target.clients).end();
    target.closed(2);
    let page = target.json("/connz?state=closed");
    let reason = |nth: usize| page["connections"][nth]["reason"].clone();
    assert_eq!(
        (reason(0), reason(1)),
        (json!("Authentication Failure"), json!("Authentication Timeout"))
    );
}

#[test]
fn a_lame_duck_is_not_well() {
    for (profile, status) in [(Profile::V2_9, 503), (Profile::V2_15, 500)] {
        let target = Target::ours(Server::builder().profile(profile));
        let _stays = target.connect(r#"{"verbose":false}"#);
        target.server().lame_duck();
        eventually(|| target.get("/healthz").status == status);
        let words = "failed to be ready for connections after 1ms: server";
        let body = format!(r#"{{"status":"error","error":"{words}"}}"#);
        assert_eq!(target.get("/healthz").body, body);
    }
}

#[test]
fn the_pages_stay_as_they_are_when_options_change() {
    let target = Target::ours(Server::builder());
    let config = (*target.server().config()).clone();
    assert!(target.server().reload(config.clone()).is_ok());
    let mut moved = config;
    moved.monitoring.base_path = "/elsewhere".to_owned();
    let refused = target.server().reload(moved).unwrap_err().to_string();
    assert!(refused.contains("not supported for HTTPBasePath: old=, new=/elsewhere"), "{refused}");
}

#[test]
fn exports_imports_and_mappings_are_told() {
    // MON-029, as 2.15.1 tells them.
    let text = r#"accounts {
        A {
          exports: [ {stream: "pub.>"}, {service: s, response: stream, accounts: [K]} ]
          mappings: { "q.*": "r.$1", half: [ {destination: h1, weight: 30} ] }
        }
        K { imports: [
          {stream: {account: A, subject: "pub.*"}, to: "loc.$1"}
          {service: {account: A, subject: s}, to: x, share: true}
        ] } }"#;
    let target = Target::ours(Server::builder().config_text(text).unwrap());
    let detail = |name| target.json(&format!("/accountz?acc={name}"))["account_detail"].take();
    let a = detail("A");
    assert_eq!(
        a["exports"],
        json!([
            {"subject": "pub.>", "type": "stream"},
            {"subject": "s", "type": "service", "response_type": "Streamed",
             "approved_accounts": ["K"]}
        ])
    );
    assert_eq!(
        a["mappings"],
        json!({
            "q.*": [{"subject": "r.$1", "weight": 100}],
            "half": [{"subject": "h1", "weight": 30}, {"subject": "half", "weight": 100}]
        })
    );
    assert_eq!(
        detail("K")["imports"],
        json!([
            {"subject": "pub.*", "account": "A", "local_subject": "loc.*", "type": "stream",
             "invalid": false, "share": false, "tracking": false},
            {"subject": "s", "account": "A", "to": "x", "local_subject": "x", "type": "service",
             "invalid": false, "share": true, "tracking": false}
        ])
    );
}
