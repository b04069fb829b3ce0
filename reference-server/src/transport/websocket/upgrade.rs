//! The HTTP request that asks for a WebSocket, and the answer (WS-001, WS-007).

use std::fmt::Write as _;

use bytes::BytesMut;
use data_encoding::BASE64;
use httparse::{Request, Status};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::origin::Origin;
use crate::{
    Profile,
    transport::{Cookies, NotAdmitted, TransportError, WebSocket},
};

/// The largest request; nats-server takes 1 MiB, which nobody needs.
const REQUEST_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;
/// What RFC 6455 adds to the key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const COMPRESSION: &str = "permessage-deflate";
/// Headers that nobody can configure, besides all that begin with `Sec-WebSocket-`.
const OWN_HEADERS: [&str; 5] =
    ["Host", "Content-Length", "Connection", "Upgrade", "Nats-No-Masking"];

/// What requests are judged by.
#[derive(Debug)]
pub(super) struct Rules {
    options: WebSocket,
    allowed_origins: Vec<Origin>,
    profile: Profile,
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Upgrade {
    pub(super) compressed: bool,
    /// The client's frames are masked (WS-012).
    pub(super) masked: bool,
    /// It is a browser, which gets small frames (WS-009).
    pub(super) browser: bool,
    pub(super) cookies: Cookies,
}

/// Why there is no upgrade.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    /// What the client is told; none if that is nothing.
    status: Option<u16>,
    /// For the log.
    why: String,
}

impl Rules {
    pub(super) fn new(options: &WebSocket, profile: Profile) -> Result<Rules, TransportError> {
        let mut allowed_origins = Vec::new();
        for text in &options.allowed_origins {
            let origin = Origin::parse(text).ok_or_else(|| {
                TransportError::Option(format!("unable to parse allowed origin: {text:?}"))
            })?;
            allowed_origins.push(origin);
        }
        for (name, value) in &options.headers {
            let own = OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name));
            if own || name.to_ascii_lowercase().starts_with("sec-websocket-") {
                let words = format!("websocket: invalid header {name:?} not allowed");
                return Err(TransportError::Option(words));
            }
            let breaks = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
            if name.is_empty() || name.contains([':', ' ']) || breaks(name) || breaks(value) {
                let words = format!("websocket: header {name:?} can't be sent");
                return Err(TransportError::Option(words));
            }
        }
        Ok(Rules { options: options.clone(), allowed_origins, profile })
    }

    /// What INFO calls the address.
    pub(super) fn advertised(&self, host: &str, port: u16) -> (String, u16) {
        let own = || (self.options.host.clone(), port);
        let Some(advertised) = &self.options.advertise else { return own() };
        match advertised.rsplit_once(':') {
            Some((host, at)) => (host.to_owned(), at.parse().unwrap_or(port)),
            None if advertised.is_empty() => (host.to_owned(), port),
            None => (advertised.clone(), port),
        }
    }

    fn check_origin(&self, request: &Request<'_, '_>, secure: bool) -> Result<(), Refusal> {
        let forbidden = |why| Err(refused(403, format!("origin not allowed: {why}")));
        let options = &self.options;
        if !options.same_origin && self.allowed_origins.is_empty() {
            return Ok(());
        }
        let text = header(request, "Origin").or_else(|| header(request, "Sec-WebSocket-Origin"));
        let Some(text) = text else { return Ok(()) };
        let Some(origin) = Origin::parse(text) else { return forbidden("invalid URI for request") };
        if options.same_origin {
            let scheme = if secure { "https" } else { "http" };
            let host = header(request, "Host").unwrap_or_default();
            let own = Origin::parse(&format!("{scheme}://{host}"));
            let same = own.is_some_and(|own| {
                let scheme = self.profile < Profile::V2_12 || own.scheme == origin.scheme;
                scheme && (own.host, own.port) == (origin.host.clone(), origin.port)
            });
            if !same {
                return forbidden("not same origin");
            }
        }
        match self.allowed_origins.is_empty() || self.allowed_origins.contains(&origin) {
            true => Ok(()),
            false => forbidden("not in the allowed list"),
        }
    }

    fn cookies(&self, request: &Request<'_, '_>) -> Cookies {
        let value = |name: &Option<String>| {
            let name = name.as_deref()?;
            let pairs = headers(request, "Cookie").flat_map(|line| line.split(';'));
            let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        Cookies {
            jwt: value(&self.options.jwt_cookie),
            user: value(&self.options.user_cookie),
            pass: value(&self.options.pass_cookie),
            token: value(&self.options.token_cookie),
        }
    }

    /// Judges a request: what it gets, and the answer that says so.
    fn judge(&self, request: &Request<'_, '_>, secure: bool) -> Result<(Upgrade, String), Refusal> {
        let bad = |words: &str| Err(refused(400, words));
        if request.method != Some("GET") {
            return Err(refused(405, "request method must be GET"));
        }
        if header(request, "Host").is_none_or(str::is_empty) {
            return bad("'Host' missing in request");
        }
        if !has(request, "Upgrade", "websocket") {
            return bad("invalid value for header 'Upgrade'");
        }
        if !has(request, "Connection", "Upgrade") {
            return bad("invalid value for header 'Connection'");
        }
        let key = header(request, "Sec-WebSocket-Key").unwrap_or_default();
        let is_long = BASE64.decode(key.as_bytes()).is_ok_and(|key| key.len() == 16);
        if key.is_empty() || (self.profile >= Profile::V2_12 && !is_long) {
            return bad("invalid websocket key");
        }
        if !has(request, "Sec-WebSocket-Version", "13") {
            return bad("invalid version");
        }
        let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
        if path.ends_with("/leafnode") || path.ends_with("/mqtt") {
            return Err(refused(404, format!("nothing is served at {path}")));
        }
        self.check_origin(request, secure)?;
        let upgrade = Upgrade {
            compressed: self.options.compression && offers_compression(request),
            masked: header(request, "Nats-No-Masking") != Some("true"),
            browser: header(request, "User-Agent")
                .is_some_and(|agent| agent.starts_with("Mozilla/")),
            cookies: self.cookies(request),
        };
        let answer = self.accepted(key, &upgrade);
        Ok((upgrade, answer))
    }

    fn accepted(&self, key: &str, upgrade: &Upgrade) -> String {
        let digest = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize();
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            BASE64.encode(&digest)
        );
        if upgrade.compressed {
            let parameters = "server_no_context_takeover; client_no_context_takeover";
            answer += &format!("Sec-WebSocket-Extensions: {COMPRESSION}; {parameters}\r\n");
        }
        if !upgrade.masked {
            answer += "Nats-No-Masking: true\r\n";
        }
        for (name, value) in &self.options.headers {
            // Writing to a text can't fail.
            let _ = write!(answer, "{name}: {value}\r\n");
        }
        answer + "\r\n"
    }
}

/// Reads a request and answers it.
///
/// # Errors
/// A request that can't be granted; the answer has been given then.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    rules: &Rules,
    secure: bool,
) -> Result<Upgrade, NotAdmitted> {
    let judged = match read(stream).await? {
        Ok(bytes) => parse(&bytes, |request| rules.judge(request, secure)),
        Err(refusal) => Err(refusal),
    };
    match judged {
        Ok(None) => Err(NotAdmitted::WebSocket("incomplete request".to_owned())),
        Ok(Some((upgrade, answer))) => {
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
            Ok(upgrade)
        }
        Err(Refusal { status, why }) => {
            if let Some(status) = status {
                stream.write_all(refusal_text(status).as_bytes()).await?;
                stream.flush().await?;
            }
            Err(NotAdmitted::WebSocket(why))
        }
    }
}

/// Reads up to the empty line behind the headers, and tries again with each line.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Result<BytesMut, Refusal>, NotAdmitted> {
    let mut bytes = BytesMut::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(NotAdmitted::WebSocket("EOF".to_owned()));
        }
        let full = bytes.len() > REQUEST_BYTES_MAX;
        let may_be_complete =
            full || bytes.ends_with(b"\n") || memchr::memmem::find(&bytes, b"\r\n\r\n").is_some();
        if !may_be_complete {
            continue;
        }
        match parse(&bytes, |_| Ok(())) {
            Ok(Some(())) => return Ok(Ok(bytes)),
            Ok(None) if full => return Ok(Err(refused(431, "request too large"))),
            Ok(None) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
}

/// Gives the request to `look`; none if it is not complete.
fn parse<T>(
    bytes: &[u8],
    look: impl FnOnce(&Request<'_, '_>) -> Result<T, Refusal>,
) -> Result<Option<T>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        // Nobody knows yet whether there will be a WebSocket.
        Ok(Status::Complete(used)) if used < bytes.len() => {
            let why = "client sent data before handshake is complete".to_owned();
            Err(Refusal { status: None, why })
        }
        Ok(Status::Complete(_)) => look(&request).map(Some),
        Ok(Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(refused(431, "too many headers")),
        Err(error) => Err(refused(400, error.to_string())),
    }
}

fn refused(status: u16, why: impl Into<String>) -> Refusal {
    Refusal { status: Some(status), why: why.into() }
}

fn refusal_text(status: u16) -> String {
    let text = match status {
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Bad Request",
    };
    format!(
        "HTTP/1.1 {status} {text}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Sec-Websocket-Version: 13\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{text}\n",
        text.len() + 1
    )
}

/// The values of a header; those that are no text are left out.
fn headers<'r>(request: &'r Request<'_, '_>, name: &str) -> impl Iterator<Item = &'r str> {
    let named = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.filter_map(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
}

fn header<'r>(request: &'r Request<'_, '_>, name: &str) -> Option<&'r str> {
    headers(request, name).next()
}

/// Whether one of a header's values is this, in any case.
fn has(request: &Request<'_, '_>, name: &str, value: &str) -> bool {
    headers(request, name)
        .flat_map(|line| line.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(value))
}

fn offers_compression(request: &Request<'_, '_>) -> bool {
    headers(request, "Sec-WebSocket-Extensions")
        .flat_map(|line| line.split(','))
        .filter_map(|offer| offer.split(';').next())
        .any(|name| name.trim().eq_ignore_ascii_case(COMPRESSION))
}

#[cfg(test)]
mod tests;
