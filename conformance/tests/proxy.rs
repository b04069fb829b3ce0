//! The proxy's network troubles, and that without any it changes no byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where something is not there"
)]

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use nats_conformance::faults::{Direction, End, NONE, Proxy};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    time::timeout,
};

/// Far longer than anything takes; only a failing test waits so long.
const DEADLINE: Duration = Duration::from_secs(10);

/// A listener, a proxy before it, and a connection through both: client's end, server's end.
async fn pair() -> (TcpListener, Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::builder(listener.local_addr().unwrap()).start().await.unwrap();
    let client = TcpStream::connect(proxy.addr()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (listener, proxy, client, server)
}

/// A server that sends one byte to whoever connects, and keeps the connection.
async fn herald(byte: u8) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(&[byte]).await.unwrap();
            kept.push(stream);
        }
    });
    addr
}

async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    timeout(DEADLINE, stream.read_exact(&mut bytes)).await.expect("bytes come").unwrap();
    bytes
}

async fn read_to_end(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("an end").map(|_| bytes)
}

#[tokio::test]
async fn bytes_are_late_by_the_delay_and_in_order() {
    let (_listener, proxy, mut client, mut server) = pair().await;
    let late = Duration::from_millis(80);
    proxy.delay(Direction::ToServer, late);
    let sent = Instant::now();
    client.write_all(b"one").await.unwrap();
    client.write_all(b"two").await.unwrap();
    assert_eq!(read(&mut server, 6).await, b"onetwo");
    assert!(sent.elapsed() >= late, "{:?}", sent.elapsed());
}

#[tokio::test]
async fn a_stalled_direction_holds_what_is_sent_and_the_other_one_flows() {
    let (_listener, proxy, mut client, mut server) = pair().await;
    proxy.stall(Direction::ToClient);
    server.write_all(b"held").await.unwrap();
    // A round through the other direction: the proxy is at work.
    client.write_all(b"up").await.unwrap();
    assert_eq!(read(&mut server, 2).await, b"up");
    let mut byte = [0];
    let early = timeout(Duration::from_millis(50), client.read(&mut byte)).await;
    assert!(early.is_err(), "{early:?} came through a stalled direction");
    proxy.flow(Direction::ToClient);
    assert_eq!(read(&mut client, 4).await, b"held");
}

#[tokio::test]
async fn who_writes_into_a_stalled_direction_is_made_to_wait() {
    let (_listener, proxy, mut client, mut server) = pair().await;
    proxy.stall(Direction::ToServer);
    let all = vec![7; 32 << 20];
    let writing = tokio::spawn({
        let all = all.clone();
        async move {
            client.write_all(&all).await.unwrap();
            client
        }
    });
    let early = timeout(Duration::from_millis(200), server.read(&mut [0])).await;
    assert!(early.is_err() && !writing.is_finished(), "32 MiB went nowhere");
    proxy.flow(Direction::ToServer);
    assert!(read(&mut server, all.len()).await == all);
    writing.await.unwrap();
}

#[tokio::test]
async fn lost_bytes_never_come_and_the_end_does() {
    let (_listener, proxy, mut client, mut server) = pair().await;
    proxy.lose(Direction::ToServer, true);
    client.write_all(b"lost").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"");
    // The other direction is whole.
    server.write_all(b"kept").await.unwrap();
    assert_eq!(read(&mut client, 4).await, b"kept");
}

#[tokio::test]
async fn a_connection_is_truncated_in_the_middle_of_a_frame() {
    let (listener, proxy, mut client, mut server) = pair().await;
    server.write_all(b"before").await.unwrap();
    assert_eq!(read(&mut client, 6).await, b"before");
    proxy.truncate(Direction::ToClient, Some(13));
    server.write_all(b"MSG a 1 5\r\nhello\r\n").await.unwrap();
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"MSG a 1 5\r\nhe");
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"");
    // Later connections as well, until it is over.
    for (bytes, heals) in [(&b"MSG a 1 5\r\nhe"[..], false), (b"MSG a 1 5\r\nhello\r\n", true)] {
        if heals {
            proxy.heal();
        }
        let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"MSG a 1 5\r\nhello\r\n").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(read_to_end(&mut client).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn connections_are_closed_or_reset_and_new_ones_made() {
    for (end, client_sees) in [(End::Close, None), (End::Reset, Some(ErrorKind::ConnectionReset))] {
        let (listener, proxy, mut client, mut server) = pair().await;
        assert_eq!(proxy.connections(), 1);
        proxy.cut(end).await.unwrap();
        assert_eq!(proxy.connections(), 0);
        for stream in [&mut client, &mut server] {
            assert_eq!(read_to_end(stream).await.err().map(|error| error.kind()), client_sees);
        }
        let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"again").await.unwrap();
        assert_eq!(read(&mut client, 5).await, b"again");
    }
}

#[tokio::test]
async fn new_connections_are_refused_and_old_ones_stay() {
    let (_listener, proxy, mut client, mut server) = pair().await;
    proxy.refuse().await.unwrap();
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    client.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut server, 5).await, b"still");
    proxy.accept().await.unwrap();
    TcpStream::connect(proxy.addr()).await.unwrap();
}

#[tokio::test]
async fn a_restart_is_on_the_same_port_and_may_be_to_another_server() {
    let (first, second) = (herald(b'1').await, herald(b'2').await);
    let proxy = Proxy::builder(first).start().await.unwrap();
    let addr = proxy.addr();
    let mut old = TcpStream::connect(addr).await.unwrap();
    assert_eq!(read(&mut old, 1).await, b"1");
    for (upstream, byte) in [(Some(second), b"2"), (None, b"2"), (Some(first), b"1")] {
        proxy.restart(upstream).await.unwrap();
        assert_eq!(read_to_end(&mut old).await.unwrap(), b"");
        assert_eq!(proxy.addr(), addr);
        old = TcpStream::connect(addr).await.unwrap();
        assert_eq!(read(&mut old, 1).await, byte);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_with_its_address() {
    let taken = herald(b'1').await;
    let error = Proxy::builder(taken).listen(taken).start().await.unwrap_err();
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}

#[tokio::test]
async fn dropping_it_ends_its_connections() {
    let (_listener, proxy, mut client, _server) = pair().await;
    drop(proxy);
    // By an end or by a reset: what is certain is that it comes.
    let _ = read_to_end(&mut client).await;
}

#[test]
fn it_lives_without_a_runtime_of_ours() {
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::builder(upstream.local_addr().unwrap()).start_blocking().unwrap();
    for _ in 0..2 {
        let mut client = std::net::TcpStream::connect(proxy.addr()).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        let (mut server, _) = upstream.accept().unwrap();
        server.write_all(b"hi").unwrap();
        let mut bytes = [0; 2];
        client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"hi");
        proxy.restart_blocking(None).unwrap();
        assert_eq!(client.read(&mut bytes).unwrap(), 0);
    }
}

/// Sends the pieces, then its end, while it reads to the end.
async fn play(stream: &mut TcpStream, pieces: &[Vec<u8>]) -> Vec<u8> {
    let (mut read, mut write) = stream.split();
    let mut got = Vec::new();
    let sending = async {
        for piece in pieces {
            write.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        write.shutdown().await.unwrap();
    };
    let ((), ended) = tokio::join!(sending, timeout(DEADLINE, read.read_to_end(&mut got)));
    ended.expect("an end").unwrap();
    got
}

#[test]
fn not_a_byte_is_changed_however_it_is_cut() {
    let runtime = Runtime::new().unwrap();
    let (plain, cutting, listener) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let plain = Proxy::builder(addr).start().await.unwrap();
        let cutting = Proxy::builder(addr).fault(&NONE).start().await.unwrap();
        (plain, cutting, listener)
    });
    let said = prop::sample::select(SAID);
    let heard = prop::sample::select(HEARD);
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let up = prop::collection::vec(prop_oneof![6 => said.prop_map(Vec::from), 1 => bytes()], 0..20);
    let down =
        prop::collection::vec(prop_oneof![6 => heard.prop_map(Vec::from), 1 => bytes()], 0..20);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tested = runner.run(&(up, down), |(up, down)| {
        for proxy in [&plain, &cutting] {
            let (at_client, at_server) = runtime.block_on(async {
                let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                tokio::join!(play(&mut client, &up), play(&mut server, &down))
            });
            prop_assert_eq!(at_client, down.concat());
            prop_assert_eq!(at_server, up.concat());
        }
        Ok(())
    });
    tested.unwrap();
}

/// What clients and servers say, whole and in parts.
const SAID: &[&[u8]] = &[
    b"CONNECT {}\r\n",
    b"PUB a 3\r\n",
    b"PUB a r 003\r\nab",
    b"c\r\n",
    b"abc\r\n",
    b"\r",
    b"\n",
    b"PING\r",
    b"SUB a 1",
    b"HPUB a 2 4\r\nabcd\r\n",
    b"X ",
];
const HEARD: &[&[u8]] = &[
    b"MSG a 1 3\r\n",
    b"abc\r\n",
    b"MSG a 1 003\r\nabc\r\n",
    b"PONG\r",
    b"\n",
    b"INFO {} \r\n",
    b"HMSG a 1 r 2 3\r\nabc\r\n",
    b"-ERR 'x'\r\n",
];
