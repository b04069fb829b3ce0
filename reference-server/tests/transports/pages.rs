//! What the monitoring pages tell of connections that are not plain.

use nats_reference_server::{HandshakeFirst, Server, Tls, WebSocket};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{certificates::Certificates, connect, soon};

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
