//! Which tokens are believed.

use jiff::Timestamp;
use serde_json::json;

use super::{mint::*, *};

struct Pairs {
    account: KeyPair,
    user: KeyPair,
}

fn pairs() -> Pairs {
    Pairs { account: KeyPair::new_account(), user: KeyPair::new_user() }
}

fn user(token: &str) -> Result<Claims<UserClaims>, TokenError> {
    Claims::read(token)
}

#[test]
fn a_signed_token_is_read() {
    let Pairs { account, user: pair } = pairs();
    let token = token(&account, &pair, anything(), json!({ "name": "ann" }));
    let claims = user(&token).unwrap();
    assert_eq!((claims.subject, claims.issuer), (pair.public_key(), account.public_key()));
    assert_eq!((claims.name.as_str(), claims.nats.limits.max_subscriptions()), ("ann", None));
}

#[test]
fn nothing_is_believed_without_the_issuers_signature() {
    let Pairs { account, user: pair } = pairs();
    let good = token(&account, &pair, anything(), json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let [header, body, signature] = parts[..] else { panic!("{good}") };
    assert!(user(&good).is_ok());
    let other = token(&account, &pair, json!({ "type": "user", "subs": 7 }), json!({}));
    let other_body = other.split('.').nth(1).unwrap();
    let stranger = sign(&KeyPair::new_account(), &format!("{header}.{body}"));
    let wrong = Err(TokenError::Signature(2));
    for (what, token) in [
        ("altered", format!("{header}.{other_body}.{signature}")),
        ("another's signature", format!("{header}.{body}.{stranger}")),
        ("no signature", format!("{header}.{body}.")),
        ("half a signature", format!("{header}.{body}.{}", &signature[..43])),
        ("over the body alone", format!("{header}.{body}.{}", sign(&account, body))),
    ] {
        assert_eq!(user(&token), wrong, "{what}");
    }
    for (alg, typ) in [("none", "JWT"), ("HS256", "JWT"), ("", "JWT"), ("ed25519", "JWS")] {
        let signed = format!("{}.{body}", part(&json!({ "alg": alg, "typ": typ })));
        let token = format!("{signed}.{}", sign(&account, &signed));
        assert_eq!(user(&token), Err(TokenError::Algorithm), "{alg} {typ}");
        assert_eq!(user(&format!("{signed}.")), Err(TokenError::Algorithm), "{alg} {typ}");
    }
    let signed = format!("{}.{body}", part(&json!({ "alg": "ED25519", "typ": "jwt" })));
    assert!(user(&format!("{signed}.{}", sign(&account, &signed))).is_ok(), "its old name");
}

#[test]
fn each_kind_has_its_issuers() {
    let Pairs { account, user: pair } = pairs();
    let operator = KeyPair::new_operator();
    for (issuer, nats) in [(&operator, anything()), (&pair, anything())] {
        let token = token(issuer, &pair, nats, json!({}));
        assert_eq!(user(&token), Err(TokenError::Issuer));
    }
    let of_account = token(&operator, &account, json!({ "type": "account" }), json!({}));
    assert_eq!(user(&of_account), Err(TokenError::Kind("user")));
    assert!(Claims::<AccountClaims>::read(&of_account).is_ok());
    let of_user = token(&account, &pair, anything(), json!({}));
    let read = Claims::<OperatorClaims>::read(&of_user);
    assert_eq!(read.map(|_| ()), Err(TokenError::Kind("operator")));
}

#[test]
fn version_1_is_signed_over_the_payload_and_has_no_limits_unless_it_says_so() {
    // AUTH-029
    let Pairs { account, user: pair } = pairs();
    let body = part(&json!({
        "iss": account.public_key(), "sub": pair.public_key(), "type": "user",
        "issuer_account": "A", "tags": ["a:b"], "nats": { "subs": 3, "src": "10.0.0.0/8, ::1/128" },
    }));
    let header = part(&json!({ "typ": "JWT", "alg": "ed25519" }));
    let claims = user(&format!("{header}.{body}.{}", sign(&account, &body))).unwrap().nats;
    assert_eq!((claims.issuer_account.as_str(), &claims.tags[..]), ("A", &["a:b".to_owned()][..]));
    let limits = claims.limits;
    assert_eq!((limits.max_subscriptions(), limits.max_payload_bytes()), (Some(3), None));
    assert!(limits.admits("10.1.2.3") && limits.admits("::1") && !limits.admits("127.0.0.1"));
    let both = format!("{header}.{body}");
    assert_eq!(user(&format!("{both}.{}", sign(&account, &both))), Err(TokenError::Signature(1)));
    for version in [0, 3] {
        let nats = json!({ "version": version });
        let token = token(&account, &pair, anything(), json!({ "nats": nats }));
        assert_eq!(user(&token), Err(TokenError::Version(version)));
    }
}

#[test]
fn wild_texts_are_no_tokens() {
    let Pairs { account, user: pair } = pairs();
    let good = token(&account, &pair, anything(), json!({}));
    assert_eq!(user(&"a".repeat(TOKEN_BYTES_MAX + 1)), Err(TokenError::TooLarge((1 << 20) + 1)));
    for text in ["", ".", "..", "...", "a.b.c", "eyJ", "é.é.é", &good[1..], &format!("{good}.")]
    {
        assert!(user(text).is_err(), "{text}");
    }
    for body in [json!([]), json!(null), json!({ "nats": 1 }), json!({ "nats": { "type": 5 } })] {
        let signed = format!("{}.{}", good.split('.').next().unwrap(), part(&body));
        assert!(user(&format!("{signed}.{}", sign(&account, &signed))).is_err(), "{body}");
    }
    // What is wrong is told without what was offered.
    let error = user("hunter2.hunter2.hunter2").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[test]
fn a_token_counts_from_a_time_and_to_a_time() {
    let Pairs { account, user: pair } = pairs();
    let at = |more: Value| user(&token(&account, &pair, anything(), more)).unwrap();
    let claims = at(json!({ "nbf": 100, "exp": 200 }));
    assert_eq!([99, 100, 199, 200].map(|now| claims.is_valid_at(now)), [false, true, true, false]);
    assert!(at(json!({})).is_valid_at(i64::MAX));
}

fn limits(nats: Value) -> UserLimits {
    let Pairs { account, user: pair } = pairs();
    let token = token(&account, &pair, json!({ "type": "user" }), json!({ "nats": nats }));
    user(&token).unwrap().nats.limits
}

#[test]
fn hours_of_the_day_are_those_of_a_place() {
    let limits = limits(json!({
        "times": [{ "start": "09:00:00", "end": "10:00:00" },
                  { "start": "22:00:00", "end": "02:00:00" }],
        "times_location": "Europe/Berlin",
    }));
    assert!(limits.is_sound());
    let left = |utc: &str| {
        let now: Timestamp = format!("2026-01-15T{utc}Z").parse().unwrap();
        limits.time_left(now).map(|left| left.unwrap().as_secs())
    };
    assert_eq!(left("08:59:00"), Some(60), "one hour ahead of UTC");
    assert_eq!(left("09:00:00"), None);
    assert_eq!(left("22:59:00"), Some(2 * 3600 + 60));
    assert_eq!(left("00:30:00"), Some(1800));
    for wrong in [
        json!({ "times": [{ "start": "9", "end": "10:00:00" }] }),
        json!({ "times_location": "Nowhere" }),
        json!({ "src": ["10.0.0.0"] }),
    ] {
        assert!(!super::tests::limits(wrong.clone()).is_sound(), "{wrong}");
    }
}

#[test]
fn a_template_is_filled_with_names_and_tags() {
    // AUTH-030
    let Pairs { account, user: pair } = pairs();
    let tags = json!({ "type": "user", "tags": ["dept:a", "dept:b", "odd:{{name()}}"] });
    let user = user(&token(&account, &pair, tags, json!({ "name": "joe" }))).unwrap();
    let claims = json!({ "type": "account", "tags": ["region:eu"] });
    let account: Claims<AccountClaims> =
        Claims::read(&token(&account, &account, claims, json!({ "name": "acme" }))).unwrap();
    let filled = |allow: &str, deny: &[&str]| {
        let side = json!({ "allow": [allow], "deny": deny });
        let template: PermissionClaims = serde_json::from_value(json!({ "pub": side })).unwrap();
        expand(&template, &user, &account).map(|it| (it.r#pub.allow, it.r#pub.deny))
    };
    let key = pair.public_key();
    for (allow, expected) in [
        ("t.{{name()}}.>", vec!["t.joe.>".to_owned()]),
        ("{{ Account-Name() }}.{{subject()}}", vec![format!("acme.{key}")]),
        ("{{tag(dept)}}.{{account-tag(region)}}", vec!["a.eu".to_owned(), "b.eu".to_owned()]),
        ("{{tag(dept)}}.{{tag(dept)}}", vec!["a.a".to_owned(), "b.b".to_owned()]),
        ("{{tag(odd)}}", vec!["{{name()}}".to_owned()]),
        ("plain", vec!["plain".to_owned()]),
    ] {
        assert_eq!(filled(allow, &[]), Some((expected, vec![])), "{allow}");
    }
    assert_eq!(filled("{{tag(none)}}", &[]), Some((vec![], vec![">".to_owned()])));
    assert_eq!(filled("a", &["{{tag(none)}}"]), None);
    assert_eq!(filled("{{nonsense()}}", &[]), None);
    assert_eq!(filled(&"{{tag(dept)}}".repeat(9), &[]).map(|(allow, _)| allow.len()), Some(2));
}

#[test]
fn a_template_makes_so_many_subjects_and_no_more() {
    // AUTH-030
    let Pairs { account, user: pair } = pairs();
    let (issuer, claims) = (account.public_key(), json!({ "type": "account" }));
    let acme: Claims<AccountClaims> =
        Claims::read(&token(&account, &account, claims, json!({}))).unwrap();
    // How many subjects are allowed to somebody with so many values of each tag.
    let allowed = |values: usize, allow: &[&str]| {
        let tags: Vec<String> =
            (0..values).flat_map(|n| [format!("x:{n}"), format!("y:{n}")]).collect();
        let nats = json!({ "type": "user", "tags": tags, "issuer_account": issuer });
        let user = user(&token(&account, &pair, nats, json!({}))).unwrap();
        let side = json!({ "allow": allow });
        let template: PermissionClaims = serde_json::from_value(json!({ "pub": side })).unwrap();
        expand(&template, &user, &acme).map(|it| it.r#pub.allow)
    };
    let count = |values, allow: &[&str]| allowed(values, allow).map(|it| it.len());
    assert_eq!(count(64, &["{{tag(x)}}.{{tag(y)}}"]), Some(4096));
    assert_eq!(count(65, &["{{tag(x)}}.{{tag(y)}}"]), None, "of one entry");
    assert_eq!(count(64, &["{{tag(x)}}.{{tag(y)}}", "a"]), None, "of all entries");
    assert_eq!(allowed(0, &["{{account-subject()}}"]), Some(vec![issuer.clone()]));
}

#[test]
fn a_template_leaves_nothing_out_of_what_is_denied() {
    // AUTH-030
    let Pairs { account, user: pair } = pairs();
    let nats = json!({ "type": "user", "tags": ["good:a", "some:a", "some:b..c"] });
    let user = user(&token(&account, &pair, nats, json!({}))).unwrap();
    let claims = json!({ "type": "account" });
    let acme: Claims<AccountClaims> =
        Claims::read(&token(&account, &account, claims, json!({}))).unwrap();
    let filled = |side: serde_json::Value| {
        let template: PermissionClaims = serde_json::from_value(json!({ "sub": side })).unwrap();
        expand(&template, &user, &acme).map(|it| (it.sub.allow, it.sub.deny))
    };
    let a = || vec!["a".to_owned()];
    assert_eq!(filled(json!({ "allow": ["{{tag(some)}}"] })), Some((a(), vec![])));
    assert_eq!(filled(json!({ "deny": ["{{tag(good)}}"] })), Some((vec![], a())));
    assert_eq!(filled(json!({ "deny": ["{{tag(some)}}"] })), None);
}
