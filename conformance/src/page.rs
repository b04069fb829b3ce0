//! A page asked for by GET.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::ClientConfig};

/// Asks for a page: its `status`, `headers` by their names in small letters, and `body`, as JSON if
/// it can be.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn get(
    addr: SocketAddr,
    path: &str,
    tls: Option<ClientConfig>,
) -> Result<Value, String> {
    let stream = TcpStream::connect(addr).await.map_err(|error| error.to_string())?;
    match tls {
        None => ask(stream, addr, path).await,
        Some(config) => {
            let connector = TlsConnector::from(std::sync::Arc::new(config));
            let stream = connector.connect(addr.ip().into(), stream).await;
            ask(stream.map_err(|error| error.to_string())?, addr, path).await
        }
    }
}

async fn ask<S>(stream: S, addr: SocketAddr, path: &str) -> Result<Value, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let driving = tokio::spawn(connection);
    let request = Request::get(path).header(HOST, addr.to_string()).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = response.headers().iter();
    let headers: Map<String, Value> =
        headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()).into())).collect();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    driving.abort();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(text(&body)));
    Ok(json!({ "status": status, "headers": headers, "body": body }))
}
