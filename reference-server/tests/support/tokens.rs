//! Makes tokens for tests, of keys that are made anew each time.

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// A token of version 2 in which `issuer` says `nats` of `subject`; `more` goes over the rest.
pub(crate) fn token(issuer: &KeyPair, subject: &KeyPair, nats: Value, more: Value) -> String {
    let mut body = json!({
        "iss": issuer.public_key(), "sub": subject.public_key(), "iat": 1_700_000_000, "nats": nats,
    });
    body["nats"]["version"] = 2.into();
    overlay(&mut body, more);
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let signed = format!("{}.{}", part(&header), part(&body));
    format!("{signed}.{}", sign(issuer, &signed))
}

/// The first or second part of a token.
pub(crate) fn part(json: &Value) -> String {
    BASE64URL_NOPAD.encode(json.to_string().as_bytes())
}

/// The third part of a token.
pub(crate) fn sign(issuer: &KeyPair, signed: &str) -> String {
    BASE64URL_NOPAD.encode(&issuer.sign(signed.as_bytes()).unwrap())
}

/// What an account says of a user who may do everything.
pub(crate) fn anything() -> Value {
    json!({ "type": "user", "subs": -1, "data": -1, "payload": -1 })
}

/// Puts members into an object, also into the objects in it.
pub(crate) fn overlay(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(value), Value::Object(more)) => {
            for (name, it) in more {
                overlay(value.entry(name).or_insert(Value::Null), it);
            }
        }
        (value, more) => *value = more,
    }
}
