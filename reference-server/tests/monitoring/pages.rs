//! What the pages say.

use std::time::Duration;

use nats_reference_server::{Monitoring, Profile, Server, StartError};
use serde_json::{Value, json};
use socket2::SockRef;

use crate::peers::{Target, eventually};

const QUIET: &str = r#"{"verbose":false}"#;

fn ours() -> Target {
    Target::ours(Server::builder())
}

#[test]
fn counters_follow_the_traffic() {
    let target = ours();
    let mut client = target.connect(QUIET);
    client.say("SUB a 1\r\nPUB a 3\r\nabc\r\nPUB b 2\r\nab\r\n");
    let (first, second) = (target.json("/varz"), target.json("/varz"));
    for (field, number) in [
        ("connections", 1),
        ("total_connections", 1),
        ("subscriptions", 1),
        ("in_msgs", 2),
        ("in_bytes", 5),
        ("out_msgs", 1),
        ("out_bytes", 3),
        ("in_client_msgs", 2),
    ] {
        assert_eq!(second[field], number, "{field}");
    }
    let requests = |page: &Value| page["http_req_stats"]["/varz"].as_u64();
    assert_eq!((requests(&first), requests(&second)), (Some(1), Some(2)));

    client.say("UNSUB 1\r\n");
    drop(client);
    target.closed(1);
    let after = target.json("/varz");
    assert_eq!(
        (&after["in_msgs"], &after["out_bytes"], &after["connections"]),
        (&json!(2), &json!(3), &json!(0))
    );
    let stats = &target.json("/accstatz?unused=1")["account_statz"][0];
    assert_eq!((&stats["acc"], &stats["conns"]), (&json!("$G"), &json!(0)));
    assert_eq!((&stats["received"]["bytes"], &stats["sent"]["msgs"]), (&json!(5), &json!(1)));
    let subsz = target.json("/subsz");
    let number = |field: &str| subsz[field].as_u64();
    assert_eq!((number("num_subscriptions"), number("num_inserts")), (Some(0), Some(1)));
    assert_eq!(number("num_removes"), Some(1));
}

#[test]
fn headers_count_and_only_what_is_delivered_is_sent() {
    let target = ours();
    let mut with = target.connect(r#"{"verbose":false,"headers":true,"name":"with"}"#);
    with.say("SUB h 1\r\n");
    target.connect(QUIET).say("SUB h 1\r\n");
    target.closed(1);
    let mut without = target.connect(r#"{"verbose":false,"name":"without"}"#);
    without.say("SUB h 1\r\n");
    with.say("HPUB h 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    without.say("");
    let connections = target.json("/connz")["connections"].take();
    let bytes = |nth: usize| (&connections[nth]["in_bytes"], &connections[nth]["out_bytes"]);
    assert_eq!(bytes(0), (&json!(14), &json!(14)));
    assert_eq!(bytes(1), (&json!(0), &json!(2)));
}

#[test]
fn a_connection_says_who_it_is() {
    let target = ours();
    let mut client = target.connect(r#"{"verbose":false,"name":"n0","lang":"xx","version":"9"}"#);
    client.say("SUB x.* q 7\r\nSUB y 8\r\nUNSUB 8 5\r\nPUB y 1\r\na\r\n");
    let page = target.json("/connz?subs=detail&auth=1");
    let told = &page["connections"][0];
    for (field, text) in
        [("name", "n0"), ("lang", "xx"), ("version", "9"), ("kind", "Client"), ("ip", "127.0.0.1")]
    {
        assert_eq!(told[field], text, "{field}");
    }
    assert_eq!(told["port"], client.stream().local_addr().unwrap().port());
    assert_ne!(told["rtt"], "0s");
    let mut details = told["subscriptions_list_detail"].as_array().unwrap().clone();
    details.sort_by_key(|detail| detail["sid"].to_string());
    let cid = &told["cid"];
    assert_eq!(
        details,
        [
            json!({"subject": "x.*", "qgroup": "q", "sid": "7", "msgs": 0, "cid": cid}),
            json!({"subject": "y", "sid": "8", "msgs": 1, "max": 5, "cid": cid}),
        ]
    );
    let found = target.json("/subsz?subs=1&test=x.1");
    assert_eq!(
        (&found["total"], &found["subscriptions_list"][0]["subject"]),
        (&json!(1), &json!("x.*"))
    );
}

#[test]
fn a_round_trip_is_measured_by_a_ping() {
    let interval = Duration::from_millis(20);
    let target = Target::ours(Server::builder().ping_interval(interval).ping_max(1000));
    let mut client = target.connect(QUIET);
    let rtt = || target.json("/connz")["connections"][0]["rtt"].clone();
    let first = rtt();
    // The answers to its PINGs, however many there have been.
    eventually(|| {
        SockRef::from(client.stream()).send(b"PONG\r\n").unwrap();
        rtt() != first
    });
    client.say("");
}

#[test]
fn filters_and_pages() {
    let target = ours();
    let clients = [(); 3].map(|()| target.connect(QUIET));
    let cid = target.json("/connz")["connections"][1]["cid"].clone();
    let by_cid = format!("cid={cid}");
    for (query, counts) in [
        ("", (3, 3, 0, 1024)),
        ("limit=2", (2, 3, 0, 2)),
        ("offset=9", (0, 3, 9, 1024)),
        ("offset=2&limit=-1", (1, 3, 2, 1024)),
        (&by_cid, (1, 3, 0, 1)),
        ("cid=9999", (0, 3, 0, 1)),
        ("acc=$G", (3, 3, 0, 1024)),
        ("user=b", (0, 3, 0, 1024)),
        ("state=CLOSED", (0, 0, 0, 1024)),
        ("state=any", (3, 3, 0, 1024)),
    ] {
        let page = target.json(&format!("/connz?{query}"));
        let number = |field: &str| page[field].as_u64().unwrap();
        let seen = (number("num_connections"), number("total"), number("offset"), number("limit"));
        assert_eq!(seen, counts, "{query}");
        assert_eq!(page["connections"].as_array().unwrap().len() as u64, counts.0);
    }
    assert_eq!(target.json("/connz?acc=NOPE")["connections"], Value::Null);
    drop(clients);
}

#[test]
fn sorted_as_asked() {
    let target = ours();
    let mut clients = [(); 3].map(|()| target.connect(QUIET));
    clients[1].say("SUB a 1\r\nSUB b 2\r\nPUB a 5\r\nabcde\r\n");
    clients[2].say("SUB c 1\r\nPUB x 1\r\na\r\nPUB x 1\r\na\r\n");
    let cids = |sort: &str| -> Vec<u64> {
        let page = target.json(&format!("/connz?sort={sort}"));
        let cid = |connection: &Value| connection["cid"].as_u64().unwrap();
        page["connections"].as_array().unwrap().iter().map(cid).collect()
    };
    let by_age = cids("cid");
    let [a, b, c] = by_age[..] else { panic!("{by_age:?}") };
    for (sort, order) in [
        ("start", [a, b, c]),
        ("uptime", [c, b, a]),
        ("subs", [b, c, a]),
        ("msgs_from", [c, b, a]),
        ("bytes_from", [b, c, a]),
        ("msgs_to", [b, a, c]),
        ("bytes_to", [b, a, c]),
        ("last", [c, b, a]),
        ("idle", [c, b, a]),
        ("pending", [a, b, c]),
    ] {
        assert_eq!(cids(sort), order, "{sort}");
    }
    assert_eq!(cids("rtt").len(), 3);
    drop(clients);
}

#[test]
fn mistakes_are_told_in_the_same_words() {
    let target = ours();
    let int = "strconv.Atoi: parsing \"x\": invalid syntax";
    for (path, words) in [
        ("/connz?limit=x", format!("Error decoding int for 'limit': {int}")),
        ("/connz?state=x", "Error decoding state for x".to_owned()),
        ("/connz?sort=x", "invalid sorting option: x".to_owned()),
        ("/connz?sort=stop", "sort by stop only valid on closed connections".to_owned()),
        ("/subsz?test=x.*", "invalid test subject, must be valid publish subject: x.*".to_owned()),
        ("/accountz?acc=NOPE", "Account NOPE does not exist".to_owned()),
    ] {
        let answer = target.get(path);
        assert_eq!((answer.status, &answer.body), (400, &words), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let health = target.get("/healthz?stream=x");
    let words =
        r#"{"status":"error","error":"\"account\" must not be empty when checking stream health"}"#;
    assert_eq!((health.status, health.body.as_str()), (400, words));
}

#[test]
fn paths_are_as_they_are_there_and_methods_do_not_matter() {
    let target = ours();
    let raft = target.get("/raftz");
    assert_eq!((raft.status, raft.body.as_str()), (404, "No Raft nodes registered"));
    for path in ["/nope", "/varz/", "/varz/x", "/connz%20"] {
        let answer = target.get(path);
        assert_eq!((answer.status, answer.body.as_str()), (404, "404 page not found\n"), "{path}");
    }
    for method in ["POST", "OPTIONS", "HEAD", "FROB"] {
        let answer = target.ask(method, "/varz");
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.body.is_empty(), method == "HEAD");
    }
    let root = target.get("/");
    assert_eq!(root.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["varz", "jsz", "connz", "accountz", "accstatz", "subsz", "routez", "leafz"] {
        assert!(root.body.contains(&format!("<a href=\"./{path}\">")), "{path}");
    }
    assert_eq!(target.get("/debug/vars").status, 200);
    assert_eq!(target.get("/stacksz").status, 200);
    assert!(target.get("/varz").body.starts_with("{\n  \"server_id\": \"N"));
}

#[test]
fn a_request_has_an_end() {
    let target = ours();
    let answer = target.send(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000)));
    assert!([414, 431].contains(&answer.status), "{answer:?}");
    let body =
        "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(target.send(body).body, "{\"status\":\"ok\"}");
}

#[test]
fn all_pages_move_below_a_base_path() {
    let builder = Server::builder().config_text("http_base_path: \"/n&'s/\"").unwrap();
    let target = Target::ours(builder);
    assert_eq!(target.get("/n&'s/varz").status, 200);
    assert_eq!(target.json("/n&'s/varz")["http_base_path"], "/n&'s/");
    let root = target.get("/n&'s").body;
    assert!(root.contains("data-base=\"./n&amp;&#39;s\"") && !root.contains("n&'s"), "{root}");
    for path in ["/", "/varz", "/n&'s/", "/n&'svarz"] {
        assert_eq!(target.get(path).status, 404, "{path}");
    }
}

#[test]
fn older_releases_have_what_they_had() {
    let at = |profile| Target::ours(Server::builder().profile(profile));
    let old = at(Profile::V2_9);
    assert_eq!(old.get("/varz").header("access-control-allow-origin"), None);
    assert_eq!(old.get("/raftz").body, "404 page not found\n");
    let varz = old.json("/varz");
    for field in ["git_commit", "config_digest", "slow_consumer_stats", "in_client_msgs"] {
        assert_eq!(varz[field], Value::Null, "{field}");
    }
    assert_eq!(old.json("/leafz")["leafs"], Value::Null);
    assert_eq!(old.json("/subsz")["limit"], Value::Null);
    let (with, without) = (at(Profile::V2_12), at(Profile::V2_14));
    let call = with.get("/healthz?callback=cb");
    assert_eq!(call.header("content-type"), Some("application/javascript"));
    assert_eq!(call.body, "cb({\"status\":\"ok\"})");
    assert_eq!(with.get("/healthz?callback=alert(1)").body, "{\"status\":\"ok\"}");
    assert_eq!(without.get("/healthz?callback=cb").body, "{\"status\":\"ok\"}");
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let target = ours();
    let port = target.pages.port();
    let error = Server::builder().monitoring(port).start_blocking().unwrap_err();
    assert!(matches!(error, StartError::Monitor { .. }));
    let words = "Can't start monitoring: can't listen to the monitor port: listen tcp";
    let text = format!("{words} 127.0.0.1:{port}: bind: address already in use");
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_server_that_starts_again_has_its_pages_where_they_were() {
    let server = Server::builder().monitoring(0).start_blocking().unwrap();
    let url = server.monitoring_url();
    assert!(url.is_some());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(server.restart()).unwrap();
    assert_eq!(server.monitoring_url(), url);
    assert_eq!(Server::builder().start_blocking().unwrap().monitoring_url(), None);
    assert_eq!(Monitoring::default().port, None);
}
