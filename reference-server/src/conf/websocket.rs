//! The block `websocket`.

use std::time::Duration;

use super::{
    Problem,
    auth::{secret, timeout},
    block::{Field, Table, put, setting},
    tls,
};
use crate::{Secret, User, WebSocket};

/// A block that is being read.
#[derive(Default)]
struct Draft {
    websocket: WebSocket,
    has_port: bool,
    no_tls: bool,
}

/// Reads a block; without a port it asks for nothing.
pub(super) fn read(it: Field<'_>) -> Result<Option<WebSocket>, Problem> {
    let mut draft = Draft::default();
    // Everywhere, as nats-server has it; embedded servers are the ones that stay local.
    draft.websocket.host = "0.0.0.0".to_owned();
    let before = it.problems();
    it.block(WEBSOCKET, &mut draft)?;
    if !draft.has_port {
        return Ok(None);
    }
    if draft.websocket.tls.is_none() && !draft.no_tls && it.problems() == before {
        let problem = it.problem("websocket requires TLS configuration");
        return Err(problem.advice("without TLS, say \"no_tls: true\""));
    }
    Ok(Some(draft.websocket))
}

const ORIGINS: &[&str] =
    &["allowed_origins", "allowed_origin", "allow_origins", "allow_origin", "origins", "origin"];

const WEBSOCKET: &Table<Draft> = &[
    setting(&["listen"], |d, it| {
        let (host, port) = it.address()?;
        d.websocket.host = host.unwrap_or_else(|| d.websocket.host.clone());
        d.has_port = true;
        put(&mut d.websocket.port, Ok(port))
    }),
    setting(&["host", "net"], |d, it| put(&mut d.websocket.host, it.text())),
    setting(&["port"], |d, it| {
        d.has_port = it.integer()? != 0;
        put(&mut d.websocket.port, it.port())
    }),
    setting(&["advertise"], |d, it| put(&mut d.websocket.advertise, it.text().map(Some))),
    setting(&["tls"], |d, it| put(&mut d.websocket.tls, tls::read(it).map(Some))),
    setting(&["no_tls"], |d, it| put(&mut d.no_tls, it.flag())),
    setting(&["same_origin"], |d, it| put(&mut d.websocket.same_origin, it.flag())),
    setting(ORIGINS, |d, it| put(&mut d.websocket.allowed_origins, it.texts())),
    setting(&["compression", "compress"], |d, it| put(&mut d.websocket.compression, it.flag())),
    setting(&["handshake_timeout"], |d, it| put(&mut d.websocket.handshake_timeout, it.duration())),
    setting(&["headers"], |d, it| {
        for it in it.named()? {
            d.websocket.headers.push((it.name.to_owned(), it.text()?));
        }
        Ok(())
    }),
    setting(&["jwt_cookie"], |d, it| put(&mut d.websocket.jwt_cookie, cookie(it))),
    setting(&["user_cookie"], |d, it| put(&mut d.websocket.user_cookie, cookie(it))),
    setting(&["pass_cookie"], |d, it| put(&mut d.websocket.pass_cookie, cookie(it))),
    setting(&["token_cookie"], |d, it| put(&mut d.websocket.token_cookie, cookie(it))),
    setting(&["ping_interval"], |d, it| {
        put(&mut d.websocket.ping_interval, it.duration().map(Some))
    }),
    setting(&["no_auth_user"], |d, it| put(&mut d.websocket.no_auth_user, it.text().map(Some))),
    setting(&["authorization", "authentication"], |d, it| {
        let mut login = Login::default();
        it.block(LOGIN, &mut login)?;
        let password = login.password.unwrap_or_default();
        d.websocket.user = login.user.map(|name| User::with_password(name, password));
        (d.websocket.token, d.websocket.login_timeout) = (login.token, login.timeout);
        Ok(())
    }),
];

/// The name of a cookie; none is none.
fn cookie(it: Field<'_>) -> Result<Option<String>, Problem> {
    Ok(Some(it.text()?).filter(|name| !name.is_empty()))
}

/// A block `authorization` that is being read; here it lists nobody (WS-017).
#[derive(Default)]
struct Login {
    user: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    timeout: Option<Duration>,
}

const LOGIN: &Table<Login> = &[
    setting(&["user", "username"], |login, it| put(&mut login.user, it.text().map(Some))),
    setting(&["pass", "password"], |login, it| put(&mut login.password, secret(it).map(Some))),
    setting(&["token"], |login, it| put(&mut login.token, secret(it).map(Some))),
    setting(&["timeout"], |login, it| put(&mut login.timeout, timeout(it).map(Some))),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn merged(text: &str) -> Result<Option<WebSocket>, String> {
        let mut config = Config::default();
        config.merge(text).map_err(|error| error.to_string())?;
        Ok(config.websocket)
    }

    #[test]
    fn the_options_are_read() {
        let text = "websocket { listen: \"127.0.0.1:-1\", no_tls: true, compress: on\n\
                    origin: \"http://a\", headers { X-Probe: hello }, user_cookie: u\n\
                    ping_interval: \"200ms\", handshake_timeout: \"3s\" }";
        let read = merged(text).unwrap().unwrap();
        let expected = WebSocket {
            compression: true,
            allowed_origins: vec!["http://a".to_owned()],
            headers: vec![("X-Probe".to_owned(), "hello".to_owned())],
            user_cookie: Some("u".to_owned()),
            ping_interval: Some(Duration::from_millis(200)),
            handshake_timeout: Duration::from_secs(3),
            ..WebSocket::on(0)
        };
        assert_eq!(read, expected);
        assert_eq!(merged("websocket { no_tls: true }"), Ok(None));
        assert_eq!(merged("ws { port: 80, no_tls: true }").unwrap().unwrap().host, "0.0.0.0");
    }

    #[test]
    fn tls_or_its_absence_must_be_asked_for() {
        let error = merged("websocket { port: 80 }").unwrap_err();
        assert!(error.contains("websocket requires TLS configuration"), "{error}");
        let error = merged("websocket { port: 80, tls { cert_file: x } }").unwrap_err();
        assert!(error.contains("missing 'key_file'") && !error.contains("requires"), "{error}");
    }
}
