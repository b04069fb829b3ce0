//! Who is let in, and as whom.

use super::*;
use crate::auth::{SubjectPermission, User};

fn authenticator(auth: Auth) -> Authenticator {
    Authenticator::new(&Config { auth, ..Config::default() })
}

fn offer(user: &str, password: &str, token: &str) -> Credentials {
    Credentials {
        user: user.to_owned(),
        password: password.into(),
        token: token.into(),
        ..Credentials::default()
    }
}

/// The account and user that were logged in to, or how it went.
fn judged(authenticator: &Authenticator, offer: &Credentials) -> String {
    match authenticator.judge(offer, None, &Peer::default()) {
        Verdict::Admitted(scope) => format!("{}/{}", scope.account().name(), scope.user()),
        Verdict::Refused => "refused".to_owned(),
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
    assert!(gate.without_connect().is_some_and(|scope| scope.user() == "guest"));
    assert_eq!(judged(&gate, &offer("", "", "")), "$G/guest");
    for wrong in [offer("", "x", ""), offer("", "", "x"), offer("u", "", "")] {
        assert_eq!(judged(&gate, &wrong), "refused", "{wrong:?}");
    }
}

#[test]
fn beside_users_of_the_system_nobody_needs_credentials() {
    let system = AccountOptions::new("$SYS").user(User::with_password("s", "p"));
    let gate = authenticator(Auth { accounts: vec![system], ..Auth::default() });
    assert!(gate.asks() && gate.without_connect().is_some_and(|scope| scope.user().is_empty()));
    assert_eq!(judged(&gate, &offer("", "", "")), "$G/");
    assert_eq!(judged(&gate, &offer("s", "p", "")), "$SYS/s");
    assert_eq!(judged(&gate, &offer("s", "x", "")), "refused");
}

#[test]
fn a_user_may_be_bound_to_other_ways_of_connecting() {
    let mut user = User::with_password("w", "p");
    user.connection_types = vec![ConnectionType::Websocket];
    let gate = authenticator(Auth { users: vec![user], ..Auth::default() });
    assert_eq!(judged(&gate, &offer("w", "p", "")), "refused");
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
        matches!(gate.judge(offer, Some(nonce), &Peer::default()), Verdict::Admitted(_))
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
        let Verdict::Later(check) = gate.judge(&offer, None, &Peer::default()) else {
            panic!("{password} was judged at once")
        };
        assert_eq!(check.run().await.is_some(), admitted, "{password}");
    }
}
