//! A service says who may log in (AUTH-035).

use std::io::Read;

use data_encoding::BASE64URL_NOPAD;
use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

use crate::{
    Client, Running, dial,
    tokens::{anything, overlay, token},
};

const VIOLATION: &str = "-ERR 'Authorization Violation'\r\n";

/// A server, who is asked there, and with what the answers are signed.
struct World {
    server: Running,
    service: Client,
    issuer: KeyPair,
}

/// What the service is asked.
pub(crate) struct Asked {
    pub(crate) reply: String,
    pub(crate) header: String,
    pub(crate) body: Vec<u8>,
}

fn config(issuer: &KeyPair, more: &str) -> String {
    format!(
        "accounts {{ AUTH {{ users: [{{user: auth, password: pw}}] }}, APP {{}} }}\n\
         authorization {{ timeout: 30, auth_callout {{\n\
         issuer: {}, auth_users: [auth], account: AUTH {more} }} }}\n",
        issuer.public_key()
    )
}

impl World {
    /// None on a server that knows no callouts.
    fn new(more: &str) -> Option<World> {
        World::like(more, |config| config)
    }

    /// The same with an edited configuration.
    fn like(more: &str, edited: impl Fn(String) -> String) -> Option<World> {
        if std::env::var("NATS_SERVER").is_ok_and(|path| path.contains("/2.9.")) {
            return None;
        }
        let issuer = KeyPair::new_account();
        let server = Running::start(&edited(config(&issuer, more)), &[]);
        let options = r#"{"user":"auth","pass":"pw","headers":true}"#;
        let mut service = Client::connect(server.port, options);
        service.send("SUB $SYS.REQ.USER.AUTH 1\r\n");
        service.fence();
        Some(World { server, service, issuer })
    }

    fn asked(&mut self) -> Asked {
        asked(&mut self.service)
    }

    /// An answer that lets somebody in, with this besides.
    fn welcome(&self, request: &Value, nats: Value) -> String {
        let user = KeyPair::from_public_key(request["nats"]["user_nkey"].as_str().unwrap());
        let (user, server) = (user.unwrap(), &request["nats"]["server_id"]["id"]);
        let mut all = anything();
        overlay(&mut all, nats);
        let jwt = token(&self.issuer, &user, all, json!({ "name": "ann", "aud": "APP" }));
        let nats = json!({ "type": "authorization_response", "jwt": jwt });
        token(&self.issuer, &user, nats, json!({ "aud": server }))
    }

    fn answer(&mut self, reply: &str, text: &[u8]) {
        answer(&mut self.service, reply, text);
    }

    /// Somebody who wants to be let in.
    fn knocks(&self, options: Value) -> Client {
        let mut client = dial(&self.server);
        let mut all = json!({ "verbose": false, "pedantic": false });
        overlay(&mut all, options);
        client.send(&format!("CONNECT {all}\r\nPING\r\n"));
        client
    }
}

/// What a service is asked next.
pub(crate) fn asked(service: &mut Client) -> Asked {
    let line = service.line();
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let sizes: Vec<usize> = words[4..].iter().map(|size| size.parse().unwrap()).collect();
    let mut body = vec![0; sizes[sizes.len() - 1] + 2];
    service.stream.read_exact(&mut body).unwrap();
    body.truncate(body.len() - 2);
    let body_of = if sizes.len() == 2 { body.split_off(sizes[0]) } else { body.split_off(0) };
    let header = String::from_utf8(body).unwrap();
    Asked { reply: words[3].to_owned(), header, body: body_of }
}

/// What a service answers.
pub(crate) fn answer(service: &mut Client, reply: &str, text: &[u8]) {
    service.send(&format!("PUB {reply} {}\r\n", text.len()));
    service.send_bytes(text);
    service.send("\r\n");
}

/// What a token says, once its issuer's signature is verified.
pub(crate) fn claims(token: &[u8]) -> Value {
    let token = std::str::from_utf8(token).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    let body = decoded(signed.split_once('.').unwrap().1);
    let claims: Value = serde_json::from_slice(&body).unwrap();
    let issuer = KeyPair::from_public_key(claims["iss"].as_str().unwrap()).unwrap();
    issuer.verify(signed.as_bytes(), &decoded(signature)).unwrap();
    claims
}

#[test]
fn the_service_hears_what_connect_said_and_its_answer_holds() {
    let Some(mut world) = World::new("") else { return };
    let mut client = world.knocks(json!({ "user": "bob", "pass": "secret", "lang": "l" }));
    let asked = world.asked();
    let request = claims(&asked.body);
    let id = &client.info["server_id"];
    assert_eq!((&request["iss"], &request["nats"]["server_id"]["id"]), (id, id));
    assert_eq!(request["aud"], "nats-authorization-request");
    assert_eq!(request["sub"], world.issuer.public_key());
    let nats = &request["nats"];
    let connect = json!({ "user": "bob", "pass": "secret", "lang": "l", "protocol": 0 });
    assert_eq!(nats["connect_opts"], connect);
    let info = json!({
        "host": "127.0.0.1", "id": client.info["client_id"], "user": "bob", "kind": "Client",
        "type": "nats",
    });
    assert_eq!(nats["client_info"], info);
    assert_eq!((&nats["type"], &nats["version"]), (&json!("authorization_request"), &json!(2)));
    let answer = world.welcome(&request, json!({ "pub": { "deny": ["x"] } }));
    world.answer(&asked.reply, answer.as_bytes());
    assert_eq!(client.line(), "PONG\r\n");
    client.send("PUB x 0\r\n\r\n");
    client.fence_behind("-ERR 'Permissions Violation for Publish to \"x\"'\r\n");
    // A second answer to the same question finds nobody.
    world.answer(&asked.reply, b"again");
    world.service.fence();
}

#[test]
fn a_guest_without_connect_is_asked_about_too() {
    let with_guest = |config: String| {
        let app = "APP { users: [{user: guest, password: gp}] }";
        config.replace("APP {}", app) + "no_auth_user: guest\n"
    };
    let Some(mut world) = World::like("", with_guest) else { return };
    let mut client = dial(&world.server);
    client.send("SUB a 1\r\nPING\r\n");
    let asked = world.asked();
    let request = claims(&asked.body);
    let connect = json!({ "user": "guest", "pass": "gp", "protocol": 0 });
    assert_eq!(request["nats"]["connect_opts"], connect);
    let answer = world.welcome(&request, json!({ "pub": { "deny": ["x"] } }));
    world.answer(&asked.reply, answer.as_bytes());
    // Verbose, as always without CONNECT.
    client.send("PUB x 0\r\n\r\nUNSUB 2\r\n");
    let lines: Vec<String> = (0..4).map(|_| client.line()).collect();
    let violation = "-ERR 'Permissions Violation for Publish to \"x\"'\r\n";
    assert_eq!(lines, ["+OK\r\n", "PONG\r\n", violation, "+OK\r\n"]);
}

#[test]
fn a_guest_with_a_key_is_asked_about_by_it() {
    let key = KeyPair::new_user().public_key();
    let with_guest = |config: String| {
        let app = format!("APP {{ users: [{{nkey: {key}}}] }}");
        config.replace("APP {}", &app) + &format!("no_auth_user: {key}\n")
    };
    let Some(mut world) = World::like("", with_guest) else { return };
    let mut client = world.knocks(json!({}));
    let asked = world.asked();
    let request = claims(&asked.body);
    assert_eq!(request["nats"]["connect_opts"], json!({ "nkey": key, "protocol": 0 }));
    assert_eq!(request["nats"]["client_info"]["user"], key);
    let answer = world.welcome(&request, json!({}));
    world.answer(&asked.reply, answer.as_bytes());
    assert_eq!(client.line(), "PONG\r\n");
}

#[test]
fn who_is_not_vouched_for_is_refused() {
    let Some(mut world) = World::new("") else { return };
    for spoil in [
        |answer: String| format!("{answer}x"),
        |_: String| String::new(),
        |_: String| "no token".to_owned(),
    ] {
        let mut client = world.knocks(json!({ "auth_token": "t" }));
        let asked = world.asked();
        let request = claims(&asked.body);
        assert_eq!(request["nats"]["connect_opts"]["auth_token"], "t");
        let answer = spoil(world.welcome(&request, json!({})));
        world.answer(&asked.reply, answer.as_bytes());
        assert_eq!(client.rest(), VIOLATION);
    }
    // What counts for one connection does not for another one.
    let (mut one, first) = (world.knocks(json!({ "user": "one" })), world.asked());
    let (mut two, second) = (world.knocks(json!({ "user": "two" })), world.asked());
    let answer = world.welcome(&claims(&first.body), json!({}));
    world.answer(&second.reply, answer.as_bytes());
    assert_eq!(two.rest(), VIOLATION);
    world.answer(&first.reply, answer.as_bytes());
    assert_eq!(one.line(), "PONG\r\n");
}

#[test]
fn requests_are_sealed_for_a_service_with_a_key() {
    let key = XKey::new();
    let Some(mut world) = World::new(&format!(", xkey: {}", key.public_key())) else { return };
    let mut client = world.knocks(json!({ "user": "bob", "pass": "secret" }));
    let asked = world.asked();
    let server = asked.header.strip_prefix("NATS/1.0\r\nNats-Server-Xkey: ").unwrap();
    let server = XKey::from_public_key(server.trim_end()).unwrap();
    let request = claims(&key.open(&asked.body, &server).unwrap());
    assert_eq!(request["nats"]["server_id"]["xkey"], server.public_key());
    let answer = world.welcome(&request, json!({}));
    // Sealed by somebody else it is not the service's.
    let mut other = world.knocks(json!({ "user": "bob" }));
    let to_other = world.asked();
    let sealed = XKey::new().seal(answer.as_bytes(), &server).unwrap();
    world.answer(&to_other.reply, &sealed);
    assert_eq!(other.rest(), VIOLATION);
    world.answer(&asked.reply, &key.seal(answer.as_bytes(), &server).unwrap());
    assert_eq!(client.line(), "PONG\r\n");
}

#[test]
fn a_reload_of_logins_ends_those_and_another_callout_needs_a_restart() {
    let Some(mut world) = World::new("") else { return };
    let mut client = world.knocks(json!({ "user": "bob" }));
    let asked = world.asked();
    let answer = world.welcome(&claims(&asked.body), json!({}));
    world.answer(&asked.reply, answer.as_bytes());
    assert_eq!(client.line(), "PONG\r\n");
    let refused = world.server.reload(&config(&KeyPair::new_account(), ""));
    assert!(refused.contains("config reload not supported for AuthCallout"), "{refused}");
    let config = config(&world.issuer, "").replace("APP {}", "APP {}, NEW {}");
    let done = world.server.reload(&config);
    assert!(done.contains("Reloaded server configuration"), "{done}");
    assert_eq!(client.rest(), "");
    world.service.fence();
}
