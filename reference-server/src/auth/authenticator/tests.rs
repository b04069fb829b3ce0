//! Who is let in, and as whom.

use super::*;
use crate::{
    auth::{AccountOptions, Auth, Permissions, SubjectPermission, User},
    protocol::Info,
    server::ServerKey,
};

fn authenticator(auth: Auth) -> Authenticator {
    let config = Config { auth, ..Config::default() };
    let server = ServerIdentity::new(&config, &Info::default(), ServerKey::new());
    Authenticator::new(&config, server)
}

fn offer(user: &str, password: &str, token: &str) -> Credentials {
    Credentials {
        user: user.to_owned(),
        password: password.into(),
        token: token.into(),
        ..Credentials::default()
    }
}

fn shown<'a>(credentials: &'a Credentials, peer: &'a Peer) -> Offer<'a> {
    let (proxied, client_ip, client_id) = (false, "127.0.0.1", 1);
    Offer { credentials, nonce: None, peer, proxied, client_ip, client_id, options: None }
}

/// The account and user that were logged in to, or how it went.
fn judged(authenticator: &Authenticator, offer: &Credentials) -> String {
    told(authenticator.judge(&shown(offer, &Peer::default())))
}

/// The same without CONNECT.
fn silent(authenticator: &Authenticator) -> String {
    told(authenticator.judge_silent(&shown(&Credentials::default(), &Peer::default())))
}

fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Admitted(scope) => format!("{}/{}", scope.account().name(), scope.user()),
        Verdict::Refused => "refused".to_owned(),
        Verdict::NeedsProxy => "needs a proxy".to_owned(),
        Verdict::Later(_) => "later".to_owned(),
    }
}

#[test]
fn an_open_server_lets_everybody_in() {
    let open = authenticator(Auth::default());
    assert!(!open.is_required() && !open.asks() && open.nonce().is_none());
    for offer in [offer("", "", ""), offer("u", "p", ""), offer("", "", "t")] {
        assert_eq!(judged(&open, &offer), "$G/");
    }
}

#[test]
fn a_token_is_looked_for_in_its_place() {
    let gate = authenticator(Auth { token: Some("t".into()), ..Auth::default() });
    assert!(gate.is_required() && gate.asks());
    assert_eq!(judged(&gate, &offer("any", "thing", "t")), "$G/");
    for wrong in [offer("", "", ""), offer("t", "t", ""), offer("", "", "T")] {
        assert_eq!(judged(&gate, &wrong), "refused", "{wrong:?}");
    }
}

#[test]
fn each_user_has_its_own_password_and_account() {
    let gate = authenticator(Auth {
        users: vec![User::with_password("alice", "a"), User::with_password("nopw", "")],
        accounts: vec![AccountOptions::new("B").user(User::with_password("bob", "b"))],
        ..Auth::default()
    });
    for (user, password, verdict) in [
        ("alice", "a", "$G/alice"),
        ("bob", "b", "B/bob"),
        ("nopw", "", "$G/nopw"),
        ("nopw", "x", "refused"),
        ("alice", "b", "refused"),
        ("alice", "", "refused"),
        ("carol", "a", "refused"),
        ("", "a", "refused"),
        ("", "", "refused"),
    ] {
        assert_eq!(judged(&gate, &offer(user, password, "")), verdict, "{user} {password}");
    }
}

#[test]
fn who_brings_nothing_is_the_configured_user() {
    let gate = authenticator(Auth {
        users: vec![User::with_password("guest", "g"), User::with_password("u", "p")],
        no_auth_user: Some("guest".to_owned()),
        ..Auth::default()
    });
    assert!(gate.is_required() && !gate.asks());
    assert_eq!(silent(&gate), "$G/guest");
    assert_eq!(judged(&gate, &offer("", "", "")), "$G/guest");
    for wrong in [offer("", "x", ""), offer("", "", "x"), offer("u", "", "")] {
        assert_eq!(judged(&gate, &wrong), "refused", "{wrong:?}");
    }
}

#[test]
fn who_brings_nothing_may_be_a_key_but_not_without_connect() {
    let key = "UDJCSOPS24USX5POEQD5JDZQ7ZDBWF7ALWJNQ5SLL7OGBPUQRVK6V6TN";
    let gate = authenticator(Auth {
        users: vec![User::with_nkey(key)],
        no_auth_user: Some(key.to_owned()),
        ..Auth::default()
    });
    assert_eq!(judged(&gate, &offer("", "", "")), format!("$G/{key}"));
    assert_eq!(silent(&gate), "refused");
}

#[test]
fn who_brings_nothing_may_have_to_come_through_a_proxy() {
    let gate = authenticator(Auth {
        users: vec![User::with_password("guest", "g").through_a_proxy()],
        no_auth_user: Some("guest".to_owned()),
        ..Auth::default()
    });
    assert_eq!(silent(&gate), "needs a proxy");
    let (nothing, peer) = (offer("", "", ""), Peer::default());
    assert_eq!(judged(&gate, &nothing), "needs a proxy");
    let proxied = Offer { proxied: true, ..shown(&nothing, &peer) };
    assert_eq!(told(gate.judge(&proxied)), "$G/guest");
}

#[test]
fn beside_users_of_the_system_nobody_needs_credentials() {
    let system = AccountOptions::new("$SYS").user(User::with_password("s", "p"));
    let gate = authenticator(Auth { accounts: vec![system], ..Auth::default() });
    assert!(gate.asks() && silent(&gate).len() == "$G/".len() + 13);
    assert!(judged(&gate, &offer("", "", "")).starts_with("$G/nats-"));
    assert_eq!(judged(&gate, &offer("s", "p", "")), "$SYS/s");
    assert_eq!(judged(&gate, &offer("s", "x", "")), "refused");
}

#[test]
fn a_user_may_be_bound_to_other_ways_of_connecting() {
    let mut user = User::with_password("w", "p");
    user.connection_types = vec![ConnectionType::Websocket];
    let auth = Auth { users: vec![user], no_auth_user: Some("w".to_owned()), ..Auth::default() };
    let gate = authenticator(auth);
    assert_eq!(judged(&gate, &offer("w", "p", "")), "refused");
    assert_eq!(judged(&gate, &offer("", "", "")), "refused");
    assert_eq!(silent(&gate), "refused");
}

#[test]
fn only_accounts_that_deny_filter_what_they_deliver() {
    let deny = SubjectPermission { deny: vec!["x".to_owned()], ..Default::default() };
    let permissions = Permissions { subscribe: deny, ..Permissions::default() };
    let user = User::with_password("b", "p").permissions(permissions);
    let auth = Auth { accounts: vec![AccountOptions::new("B").user(user)], ..Auth::default() };
    let filters: Vec<_> = authenticator(auth)
        .accounts()
        .iter()
        .map(|account| (account.name().to_owned(), account.filters()))
        .collect();
    let expected = [("$G", false), ("B", true), ("$SYS", false)];
    assert_eq!(filters, expected.map(|(name, filters)| (name.to_owned(), filters)));
}

#[cfg(feature = "nkeys")]
#[test]
fn a_key_logs_in_with_its_signature_of_the_nonce() {
    use data_encoding::BASE64URL_NOPAD;

    let pair = nkeys::KeyPair::new_user();
    let users = vec![User::with_nkey(pair.public_key()), User::with_password("u", "p")];
    let gate = authenticator(Auth { users, ..Auth::default() });
    let nonce = gate.nonce().unwrap();
    assert_ne!(Some(&nonce), gate.nonce().as_ref());
    let signature = BASE64URL_NOPAD.encode(&pair.sign(nonce.as_bytes()).unwrap());
    let good = Credentials { nkey: pair.public_key(), signature, ..Credentials::default() };
    let judge = |offer: &Credentials, nonce: &str| {
        matches!(
            gate.judge(&Offer { nonce: Some(nonce), ..shown(offer, &Peer::default()) }),
            Verdict::Admitted(_)
        )
    };
    assert!(judge(&good, &nonce) && !judge(&good, &gate.nonce().unwrap()));
    let stranger = nkeys::KeyPair::new_user();
    let signature = BASE64URL_NOPAD.encode(&stranger.sign(nonce.as_bytes()).unwrap());
    let unknown = Credentials { nkey: stranger.public_key(), signature, ..offer("u", "p", "") };
    assert!(!judge(&unknown, &nonce), "a key that is offered must be right");
    assert!(judge(&offer("u", "p", ""), &nonce));
}

#[cfg(feature = "bcrypt")]
#[tokio::test]
async fn a_hash_is_compared_later() {
    let hash = bcrypt::hash("right", 4).unwrap();
    let users = vec![User::with_password("u", hash.as_str())];
    let gate = authenticator(Auth { users, ..Auth::default() });
    for (password, admitted) in [("right", true), ("wrong", false), (hash.as_str(), false)] {
        let offer = offer("u", password, "");
        let Verdict::Later(check) = gate.judge(&shown(&offer, &Peer::default())) else {
            panic!("{password} was judged at once")
        };
        assert_eq!(check.run().await.is_some(), admitted, "{password}");
    }
}

#[test]
fn a_token_beside_users_is_for_those_who_name_none() {
    let users = vec![User::with_password("u", "p")];
    let gate = authenticator(Auth { token: Some("t".into()), users, ..Auth::default() });
    assert_eq!(judged(&gate, &offer("u", "p", "")), "$G/u");
    assert_eq!(judged(&gate, &offer("", "", "t")), "$G/");
    for wrong in [offer("u", "x", "t"), offer("z", "", "t"), offer("", "", "")] {
        assert_eq!(judged(&gate, &wrong), "refused", "{wrong:?}");
    }
}

/// How somebody fares who has logged in with this, when other options come.
fn reviewed(before: Auth, after: Auth, offer: &Credentials) -> String {
    let before = authenticator(before);
    let after = before.reloaded(&Config { auth: after, ..Config::default() });
    let Verdict::Admitted(scope) = before.judge(&shown(offer, &Peer::default())) else {
        panic!("{offer:?} was never let in");
    };
    match after.review(&before, &scope, &shown(offer, &Peer::default())) {
        Review::Gone => "gone".to_owned(),
        Review::Revoked => "revoked".to_owned(),
        Review::Judged(Verdict::Refused) => "refused".to_owned(),
        Review::Judged(Verdict::NeedsProxy) => "needs a proxy".to_owned(),
        Review::Judged(Verdict::Later(_)) => "later".to_owned(),
        Review::Judged(Verdict::Admitted(new)) => {
            assert!(Arc::ptr_eq(new.account(), scope.account()));
            "stays".to_owned()
        }
    }
}

#[test]
fn a_login_is_judged_again() {
    // LIFE-004, LIFE-009
    let ann = |password: &str| User::with_password("ann", password);
    let users = |users| Auth { users, ..Auth::default() };
    let token = |token: &str| Auth { token: Some(token.into()), ..Auth::default() };
    let account =
        || Auth { accounts: vec![AccountOptions::new("A").user(ann("p"))], ..Auth::default() };
    let (by_name, by_token) = (offer("ann", "p", ""), offer("", "", "t"));
    for (before, after, offer, fate) in [
        (users(vec![ann("p")]), users(vec![ann("p")]), &by_name, "stays"),
        (users(vec![ann("p")]), users(vec![ann("x")]), &by_name, "refused"),
        (users(vec![ann("p")]), users(vec![User::with_password("bob", "")]), &by_name, "gone"),
        (users(vec![ann("p")]), Auth::default(), &by_name, "gone"),
        (users(vec![ann("p")]), token("t"), &by_name, "gone"),
        (users(vec![ann("p")]), account(), &by_name, "gone"),
        (account(), account(), &by_name, "stays"),
        (token("t"), token("t"), &by_token, "stays"),
        (token("t"), token("u"), &by_token, "refused"),
        (token("t"), Auth::default(), &by_token, "stays"),
        (Auth::default(), token("t"), &by_token, "stays"),
        (Auth::default(), token("u"), &by_token, "refused"),
        (Auth::default(), users(vec![ann("p")]), &by_name, "stays"),
    ] {
        let shown = format!("{before:?} {after:?}");
        assert_eq!(reviewed(before, after, offer), fate, "{shown}");
    }
}

#[cfg(feature = "bcrypt")]
#[test]
fn a_hash_that_was_compared_is_not_compared_again() {
    let hash = "$2a$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC";
    let hashed = || Auth { users: vec![User::with_password("ann", hash)], ..Auth::default() };
    let plain = Auth { users: vec![User::with_password("ann", "p")], ..Auth::default() };
    assert_eq!(reviewed(plain, hashed(), &offer("ann", "p", "")), "later");
    let before = authenticator(hashed());
    let after = before.reloaded(&Config { auth: hashed(), ..Config::default() });
    let (offer, standard) = (offer("ann", "p", ""), &Peer::default());
    let scope = &before.user(&offer).unwrap().scope;
    let review = after.review(&before, scope, &shown(&offer, standard));
    assert!(matches!(review, Review::Judged(Verdict::Admitted(_))), "{review:?}");
}
