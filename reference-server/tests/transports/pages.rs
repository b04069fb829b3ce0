//! What the monitoring pages tell of connections that are not plain.

use std::fs;

use nats_reference_server::{Config, HandshakeFirst, Monitoring, Server, Tls, WebSocket};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{certificates::Certificates, connect, read_rest, soon};

/// The only connection of a server.
async fn told(server: &Server) -> Value {
    let url = server.monitoring_url().unwrap();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /connz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut page: Value = serde_json::from_str(body).unwrap();
    assert_eq!(page["num_connections"], 1, "{page}");
    page["connections"][0].take()
}

#[tokio::test]
async fn a_connection_tells_what_it_travels_in() {
    // MON-011, TLS-002, WS-019
    let certificates = Certificates::new();
    for (first, shown) in [(HandshakeFirst::No, Value::Null), (HandshakeFirst::Always, true.into())]
    {
        let tls = Tls { handshake_first: first, ..certificates.tls() };
        let server = Server::builder().tls(tls).monitoring(0).start().await.unwrap();
        let options = match shown {
            Value::Null => certificates.options(),
            _ => certificates.options().tls_first(),
        };
        let _client = connect(server.client_url(), options).await.unwrap();
        let told = told(&server).await;
        assert_eq!((&told["type"], &told["tls_version"]), (&"nats".into(), &"1.3".into()));
        assert!(told["tls_cipher_suite"].as_str().unwrap().starts_with("TLS_"), "{told}");
        assert_eq!(told["tls_first"], shown);
    }

    let websockets = Server::builder().websocket(WebSocket::on(0)).monitoring(0);
    let server = websockets.start().await.unwrap();
    let url = server.websocket_url().unwrap();
    let _client = connect(url, certificates.options()).await.unwrap();
    let told = told(&server).await;
    assert_eq!((&told["type"], &told["tls_version"]), (&"websocket".into(), &Value::Null));
}

async fn https(certificates: &Certificates, server: &Server) -> TlsStream<TcpStream> {
    let url = server.monitoring_url().unwrap();
    let stream = TcpStream::connect(url.strip_prefix("https://").unwrap()).await.unwrap();
    certificates.handshake(stream).await.unwrap()
}

#[tokio::test]
async fn pages_can_be_in_tls() {
    // MON-004; nobody is asked for a certificate, and a reload may bring another one.
    let certificates = Certificates::new();
    let monitoring = Monitoring { https_port: Some(0), ..Monitoring::default() };
    let config = Config { tls: Some(certificates.verifying()), monitoring, ..Config::default() };
    let server = Server::builder().config(config.clone()).start().await.unwrap();
    let mut stream = https(&certificates, &server).await;
    stream.write_all(b"GET /varz HTTP/1.0\r\n\r\n").await.unwrap();
    let answer = String::from_utf8(read_rest(&mut stream).await).unwrap();
    let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let port = server.monitoring_url().unwrap().rsplit(':').next().unwrap().to_owned();
    assert_eq!((&page["http_port"], page["https_port"].to_string()), (&0.into(), port));
    let shown =
        |stream: &TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    for kind in ["pem", "key"] {
        let new = certificates.path(&format!("client.{kind}"));
        fs::copy(new, certificates.path(&format!("server.{kind}"))).unwrap();
    }
    assert_eq!(server.reload(config.clone()).unwrap(), [""; 0]);
    assert_ne!(shown(&stream), shown(&https(&certificates, &server).await));
    // It can't lose what it speaks.
    let error = server.reload(Config { tls: None, ..config.clone() }).unwrap_err();
    assert_eq!(error.to_string(), "TLS cert and key required for HTTPS");
    let restarted = server.restart().await.unwrap();
    https(&certificates, &restarted).await;
}

#[tokio::test]
async fn who_asks_in_clear_is_told() {
    let certificates = Certificates::new();
    let monitoring = Monitoring { https_port: Some(0), ..Monitoring::default() };
    let config = Config { tls: Some(certificates.tls()), monitoring, ..Config::default() };
    let server = Server::builder().config(config).start().await.unwrap();
    let url = server.monitoring_url().unwrap();
    let mut stream = TcpStream::connect(url.strip_prefix("https://").unwrap()).await.unwrap();
    stream.write_all(b"GET /varz HTTP/1.0\r\n\r\n").await.unwrap();
    let answer = String::from_utf8(read_rest(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{answer}");
}
