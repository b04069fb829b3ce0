//! Which tokens let in, for how long and to what (AUTH-026 to AUTH-032).

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{VIOLATION, World, connect, is_old, now, told};
use crate::{
    Running, dial,
    tokens::{anything, overlay, part, sign, token},
};

#[test]
fn only_a_good_token_with_its_signature_is_let_in() {
    // AUTH-026
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &[]);
    let good = world.user_token(json!({}), json!({}));
    let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other_body = world.user_token(json!({ "subs": 7 }), json!({}));
    let other_body = other_body.split('.').nth(1).unwrap().to_owned();
    let none = part(&json!({ "typ": "JWT", "alg": "none" }));
    let stranger = KeyPair::new_account();
    for (what, jwt, accepted) in [
        ("good", good.clone(), true),
        ("altered", format!("{header}.{other_body}.{signature}"), false),
        ("alg none", format!("{none}.{body}."), false),
        (
            "alg none, signed",
            {
                let signed = format!("{none}.{body}");
                format!("{signed}.{}", sign(&world.account, &signed))
            },
            false,
        ),
        ("unknown account", token(&stranger, &world.user, anything(), json!({})), false),
        ("the operator", token(&world.operator, &world.user, anything(), json!({})), false),
        ("expired", world.user_token(json!({}), json!({ "exp": now() - 5 })), false),
        ("not yet", world.user_token(json!({}), json!({ "nbf": now() + 60 })), false),
        ("from elsewhere", world.user_token(json!({ "src": ["10.0.0.0/8"] }), json!({})), false),
        ("from here", world.user_token(json!({ "src": ["127.0.0.0/8"] }), json!({})), true),
        (
            "websocket",
            { world.user_token(json!({ "allowed_connection_types": ["WEBSOCKET"] }), json!({})) },
            false,
        ),
        (
            "standard",
            { world.user_token(json!({ "allowed_connection_types": ["STANDARD"] }), json!({})) },
            true,
        ),
        (
            "an odd subject",
            world.user_token(json!({ "pub": { "deny": ["a..b"] } }), json!({})),
            is_old(),
        ),
        ("an odd net", world.user_token(json!({ "src": ["10.0.0.0/99"] }), json!({})), false),
        ("account token", world.account_token(json!({}), json!({})), false),
        ("nonsense", "eyJ.x.y".to_owned(), false),
        (
            "never",
            {
                let range = json!({ "start": "10:00:00", "end": "10:00:00" });
                world.user_token(json!({ "times": [range] }), json!({}))
            },
            false,
        ),
        (
            "always",
            {
                let one = json!({ "start": "00:00:00", "end": "23:59:59" });
                let two = json!({ "start": "12:00:00", "end": "11:59:59" });
                world.user_token(json!({ "times": [one, two] }), json!({}))
            },
            true,
        ),
    ] {
        let line = world.shows(&server, &jwt).line();
        assert_eq!(line, if accepted { "PONG\r\n" } else { VIOLATION }, "{what}");
    }
}

#[test]
fn other_ways_to_log_in_do_not_count() {
    // AUTH-026
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &[]);
    let good = world.user_token(json!({}), json!({}));
    let bearer = world.user_token(json!({ "bearer_token": true }), json!({}));
    let key = world.user.public_key();
    for (options, accepted) in [
        (json!({ "jwt": good }), false),
        (json!({ "jwt": good, "sig": "SIG" }), true),
        (json!({ "jwt": good, "sig": "SIG", "nkey": key }), true),
        (json!({ "jwt": good, "sig": "OTHER" }), false),
        (json!({ "nkey": key, "sig": "SIG" }), false),
        (json!({ "user": "u", "pass": "p" }), false),
        (json!({ "auth_token": good }), false),
        (json!({}), false),
        (json!({ "jwt": bearer }), true),
    ] {
        let mut client = dial(&server);
        let nonce = client.info["nonce"].as_str().unwrap().to_owned();
        let text = connect(options.clone());
        let text = text.replace("SIG", &sign(&world.user, &nonce));
        client.send(&text.replace("OTHER", &sign(&KeyPair::new_user(), &nonce)));
        let line = client.line();
        assert_eq!(line, if accepted { "PONG\r\n" } else { VIOLATION }, "{options}");
    }
    let minds = world.config(json!({ "limits": { "disallow_bearer": true } }));
    let server = Running::start(&minds, &[]);
    assert_eq!(told(&mut world.shows(&server, &bearer)), VIOLATION);
}

#[test]
fn a_connection_ends_with_its_token() {
    // AUTH-027
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &[]);
    let mut client =
        world.shows(&server, &world.user_token(json!({}), json!({ "exp": now() + 2 })));
    assert_eq!(told(&mut client), "PONG\r\n-ERR 'User Authentication Expired'\r\n");
}

#[test]
fn the_connections_of_an_account_end_with_its_token() {
    // AUTH-028
    let world = World::new();
    let token = world.account_token(json!({}), json!({ "exp": now() + 2 }));
    let server = Running::start(&world.config_with(&token), &[]);
    let mut client = world.user(&server);
    assert_eq!(told(&mut client), "-ERR 'Account Authentication Expired'\r\n");
    let late = told(&mut world.shows(&server, &world.user_token(json!({}), json!({}))));
    assert_eq!(late, VIOLATION);
}

#[test]
fn both_versions_of_tokens_are_verified() {
    // AUTH-029
    let world = World::new();
    let server = Running::start(&world.config(json!({})), &[]);
    let body = |nats: Value, more: Value| {
        let mut body = json!({
            "iss": world.account.public_key(), "sub": world.user.public_key(),
            "iat": 1_700_000_000, "nats": nats,
        });
        overlay(&mut body, more);
        part(&body)
    };
    let one = body(json!({}), json!({ "type": "user" }));
    let two = body(json!({ "type": "user", "version": 2, "subs": -1, "payload": -1 }), json!({}));
    for alg in ["ed25519", "ed25519-nkey"] {
        let header = part(&json!({ "typ": "jwt", "alg": alg }));
        for (body, over_both, accepted) in
            [(&one, false, true), (&one, true, false), (&two, true, true), (&two, false, false)]
        {
            let both = format!("{header}.{body}");
            let signed = if over_both { both.as_str() } else { body.as_str() };
            let signature = sign(&world.account, signed);
            let line = world.shows(&server, &format!("{both}.{signature}")).line();
            assert_eq!(line, if accepted { "PONG\r\n" } else { VIOLATION }, "{alg} {over_both}");
        }
    }
}

#[test]
fn signing_keys_and_templates_hold() {
    // AUTH-030
    let world = World::new();
    let (plain, scoped) = (KeyPair::new_account(), KeyPair::new_account());
    let template = json!({
        "pub": { "allow": ["t.{{name()}}.>", "d.{{tag(dept)}}"] },
        "subs": 1, "data": -1, "payload": -1,
    });
    let keys = json!([
        plain.public_key(),
        { "kind": "user_scope", "key": scoped.public_key(), "template": template },
    ]);
    let server = Running::start(&world.config(json!({ "signing_keys": keys })), &[]);
    let by = |signer: &KeyPair, nats: Value| {
        let mut all = json!({ "type": "user", "issuer_account": world.account.public_key() });
        overlay(&mut all, nats);
        token(signer, &world.user, all, json!({ "name": "joe" }))
    };
    for (what, jwt, accepted) in [
        ("signing key", by(&plain, anything()), true),
        ("without account", token(&plain, &world.user, anything(), json!({})), false),
        ("own permissions", by(&scoped, json!({ "pub": { "allow": ["x"] } })), false),
        ("own limits", by(&scoped, anything()), false),
        ("scoped", by(&scoped, json!({})), true),
    ] {
        let line = world.shows(&server, &jwt).line();
        assert_eq!(line, if accepted { "PONG\r\n" } else { VIOLATION }, "{what}");
    }
    let tagged = by(&scoped, json!({ "tags": ["dept:a", "dept:b"] }));
    let mut joe = world.shows(&server, &tagged);
    joe.fence_behind("PONG\r\n");
    for (subject, allowed) in
        [("t.joe.x", true), ("t.ann.x", false), ("d.a", true), ("d.b", true), ("d.c", false)]
    {
        joe.send(&format!("PUB {subject} 1\r\nx\r\n"));
        match allowed {
            true => joe.fence(),
            false => joe.fence_behind(&format!(
                "-ERR 'Permissions Violation for Publish to \"{subject}\"'\r\n"
            )),
        }
    }
    joe.send("SUB a 1\r\nSUB b 2\r\n");
    joe.fence_behind("-ERR 'maximum subscriptions exceeded'\r\n");
}

#[test]
fn an_account_has_so_many_connections() {
    // AUTH-031
    let world = World::new();
    let server = Running::start(&world.config(json!({ "limits": { "conn": 2 } })), &[]);
    let (_one, _two) = (world.user(&server), world.user(&server));
    let mut third = world.shows(&server, &world.user_token(json!({}), json!({})));
    assert_eq!(told(&mut third), "-ERR 'maximum account active connections exceeded'\r\n");
}

#[test]
fn permissions_and_limits_of_a_token_hold() {
    // AUTH-032
    let world = World::new();
    let server = Running::start(&world.config(json!({ "limits": { "payload": 100 } })), &[]);
    let mut client = world.user_of(&server, json!({ "pub": { "deny": ["bad"] } }));
    client.send("PUB bad 1\r\nx\r\n");
    client.fence_behind("-ERR 'Permissions Violation for Publish to \"bad\"'\r\n");
    let mut client = world.user_of(&server, json!({ "subs": 1 }));
    client.send("SUB a 1\r\nSUB b 2\r\n");
    client.fence_behind("-ERR 'maximum subscriptions exceeded'\r\n");
    for (limit, least) in [(json!({ "payload": 10 }), 10), (json!({}), 100)] {
        let mut client = world.user_of(&server, limit);
        client.send(&format!("PUB a {least}\r\n{}\r\n", "x".repeat(least)));
        client.fence();
        client.send(&format!("PUB a {}\r\n", least + 1));
        assert_eq!(told(&mut client), "-ERR 'Maximum Payload Violation'\r\n");
    }
    // A denied subject does not arrive by a wider subscription.
    let mut wide = world.user_of(&server, json!({ "sub": { "deny": ["s.secret"] } }));
    wide.send("SUB s.* 1\r\nPUB s.secret 1\r\nx\r\nPUB s.open 1\r\ny\r\n");
    wide.fence_behind("MSG s.open 1 1\r\ny\r\n");
}
