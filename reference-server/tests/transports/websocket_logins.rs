//! Who may log in by WebSocket, and with what.

use nats_reference_server::{Server, WebSocket};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    read_until,
    websocket::{frame, greeted, send},
};

/// What comes of a login by WebSocket: all but INFO, up to the close or PONG.
async fn log_in(server: &Server, cookies: &str, connect: &str) -> String {
    let (mut stream, _) = greeted(server, cookies).await;
    send(&mut stream, 0x82, format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await;
    let mut told = String::new();
    while !told.contains("PONG") {
        let (first, payload) = frame(&mut stream).await;
        if first == 0x88 {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            return told + &format!("{code} {}", String::from_utf8_lossy(&payload[2..]));
        }
        told += &String::from_utf8(payload).unwrap();
    }
    told
}

const QUIET: &str = "{\"verbose\":false}";
const REFUSED: &str = "-ERR 'Authorization Violation'\r\n1008 Authentication Failure";

#[tokio::test]
async fn cookies_hold_credentials_and_connect_wins() {
    // WS-010, WS-016
    let cookie = |name: &str| Some(name.to_owned());
    let (user_cookie, pass_cookie) = (cookie("u"), cookie("p"));
    let options = WebSocket { user_cookie, pass_cookie, ..WebSocket::on(0) };
    let server = Server::builder().websocket(options).user("ann", "a").start().await.unwrap();
    let bob = "{\"verbose\":false,\"user\":\"bob\"}";
    for (cookies, connect, answer) in [
        ("Cookie: u=ann; p=a\r\n", QUIET, "PONG\r\n"),
        ("Cookie: u=ann; p=b\r\n", QUIET, REFUSED),
        ("Cookie: u=ann; p=a\r\n", bob, REFUSED),
        ("", QUIET, REFUSED),
    ] {
        assert_eq!(log_in(&server, cookies, connect).await, answer, "{cookies} {connect}");
    }
    let token_cookie = cookie("t");
    let options = WebSocket { token_cookie, ..WebSocket::on(0) };
    let server = Server::builder().websocket(options).token("s3cr3t").start().await.unwrap();
    assert_eq!(log_in(&server, "Cookie: t=s3cr3t\r\n", QUIET).await, "PONG\r\n");
    assert_eq!(log_in(&server, "Cookie: x=s3cr3t\r\n", QUIET).await, REFUSED);
}

#[tokio::test]
#[cfg(feature = "jwt")]
async fn a_cookie_may_hold_a_token_of_an_account() {
    // WS-016, AUTH-026
    use nats_reference_server::OperatorMode;
    use nkeys::KeyPair;
    use serde_json::json;

    use crate::tokens::{anything, overlay, token};

    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let user = KeyPair::new_user();
    let limits = json!({ "type": "account", "limits": { "conn": -1, "subs": -1, "payload": -1 } });
    let of_operator = token(&operator, &operator, json!({ "type": "operator" }), json!({}));
    let of_account = token(&operator, &account, limits, json!({}));
    let mode = OperatorMode::new(of_operator).account(account.public_key(), of_account);
    let options = WebSocket { jwt_cookie: Some("j".to_owned()), ..WebSocket::on(0) };
    let server = Server::builder().websocket(options).operator_mode(mode).start().await.unwrap();
    let mut bearer = anything();
    overlay(&mut bearer, json!({ "bearer_token": true }));
    overlay(&mut bearer, json!({ "allowed_connection_types": ["WEBSOCKET"] }));
    let good = token(&account, &user, bearer, json!({}));
    let unsigned = token(&account, &user, anything(), json!({}));
    for (jwt, answer) in [(good, "PONG\r\n"), (unsigned, REFUSED)] {
        assert_eq!(log_in(&server, &format!("Cookie: j={jwt}\r\n"), QUIET).await, answer);
    }
    assert_eq!(log_in(&server, "", QUIET).await, REFUSED);
}

#[tokio::test]
async fn users_may_be_kept_to_one_kind_of_connection() {
    // AUTH-021
    let text = "authorization { users: [\n\
                { user: ann, password: a, allowed_connection_types: [WEBSOCKET] }\n\
                { user: bob, password: b, allowed_connection_types: [STANDARD] } ] }";
    let builder = Server::builder().config_text(text).unwrap();
    let server = builder.websocket(WebSocket::on(0)).start().await.unwrap();
    let ann = "{\"verbose\":false,\"user\":\"ann\",\"pass\":\"a\"}";
    let bob = "{\"verbose\":false,\"user\":\"bob\",\"pass\":\"b\"}";
    assert_eq!(log_in(&server, "", ann).await, "PONG\r\n");
    assert_eq!(log_in(&server, "", bob).await, REFUSED);
    for (connect, answer) in [(ann, "-ERR 'Authorization Violation'\r\n"), (bob, "PONG\r\n")] {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        read_until(&mut stream, "\r\n").await;
        stream.write_all(format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut stream, "\r\n").await, answer);
    }
}

#[tokio::test]
async fn who_does_not_log_in_is_told_before_the_close() {
    // WS-010
    let text = "authorization { token: t, timeout: 0.2 }";
    let builder = Server::builder().config_text(text).unwrap();
    let server = builder.websocket(WebSocket::on(0)).start().await.unwrap();
    let (mut stream, _) = greeted(&server, "").await;
    let words = b"-ERR 'Authentication Timeout'\r\n".to_vec();
    assert_eq!(frame(&mut stream).await, (0x82, words));
    let close = [&1008_u16.to_be_bytes()[..], b"Authentication Timeout"].concat();
    assert_eq!(frame(&mut stream).await, (0x88, close));
}

async fn with(server: &str, websocket: &str) -> Result<Server, String> {
    let text =
        format!("{server}\nwebsocket {{ listen: \"127.0.0.1:-1\", no_tls: true, {websocket} }}");
    let builder = Server::builder().config_text(&text).map_err(|error| error.to_string())?;
    builder.start().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_listener_can_have_a_login_of_its_own() {
    // WS-017
    let user = "{\"verbose\":false,\"user\":\"w\",\"pass\":\"p\"}";
    let token = "{\"verbose\":false,\"auth_token\":\"t\"}";
    let top = "{\"verbose\":false,\"auth_token\":\"top\"}";
    for (server, websocket, welcome) in [
        ("", "authorization { user: w, password: p }", user),
        ("", "authorization { token: t }", token),
        ("", "authorization { user: w, password: p, token: t }", token),
        ("authorization { token: top }", "authorization { user: w, password: p }", user),
        ("authorization { token: top }", "authorization { timeout: 5 }", top),
    ] {
        let open = server.is_empty();
        let server = with(server, websocket).await.unwrap();
        let (_, info) = greeted(&server, "").await;
        assert!(info.contains("\"auth_required\":true"), "{info}");
        for connect in [QUIET, user, token, top] {
            let answer = if connect == welcome { "PONG\r\n" } else { REFUSED };
            assert_eq!(log_in(&server, "", connect).await, answer, "{websocket} {connect}");
        }
        let mut tcp = TcpStream::connect(server.addr()).await.unwrap();
        let info = read_until(&mut tcp, "\r\n").await;
        assert_eq!(info.contains("auth_required"), !open, "{info}");
        let connect = if open { QUIET } else { top };
        tcp.write_all(format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut tcp, "\r\n").await, "PONG\r\n");
    }
}

#[tokio::test]
async fn a_listener_can_have_a_guest_of_its_own() {
    // WS-017
    let users = "authorization { users: [ { user: anon, password: x, permissions: {publish: a} },\n\
                 { user: bob, password: y } ] }";
    let denied = "-ERR 'Permissions Violation for Publish to \"b\"'\r\n";
    for (profile, server) in [("2.15", ""), ("2.11", "no_auth_user: bob")] {
        let server = format!("profile: \"{profile}\"\n{users}\n{server}");
        let server = with(&server, "no_auth_user: anon").await.unwrap();
        let (mut stream, info) = greeted(&server, "").await;
        // It asks, though it need not be told.
        assert!(info.contains("\"auth_required\":true"), "{info}");
        let lines = format!("CONNECT {QUIET}\r\nPUB b 0\r\n\r\n");
        send(&mut stream, 0x82, lines.as_bytes()).await;
        assert_eq!(frame(&mut stream).await.1, denied.as_bytes(), "{profile}");
        // Without CONNECT, older releases look at the server's guest instead.
        let (mut stream, _) = greeted(&server, "").await;
        send(&mut stream, 0x82, b"PUB b 0\r\n\r\n").await;
        let answer = if profile == "2.15" { denied } else { "+OK\r\n" };
        assert_eq!(frame(&mut stream).await.1, answer.as_bytes(), "{profile}");
    }
}

#[tokio::test]
async fn a_login_here_can_have_a_time_of_its_own() {
    let server = with("", "authorization { token: t, timeout: 0.1 }").await.unwrap();
    let (mut stream, _) = greeted(&server, "").await;
    assert_eq!(frame(&mut stream).await.1, b"-ERR 'Authentication Timeout'\r\n");
}

#[tokio::test]
async fn logins_that_can_not_be_meant_stop_the_start() {
    // WS-014
    let users = "authorization { users: [ { user: a, password: b } ] }";
    for (server, websocket, words) in [
        (users, "authorization { user: w }", "websocket authentication username not compatible"),
        (users, "authorization { token: t }", "websocket authentication token not compatible"),
        (users, "no_auth_user: zz", "no_auth_user: \"zz\" not present as user or nkey"),
        ("", "no_auth_user: zz", "no_auth_user: \"zz\" present, but users/nkeys are not defined"),
        ("", "authorization { users: [] }", "unknown field \"users\""),
        ("", "jwt_cookie: c", "is required for JWT authentication via cookie \"c\""),
        ("", "token: t", "unknown field \"token\""),
    ] {
        let error = with(server, websocket).await.unwrap_err();
        assert!(error.contains(words), "{websocket}: {error}");
    }
}

#[tokio::test]
async fn a_reload_leaves_these_logins_as_they_are() {
    let server = with("", "authorization { token: t }").await.unwrap();
    let mut config = (*server.config()).clone();
    assert_eq!(server.reload(config.clone()).unwrap(), [""; 0]);
    config.websocket.as_mut().unwrap().token = Some("other".into());
    let error = server.reload(config).unwrap_err().to_string();
    assert!(error.contains("not supported for Websocket"), "{error}");
}
