//! The options of CONNECT.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::Secret;

/// What a client asked for. CONNECT may be repeated; what a later one leaves out stays as it was
/// (CORE-CONN-007).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Acknowledge each operation with `+OK`; on until CONNECT says otherwise (CORE-CONN-002).
    pub verbose: bool,
    /// Check published subjects; on until CONNECT says otherwise (CORE-CONN-004).
    pub pedantic: bool,
    /// Deliver own messages to own subscriptions; on by default (CORE-CONN-005).
    pub echo: bool,
    /// The client reads and writes headers; off by default (CORE-CONN-006).
    pub headers: bool,
    /// Answer requests that nobody listens to; off by default (CORE-REQ-004).
    pub no_responders: bool,
    /// 1 if the client takes later INFOs.
    pub protocol: i64,
    /// The client's name for itself.
    pub name: String,
    /// The language of the client's library, for the log.
    pub lang: String,
    /// The library's version, for the log.
    pub version: String,
    /// How the client proves who it is.
    pub credentials: Credentials,
    /// An obsolete option was used that nats-server refuses (CORE-CONN-030).
    pub obsolete: bool,
}

/// What a client offers to prove who it is; what is left out is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The name of a user.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// A secret that all clients have in common.
    pub token: Secret,
    /// A token that an account has signed; some let in whoever has them.
    pub jwt: Secret,
    /// A public key.
    pub nkey: String,
    /// The key's signature over the nonce of INFO.
    pub signature: String,
    /// The signature over the same of a proxy that the client has come through.
    pub proxy_signature: String,
}

impl Credentials {
    /// Whether a client brings nothing: a token of the other kind is not looked at.
    pub(crate) fn is_empty(&self) -> bool {
        let Credentials { user, password, token, nkey, .. } = self;
        user.is_empty() && password.is_empty() && token.is_empty() && nkey.is_empty()
    }
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            verbose: true,
            pedantic: true,
            echo: true,
            headers: false,
            no_responders: false,
            protocol: 0,
            name: String::new(),
            lang: String::new(),
            version: String::new(),
            credentials: Credentials::default(),
            obsolete: false,
        }
    }
}

impl ConnectOptions {
    /// Takes over what the JSON text says. Names match without regard to case, unknown ones and
    /// null are passed over, the last of several wins; a wrong type or anything but an object or
    /// null is an error (CORE-CONN-009 to 013).
    pub fn merge(&mut self, json: &[u8]) -> Result<(), serde_json::Error> {
        // Go's decoder replaces what is not UTF-8 instead of refusing it.
        let text = String::from_utf8_lossy(json);
        let mut reader = serde_json::Deserializer::from_str(&text);
        reader.deserialize_option(Merge(self))?;
        reader.end()
    }
}

struct Merge<'a>(&'a mut ConnectOptions);

impl<'de> Visitor<'de> for Merge<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of CONNECT options")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let options = self.0;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match name.to_ascii_lowercase().as_str() {
                "verbose" => set(&mut options.verbose, map.next_value()?),
                "pedantic" => set(&mut options.pedantic, map.next_value()?),
                "echo" => set(&mut options.echo, map.next_value()?),
                "headers" => set(&mut options.headers, map.next_value()?),
                "no_responders" => set(&mut options.no_responders, map.next_value()?),
                "protocol" => set(&mut options.protocol, map.next_value()?),
                "name" => set(&mut options.name, map.next_value()?),
                "account" => {
                    let account: Option<String> = map.next_value()?;
                    options.obsolete |= account.is_some_and(|name| !name.is_empty());
                }
                "new_account" => {
                    options.obsolete |= map.next_value::<Option<bool>>()? == Some(true)
                }
                "tls_required" => drop(map.next_value::<Option<bool>>()?),
                "lang" => set(&mut options.lang, map.next_value()?),
                "version" => set(&mut options.version, map.next_value()?),
                "user" => set(&mut options.credentials.user, map.next_value()?),
                "pass" => set(&mut options.credentials.password, secret(&mut map)?),
                "auth_token" => set(&mut options.credentials.token, secret(&mut map)?),
                "nkey" => set(&mut options.credentials.nkey, map.next_value()?),
                "sig" => set(&mut options.credentials.signature, map.next_value()?),
                "proxy_sig" => set(&mut options.credentials.proxy_signature, map.next_value()?),
                "jwt" => set(&mut options.credentials.jwt, secret(&mut map)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn secret<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Secret>, A::Error> {
    Ok(map.next_value::<Option<String>>()?.map(Secret::from))
}

fn set<T>(option: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *option = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(json: &str) -> Option<ConnectOptions> {
        let mut options = ConnectOptions::default();
        options.merge(json.as_bytes()).is_ok().then_some(options)
    }

    #[test]
    fn names_match_without_case_and_the_last_one_wins() {
        assert!(!merged(r#"{"VERBOSE":false}"#).unwrap().verbose);
        assert!(merged(r#"{"verbose":false,"Verbose":true}"#).unwrap().verbose);
    }

    #[test]
    fn null_and_unknown_names_change_nothing() {
        assert_eq!(merged("null"), Some(ConnectOptions::default()));
        let options = merged(r#"{"verbose":null,"x":[1,{"a":2}]}"#);
        assert_eq!(options, Some(ConnectOptions::default()));
    }

    #[test]
    fn wrong_types_and_other_texts_are_refused() {
        for json in [
            "",
            "{",
            "[]",
            "1",
            "\"x\"",
            "{verbose:false}",
            r#"{"verbose":"false"}"#,
            r#"{"verbose":0}"#,
            r#"{"protocol":"1"}"#,
            r#"{"protocol":1.5}"#,
            r#"{"name":5}"#,
            r#"{"user":true}"#,
            r#"{"verbose":false} x"#,
        ] {
            assert_eq!(merged(json), None, "{json}");
        }
    }

    #[test]
    fn credentials_are_texts_after_decoding_and_secrets_are_not_shown() {
        let options = merged(r#"{"user":"u","pass":"p\u00e4ss","auth_token":"t0ken"}"#).unwrap();
        assert_eq!(options.credentials.password, Secret::from("p\u{e4}ss"));
        let shown = format!("{options:?}");
        assert!(!shown.contains("ss\"") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn each_option_has_its_name() {
        let all = r#"{"verbose":false,"pedantic":false,"echo":false,"headers":true,
            "no_responders":true,"protocol":1,"name":"n","lang":"l","version":"v","user":"u",
            "pass":"p","auth_token":"t","nkey":"k","sig":"s","jwt":"j","proxy_sig":"x",
            "tls_required":true}"#;
        let expected = ConnectOptions {
            verbose: false,
            pedantic: false,
            echo: false,
            headers: true,
            no_responders: true,
            protocol: 1,
            name: "n".into(),
            lang: "l".into(),
            version: "v".into(),
            credentials: Credentials {
                user: "u".into(),
                password: "p".into(),
                token: "t".into(),
                jwt: "j".into(),
                nkey: "k".into(),
                signature: "s".into(),
                proxy_signature: "x".into(),
            },
            obsolete: false,
        };
        assert_eq!(merged(all), Some(expected));
        assert_eq!(merged(r#"{"tls_required":1}"#), None);
    }

    #[test]
    fn obsolete_is_what_names_an_account_or_asks_for_one() {
        for (json, obsolete) in [
            (r#"{"account":"A"}"#, true),
            (r#"{"account":"A","new_account":false}"#, true),
            (r#"{"new_account":true,"account":""}"#, true),
            (r#"{"new_account":false,"account":""}"#, false),
            (r#"{"new_account":null,"account":null}"#, false),
        ] {
            assert_eq!(merged(json).unwrap().obsolete, obsolete, "{json}");
        }
    }

    #[test]
    fn a_later_connect_keeps_what_it_leaves_out() {
        let mut options = merged(r#"{"verbose":false,"echo":false}"#).unwrap();
        options.merge(br#"{"echo":true}"#).unwrap();
        assert!(!options.verbose && options.echo);
    }
}
