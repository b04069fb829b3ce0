//! An account has a service judge its users (AUTH-038).

use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

use super::{VIOLATION, World, connect, told};
use crate::{
    Client, Running,
    callout::{Asked, answer, asked, claims},
    dial,
    tokens::{anything, overlay, sign, token},
};

/// A server with an account whose users a service judges, two other accounts, of which the service
/// may let into the first, and one of the system.
struct Desk {
    world: World,
    server: Running,
    service: Client,
    hand: KeyPair,
    other: KeyPair,
    closed: KeyPair,
}

/// How an answer is made.
#[derive(Default)]
struct Reply<'a> {
    /// Who signs the user's token, and the answer; the account where nothing else is said.
    user_issuer: Option<&'a KeyPair>,
    issuer: Option<&'a KeyPair>,
    /// More of the user's claims, of what stands around them, and of the answer's.
    user: Value,
    more: Value,
    answer: Value,
}

impl Desk {
    /// None on a server that knows no callouts, or only in part.
    fn new(authorization: Value, more: impl Fn(&World) -> String) -> Option<Desk> {
        let known = |old: &str| std::env::var("NATS_SERVER").is_ok_and(|path| path.contains(old));
        if ["/2.9.", "/2.10.", "/2.11.", "/2.12.", "/2.14."].into_iter().any(known) {
            return None;
        }
        let world = World::new();
        let keys = [(); 4].map(|()| KeyPair::new_account());
        let [hand, other, closed, system] = keys;
        let mut all = json!({
            "auth_users": [world.user.public_key()], "allowed_accounts": [other.public_key()],
        });
        overlay(&mut all, authorization);
        let nats = json!({ "authorization": all, "signing_keys": [hand.public_key()] });
        let account = |key: &KeyPair, name: &str| {
            let claims = json!({
                "type": "account", "limits": { "subs": -1, "payload": -1, "conn": -1 },
            });
            let token = token(&world.operator, key, claims, json!({ "name": name }));
            format!("{}: {token}", key.public_key())
        };
        // A real server asks in the name of its system account.
        let config = format!(
            "authorization {{ timeout: 30 }}\noperator: {}\nresolver: MEMORY\n\
             resolver_preload {{ {}: {}, {}, {}, {} }}\n{}",
            world.operator_token(json!({ "system_account": system.public_key() })),
            world.account.public_key(),
            world.account_token(nats, json!({ "name": "auth" })),
            account(&other, "other"),
            account(&closed, "closed"),
            account(&system, "SYS"),
            more(&world),
        );
        let server = Running::start(&config, &["-D"]);
        let mut service = dial(&server);
        let signature = sign(&world.user, service.info["nonce"].as_str().unwrap());
        let token = world.user_token(json!({}), json!({}));
        service.send(&connect(json!({ "jwt": token, "sig": signature, "headers": true })));
        assert_eq!(service.line(), "PONG\r\n");
        service.send("SUB $SYS.REQ.USER.AUTH 1\r\nPUB $SYS.REQ.USER.AUTH 0\r\n\r\n");
        let words = "-ERR 'Permissions Violation for Publish to \"$SYS.REQ.USER.AUTH\"'\r\n";
        service.fence_behind(words);
        Some(Desk { world, server, service, hand, other, closed })
    }

    fn sentinel(&self, user: &KeyPair, nats: Value) -> String {
        let mut all = anything();
        overlay(&mut all, nats);
        token(&self.world.account, user, all, json!({ "name": "sentinel" }))
    }

    /// Somebody with a token that needs no signature.
    fn knocks(&self, options: Value) -> Client {
        let token = self.sentinel(&KeyPair::new_user(), json!({ "bearer_token": true }));
        let mut all = json!({ "jwt": token });
        overlay(&mut all, options);
        let mut client = dial(&self.server);
        client.send(&connect(all));
        client
    }

    fn answer(&mut self, asked: &Asked, reply: Reply<'_>) {
        let request = claims(&asked.body);
        let sealed = self.made(&request, reply);
        answer(&mut self.service, &asked.reply, sealed.as_bytes());
    }

    fn made(&self, request: &Value, reply: Reply<'_>) -> String {
        let Reply { user_issuer, issuer, user, more, answer } = reply;
        let key = KeyPair::from_public_key(request["nats"]["user_nkey"].as_str().unwrap());
        let (key, server) = (key.unwrap(), &request["nats"]["server_id"]["id"]);
        let (mut all, mut named) = (anything(), json!({ "name": "ann" }));
        let account = &self.world.account;
        let of = |value: Value| if value.is_null() { json!({}) } else { value };
        overlay(&mut all, of(user));
        overlay(&mut named, of(more));
        let jwt = token(user_issuer.unwrap_or(account), &key, all, named);
        let mut nats = json!({ "type": "authorization_response", "jwt": jwt });
        overlay(&mut nats, of(answer));
        token(issuer.unwrap_or(account), &key, nats, json!({ "aud": server }))
    }

    /// Whether somebody is let in whom this is said of.
    fn lets_in(&mut self, reply: Reply<'_>) -> Client {
        let mut client = self.knocks(json!({ "user": "bob" }));
        let asked = asked(&mut self.service);
        self.answer(&asked, reply);
        assert_eq!(client.line(), "PONG\r\n");
        client
    }

    /// And that somebody is not, for this reason in the log.
    fn refuses(&mut self, words: &str, reply: Reply<'_>) {
        let mut client = self.knocks(json!({ "user": "bob" }));
        let asked = asked(&mut self.service);
        self.answer(&asked, reply);
        assert_eq!(told(&mut client), VIOLATION, "{words}");
        self.server.wait_for(words);
    }
}

/// What a client is told of itself.
fn user_info(client: &mut Client) -> Value {
    client.send("SUB info 7\r\nPUB $SYS.REQ.USER.INFO info 0\r\n\r\n");
    assert!(client.line().starts_with("MSG info 7 "));
    serde_json::from_str::<Value>(&client.line()).unwrap()["data"].take()
}

#[test]
fn the_service_of_an_account_hears_of_its_users_what_their_tokens_say() {
    let Some(mut desk) = Desk::new(json!({}), |_| String::new()) else { return };
    let user = KeyPair::new_user();
    let token = desk.sentinel(&user, json!({ "tags": ["a:b"] }));
    let mut client = dial(&desk.server);
    let signature = sign(&user, client.info["nonce"].as_str().unwrap());
    client.send(&connect(json!({ "jwt": token, "sig": signature, "pass": "secret" })));
    let asked = asked(&mut desk.service);
    let request = claims(&asked.body);
    assert_eq!(request["sub"], desk.world.account.public_key());
    assert_eq!(request["nats"]["server_id"]["id"], client.info["server_id"]);
    let options = json!({ "jwt": token, "sig": signature, "pass": "secret", "protocol": 0 });
    assert_eq!(request["nats"]["connect_opts"], options);
    let info = json!({
        "host": "127.0.0.1", "id": client.info["client_id"], "user": user.public_key(),
        "tags": ["a:b"], "name_tag": "sentinel", "kind": "Client", "type": "nats",
        "nonce": client.info["nonce"],
    });
    assert_eq!(request["nats"]["client_info"], info);
    desk.answer(&asked, Reply { user: json!({ "sub": { "deny": ["x"] } }), ..Reply::default() });
    assert_eq!(client.line(), "PONG\r\n");
    let permissions = json!({
        "publish": { "deny": ["$SYS.REQ.USER.AUTH"] }, "subscribe": { "deny": ["x"] },
    });
    let info = json!({
        "user": "ann", "account": desk.world.account.public_key(), "account_name": "auth",
        "user_name": "sentinel", "permissions": permissions,
    });
    assert_eq!(user_info(&mut client), info);
}

#[test]
fn who_answers_and_for_which_account_is_the_accounts_to_say() {
    let Some(mut desk) = Desk::new(json!({}), |_| String::new()) else { return };
    let key = |pair: &KeyPair| KeyPair::from_seed(&pair.seed().unwrap()).unwrap();
    let (hand, other, closed) = (key(&desk.hand), key(&desk.other), key(&desk.closed));
    let own = desk.world.account.public_key();
    let by = |issuer| Reply { user_issuer: Some(issuer), ..Reply::default() };
    let mut there = desk.lets_in(by(&other));
    assert_eq!(user_info(&mut there)["account"], other.public_key());
    // The audience names no account here.
    let elsewhere = json!({ "aud": other.public_key() });
    let mut here = desk.lets_in(Reply { more: elsewhere, ..Reply::default() });
    assert_eq!(user_info(&mut here)["account"], own);
    desk.lets_in(Reply { user: json!({ "issuer_account": own }), ..by(&hand) });
    desk.lets_in(Reply { issuer: Some(&hand), ..Reply::default() });
    desk.lets_in(Reply {
        issuer: Some(&hand),
        answer: json!({ "issuer_account": own }),
        ..Reply::default()
    });
    for (words, reply) in [
        ("not permitted as valid account option", by(&closed)),
        ("not permitted as valid account option", by(&hand)),
        ("is not known", {
            Reply { user: json!({ "issuer_account": other.public_key() }), ..by(&hand) }
        }),
        ("signing key is unknown", Reply { issuer: Some(&other), ..Reply::default() }),
        ("signing key is unknown", {
            let answer = json!({ "issuer_account": own });
            Reply { issuer: Some(&other), answer, ..Reply::default() }
        }),
        ("is not the callout account", {
            let answer = json!({ "issuer_account": other.public_key() });
            Reply { answer, ..Reply::default() }
        }),
        ("service returned an error: no", {
            Reply { answer: json!({ "jwt": "", "error": "no" }), ..Reply::default() }
        }),
    ] {
        desk.refuses(words, reply);
    }
}

#[test]
fn nobody_is_asked_about_tokens_that_do_not_count_or_other_accounts() {
    let Some(mut desk) = Desk::new(json!({}), |_| String::new()) else { return };
    let auth_user = desk.world.user.public_key();
    for options in [json!({ "jwt": "" }), json!({ "jwt": "no token", "user": "bob" })] {
        assert_eq!(told(&mut desk.knocks(options)), VIOLATION);
    }
    // Without its signature the service's own user is nobody.
    let own = desk.world.user_token(json!({}), json!({}));
    assert_eq!(told(&mut desk.knocks(json!({ "jwt": own }))), VIOLATION);
    let elsewhere = token(
        &desk.other,
        &KeyPair::new_user(),
        {
            let mut all = anything();
            overlay(&mut all, json!({ "bearer_token": true }));
            all
        },
        json!({}),
    );
    assert_eq!(desk.knocks(json!({ "jwt": elsewhere })).line(), "PONG\r\n");
    desk.service.fence();
    // Who merely says to be the service's user is asked about.
    let mut client = desk.knocks(json!({ "user": auth_user }));
    let asked = asked(&mut desk.service);
    desk.answer(&asked, Reply { issuer: Some(&KeyPair::new_account()), ..Reply::default() });
    assert_eq!(told(&mut client), VIOLATION);
}

#[test]
fn who_shows_no_token_shows_the_default_sentinel() {
    let sentinel = |world: &World| {
        let mut all = anything();
        overlay(&mut all, json!({ "bearer_token": true }));
        let token = token(&world.account, &KeyPair::new_user(), all, json!({ "name": "any" }));
        format!("default_sentinel: {token}\n")
    };
    let Some(mut desk) = Desk::new(json!({}), sentinel) else { return };
    for (offered, seen) in [
        (json!({ "jwt": "", "user": "bob" }), json!("bob")),
        (json!({ "jwt": "no token", "nkey": "U" }), json!("U")),
    ] {
        let mut client = desk.knocks(offered);
        let asked = asked(&mut desk.service);
        let request = claims(&asked.body);
        let info = &request["nats"]["client_info"];
        assert_eq!((&info["user"], &info["name_tag"]), (&seen, &json!("any")));
        let shown = request["nats"]["connect_opts"]["jwt"].as_str().unwrap();
        assert!(shown.starts_with("eyJ"), "{shown}");
        desk.answer(&asked, Reply::default());
        assert_eq!(client.line(), "PONG\r\n");
    }
}

#[test]
fn a_login_ends_with_the_first_of_its_tokens() {
    let Some(mut desk) = Desk::new(json!({}), |_| String::new()) else { return };
    let soon = || json!({ "exp": super::now() + 2 });
    let mut by_answer = desk.lets_in(Reply { more: soon(), ..Reply::default() });
    let mut all = anything();
    overlay(&mut all, json!({ "bearer_token": true }));
    let short = token(&desk.world.account, &KeyPair::new_user(), all, soon());
    let mut by_sentinel = desk.knocks(json!({ "jwt": short }));
    let asked = asked(&mut desk.service);
    desk.answer(&asked, Reply::default());
    assert_eq!(by_sentinel.line(), "PONG\r\n");
    for client in [&mut by_answer, &mut by_sentinel] {
        assert_eq!(told(client), "-ERR 'User Authentication Expired'\r\n");
    }
}

#[test]
fn requests_are_sealed_for_a_service_whose_key_the_account_names() {
    let key = XKey::new();
    let Some(mut desk) = Desk::new(json!({ "xkey": key.public_key() }), |_| String::new()) else {
        return;
    };
    let mut client = desk.knocks(json!({ "user": "bob", "pass": "secret" }));
    let asked = asked(&mut desk.service);
    let server = asked.header.strip_prefix("NATS/1.0\r\nNats-Server-Xkey: ").unwrap();
    assert_eq!(server.trim_end(), client.info["xkey"]);
    let server = XKey::from_public_key(server.trim_end()).unwrap();
    let request = claims(&key.open(&asked.body, &server).unwrap());
    assert_eq!(request["nats"]["server_id"]["xkey"], server.public_key());
    let sealed = key.seal(desk.made(&request, Reply::default()).as_bytes(), &server).unwrap();
    answer(&mut desk.service, &asked.reply, &sealed);
    assert_eq!(client.line(), "PONG\r\n");
}
