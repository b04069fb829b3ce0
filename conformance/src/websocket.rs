//! The client's half of a WebSocket. What is read and written is one stream of bytes, as it is
//! everywhere else; a task puts it into messages and takes it out of them.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, split},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        http::{HeaderMap, HeaderName, HeaderValue},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::tls::{Source, Writer};

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes on their way between the task and the reader.
const PIPE_BYTES: usize = 64 << 10;
/// How we end.
const GOODBYE: CloseFrame =
    CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static("") };
/// A close frame without a code.
const NO_CODE: u16 = 1005;

/// What the server is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// With its query.
    pub path: String,
    /// Besides the usual ones, or in their place.
    pub headers: Vec<(String, String)>,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 101 if it is a WebSocket now.
    pub status: u16,
    /// By their names in small letters.
    pub headers: Map<String, Value>,
}

impl Answer {
    /// For stories to look at.
    pub fn told(&self) -> Value {
        json!({ "status": self.status, "headers": self.headers })
    }
}

/// Asks for the change; what is returned beside the answer is none if it was refused.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn upgrade(
    read: Source,
    writer: &mut Writer,
    addr: SocketAddr,
    request: Request,
    close_code: Arc<OnceLock<u16>>,
) -> Result<(Answer, Option<Source>), String> {
    match (std::mem::replace(writer, Writer::Gone), read) {
        (Writer::Clear(write), Source::Clear(read)) => {
            let stream = read.reunite(write).map_err(|error| error.to_string())?;
            changed(stream, writer, format!("ws://{addr}"), request, close_code).await
        }
        (Writer::Tls(write), Source::Tls(read)) => {
            let stream = read.unsplit(write);
            changed(stream, writer, format!("wss://{addr}"), request, close_code).await
        }
        _ => Err("it is a WebSocket already".to_owned()),
    }
}

async fn changed<S>(
    stream: S,
    writer: &mut Writer,
    url: String,
    Request { path, headers }: Request,
    close_code: Arc<OnceLock<u16>>,
) -> Result<(Answer, Option<Source>), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut request =
        format!("{url}{path}").into_client_request().map_err(|error| error.to_string())?;
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(|_| format!("{name:?} names no header"))?;
        let value = HeaderValue::from_str(&value);
        request.headers_mut().insert(name, value.map_err(|error| error.to_string())?);
    }
    let asked = timeout(ANSWER, client_async(request, stream)).await;
    let asked = asked.map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?;
    match asked {
        Ok((socket, response)) => {
            let answer =
                Answer { status: response.status().as_u16(), headers: told(response.headers()) };
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            tokio::spawn(relay(socket, theirs, close_code));
            let (read, write) = split(ours);
            *writer = Writer::WebSocket(write);
            Ok((answer, Some(Source::WebSocket(read))))
        }
        Err(Error::Http(response)) => {
            let (status, headers) = (response.status().as_u16(), told(response.headers()));
            Ok((Answer { status, headers }, None))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn told(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value).into())).collect()
}

/// Passes bytes on until the server has ended the stream.
async fn relay<S>(
    mut socket: WebSocketStream<S>,
    stream: DuplexStream,
    close_code: Arc<OnceLock<u16>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut read, mut write) = split(stream);
    let (mut chunk, mut sending) = (vec![0; PIPE_BYTES], true);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                // NATS is binary here (WS-002): a text would be missed by the story.
                Some(Ok(Message::Binary(bytes))) => {
                    if write.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    // The first one counts, and there is no other.
                    let _ = close_code.set(frame.map_or(NO_CODE, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            read = read.read(&mut chunk), if sending => {
                let sent = match read {
                    Ok(read @ 1..) => socket.send(Message::binary(chunk[..read].to_vec())).await,
                    Ok(_) | Err(_) => {
                        sending = false;
                        socket.close(Some(GOODBYE)).await
                    }
                };
                // What came before the other side shut its door is still to be read.
                sending &= sent.is_ok();
            }
        }
    }
}
