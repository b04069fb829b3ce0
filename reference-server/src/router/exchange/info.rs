//! `Nats-Request-Info`: what the exporter of a service is told about who asks (ACC-007, ACC-010).

use std::time::SystemTime;

use serde::Serialize;

use super::super::Client;
use crate::{ledger::Record, protocol::Publish, transport::Kind};

const KEY: &[u8] = b"Nats-Request-Info:";
const FIRST_LINE: &[u8] = b"NATS/1.0\r\n";

/// The account, and more where the importer shares it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct RequestInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    acc: String,
    /// The last account on the way, if there was one in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    svc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ver: String,
    /// In nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_type: Option<&'static str>,
}

impl RequestInfo {
    /// What is said of a client; all of it where its account shares that, with the server's name.
    pub(super) fn of(client: &Client, account: &str, shared_by: Option<&str>) -> RequestInfo {
        let record = Record::of(client);
        let (acc, rtt) = (account.to_owned(), Some(record.rtt.as_nanos()).filter(|rtt| *rtt > 0));
        let Some(server) = shared_by else {
            return RequestInfo { acc, rtt, ..RequestInfo::default() };
        };
        let identity = &record.identity;
        RequestInfo {
            start: time(record.start),
            host: record.addr.map(|addr| addr.ip().to_string()),
            id: Some(record.cid),
            acc,
            svc: None,
            user: identity.user.clone(),
            name: identity.name.clone(),
            lang: identity.lang.clone(),
            ver: identity.version.clone(),
            rtt,
            server: Some(server.to_owned()),
            kind: Some("Client"),
            client_type: Some(match record.transport.as_ref().map(|transport| transport.kind) {
                Some(Kind::WebSocket) => "websocket",
                Some(Kind::Standard) | None => "nats",
            }),
        }
    }

    /// The time to the client and back, in nanoseconds.
    pub(super) fn rtt(&self) -> u128 {
        self.rtt.unwrap_or_default()
    }

    /// It has come through another account, and goes on from there; that one may name the server.
    pub(super) fn comes_by(&mut self, account: &str, server: Option<&str>) {
        self.svc = Some(account.to_owned());
        self.server = server.map(str::to_owned).or(self.server.take());
    }
}

/// Times are written by a crate that comes with the pages.
#[cfg(feature = "monitoring")]
pub(super) fn time(at: SystemTime) -> Option<String> {
    Some(crate::monitoring::time(at))
}

#[cfg(not(feature = "monitoring"))]
pub(super) fn time(_: SystemTime) -> Option<String> {
    None
}

/// A message with another header block.
pub(super) struct Told {
    body: Vec<u8>,
    header: usize,
    header_digits: String,
    size_digits: String,
}

/// Puts the header behind all others; one that the requester has sent is not believed.
pub(super) fn tell(message: &Publish<'_>, info: &RequestInfo) -> Told {
    let length = message.header.map_or(0, |(length, _)| length);
    let (block, payload) = message.body.split_at(length);
    let mut body = Vec::with_capacity(message.body.len() + 300);
    let block = block.strip_suffix(b"\r\n").unwrap_or(block);
    for line in block.split_inclusive(|byte| *byte == b'\n').filter(|it| !it.starts_with(KEY)) {
        body.extend_from_slice(line);
    }
    if block.is_empty() {
        body.extend_from_slice(FIRST_LINE);
    }
    body.extend_from_slice(KEY);
    body.push(b' ');
    // Strings and numbers can always be written.
    body.extend_from_slice(&serde_json::to_vec(info).unwrap_or_default());
    body.extend_from_slice(b"\r\n\r\n");
    let header = body.len();
    body.extend_from_slice(payload);
    let (header_digits, size_digits) = (header.to_string(), body.len().to_string());
    Told { body, header, header_digits, size_digits }
}

impl Told {
    /// The message, with what has been put in.
    pub(super) fn message<'a>(&'a self, message: &Publish<'a>) -> Publish<'a> {
        Publish {
            header: Some((self.header, self.header_digits.as_bytes())),
            size: self.size_digits.as_bytes(),
            body: &self.body,
            rest: None,
            ..*message
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_stands_behind_all_others_and_once() {
        let info = RequestInfo { acc: "K".to_owned(), ..RequestInfo::default() };
        let told = |header: usize, body: &[u8]| {
            let message = Publish {
                subject: b"s",
                reply: None,
                header: (header > 0).then_some((header, b"".as_slice())),
                size: b"",
                body,
                rest: None,
            };
            let told = tell(&message, &info);
            let message = told.message(&message);
            let (length, digits) = message.header.unwrap();
            assert_eq!(
                (digits, message.size),
                (length.to_string().as_bytes(), message.body.len().to_string().as_bytes())
            );
            String::from_utf8(message.body.to_vec()).unwrap()
        };
        const OURS: &str = "Nats-Request-Info: {\"acc\":\"K\"}\r\n\r\n";
        assert_eq!(told(0, b"q"), format!("NATS/1.0\r\n{OURS}q"));
        assert_eq!(told(12, b"NATS/1.0\r\n\r\nq"), format!("NATS/1.0\r\n{OURS}q"));
        let forged = b"NATS/1.0\r\nNats-Request-Info: {}\r\nx: y\r\n\r\nq";
        assert_eq!(told(forged.len() - 1, forged), format!("NATS/1.0\r\nx: y\r\n{OURS}q"));
    }
}
