//! What `/varz` says of the listener for WebSockets.

use serde::Serialize;

use super::{Number, format, nanos, valid_until};
use crate::{WebSocket, server::Overview};

/// The listener; what is not configured is absent, and so all of it without one.
#[derive(Default, Serialize)]
pub(super) struct Varz {
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertise: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_auth_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_cookie: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_timeout: Option<Number>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_tls: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_map: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tls_pinned_certs: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    same_origin: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_origins: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    compression: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cert_not_after: Option<String>,
}

impl Varz {
    pub(super) fn of(server: &Overview<'_>) -> Varz {
        let Some(it) = &server.config().websocket else { return Varz::default() };
        let (port, until) = server.websocket();
        let WebSocket { tls, handshake_timeout, .. } = it;
        let pinned = tls.iter().flat_map(|tls| &tls.pinned_certs);
        Varz {
            host: it.host.clone(),
            port: Some(port),
            advertise: it.advertise.clone(),
            no_auth_user: it.no_auth_user.clone(),
            jwt_cookie: it.jwt_cookie.clone(),
            handshake_timeout: (*handshake_timeout != WebSocket::default().handshake_timeout)
                .then(|| nanos(*handshake_timeout)),
            auth_timeout: it.login_timeout.map(|timeout| Number(timeout.as_secs_f64())),
            no_tls: tls.is_none(),
            tls_map: tls.as_ref().is_some_and(|tls| tls.verify_and_map),
            tls_pinned_certs: pinned.map(|key| format::hex(key)).collect(),
            same_origin: it.same_origin,
            allowed_origins: it.allowed_origins.clone(),
            compression: it.compression,
            tls_cert_not_after: valid_until(until, server.profile()),
        }
    }
}
