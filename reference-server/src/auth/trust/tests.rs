//! Who is let in where operators vouch for accounts, and accounts for users.

use std::time::Duration;

use nkeys::KeyPair;
use serde_json::{Value, json};

use self::world::World;
use super::*;
use crate::{
    Config,
    auth::{
        Auth, Secret,
        jwt::{
            ServiceClaims,
            mint::{self, anything, overlay, token},
        },
    },
    protocol::{Credentials, Info},
    server::{ServerIdentity, ServerKey},
    transport::{Kind, Peer},
};

#[path = "../../../tests/support/operators.rs"]
mod world;

const NONCE: &str = "an-arbitrary-nonce";
const PROFILE: Profile = Profile::V2_15;

impl World {
    /// The operator trusted, and its account with these claims besides.
    fn mode(&self, account: Value) -> OperatorMode {
        self.mode_of(&self.operator, json!({}), account)
    }

    fn mode_of(&self, issuer: &KeyPair, operator: Value, account: Value) -> OperatorMode {
        let operator = self.operator_token(operator);
        let token = self.account_token_by(issuer, account, json!({}));
        OperatorMode::new(operator).account(self.account.public_key(), token)
    }

    fn shows(&self, token: &str) -> Credentials {
        let signature = mint::sign(&self.user, NONCE);
        Credentials { jwt: token.into(), signature, ..Credentials::default() }
    }
}

fn judge(mode: &OperatorMode, credentials: &Credentials) -> Result<Arc<Scope>, Refusal> {
    judge_from(mode, credentials, "127.0.0.1", Kind::Standard)
}

fn judge_from(
    mode: &OperatorMode,
    credentials: &Credentials,
    client_ip: &str,
    kind: Kind,
) -> Result<Arc<Scope>, Refusal> {
    assert_eq!(mode.problem(&Auth::default(), PROFILE), None);
    let trust = Arc::new(trust(mode).unwrap());
    let peer = Peer::new(kind);
    let (proxied, client_id, options) = (false, 1, None);
    let nonce = Some(NONCE);
    let offer = Offer { credentials, nonce, peer: &peer, proxied, client_ip, client_id, options };
    match trust.judge(&offer)? {
        Verdict::Admitted(scope) => Ok(scope),
        other => panic!("{other:?}"),
    }
}

fn trust(mode: &OperatorMode) -> Option<Trust> {
    let config = Config::default();
    let server = ServerIdentity::new(&config, &Info::default(), ServerKey::new());
    Trust::new(mode, &[], PROFILE, &Asker::new(&config, &server))
}

fn refusal(mode: &OperatorMode, credentials: &Credentials) -> Refusal {
    judge(mode, credentials).unwrap_err()
}

#[test]
fn who_is_vouched_for_is_let_in_under_its_key() {
    // AUTH-026
    let world = World::new();
    let mode = world.mode(json!({}));
    let scope = judge(&mode, &world.shows(&world.user_token(json!({}), json!({})))).unwrap();
    assert_eq!(scope.account().name(), world.account.public_key());
    assert_eq!(*scope.user(), *world.user.public_key());
    assert!(scope.grants().is_none());
    let lease = scope.lease().unwrap();
    assert_eq!((lease.max_subscriptions, lease.max_payload_bytes, lease.ends), (None, None, None));
    assert_eq!(lease.account_name, "acme");
}

#[test]
fn who_is_not_is_refused() {
    // AUTH-026
    let world = World::new();
    let mode = world.mode(json!({}));
    let good = world.user_token(json!({}), json!({}));
    let with = |signature: String| Credentials { signature, ..world.shows(&good) };
    assert_eq!(refusal(&mode, &with(String::new())), Refusal::Signature);
    let others = mint::sign(&KeyPair::new_user(), NONCE);
    assert_eq!(refusal(&mode, &with(others)), Refusal::Signature);
    let another_nonce = mint::sign(&world.user, "another-nonce");
    assert_eq!(refusal(&mode, &with(another_nonce)), Refusal::Signature);
    assert_eq!(refusal(&mode, &Credentials::default()), Refusal::NoToken);
    let stranger = KeyPair::new_account();
    let token = mint::token(&stranger, &world.user, mint::anything(), json!({}));
    assert_eq!(refusal(&mode, &world.shows(&token)), Refusal::UnknownAccount);
    // Who merely says that the account has signed is not believed.
    let claims = json!({ "type": "user", "issuer_account": world.account.public_key() });
    let token = mint::token(&stranger, &world.user, claims, json!({}));
    assert_eq!(refusal(&mode, &world.shows(&token)), Refusal::UnknownIssuer);
    let token = mint::token(&world.operator, &world.user, mint::anything(), json!({}));
    assert_eq!(refusal(&mode, &world.shows(&token)), Refusal::Token(TokenError::Issuer));
    let token = Credentials { jwt: Secret::from("nonsense"), ..Credentials::default() };
    assert_eq!(refusal(&mode, &token), Refusal::Token(TokenError::NoToken));
}

#[test]
fn an_account_counts_only_if_a_trusted_operator_has_signed_it() {
    let world = World::new();
    let good = world.shows(&world.user_token(json!({}), json!({})));
    let signer = KeyPair::new_operator();
    let keys = json!({ "signing_keys": [signer.public_key()] });
    let strict = json!({ "signing_keys": [signer.public_key()], "strict_signing_key_usage": true });
    for (issuer, operator, expected) in [
        (&world.operator, json!({}), true),
        (&signer, json!({}), false),
        (&signer, keys.clone(), true),
        (&world.operator, keys, true),
        (&world.operator, strict, false),
        (&world.account, json!({}), false),
    ] {
        let mode = world.mode_of(issuer, operator, json!({}));
        assert_eq!(judge(&mode, &good).is_ok(), expected);
    }
    // Under another account's key a token is worth nothing.
    let mut mode = world.mode(json!({}));
    let token = mode.accounts.remove(&world.account.public_key()).unwrap();
    let mode = mode.account(KeyPair::new_account().public_key(), token);
    assert_eq!(refusal(&mode, &good), Refusal::UnknownAccount);
    let key = world.operator.public_key();
    let mode = OperatorMode { operators: vec![], trusted_keys: vec![key], ..world.mode(json!({})) };
    assert!(judge(&mode, &good).is_ok());
}

#[test]
fn a_bearer_needs_no_signature_unless_the_account_minds() {
    let world = World::new();
    let token = world.user_token(json!({ "bearer_token": true }), json!({}));
    let bearer = Credentials { signature: String::new(), ..world.shows(&token) };
    assert!(judge(&world.mode(json!({})), &bearer).is_ok());
    let mode = world.mode(json!({ "limits": { "disallow_bearer": true } }));
    assert_eq!(refusal(&mode, &bearer), Refusal::Bearer);
}

#[test]
fn tokens_count_in_their_time_from_their_place_in_their_way() {
    let world = World::new();
    let mode = world.mode(json!({}));
    let now = Timestamp::now().as_second();
    let at = |more: Value| world.shows(&world.user_token(json!({}), more));
    assert_eq!(refusal(&mode, &at(json!({ "exp": now - 1 }))), Refusal::Time);
    assert_eq!(refusal(&mode, &at(json!({ "nbf": now + 60 }))), Refusal::Time);
    let scope = judge(&mode, &at(json!({ "exp": now + 60 }))).unwrap();
    let (ends, words) = scope.lease().unwrap().ends.unwrap();
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now + 60).unwrap());
    assert_eq!((ends, words), (expected, "User Authentication Expired"));
    let from = |nats: Value, ip: &str, kind| {
        judge_from(&mode, &world.shows(&world.user_token(nats, json!({}))), ip, kind).err()
    };
    let (tcp, websocket) = (Kind::Standard, Kind::WebSocket);
    let inside = json!({ "src": ["10.0.0.0/8", "fd00::/8"] });
    assert_eq!(from(inside.clone(), "10.9.9.9", tcp), None);
    assert_eq!(from(inside.clone(), "fd00::1", tcp), None);
    assert_eq!(from(inside, "127.0.0.1", tcp), Some(Refusal::Source));
    let types = |types: &[&str]| json!({ "allowed_connection_types": types });
    assert_eq!(from(types(&["WEBSOCKET"]), "::1", tcp), Some(Refusal::ConnectionType));
    assert_eq!(from(types(&["WEBSOCKET", "PIGEON"]), "::1", websocket), None);
    assert_eq!(from(types(&["PIGEON"]), "::1", tcp), Some(Refusal::ConnectionType));
    let never = json!({ "times": [{ "start": "10:00:00", "end": "10:00:00" }] });
    assert_eq!(from(never, "::1", tcp), Some(Refusal::TimeOfDay));
    // All day, whatever the time is; the login ends with what it came in.
    let day = ["00:00:00 23:59:59", "12:00:00 11:59:59"].map(|times| {
        let (start, end) = times.split_once(' ').unwrap();
        json!({ "start": start, "end": end })
    });
    let began = SystemTime::now();
    let allowed = world.shows(&world.user_token(json!({ "times": day }), json!({})));
    let (ends, _) = judge(&mode, &allowed).unwrap().lease().unwrap().ends.unwrap();
    assert!(began <= ends && ends <= SystemTime::now() + Duration::from_secs(24 * 60 * 60));
    let proxied = world.shows(&world.user_token(json!({ "proxy_required": true }), json!({})));
    assert_eq!(refusal(&mode, &proxied), Refusal::Proxy);
    for odd in [json!({ "src": ["10.0.0.0/99"] }), json!({ "pub": { "deny": ["a..b"] } })] {
        assert_eq!(from(odd, "10.0.0.1", tcp), Some(Refusal::Nonsense));
    }
}

#[test]
fn an_expired_account_lets_nobody_in_and_ends_those_who_are() {
    // AUTH-028
    let world = World::new();
    let now = Timestamp::now().as_second();
    let good = world.shows(&world.user_token(json!({}), json!({ "exp": now + 90 })));
    let expiring = |at: i64| {
        let nats = json!({ "type": "account", "limits": { "conn": -1 } });
        let token = mint::token(&world.operator, &world.account, nats, json!({ "exp": at }));
        world.mode(json!({})).account(world.account.public_key(), token)
    };
    assert_eq!(refusal(&expiring(now - 1), &good), Refusal::AccountExpired);
    let scope = judge(&expiring(now + 60), &good).unwrap();
    assert_eq!(scope.lease().unwrap().ends.unwrap().1, "Account Authentication Expired");
}

#[test]
fn signing_keys_and_their_templates() {
    // AUTH-030
    let world = World::new();
    let (plain, scoped) = (KeyPair::new_account(), KeyPair::new_account());
    let template =
        json!({ "pub": { "allow": ["t.{{name()}}.>"] }, "subs": 5, "payload": -1, "data": -1 });
    let mode = world.mode(json!({ "signing_keys": [plain.public_key(), {
        "kind": "user_scope", "key": scoped.public_key(), "template": template,
    }] }));
    let by = |signer: &KeyPair, nats: Value| {
        let mut all = json!({ "type": "user", "issuer_account": world.account.public_key() });
        mint::overlay(&mut all, nats);
        world.shows(&mint::token(signer, &world.user, all, json!({ "name": "joe" })))
    };
    assert!(judge(&mode, &by(&plain, mint::anything())).is_ok());
    let alone = mint::token(&plain, &world.user, mint::anything(), json!({}));
    assert_eq!(refusal(&mode, &world.shows(&alone)), Refusal::UnknownAccount);
    let scope = judge(&mode, &by(&scoped, json!({}))).unwrap();
    let grants = scope.grants().unwrap();
    assert!(grants.may_publish(b"t.joe.x") && !grants.may_publish(b"t.ann.x"));
    assert_eq!(scope.lease().unwrap().max_subscriptions, Some(5));
    for own in [mint::anything(), json!({ "bearer_token": true })] {
        assert_eq!(refusal(&mode, &by(&scoped, own)), Refusal::Scoped);
    }
}

#[test]
fn revoked_tokens_are_those_issued_before() {
    // AUTH-030
    let world = World::new();
    let good = world.shows(&world.user_token(json!({}), json!({ "iat": 1000 })));
    let user = world.user.public_key();
    for (revocations, revoked) in [
        (json!({ user.clone(): 999 }), false),
        (json!({ user: 1000 }), true),
        (json!({ "*": 1001 }), true),
        (json!({ "*": 999 }), false),
    ] {
        let mode = world.mode(json!({ "revocations": revocations }));
        assert_eq!(judge(&mode, &good).err(), revoked.then_some(Refusal::Revoked));
    }
}

#[test]
fn what_an_account_allows_holds_for_those_who_say_nothing() {
    // AUTH-032
    let world = World::new();
    let mode = world.mode(json!({ "default_permissions": { "pub": { "deny": ["d"] } } }));
    let grants = |nats: Value| {
        judge(&mode, &world.shows(&world.user_token(nats, json!({})))).unwrap().grants().unwrap()
    };
    let default = grants(json!({}));
    assert!(!default.may_publish(b"d") && default.may_publish(b"e"));
    let own = grants(json!({ "pub": { "deny": ["e"] }, "sub": { "deny": ["s"] } }));
    assert!(own.may_publish(b"d") && !own.may_publish(b"e") && own.hides(b"s"));
    let answers = grants(json!({ "resp": { "max": 2, "ttl": 1_000_000_000 } }));
    let rule = answers.answers().unwrap().rule;
    assert_eq!((rule.max, rule.expires), (Some(2), Duration::from_secs(1)));
    let scope = judge(
        &mode,
        &world.shows(&world.user_token(json!({ "sub": { "deny": ["s"] } }), json!({}))),
    );
    assert!(scope.unwrap().account().filters(), "wider subscriptions are looked at");
}

#[test]
fn what_does_not_go_together_is_told() {
    // AUTH-033
    let world = World::new();
    let mode = world.mode(json!({}));
    let problem = |mode: &OperatorMode| mode.problem(&Auth::default(), PROFILE).unwrap_or_default();
    let system = KeyPair::new_account().public_key();
    let unknown = OperatorMode { system_account: Some(system.clone()), ..mode.clone() };
    assert_eq!(problem(&unknown), "error resolving system account: account missing");
    let named = world.mode_of(&world.operator, json!({ "system_account": system }), json!({}));
    let both = OperatorMode { system_account: Some(world.account.public_key()), ..named };
    assert!(problem(&both).contains("must be identical"));
    let newer = json!({ "assert_server_version": "2.99.0" });
    let words = problem(&world.mode_of(&world.operator, newer, json!({})));
    assert!(words.contains("expected minor version 99 > server minor version 15"), "{words}");
    let keys = vec![world.account.public_key()];
    let keys = OperatorMode { operators: vec![], trusted_keys: keys, ..mode.clone() };
    assert!(problem(&keys).contains("required to be a valid public operator nkey"));
    let broken = OperatorMode::new("eyJ");
    assert_eq!(problem(&broken), "error parsing operator JWT: expected 3 chunks");
    assert_eq!(problem(&mode.clone().account("A", "eyJ")), "invalid account JWT");
    let no_resolver = OperatorMode { resolver: None, ..mode };
    assert!(problem(&no_resolver).contains("require an account resolver"));
}

#[test]
fn what_can_not_be_meant_about_a_service_is_told() {
    // AUTH-038
    let (user, account) = (KeyPair::new_user().public_key(), KeyPair::new_account().public_key());
    let curve = nkeys::XKey::new().public_key();
    let service = |users: &[&str], accounts: &[&str], xkey: &str| ServiceClaims {
        auth_users: users.iter().map(|&it| it.to_owned()).collect(),
        allowed_accounts: accounts.iter().map(|&it| it.to_owned()).collect(),
        xkey: xkey.to_owned(),
    };
    for good in [
        service(&[], &[], ""),
        service(&[&user], &[], ""),
        service(&[&user], &["*"], &curve),
        service(&[&user], &[&account, &account], ""),
    ] {
        assert_eq!(delegate::problem(&good), None, "{good:?}");
    }
    for (odd, words) in [
        (service(&[], &[&account], ""), "cannot have accounts without users"),
        (service(&[&account], &[], ""), "is not a valid user public key"),
        (service(&[&user], &["*", &account], ""), "can only be a list of accounts or \"*\""),
        (service(&[&user], &[&user], ""), "is not a valid account public key"),
        (service(&[&user], &[], &account), "is not a valid public xkey"),
    ] {
        let told = delegate::problem(&odd).unwrap_or_default();
        assert!(told.contains(words), "{odd:?}: {told}");
    }
}

#[test]
fn an_import_holds_as_long_as_the_token_that_allows_it() {
    // ACC-006
    let (world, office) = (World::new(), World::new());
    let key = world.account.public_key();
    let export = json!({ "subject": "o.>", "type": "stream", "token_req": true });
    let mode = world.mode(json!({ "exports": [export] }));
    let activation = |of: &KeyPair, exp: u64| {
        let nats = json!({ "type": "activation", "kind": "stream", "subject": "o.>" });
        mint::token(&world.account, of, nats, json!({ "exp": exp }))
    };
    let imports = |tokens: &[String]| {
        let import = |token: &String| {
            let subject = "o.x";
            json!({ "subject": subject, "account": key, "type": "stream", "token": token })
        };
        let imports: Vec<Value> = tokens.iter().map(import).collect();
        let nats = json!({ "type": "account", "imports": imports });
        let token = mint::token(&world.operator, &office.account, nats, json!({}));
        let mode = mode.clone().account(office.account.public_key(), token);
        let trust = trust(&mode).unwrap();
        let name = office.account.public_key();
        let options = trust.options().iter().find(|it| it.name == name);
        options.map(|it| it.imports.iter().map(|import| import.until).collect::<Vec<_>>())
    };
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let own = |exp| activation(&office.account, exp);
    assert_eq!(imports(&[own(4_000_000_000)]), Some(vec![at(4_000_000_000)]));
    assert_eq!(imports(&[own(0)]), Some(vec![None]));
    assert_eq!(imports(&[own(1_700_000_001)]), Some(Vec::new()));
    assert_eq!(imports(&[String::new()]), Some(Vec::new()));
    // An account that shows another one's token counts for nothing.
    assert_eq!(imports(&[activation(&world.account, 0)]), None);
}

#[test]
fn an_export_may_want_to_be_told_how_long_answers_take() {
    // ACC-020
    let world = World::new();
    let latency = |sampling: Value| {
        let latency = json!({ "sampling": sampling, "results": "times" });
        let export = json!({ "subject": "s", "type": "service", "service_latency": latency });
        let mode = world.mode(json!({ "exports": [export] }));
        let trust = trust(&mode).unwrap();
        trust.options()[0].exports[0].latency.clone().map(|it| (it.percent, it.subject))
    };
    assert_eq!(latency(json!(60)), Some((60, "times".to_owned())));
    assert_eq!(latency(json!("headers")), Some((0, "times".to_owned())));
    assert_eq!(latency(json!("often")), None);
    assert_eq!(latency(json!(101)), None);
}
