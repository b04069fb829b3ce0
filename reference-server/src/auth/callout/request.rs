//! What the service is asked.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
use nkeys::KeyPair;
use serde::Serialize;

use super::{Sentinel, Service};
use crate::{
    auth::Offer,
    protocol::Credentials,
    transport::{Kind, TlsSession},
};

/// The header of every token that a server signs, encoded.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
const AUDIENCE: &str = "nats-authorization-request";

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'static str,
    exp: u64,
    jti: String,
    iat: u64,
    iss: &'a str,
    sub: &'a str,
    nats: Request<'a>,
}

#[derive(Serialize)]
struct Request<'a> {
    server_id: Server<'a>,
    user_nkey: &'a str,
    client_info: Client<'a>,
    connect_opts: Connect<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_tls: Option<Tls<'a>>,
    r#type: &'static str,
    version: u8,
}

#[derive(Serialize)]
struct Server<'a> {
    name: &'a str,
    host: &'a str,
    id: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    xkey: Option<String>,
}

#[derive(Serialize)]
struct Client<'a> {
    host: &'a str,
    id: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    name_tag: &'a str,
    kind: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// What CONNECT said, less what was left out.
#[derive(Serialize)]
struct Connect<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    jwt: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    nkey: &'a str,
    #[serde(rename = "sig", skip_serializing_if = "str::is_empty")]
    signature: &'a str,
    #[serde(rename = "auth_token", skip_serializing_if = "str::is_empty")]
    token: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(rename = "pass", skip_serializing_if = "str::is_empty")]
    password: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    lang: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    protocol: i64,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'a str,
    cipher: &'a str,
    /// In PEM, from the client's own certificate to its authority's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verified_chains: Vec<Vec<String>>,
}

impl<'a> Tls<'a> {
    fn of(session: &'a TlsSession) -> Tls<'a> {
        let chain: Vec<String> = session.chain.iter().map(|der| pem(der)).collect();
        Tls {
            version: session.version,
            cipher: &session.cipher_suite,
            verified_chains: Vec::from_iter(Some(chain).filter(|chain| !chain.is_empty())),
        }
    }
}

/// A certificate as text.
fn pem(der: &[u8]) -> String {
    const LETTERS: usize = 64;
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in BASE64.encode(der).as_bytes().chunks(LETTERS) {
        text.extend(line.iter().copied().map(char::from).chain(['\n']));
    }
    text + "-----END CERTIFICATE-----\n"
}

/// A public user key whose seed nobody keeps.
pub(super) fn user_key() -> String {
    KeyPair::new_user().public_key()
}

/// Whom these credentials name, as pages tell it.
pub(super) fn name(offer: &Credentials) -> &str {
    match (offer.nkey.as_str(), offer.user.as_str()) {
        ("", "") if !offer.token.is_empty() => "[REDACTED]",
        ("", user) => user,
        (nkey, _) => nkey,
    }
}

/// The header block's length, and with it the request, sealed if it is to be. None if a key of the
/// server's can't sign, which does not happen.
pub(super) fn write(
    service: &Service,
    offer: &Offer<'_>,
    sentinel: Option<Sentinel<'_>>,
    user_key: &str,
) -> Option<(usize, Vec<u8>)> {
    let token = token(service, request(service, offer, sentinel, user_key))?;
    let Some(key) = &service.key else { return Some((0, token.into_bytes())) };
    let own = service.asker.server.key.curve();
    let mut request =
        format!("NATS/1.0\r\nNats-Server-Xkey: {}\r\n\r\n", own.public_key()).into_bytes();
    let header = request.len();
    request.extend_from_slice(&own.seal(token.as_bytes(), key).ok()?);
    Some((header, request))
}

fn token(service: &Service, nats: Request<'_>) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let key = &service.asker.server.key;
    let claims = Claims {
        aud: AUDIENCE,
        exp: now + service.asker.timeout.as_secs().max(1),
        jti: BASE32_NOPAD.encode(&rand::random::<[u8; 32]>()),
        iat: now,
        iss: key.id(),
        sub: service.authority.issuer(),
        nats,
    };
    let part = |json: &[u8]| BASE64URL_NOPAD.encode(json);
    let claims = serde_json::to_vec(&claims).ok()?;
    let signed = format!("{}.{}", part(HEADER.as_bytes()), part(&claims));
    let signature = key.pair().sign(signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", part(&signature)))
}

fn request<'a>(
    service: &'a Service,
    offer: &Offer<'a>,
    sentinel: Option<Sentinel<'a>>,
    user_key: &'a str,
) -> Request<'a> {
    let Offer { credentials, nonce, peer, client_ip, client_id, options, .. } = *offer;
    let server = &service.asker.server;
    let (name, lang, version) =
        options.map_or(("", "", ""), |it| (&it.name, &it.lang, &it.version));
    let signs = !credentials.signature.is_empty();
    Request {
        server_id: Server {
            name: &server.name,
            host: &server.host,
            id: server.key.id(),
            version: &server.version,
            xkey: service.key.as_ref().map(|_| server.key.curve().public_key()),
        },
        user_nkey: user_key,
        client_info: Client {
            host: client_ip,
            id: client_id,
            user: match sentinel {
                Some(it) if credentials.nkey.is_empty() && credentials.user.is_empty() => {
                    &it.claims.subject
                }
                None if !credentials.jwt.is_empty() => "",
                _ => self::name(credentials),
            },
            name,
            tags: sentinel.map_or(&[], |it| &it.claims.nats.tags),
            name_tag: sentinel.map_or("", |it| &it.claims.name),
            kind: "Client",
            r#type: if peer.kind == Kind::WebSocket { "websocket" } else { "nats" },
            nonce: nonce.filter(|_| signs),
        },
        connect_opts: Connect {
            jwt: sentinel.map_or(credentials.jwt.reveal(), |it| it.token),
            nkey: &credentials.nkey,
            signature: &credentials.signature,
            token: credentials.token.reveal(),
            user: &credentials.user,
            password: credentials.password.reveal(),
            name,
            lang,
            version,
            protocol: options.map_or(0, |options| options.protocol),
        },
        client_tls: peer.tls.as_ref().map(Tls::of),
        r#type: "authorization_request",
        version: 2,
    }
}
