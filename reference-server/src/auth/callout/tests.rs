use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{service::Asked, *};
use crate::{
    AccountOptions, Auth, AuthCallout, Config, User,
    auth::{
        Authenticator,
        jwt::mint::{anything, overlay, token},
    },
    protocol::Info,
    router::Scope,
    server::{ServerIdentity, ServerKey},
    transport::{Peer, TlsSession},
};

const FAR: u64 = 4_000_000_000;

/// A callout and its service, the issuer, and the key that a request was about.
struct World {
    callout: Callout,
    service: Arc<Service>,
    issuer: KeyPair,
    user: KeyPair,
}

fn config(issuer: &KeyPair) -> Config {
    let service = User::with_password("auth", "pw");
    let accounts = vec![AccountOptions::new("AUTH").user(service), AccountOptions::new("APP")];
    let callout =
        AuthCallout { account: "AUTH".into(), ..AuthCallout::new(issuer.public_key(), "auth") };
    let auth = Auth { accounts, callout: Some(callout), ..Auth::default() };
    Config { auth, ..Config::default() }
}

impl World {
    fn new() -> World {
        let (issuer, user) = (KeyPair::new_account(), KeyPair::new_user());
        let config = config(&issuer);
        let server = ServerIdentity::new(&config, &Info::default(), ServerKey::new());
        let gate = Authenticator::new(&config, server.clone());
        let options = config.auth.callout.as_ref().unwrap();
        let callout = Callout::new(options, gate.accounts(), Asker::new(&config, &server));
        let callout = callout.unwrap();
        World { service: callout.service.clone().unwrap(), callout, issuer, user }
    }

    /// A user's token, with this instead of what it should be.
    fn token(&self, nats: Value, more: Value) -> String {
        let mut all = anything();
        overlay(&mut all, nats);
        let mut outside = json!({ "name": "bob", "aud": "APP" });
        overlay(&mut outside, more);
        token(&self.issuer, &self.user, all, outside)
    }

    /// An answer with this in it, instead of what it should be.
    fn answer(&self, nats: Value, more: Value) -> String {
        let mut all = json!({ "type": "authorization_response" });
        overlay(&mut all, nats);
        let mut outside = json!({ "aud": self.service.asker.server.key.id() });
        overlay(&mut outside, more);
        token(&self.issuer, &self.user, all, outside)
    }

    fn judge(&self, answer: &str) -> Result<Arc<Scope>, Refusal> {
        let (user_key, name) = (self.user.public_key(), "asked".to_owned());
        self.service.judge(answer.as_bytes(), &Asked { user_key, name, ..Asked::default() })
    }

    fn judged(&self, nats: Value, more: Value) -> Result<Arc<Scope>, Refusal> {
        let jwt = self.token(nats, more);
        self.judge(&self.answer(json!({ "jwt": jwt }), json!({})))
    }

    fn refusal(&self, nats: Value, more: Value) -> String {
        self.judged(nats, more).map(|scope| scope.user()).unwrap_err().to_string()
    }
}

#[test]
fn an_answer_says_who_somebody_is_and_where() {
    let world = World::new();
    let scope = world.judged(json!({}), json!({ "exp": FAR })).unwrap();
    assert_eq!((&*scope.user(), scope.account().name()), ("bob", "APP"));
    assert!(scope.grants().is_none());
    let lease = scope.lease().unwrap();
    assert!(lease.ends.is_some_and(|(_, words)| words == "User Authentication Expired"));
    let nameless = world.judged(json!({}), json!({ "name": "" })).unwrap();
    assert_eq!((&*nameless.user(), nameless.lease().unwrap().ends), ("asked", None));
    let day = ["00:00:00 23:59:59", "12:00:00 11:59:59"].map(|times| {
        let (start, end) = times.split_once(' ').unwrap();
        json!({ "start": start, "end": end })
    });
    let began = SystemTime::now();
    let timed = world.judged(json!({ "times": day }), json!({})).unwrap();
    assert!(timed.lease().unwrap().ends.is_some_and(|(ends, _)| began <= ends));
    // As there, these count for nothing.
    let odd = json!({
        "src": ["10.0.0.0/8"], "allowed_connection_types": ["MQTT"], "subs": 0, "payload": 1,
    });
    let lease = world.judged(odd, json!({})).unwrap().lease().unwrap();
    assert_eq!((lease.max_subscriptions, lease.max_payload_bytes), (None, None));
}

#[test]
fn permissions_hold_and_nobody_may_ask_in_the_servers_place() {
    let world = World::new();
    let scope = world.judged(json!({ "pub": { "deny": ["x"] } }), json!({})).unwrap();
    let grants = scope.grants().unwrap();
    assert!(!grants.may_publish(b"x") && grants.may_publish(SUBJECT.as_bytes()));
    let there = world.judged(json!({}), json!({ "aud": "AUTH" })).unwrap();
    let grants = there.grants().unwrap();
    assert!(grants.may_publish(b"x") && !grants.may_publish(SUBJECT.as_bytes()));
}

#[test]
fn an_answer_counts_only_for_its_question() {
    let world = World::new();
    let (stranger, somebody) = (KeyPair::new_account(), KeyPair::new_user().public_key());
    let good = world.token(json!({}), json!({}));
    let answers = |nats, more| world.judge(&world.answer(nats, more)).unwrap_err().to_string();
    let violation = "Auth callout violation: auth callout response is not for";
    for (words, refusal) in [
        ("claim is expired", answers(json!({ "jwt": good }), json!({ "exp": 1 }))),
        ("Error or Jwt is required", answers(json!({}), json!({}))),
        ("Only Error or Jwt can be set", answers(json!({ "jwt": good, "error": "e" }), json!({}))),
        (
            "Auth callout service returned an error: no",
            answers(json!({ "error": "no" }), json!({})),
        ),
        ("must be a server public key", answers(json!({ "jwt": good }), json!({ "aud": "N" }))),
        ("is not for server", {
            answers(json!({ "jwt": good }), json!({ "aud": ServerKey::new().id() }))
        }),
        (violation, answers(json!({ "jwt": good }), json!({ "sub": somebody }))),
        ("not authorization_response claims", answers(json!({ "type": "user" }), json!({}))),
        ("Wrong issuer", {
            let more = json!({ "aud": "APP", "sub": world.user.public_key() });
            let other = token(&stranger, &world.user, anything(), more);
            answers(json!({ "jwt": other }), json!({}))
        }),
        ("signature verification", {
            answers(json!({ "jwt": good }), json!({ "iss": stranger.public_key() }))
        }),
        ("signing key is unknown", {
            let nats = json!({ "type": "authorization_response", "jwt": good });
            let more = json!({ "aud": world.service.asker.server.key.id() });
            let other = token(&stranger, &world.user, nats, more);
            world.judge(&other).unwrap_err().to_string()
        }),
    ] {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    for answer in ["", "garbage", "a.b.c", "xkv1", &good] {
        assert!(world.judge(answer).is_err(), "{answer}");
    }
}

#[test]
fn a_users_token_counts_only_as_it_should_be() {
    let world = World::new();
    let somebody = KeyPair::new_user().public_key();
    for (words, refusal) in [
        ("Expected authorized user", world.refusal(json!({}), json!({ "sub": somebody }))),
        ("claim is expired", world.refusal(json!({}), json!({ "exp": 1 }))),
        ("No valid account \"NOPE\"", world.refusal(json!({}), json!({ "aud": "NOPE" }))),
        ("No valid account \"\"", world.refusal(json!({}), json!({ "aud": "" }))),
        ("not user claims", world.refusal(json!({ "type": "account" }), json!({}))),
        ("use issuer_account", {
            world.refusal(json!({ "issuer_account": world.issuer.public_key() }), json!({}))
        }),
        ("can't be meant", world.refusal(json!({ "pub": { "allow": ["a..b"] } }), json!({}))),
        ("can't be meant", world.refusal(json!({ "src": ["nowhere"] }), json!({}))),
        ("Proxy connection required", {
            world.refusal(json!({ "proxy_required": true }), json!({}))
        }),
        ("outside of valid connect times", {
            let past = json!({ "times": [{ "start": "00:00:00", "end": "00:00:00" }] });
            world.refusal(past, json!({}))
        }),
        ("using invalid connection type", {
            world.refusal(json!({ "allowed_connection_types": ["FOO"] }), json!({}))
        }),
    ] {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    let jwt = world.token(json!({ "proxy_required": true }), json!({}));
    let asked = Asked { user_key: world.user.public_key(), proxied: true, ..Asked::default() };
    let answer = world.answer(json!({ "jwt": jwt }), json!({}));
    assert!(world.service.judge(answer.as_bytes(), &asked).is_ok(), "it came through a proxy");
}

fn offer(user: &str, nkey: &str, token: &str) -> Credentials {
    Credentials {
        user: user.into(),
        nkey: nkey.into(),
        token: token.into(),
        ..Credentials::default()
    }
}

fn shown<'a>(credentials: &'a Credentials, peer: &'a Peer) -> Offer<'a> {
    let (proxied, client_ip, client_id) = (false, "", 1);
    Offer { credentials, nonce: None, peer, proxied, client_ip, client_id, options: None }
}

/// The claims of what a service is asked.
fn request(world: &World, credentials: &Credentials, tls: Option<TlsSession>) -> Value {
    let mut peer = Peer::default();
    peer.tls = tls;
    let key = world.user.public_key();
    let (header, token) =
        request::write(&world.service, &shown(credentials, &peer), None, &key).unwrap();
    assert_eq!(header, 0);
    let body = token.split(|byte| *byte == b'.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(body).unwrap()).unwrap()
}

#[test]
fn a_request_tells_of_tls_with_the_clients_chain() {
    let world = World::new();
    let told = |tls| request(&world, &Credentials::default(), tls)["nats"]["client_tls"].clone();
    let session = |chain: &[Vec<u8>]| TlsSession {
        version: "1.3",
        cipher_suite: "TLS_AES_128_GCM_SHA256".to_owned(),
        first: false,
        maps_user: false,
        certificates: Vec::new(),
        chain: chain.into(),
    };
    assert_eq!(told(None), Value::Null);
    let mut expected = json!({ "version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256" });
    assert_eq!(told(Some(session(&[]))), expected);
    let pem =
        |lines: &str| format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
    let long = format!("{}\nAA==", "A".repeat(64));
    expected["verified_chains"] = json!([[pem(&long), pem("AQ==")]]);
    assert_eq!(told(Some(session(&[vec![0; 49], vec![1]]))), expected);
}

#[test]
fn a_request_names_its_client_by_what_it_offers_and_no_token() {
    let world = World::new();
    for (offer, name) in [
        (offer("", "", ""), Value::Null),
        (offer("", "", "t"), json!("[REDACTED]")),
        (offer("bob", "", "t"), json!("bob")),
        (offer("bob", "U", ""), json!("U")),
        (Credentials { jwt: "j".into(), ..offer("bob", "", "") }, Value::Null),
    ] {
        let claims = request(&world, &offer, None);
        assert_eq!(claims["nats"]["client_info"]["user"], name, "{offer:?}");
        let lasts = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!(lasts, world.service.asker.timeout.as_secs());
    }
}

#[test]
fn nobody_is_asked_about_those_who_are_named() {
    let world = World::new();
    assert!(world.callout.spares(&offer("auth", "", "")));
    for (user, nkey, token) in [("bob", "", ""), ("", "", ""), ("auth", "U", ""), ("", "", "t")] {
        assert!(!world.callout.spares(&offer(user, nkey, token)), "{user} {nkey} {token}");
    }
}

#[test]
fn what_can_not_be_meant_is_told() {
    let key = KeyPair::new_account().public_key();
    let good = AuthCallout::new(&key, "auth");
    assert_eq!(problem(&good), None);
    for (options, words) in [
        (AuthCallout { issuer: String::new(), ..good.clone() }, "require an issuer"),
        (AuthCallout { issuer: "abc".into(), ..good.clone() }, "valid public account nkey"),
        (AuthCallout { auth_users: Vec::new(), ..good.clone() }, "require authorized users"),
        (AuthCallout { xkey: Some(key.clone()), ..good.clone() }, "valid public xkey"),
    ] {
        assert!(problem(&options).unwrap().contains(words), "{words}");
    }
    let mut config = config(&KeyPair::new_account());
    assert_eq!(config.problem(), None);
    if let Some(callout) = &mut config.auth.callout {
        callout.allowed_accounts = vec!["APP".into(), "NOPE".into()];
    }
    assert!(config.problem().unwrap().contains("allowed account \"NOPE\" not found"));
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_is_a_refusal_and_leaves_nothing_behind() {
    let world = World::new();
    let credentials = Credentials::default();
    let (account, peer) = (&world.service.account, Peer::default());
    let question = world.service.question(&shown(&credentials, &peer), None).unwrap();
    let holders = Arc::strong_count(account);
    assert!(Box::new(question).run().await.is_none());
    // None that an inbox would have in the index.
    assert_eq!(Arc::strong_count(account), holders);
}
