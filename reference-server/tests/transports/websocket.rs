use std::time::{Duration, Instant};

use nats_reference_server::{Server, Tls, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    certificates::Certificates, connect, is_cut_off_for_not_reading, read_rest, read_until, soon,
    talks,
};

const REQUEST: &str = "GET /any HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Version: 13\r\n";

async fn started(options: WebSocket) -> Server {
    Server::builder().websocket(options).start().await.unwrap()
}

async fn dialled(server: &Server) -> TcpStream {
    let url = server.websocket_url().unwrap();
    TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap()
}

/// Asks for the upgrade, with more headers.
async fn upgraded<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, more: &str) -> String {
    stream.write_all(format!("{REQUEST}{more}\r\n").as_bytes()).await.unwrap();
    read_until(stream, "\r\n\r\n").await
}

/// A frame of the server: its first byte and what it holds.
pub(super) async fn frame<S: AsyncRead + Unpin>(stream: &mut S) -> (u8, Vec<u8>) {
    soon(async {
        let first = stream.read_u8().await.unwrap();
        let length = match stream.read_u8().await.unwrap() {
            126 => u64::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    })
    .await
}

/// Sends a frame with a mask that changes nothing.
pub(super) async fn send<S: AsyncWrite + Unpin>(stream: &mut S, first: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![first, 0xfe, length[0], length[1], 0, 0, 0, 0];
    if payload.len() < 126 {
        frame = vec![first, 0x80 | length[1], 0, 0, 0, 0];
    }
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await.unwrap();
}

/// A connection that has read INFO, and that INFO.
pub(super) async fn greeted(server: &Server, more: &str) -> (TcpStream, String) {
    let mut stream = dialled(server).await;
    let answer = upgraded(&mut stream, more).await;
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    let (first, info) = frame(&mut stream).await;
    assert_eq!(first, 0x82);
    (stream, String::from_utf8(info).unwrap())
}

#[tokio::test]
async fn clients_talk_over_websockets_and_tcp_alike() {
    let server = started(WebSocket::on(0)).await;
    let url = server.websocket_url().unwrap();
    let client = async_nats::connect(&url).await.unwrap();
    talks(&client).await;
    talks(&async_nats::connect(server.client_url()).await.unwrap()).await;
    // A stop and a start on the same ports, as far as clients can see.
    let server = server.restart().await.unwrap();
    assert_eq!(server.websocket_url().unwrap(), url);
    talks(&async_nats::connect(url).await.unwrap()).await;
}

#[tokio::test]
async fn info_names_this_listener() {
    let server = started(WebSocket::on(0)).await;
    let port = server.websocket_url().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let (_, info) = greeted(&server, "").await;
    assert!(info.contains(&format!("\"port\":{port},")), "{info}");
    assert!(!info.contains("tls_"), "{info}");
    let advertise = Some("example.test:443".to_owned());
    let server = started(WebSocket { advertise, ..WebSocket::on(0) }).await;
    let (_, info) = greeted(&server, "").await;
    assert!(info.contains("\"host\":\"example.test\",\"port\":443,"), "{info}");
}

#[tokio::test]
async fn frames_are_understood_however_they_come() {
    let server = started(WebSocket::on(0)).await;
    let (mut stream, _) = greeted(&server, "").await;
    let pong = (0x82, b"PONG\r\n".to_vec());
    send(&mut stream, 0x81, b"PING\r\n").await;
    assert_eq!(frame(&mut stream).await, pong);
    send(&mut stream, 0x02, b"PI").await;
    send(&mut stream, 0x89, b"hey").await;
    assert_eq!(frame(&mut stream).await, (0x8a, b"hey".to_vec()));
    send(&mut stream, 0x80, b"NG\r\n").await;
    assert_eq!(frame(&mut stream).await, pong);
    send(&mut stream, 0x88, b"\x03\xe8bye").await;
    assert_eq!(frame(&mut stream).await, (0x88, b"\x03\xe8bye".to_vec()));
    assert_eq!(read_rest(&mut stream).await, b"");
}

#[tokio::test]
async fn a_message_leaves_in_one_frame_but_to_a_browser_in_small_ones() {
    let server = started(WebSocket::on(0)).await;
    let client = async_nats::connect(server.client_url()).await.unwrap();
    for (more, bytes, sizes) in [
        ("", 70_000, vec![70_019]),
        ("User-Agent: Mozilla/5.0\r\n", 10_000, vec![4096, 4096, 1827]),
    ] {
        let (mut stream, _) = greeted(&server, more).await;
        let connect = b"CONNECT {\"verbose\":false}\r\nSUB big 1\r\nPING\r\n";
        send(&mut stream, 0x82, connect).await;
        assert_eq!(frame(&mut stream).await.1, b"PONG\r\n");
        client.publish("big", vec![b'x'; bytes].into()).await.unwrap();
        for size in sizes {
            assert_eq!(frame(&mut stream).await.1.len(), size, "{more}");
        }
    }
}

#[tokio::test]
async fn the_last_frame_says_why_the_server_ends_it() {
    let server = started(WebSocket::on(0)).await;
    let (mut stream, _) = greeted(&server, "").await;
    send(&mut stream, 0x82, b"NONSENSE\r\n").await;
    assert_eq!(frame(&mut stream).await.1, b"-ERR 'Unknown Protocol Operation'\r\n");
    let (first, close) = frame(&mut stream).await;
    assert_eq!((first, &close[..2]), (0x88, &b"\x03\xea"[..]));
    let (mut stream, _) = greeted(&server, "").await;
    send(&mut stream, 0x82, b"CONNECT {\"verbose\":false}\r\nPUB a 9999999\r\n").await;
    assert_eq!(frame(&mut stream).await.1, b"-ERR 'Maximum Payload Violation'\r\n");
    assert_eq!(frame(&mut stream).await.1, b"\x03\xf1Maximum Message Payload Exceeded");
    let (mut stream, _) = greeted(&server, "").await;
    server.shutdown().await;
    assert_eq!(frame(&mut stream).await, (0x88, b"\x03\xe9Server Shutdown".to_vec()));
}

#[tokio::test]
async fn compression_is_for_those_who_ask() {
    let server = started(WebSocket { compression: true, ..WebSocket::on(0) }).await;
    let mut stream = dialled(&server).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let answer = upgraded(&mut stream, offer).await;
    assert!(answer.contains(
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover\r\n"
    ));
    assert_eq!(frame(&mut stream).await.0, 0xc2);
    send(&mut stream, 0x82, b"PING\r\n").await;
    assert_eq!(frame(&mut stream).await, (0x82, b"PONG\r\n".to_vec()));
    // "PING\r\n" in a block of its own, not compressed: five bytes of header, no tail.
    send(&mut stream, 0xc2, b"\x00\x06\x00\xf9\xffPING\r\n\x00").await;
    assert_eq!(frame(&mut stream).await, (0x82, b"PONG\r\n".to_vec()));
}

#[tokio::test]
async fn masks_can_be_left_out_if_that_is_agreed_on() {
    let server = started(WebSocket::on(0)).await;
    let (mut stream, _) = greeted(&server, "Nats-No-Masking: true\r\n").await;
    stream.write_all(b"\x82\x06PING\r\n").await.unwrap();
    assert_eq!(frame(&mut stream).await.1, b"PONG\r\n");
    let (mut stream, _) = greeted(&server, "").await;
    stream.write_all(b"\x82\x06PING\r\n").await.unwrap();
    assert_eq!(frame(&mut stream).await, (0x88, b"\x03\xeamask bit missing".to_vec()));
}

#[tokio::test]
async fn a_refused_upgrade_is_answered_in_http() {
    let server = started(WebSocket { same_origin: true, ..WebSocket::on(0) }).await;
    for (from, to, status) in [
        ("GET", "POST", "405 Method Not Allowed"),
        ("Upgrade: websocket\r\n", "", "400 Bad Request"),
        ("GET", "\0", "400 Bad Request"),
        ("\r\nHost", "\r\nOrigin: http://elsewhere\r\nHost", "403 Forbidden"),
    ] {
        let mut stream = dialled(&server).await;
        let request = format!("{REQUEST}\r\n").replace(from, to);
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(read_rest(&mut stream).await).unwrap();
        let text = status.split_once(' ').unwrap().1;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{text}\n")), "{answer}");
    }
    // More than any request is.
    let mut stream = dialled(&server).await;
    let _ = stream.write_all(&[REQUEST.as_bytes(), &[b'x'; 70 << 10]].concat()).await;
    let answer = read_until(&mut stream, "\r\n").await;
    assert_eq!(answer, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    // What comes before the answer.
    for early in [&b"\r\n\x89\x80\0\0\0\0"[..], b"\r\n\x81\x86\0\0\0\0PING\r\n"] {
        let mut stream = dialled(&server).await;
        stream.write_all(&[REQUEST.as_bytes(), early].concat()).await.unwrap();
        assert_eq!(read_rest(&mut stream).await, b"");
    }
}

#[tokio::test]
async fn who_does_not_ask_for_the_upgrade_is_cut_off() {
    let handshake_timeout = Duration::from_millis(300);
    let server = started(WebSocket { handshake_timeout, ..WebSocket::on(0) }).await;
    let before = Instant::now();
    let mut silent = dialled(&server).await;
    silent.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    talks(&async_nats::connect(server.websocket_url().unwrap()).await.unwrap()).await;
    assert_eq!(read_rest(&mut silent).await, b"");
    assert!(before.elapsed() >= handshake_timeout);
    soon(async {
        while server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_connections_than_there_is_room_for() {
    let builder = Server::builder().websocket(WebSocket::on(0)).max_connections(1);
    let server = builder.start().await.unwrap();
    let _first = greeted(&server, "").await;
    let (mut second, told) = greeted(&server, "").await;
    assert!(told.ends_with("-ERR 'maximum connections exceeded'\r\n"), "{told}");
    assert_eq!(frame(&mut second).await.1, b"\x03\xf0Maximum Connections Exceeded");
}

#[tokio::test]
async fn a_listener_with_tls_speaks_nothing_else() {
    let certificates = Certificates::new();
    let tls = Tls { timeout: Duration::from_secs(30), ..certificates.tls() };
    let server = started(WebSocket { tls: Some(tls), ..WebSocket::on(0) }).await;
    let url = server.websocket_url().unwrap();
    assert!(url.starts_with("wss://"));
    talks(&connect(url, certificates.options()).await.unwrap()).await;
    let stream = dialled(&server).await;
    let mut stream = certificates.handshake(stream).await.unwrap();
    upgraded(&mut stream, "").await;
    let info = String::from_utf8(frame(&mut stream).await.1).unwrap();
    assert!(info.contains("\"tls_required\":true,\"tls_available\":true"), "{info}");
    let mut clear = dialled(&server).await;
    clear.write_all(REQUEST.as_bytes()).await.unwrap();
    let answer = String::from_utf8(read_rest(&mut clear).await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP"), "{answer}");
    // The other port goes on in clear.
    talks(&async_nats::connect(server.client_url()).await.unwrap()).await;
}

#[tokio::test]
async fn pings_can_come_more_often_here() {
    let ping_interval = Some(Duration::from_millis(100));
    let server = started(WebSocket { ping_interval, ..WebSocket::on(0) }).await;
    let (mut stream, _) = greeted(&server, "").await;
    assert_eq!(frame(&mut stream).await.1, b"PING\r\n");
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let builder = Server::builder().websocket(WebSocket::on(0));
    let server = builder.write_deadline(Duration::from_millis(300)).start().await.unwrap();
    let (mut stream, _) = greeted(&server, "").await;
    let frame = b"\x82\x8f\0\0\0\0SUB stalled 1\r\n";
    is_cut_off_for_not_reading(&server, &mut stream, frame).await;
}
