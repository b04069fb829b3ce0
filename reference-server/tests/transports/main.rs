//! TLS and WebSockets, from the outside: real clients, and some that do it by hand.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod certificates;
#[cfg(feature = "monitoring")]
mod pages;
mod tls;
#[cfg(feature = "jwt")]
#[path = "../support/tokens.rs"]
mod tokens;
mod websocket;
mod websocket_logins;

use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt;
use nats_reference_server::Server;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// Nothing takes that long, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

/// What ends within reason.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.unwrap()
}

/// Connects, or says why not; does not try again.
async fn connect(url: String, options: ConnectOptions) -> Result<Client, String> {
    let connecting = options.connection_timeout(LONG).connect(url);
    soon(connecting).await.map_err(|error| error.to_string())
}

/// Sends itself messages of all sizes.
async fn talks(client: &Client) {
    let mut echo = client.subscribe("echo").await.unwrap();
    for length in [0, 1, 100, 5_000, 70_000, 1 << 20] {
        client.publish("echo", vec![b'x'; length].into()).await.unwrap();
        let message = soon(echo.next()).await.unwrap();
        assert!(message.payload.len() == length, "{length}");
    }
}

/// Reads up to and with these words.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), words: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).ends_with(words) {
        read.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

/// Reads to the end; a reset is one, too.
async fn read_rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    rest
}

async fn ping(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(b"PING\r\n").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(read_until(stream, "PONG\r\n").await, "PONG\r\n");
}

/// Subscribes, reads nothing more, and is cut off while others are served.
async fn is_cut_off_for_not_reading(
    server: &Server,
    stalled: impl AsyncWrite + Unpin,
    line: &[u8],
) {
    let (mut stalled, before) = (stalled, server.connections());
    stalled.write_all(line).await.unwrap();
    stalled.flush().await.unwrap();
    let publisher = async_nats::connect(server.client_url()).await.unwrap();
    soon(async {
        while server.subscriptions() == 0 {
            tokio::task::yield_now().await;
        }
        // More than sockets hold.
        for _ in 0..32 {
            publisher.publish("stalled", vec![b'x'; 1 << 20].into()).await.unwrap();
        }
        publisher.flush().await.unwrap();
        while server.connections() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    talks(&publisher).await;
}
