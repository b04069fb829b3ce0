//! Tokens (JWT) as nats-server reads them: three parts in base64, the last one an Ed25519
//! signature by the key that the second one names as its issuer. Nothing of a token is believed
//! before that signature has been verified.

mod claims;
mod exchange;
#[cfg(test)]
#[path = "../../tests/support/tokens.rs"]
pub(super) mod mint;
mod template;

use data_encoding::BASE64URL_NOPAD;
use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;

pub(super) use self::claims::{
    AccountClaims, OperatorClaims, PermissionClaims, ResponseClaims, ServiceClaims, SigningKey,
    UserClaims, UserLimits,
};
pub(super) use self::{exchange::mappings, template::expand};

/// nats-server reads no longer ones.
const TOKEN_BYTES_MAX: usize = 1 << 20;

/// What is wrong with a token. The token itself is never shown: some let in whoever has them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TokenError {
    #[error("token of {0} bytes is longer than {TOKEN_BYTES_MAX}")]
    TooLarge(usize),
    #[error("expected 3 chunks")]
    NoToken,
    #[error("the {0} is no base64 of JSON")]
    Unreadable(&'static str),
    #[error("unexpected algorithm or type in the header")]
    Algorithm,
    #[error("the claims don't fit: {0}")]
    Claims(String),
    #[error("not {0} claims")]
    Kind(&'static str),
    #[error("claims of version {0} are not supported")]
    Version(i64),
    #[error("claim failed V{0} signature verification")]
    Signature(i64),
    #[error("may not be issued by such a key")]
    Issuer,
}

/// What a token says, its signature verified.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Claims<T> {
    /// The public key that signed.
    #[serde(rename = "iss")]
    pub(super) issuer: String,
    /// The public key that the claims are about.
    #[serde(rename = "sub")]
    pub(super) subject: String,
    pub(super) name: String,
    #[serde(rename = "aud")]
    pub(super) audience: String,
    /// In seconds since 1970, like all that follow.
    #[serde(rename = "iat")]
    pub(super) issued_at: i64,
    /// 0 is never.
    #[serde(rename = "exp")]
    pub(super) expires: i64,
    #[serde(rename = "nbf")]
    pub(super) not_before: i64,
    pub(super) nats: T,
}

impl<T: Default> Default for Claims<T> {
    fn default() -> Claims<T> {
        Claims {
            issuer: String::new(),
            subject: String::new(),
            name: String::new(),
            audience: String::new(),
            issued_at: 0,
            expires: 0,
            not_before: 0,
            nats: T::default(),
        }
    }
}

/// What one kind of token is about.
pub(super) trait Kind: DeserializeOwned + Default {
    /// The value of `type`.
    const NAME: &'static str;
    /// Whose keys may sign it.
    const ISSUERS: &'static [KeyPairType];

    /// Limits that are none where a token of version 1 leaves them out; in version 2, zero.
    fn unlimited(nats: &mut serde_json::Map<String, Value>);
}

impl<T: Kind> Claims<T> {
    /// Reads a token and verifies it, in either version (AUTH-029).
    pub(super) fn read(token: &str) -> Result<Claims<T>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLarge(token.len()));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, body, signature] = parts[..] else { return Err(TokenError::NoToken) };
        check_header(header)?;
        let mut body_json: Value = decode(body, "payload")?;
        let version = upgrade::<T>(&mut body_json)?;
        let claims: Claims<T> = serde_json::from_value(body_json)
            .map_err(|error| TokenError::Claims(error.to_string()))?;
        let signed = match version {
            1 => body,
            _ => &token[..header.len() + 1 + body.len()],
        };
        let key = KeyPair::from_public_key(&claims.issuer).map_err(|_| TokenError::Issuer)?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
        let verified = signature.is_ok_and(|it| key.verify(signed.as_bytes(), &it).is_ok());
        if !verified {
            return Err(TokenError::Signature(version));
        }
        let issues = |kind| key.key_pair_type() == kind;
        match T::ISSUERS.iter().cloned().any(issues) {
            true => Ok(claims),
            false => Err(TokenError::Issuer),
        }
    }

    /// Whether it counts at this time, in seconds since 1970.
    pub(super) fn is_valid_at(&self, now: i64) -> bool {
        !(self.has_expired_at(now) || self.not_before > 0 && self.not_before > now)
    }

    pub(super) fn has_expired_at(&self, now: i64) -> bool {
        self.expires > 0 && self.expires <= now
    }
}

/// Whether this is the public key of an account, an operator, and so on.
pub(super) fn is_public_key(key: &str, kind: KeyPairType) -> bool {
    super::nkey::kind(key) == Some(kind)
}

/// Only Ed25519 will do, in its old and its new name; `none` above all will not.
fn check_header(part: &str) -> Result<(), TokenError> {
    #[derive(Deserialize)]
    struct Header {
        typ: String,
        alg: String,
    }
    let Header { typ, alg } = decode(part, "header")?;
    let known = ["ed25519", "ed25519-nkey"].iter().any(|known| alg.eq_ignore_ascii_case(known));
    match known && typ.eq_ignore_ascii_case("JWT") {
        true => Ok(()),
        false => Err(TokenError::Algorithm),
    }
}

fn decode<T: DeserializeOwned>(part: &str, what: &'static str) -> Result<T, TokenError> {
    let unreadable = || TokenError::Unreadable(what);
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_| unreadable())
}

/// Makes a body of version 1 one of version 2, where `nats` holds everything. Answers the version
/// that it was.
fn upgrade<T: Kind>(body: &mut Value) -> Result<i64, TokenError> {
    let body = body.as_object_mut().ok_or(TokenError::Unreadable("payload"))?;
    let old = body.remove("type");
    let outside = ["tags", "issuer_account"].map(|name| (name, body.remove(name)));
    let nats = body.entry("nats").or_insert_with(|| Value::Object(serde_json::Map::new()));
    let nats = nats.as_object_mut().ok_or(TokenError::Unreadable("payload"))?;
    let version = match &old {
        Some(_) => 1,
        None => nats.get("version").and_then(Value::as_i64).unwrap_or(0),
    };
    if old.as_ref().or(nats.get("type")).and_then(Value::as_str) != Some(T::NAME) {
        return Err(TokenError::Kind(T::NAME));
    }
    match version {
        1 if old.is_some() => {
            nats.extend(outside.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?))));
            T::unlimited(nats);
        }
        1 => T::unlimited(nats),
        2 => {}
        version => return Err(TokenError::Version(version)),
    }
    Ok(version)
}

#[cfg(test)]
mod tests;
