//! What can't be meant.

use super::*;

fn problem(auth: Auth) -> String {
    auth.problem(Profile::default()).unwrap_or_default()
}

fn with(users: Vec<User>) -> Auth {
    Auth { users, ..Auth::default() }
}

fn alice() -> User {
    User::with_password("alice", "pw")
}

#[test]
fn what_contradicts_itself_is_a_problem() {
    let twice = AccountOptions::new("A").user(alice());
    for (auth, words) in [
        (
            Auth { token: Some("t".into()), accounts: vec![twice.clone()], ..Auth::default() },
            "a token and accounts",
        ),
        (
            Auth { user: Some(alice()), accounts: vec![twice.clone()], ..Auth::default() },
            "a single user/pass and accounts",
        ),
        (
            Auth { user: Some(alice()), no_auth_user: Some("alice".to_owned()), ..Auth::default() },
            "users/nkeys are not defined",
        ),
        (with(vec![User::with_password("", "pw")]), "User entry requires a user"),
        (with(vec![alice(), alice()]), "Duplicate user \"alice\" detected"),
        (Auth { accounts: vec![twice.clone()], ..with(vec![alice()]) }, "Duplicate user"),
        (
            Auth { accounts: vec![AccountOptions::new("A"), twice], ..Auth::default() },
            "Duplicate Account Entry: A",
        ),
        (
            Auth { accounts: vec![AccountOptions::new("$G")], ..Auth::default() },
            "\"$G\" is a Reserved Account",
        ),
        (
            Auth { no_auth_user: Some("zz".into()), ..with(vec![alice()]) },
            "no_auth_user: \"zz\" not present as user or nkey",
        ),
        (
            Auth { no_auth_user: Some("zz".into()), ..Auth::default() },
            "no_auth_user: \"zz\" present, but users/nkeys are not defined",
        ),
        (with(vec![User::with_nkey("UABC")]), "nkey"),
    ] {
        assert!(problem(auth.clone()).contains(words), "{}: {words}", problem(auth));
    }
    let guest = Some("alice".to_owned());
    assert_eq!(problem(Auth { no_auth_user: guest, ..with(vec![alice()]) }), "");
}

#[test]
fn subjects_must_be_valid_and_queues_stand_where_one_subscribes() {
    let list = |entry: &str| SubjectPermission { allow: vec![entry.into()], deny: vec![] };
    let subscribe = |entry| Permissions { subscribe: list(entry), ..Permissions::default() };
    let publish = |entry| Permissions { publish: list(entry), ..Permissions::default() };
    for (permissions, profile, valid) in [
        (subscribe("foo..bar"), Profile::V2_15, false),
        (subscribe("foo.> q"), Profile::V2_15, true),
        (publish("foo q"), Profile::V2_14, false),
        (publish("foo q"), Profile::V2_12, true),
    ] {
        let auth = with(vec![alice().permissions(permissions.clone())]);
        assert_eq!(auth.problem(profile).is_none(), valid, "{permissions:?}");
    }
}

#[test]
fn passwords_in_clear_are_noticed_and_tokens_are_not() {
    // AUTH-022, as nats-server has it.
    let hashed = User::with_password("a", "$2b$04$abcdefghijklmnopqrstuu");
    assert!(with(vec![hashed.clone(), alice()]).has_plain_passwords());
    assert!(!with(vec![hashed, User::with_nkey("U")]).has_plain_passwords());
    assert!(!Auth { token: Some("t".into()), ..Auth::default() }.has_plain_passwords());
}
