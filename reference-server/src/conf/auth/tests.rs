//! Blocks as users write them.

use super::*;

fn merged(text: &str) -> Auth {
    let mut config = Config::default();
    config.merge(text).unwrap();
    config.auth
}

fn refused(text: &str) -> String {
    Config::default().merge(text).unwrap_err().to_string()
}

#[test]
fn logins_are_read_in_all_their_forms() {
    let auth = merged("authorization { token: s3cret, timeout: 0.5 }");
    assert_eq!(auth.token, Some("s3cret".into()));
    assert_eq!(auth.timeout, Some(Duration::from_millis(500)));
    let auth = merged("authorization { username: u, pass: \"p w\", timeout: \"700ms\" }");
    let user = User::with_password("u", "p w");
    assert_eq!((auth.user, auth.timeout), (Some(user), Some(Duration::from_millis(700))));
    let auth = merged("authorization { users: [] }");
    assert!(!auth.is_required(), "AUTH-007");
    let auth = merged(
        "no_auth_user: b\naccounts { A { users: [{user: a, password: p}] }, B {\n\
           users = [{user: b}]\n\
           limits { max_conn: 5, max_payload: -1 } } }",
    );
    let users: Vec<_> = auth.users().map(|(account, user, _)| (account, user.name())).collect();
    assert_eq!(users, [("A", "a"), ("B", "b")]);
    assert_eq!(auth.no_auth_user.as_deref(), Some("b"));
    let limits = auth.accounts[1].limits;
    assert_eq!((limits.max_connections, limits.max_payload_bytes), (Some(5), None));
    assert_eq!(merged("accounts: [A, B]").accounts.len(), 2);
}

#[test]
fn permissions_are_read_in_all_their_forms() {
    let auth = merged(
        "authorization {
           default_permissions: { publish: \"d.>\" }
           users: [
             { user: a, permissions: { pub: [x, \"y.*\"], sub: { allow: \"foo v1\", deny: [z] } } }
             { user: b, permission: { allow_responses: { max: -1, expires: \"1m\" } } }
             { user: c, permissions: { publish: [], allow_responses: true } }
             { user: d, permissions: {}, allowed_connection_types: [websocket, STANDARD] }
             { user: e }
           ] }",
    );
    let of = |name: &str| {
        let found = auth.users().find(|(_, user, _)| user.name() == name).unwrap();
        found.2.cloned().unwrap()
    };
    let expected = Permissions::default().allow_publish("x").allow_publish("y.*");
    assert_eq!(of("a"), expected.allow_subscribe("foo v1").deny_subscribe("z"));
    let rule = Responses { max: None, expires: Duration::from_secs(60) };
    assert_eq!(of("b"), Permissions::default().allow_responses(rule));
    assert_eq!(of("c"), Permissions::default().allow_responses(Responses::default()));
    assert_eq!(of("d"), Permissions::default());
    assert_eq!(of("e"), Permissions::default().allow_publish("d.>"));
    let types = &auth.users[3].connection_types;
    assert_eq!(types[..], [ConnectionType::Websocket, ConnectionType::Standard]);
}

#[test]
fn what_contradicts_itself_is_refused_in_the_words_of_nats_server() {
    // AUTH-020, ACC-002
    let accounts = "accounts { A { users: [{user: c, password: p}] } }";
    for (block, words) in [
        ("user: u, token: t", "Cannot have a user/pass and token"),
        ("user: u, users: [{user: v}]", "Can not have a single user/pass and a users array"),
        ("token: t, users: [{user: v}]", "Can not have a token and a users array"),
        ("users: [{user: c}, {user: c}]", "Duplicate user \"c\" detected"),
        ("users: [{password: p}]", "User entry requires a user"),
        #[cfg(feature = "nkeys")]
        ("users: [{nkey: UABC}]", "Not a valid public nkey for a user"),
        #[cfg(feature = "nkeys")]
        ("users: [{nkey: UABC, password: p}]", "Nkey users do not take usernames or passwords"),
        #[cfg(not(feature = "nkeys"))]
        ("users: [{nkey: UABC}]", "a user with an nkey needs the cargo feature `nkeys`"),
        ("colour: red", "unknown field \"colour\""),
        ("timeout: abc", "error parsing authorization config, 'timeout' "),
        ("users: {user: a}", "Expected users field to be an array"),
        ("password: p", "a password without a user"),
    ] {
        let text = refused(&format!("authorization {{ {block} }}"));
        assert!(text.contains(words), "{block}: {text}");
    }
    for text in [
        format!("authorization {{ users: [{{user: c}}] }}\n{accounts}"),
        format!("{accounts}\nauthorization {{ users: [{{user: c}}] }}"),
    ] {
        assert!(refused(&text).contains("2:"), "{text}");
        assert!(refused(&text).contains("Duplicate user \"c\" detected"), "{text}");
    }
    assert!(refused("accounts: { \"$G\" {} }").contains("\"$G\" is a Reserved Account"));
    assert!(refused("accounts: [A, A]").contains("Duplicate Account Entry: A"));
    assert!(refused("accounts: { A: 5 }").contains("Expected map entries for accounts"));
    let high = Config::default().merge("authorization { token: t, timeout: 90 }").unwrap();
    assert!(
        high[0].is_error_in_check && high[0].text.contains("timeout of 90 (90.000000 seconds)")
    );
}

#[test]
fn permissions_that_cannot_be_meant_are_refused() {
    // PERM-019, AUTH-021
    for (permissions, words) in [
        ("{publish: \"foo..bar\"}", "subject \"foo..bar\" is not a valid subject"),
        ("{subscribe: \"a b c\"}", "subject \"a b c\" is not a valid subject"),
        ("{publisher: a}", "Unknown field \"publisher\" parsing permissions"),
        ("{publish: {permit: a}}", "Unknown field name \"permit\" parsing subject permissions"),
        ("{publish: 5}", "or array of subjects, got int64"),
        ("{allow_responses: x}", "error parsing response permissions, expected a boolean or a map"),
        ("{allow_responses: {expires: 5}}", "error parsing expires, not a duration string"),
        ("5", "Expected permissions to be a map/struct"),
        ("{}, clients: [CARRIER]", "invalid connection types [\"CARRIER\"]"),
    ] {
        let text = refused(&format!(
            "authorization {{ users: [{{user: a, permissions: {permissions}}}] }}"
        ));
        assert!(text.contains(words), "{permissions}: {text}");
    }
}

#[test]
fn an_error_does_not_show_a_secret() {
    for text in [
        "authorization { user: u, password: s3cr3t, colour: red }",
        "authorization { user: u, \"pass\" = \"s3cr3t}x\", colour: red }",
        "authorization {\n TOKEN 's3cr3t'; colour: red }",
    ] {
        let shown = refused(text);
        assert!(!shown.contains("s3cr3t") && shown.contains("unknown field"), "{shown}");
    }
}
