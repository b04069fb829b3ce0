use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{answer::Refusal, *};
use crate::{
    AccountOptions, Auth, AuthCallout, User,
    auth::{
        Authenticator,
        jwt::mint::{anything, overlay, token},
    },
    protocol::Info,
    server::ServerKey,
};

const FAR: u64 = 4_000_000_000;

/// A callout, its issuer, and the key that a request was about.
struct World {
    callout: Callout,
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
        let callout = Callout::new(&config, gate.accounts(), &server).unwrap();
        World { callout, issuer, user }
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
        let mut outside = json!({ "aud": self.callout.server.key.id() });
        overlay(&mut outside, more);
        token(&self.issuer, &self.user, all, outside)
    }

    fn judge(&self, answer: &str) -> Result<Arc<Scope>, Refusal> {
        self.callout.judge(answer.as_bytes(), &self.user.public_key(), "asked", false)
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
        ("not for this server", answers(json!({ "jwt": good }), json!({ "aud": "N" }))),
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
            let more = json!({ "aud": world.callout.server.key.id() });
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
        ("proxy", world.refusal(json!({ "proxy_required": true }), json!({}))),
        ("No valid account \"NOPE\"", world.refusal(json!({}), json!({ "aud": "NOPE" }))),
        ("No valid account \"\"", world.refusal(json!({}), json!({ "aud": "" }))),
        ("not user claims", world.refusal(json!({ "type": "account" }), json!({}))),
        ("use issuer_account", {
            world.refusal(json!({ "issuer_account": world.issuer.public_key() }), json!({}))
        }),
        ("can't be meant", world.refusal(json!({ "pub": { "allow": ["a..b"] } }), json!({}))),
    ] {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
}

#[test]
fn nobody_is_asked_about_those_who_are_named() {
    let mut world = World::new();
    let offer = |user: &str, nkey: &str, token: &str| Credentials {
        user: user.into(),
        nkey: nkey.into(),
        token: token.into(),
        ..Credentials::default()
    };
    assert!(world.callout.spares(&offer("auth", "", "")));
    for (user, nkey, token) in [("bob", "", ""), ("", "", ""), ("auth", "U", ""), ("", "", "t")] {
        assert!(!world.callout.spares(&offer(user, nkey, token)), "{user} {nkey} {token}");
    }
    world.callout.no_auth_user = Some("auth".to_owned());
    assert!(world.callout.spares(&offer("", "", "")) && !world.callout.spares(&offer("", "", "t")));
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
    let account = world.callout.account.clone().unwrap();
    let question = Question {
        account: account.clone(),
        user_key: world.user.public_key(),
        callout: Arc::new(world.callout),
        name: String::new(),
        proxied: false,
        request: (0, Vec::new()),
    };
    let callout = question.callout.clone();
    let holders = Arc::strong_count(&account);
    assert!(Box::new(question).run().await.is_none());
    // The question's own, and none that an inbox would have in the index.
    assert_eq!(Arc::strong_count(&account), holders - 1);
    drop(callout);
}
