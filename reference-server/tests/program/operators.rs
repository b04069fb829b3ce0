//! Operator mode: who may log in stands in tokens (AUTH-025 to AUTH-033).

mod activation;
mod delegate;
mod verdicts;
#[path = "../support/operators.rs"]
mod world;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::{
    Client, Running, dial, program, run,
    tokens::{anything, overlay, sign, token},
};

use self::world::World;

const VIOLATION: &str = "-ERR 'Authorization Violation'\r\n";

impl World {
    fn account_token(&self, nats: Value, more: Value) -> String {
        self.account_token_by(&self.operator, nats, more)
    }

    /// The operator, and its account with these claims besides the usual ones.
    fn config(&self, account: Value) -> String {
        self.config_with(&self.account_token(account, json!({})))
    }

    fn config_with(&self, account_token: &str) -> String {
        format!(
            "authorization {{ timeout: 30 }}\noperator: {}\nresolver: MEMORY\n\
             resolver_preload {{ {}: {account_token} }}\n",
            self.operator_token(json!({})),
            self.account.public_key(),
        )
    }

    /// A connection that shows this token, with the user's signature, in one write with PING.
    fn shows(&self, server: &Running, jwt: &str) -> Client {
        let mut client = dial(server);
        let signature = sign(&self.user, client.info["nonce"].as_str().unwrap());
        client.send(&connect(json!({ "jwt": jwt, "sig": signature })));
        client
    }

    fn user(&self, server: &Running) -> Client {
        self.user_of(server, json!({}))
    }

    /// One whose token says this besides.
    fn user_of(&self, server: &Running, nats: Value) -> Client {
        let mut client = self.shows(server, &self.user_token(nats, json!({})));
        assert_eq!(client.line(), "PONG\r\n");
        client
    }
}

fn connect(options: Value) -> String {
    let mut all = json!({ "verbose": false, "pedantic": false });
    overlay(&mut all, options);
    format!("CONNECT {all}\r\nPING\r\n")
}

/// All that the client is told up to the end, keep-alive aside.
fn told(client: &mut Client) -> String {
    client.rest().replace("PING\r\n", "")
}

/// Whether this is a nats-server 2.9, which looks at less.
fn is_old() -> bool {
    std::env::var("NATS_SERVER").is_ok_and(|path| path.contains("/2.9."))
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

#[test]
fn operators_are_announced_and_a_signature_is_asked_for() {
    // AUTH-025
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &[]);
    for words in [
        "[INF] Trusted Operators",
        "[INF]   System  : \"\"",
        "[INF]   Operator: \"OP\"",
        "[INF]   Issued  : 2023-11-14",
        "[INF]   Expires : Never",
        "[WRN] Trusted Operators should utilize a System Account",
    ] {
        assert!(server.lines.iter().any(|it| it.contains(words)), "{words} {:#?}", server.lines);
    }
    let (one, two) = (dial(&server).info, dial(&server).info);
    assert_eq!(one["auth_required"], true);
    assert_eq!(one["nonce"].as_str().unwrap().len(), 15);
    assert_ne!(one["nonce"], two["nonce"]);
    world.user(&server).fence();
}

#[test]
fn the_operator_stands_in_a_file_under_many_names() {
    // AUTH-025
    let world = World::new();
    for (operator, resolver) in [
        (if is_old() { "operators: TOKEN" } else { "operators: [ TOKEN ]" }, "resolver: mem"),
        ("root: \"op.jwt\"", "account_resolver: Memory"),
        ("roots: \"op.jwt\"", "accounts_resolver: MEMORY"),
        ("root_operator: TOKEN", "resolver: MEM"),
        (
            "root_operators: TOKEN",
            if is_old() { "resolver: MEM" } else { "resolver: { type: MEM }" },
        ),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let token = world.operator_token(json!({}));
        let lines = "-----BEGIN NATS OPERATOR JWT-----\n";
        let end = "------END NATS OPERATOR JWT------\n";
        std::fs::write(folder.path().join("op.jwt"), format!("{lines}{token}\n{end}")).unwrap();
        let config = world.config(json!({}));
        let rest = config.split_once("resolver: MEMORY\n").unwrap().1;
        let operator = operator.replace("TOKEN", &token);
        let mut server = Running::start_in(folder, &format!("{operator}\n{resolver}\n{rest}"), &[]);
        let line = server.wait_for("Listening for client connections on ");
        server.port = line.rsplit(':').next().unwrap().parse().unwrap();
        world.user(&server).fence();
    }
}

#[test]
fn a_reload_takes_tokens_and_limits_back() {
    // AUTH-030, LIFE-004
    let world = World::new();
    let mut server = Running::start(&world.config(json!({})), &[]);
    let mut client = world.user(&server);
    let other = KeyPair::new_user();
    let mut quiet = dial(&server);
    let signature = sign(&other, quiet.info["nonce"].as_str().unwrap());
    let jwt = token(&world.account, &other, anything(), json!({}));
    quiet.send(&connect(json!({ "jwt": jwt, "sig": signature })));
    quiet.fence_behind("PONG\r\n");
    let revoked = json!({ world.user.public_key(): now() });
    server.reload(&world.config(json!({ "revocations": revoked })));
    assert_eq!(told(&mut client), "-ERR 'User Authentication Revoked'\r\n");
    quiet.fence();
    let again = told(&mut world.shows(&server, &world.user_token(json!({}), json!({}))));
    assert_eq!(again, VIOLATION);
    server.reload(&world.config(json!({ "default_permissions": { "pub": { "deny": ["d"] } } })));
    quiet.send("PUB d 1\r\nx\r\n");
    quiet.fence_behind("-ERR 'Permissions Violation for Publish to \"d\"'\r\n");
    let words = "config reload not supported for TrustedOperators";
    let line = server.reload(&World::new().config(json!({})));
    assert!(line.contains(words), "{line}");
}

#[test]
fn what_does_not_go_with_operators_is_told() {
    // AUTH-033
    let world = World::new();
    let config = world.config(json!({}));
    let system = KeyPair::new_account().public_key();
    for (more, words) in [
        (
            "authorization { users: [ {user: u, password: p} ] }",
            "do not allow users to be configured",
        ),
        ("accounts { A: {} }", "operators do not allow Accounts to be configured directly"),
        ("no_auth_user: u", "no_auth_user not compatible with Trusted Operator"),
        (&format!("system_account: {system}"), "error resolving system account: account missing"),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let mut failed = Running::start_in(folder, &format!("{config}{more}\n"), &[]);
        failed.wait_for(words);
        assert_eq!(failed.end().0, Some(1), "{more}");
    }
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("n.conf");
    let operator = world.operator_token(json!({}));
    for (text, words) in [
        ("operator: \"./nofile.jwt\"\n".to_owned(), "open ./nofile.jwt: no such file or directory"),
        (
            format!("operator: {operator}\nresolver: MEM\nresolver_preload {{ A: \"x.y.z\" }}\n"),
            "invalid account JWT",
        ),
        (
            format!("operator: {operator}\nresolver: nonsense\n"),
            "error parsing account resolver, should be MEM or",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let said = run(&["-t", "-c", path.to_str().unwrap()]);
        assert!(said.code == Some(1) && said.err.contains(words), "{words} {said:?}");
    }
}

#[test]
fn the_system_account_is_one_of_them() {
    // AUTH-025
    let world = World::new();
    let config = world.config(json!({}));
    let key = world.account.public_key();
    let server = Running::start(&format!("{config}system_account: {key}\n"), &[]);
    assert!(!server.lines.iter().any(|line| line.contains("should utilize a System Account")));
    world.user(&server).fence();
}

#[test]
fn a_page_tells_whose_users_are_connected_and_why_they_went() {
    // AUTH-025, AUTH-027
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &["-m", "-1"]);
    let line = server.lines.iter().find(|line| line.contains("Starting http monitor on ")).unwrap();
    let address = line.rsplit(' ').next().unwrap().to_owned();
    let first = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str::<Value>(body).unwrap()["connections"][0].take()
    };
    let mut client = world.shows(&server, &{
        let exp = json!({ "exp": now() + 3 });
        world.user_token(json!({}), exp)
    });
    assert_eq!(client.line(), "PONG\r\n");
    let page = first("/connz?auth=1");
    let account = world.account.public_key();
    assert_eq!(page["authorized_user"], world.user.public_key());
    assert_eq!((&page["account"], &page["issuer_key"]), (&json!(account), &json!(account)));
    if !is_old() {
        assert_eq!(page["name_tag"], "acme");
    }
    assert_eq!(told(&mut client), "-ERR 'User Authentication Expired'\r\n");
    let closed = || first("/connz?state=closed")["reason"] == "Authentication Expired";
    crate::eventually(closed);
}

#[test]
fn no_token_is_written_to_the_log() {
    // AUTH-023; a real server traces them.
    if program().1 {
        return;
    }
    let world = World::new();
    let mut server = Running::start(&world.config(json!({})), &["-DV"]);
    let bearer = world.user_token(json!({ "bearer_token": true }), json!({}));
    world.shows(&server, &bearer).fence_behind("PONG\r\n");
    let broken = format!("{bearer}x");
    assert_eq!(told(&mut world.shows(&server, &broken)), VIOLATION);
    server.wait_for("User JWT not valid: claim failed V2 signature verification");
    server.signal(rustix::process::Signal::TERM);
    server.lines.extend(server.log.iter());
    let secret = bearer.rsplit('.').next().unwrap();
    assert!(!server.lines.iter().any(|line| line.contains(secret)), "{:#?}", server.lines);
}

#[test]
fn accounts_import_what_others_export() {
    // ACC-003, ACC-007, ACC-017
    let (shop, office) = (World::new(), World::new());
    let exports = json!([
        { "name": "o", "subject": "orders.>", "type": "stream" },
        { "name": "p", "subject": "price", "type": "service" },
    ]);
    let mappings = json!({ "old.*": [{ "subject": "orders.$1" }] });
    let of_shop =
        shop.account_token(json!({ "exports": exports, "mappings": mappings }), json!({}));
    let from = shop.account.public_key();
    let imports = json!([
        { "subject": "orders.>", "account": from, "type": "stream", "to": "shop" },
        { "subject": "price", "account": from, "type": "service", "local_subject": "ask" },
        { "subject": "nothing", "account": from, "type": "service" },
    ]);
    let mut nats = json!({ "type": "account", "imports": imports });
    let limits = json!({ "subs": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1 });
    overlay(&mut nats, json!({ "limits": limits }));
    let of_office = token(&shop.operator, &office.account, nats, json!({ "name": "office" }));
    let config = shop.config_with(&of_shop);
    let preload = config.strip_suffix(" }\n").unwrap();
    let config = format!("{preload}, {}: {of_office} }}\n", office.account.public_key());
    let server = Running::start(&config, &[]);
    let (mut seller, mut clerk) = (shop.user(&server), office.user(&server));
    seller.send("SUB price 1\r\n");
    seller.fence();
    clerk.send("SUB shop.orders.> 1\r\nSUB answer 2\r\n");
    clerk.fence();
    seller.send("PUB old.one 1\r\nx\r\n");
    seller.fence();
    clerk.fence_behind("MSG shop.orders.one 1 1\r\nx\r\n");
    clerk.send("PUB ask answer 1\r\n?\r\n");
    clerk.fence();
    let asked = seller.line();
    let reply = asked.split(' ').nth(3).unwrap().to_owned();
    assert!(asked.starts_with("MSG price 1 ") && seller.line() == "?\r\n", "{asked}");
    seller.send(&format!("PUB {reply} 1\r\n7\r\n"));
    seller.fence();
    clerk.fence_behind("MSG answer 2 1\r\n7\r\n");
}
