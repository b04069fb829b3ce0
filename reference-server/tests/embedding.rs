//! The server as Rust users embed it: many at once, stopped, dropped and restarted.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use nats_reference_server::{Builder, Config, Server, StartError};

/// A plain socket that speaks the protocol by hand.
struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    fn connect(addr: SocketAddr) -> Raw {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut raw = Raw { stream: BufReader::new(stream) };
        assert!(raw.line().starts_with("INFO {"));
        raw.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n");
        raw.fence();
        raw
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    fn fence(&mut self) {
        self.send("PING\r\n");
        assert_eq!(self.line(), "PONG\r\n");
    }

    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }
}

/// Looks again until it is so; what is waited for happens on another thread.
fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "it never came to be");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn servers_in_one_process_share_nothing() {
    let one = Server::builder().start().await.unwrap();
    let two = Server::builder().start().await.unwrap();
    assert_ne!((one.addr(), one.id()), (two.addr(), two.id()));
    let client_of_one = async_nats::connect(one.client_url()).await.unwrap();
    let client_of_two = async_nats::connect(two.client_url()).await.unwrap();
    let mut heard = client_of_two.subscribe(">").await.unwrap();
    client_of_two.flush().await.unwrap();
    client_of_one.publish("a", "from one".into()).await.unwrap();
    client_of_one.flush().await.unwrap();
    client_of_two.publish("a", "from two".into()).await.unwrap();
    assert_eq!(heard.next().await.unwrap().payload, "from two");
}

#[test]
fn a_server_works_without_a_runtime() {
    let server = Server::builder().start_blocking().unwrap();
    let addr = server.addr();
    let mut raw = Raw::connect(addr);
    raw.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    assert_eq!((raw.line().as_str(), raw.line().as_str()), ("MSG a 1 2\r\n", "hi\r\n"));
    server.shutdown_blocking();
    assert_eq!(raw.rest(), b"");
    assert!(TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn a_dropped_server_frees_its_port() {
    let server = Server::builder().start().await.unwrap();
    let addr = server.addr();
    let mut raw = Raw::connect(addr);
    drop(server);
    assert_eq!(raw.rest(), b"");
    let again = Server::builder().port(addr.port()).start().await.unwrap();
    assert_eq!(again.addr(), addr);
}

#[tokio::test]
async fn a_client_comes_back_after_a_restart() {
    let server = Server::builder().start().await.unwrap();
    let (addr, id) = (server.addr(), server.id().to_owned());
    let client = async_nats::connect(server.client_url()).await.unwrap();
    let mut heard = client.subscribe("a").await.unwrap();
    client.flush().await.unwrap();
    let server = server.restart().await.unwrap();
    assert_eq!(server.addr(), addr);
    assert_ne!(server.id(), id);
    // The client subscribes again once it is back; until then nobody hears what we say.
    let message = async {
        loop {
            client.publish("a", "x".into()).await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(50), heard.next());
            if let Ok(Some(message)) = next.await {
                return message;
            }
        }
    };
    let message = tokio::time::timeout(Duration::from_secs(20), message).await.unwrap();
    assert_eq!(message.payload, "x");
}

#[tokio::test]
async fn a_lame_duck_lets_go_and_stops() {
    let config = Config {
        lame_duck_grace_period: Duration::from_millis(10),
        lame_duck_duration: Duration::from_millis(100),
        ..Config::default()
    };
    let mut server = Server::builder().config(config).start().await.unwrap();
    let mut clients: Vec<Raw> = (0..20).map(|_| Raw::connect(server.addr())).collect();
    server.lame_duck();
    server.stopped().await;
    assert!(clients.iter_mut().all(|client| client.rest().is_empty()));
    assert!(TcpStream::connect(server.addr()).is_err());
}

#[test]
fn a_reload_holds_for_what_is_sent_behind_it() {
    let server = Server::builder().max_payload_bytes(10).start_blocking().unwrap();
    let mut client = Raw::connect(server.addr());
    for max in [20, 5, 30, 7] {
        let config = Config { max_payload_bytes: max, ..(*server.config()).clone() };
        assert_eq!(server.reload(config).unwrap(), [format!("max_payload = {max}")]);
        client.send(&format!("PUB a {max}\r\n{}\r\n", "x".repeat(max)));
        client.fence();
    }
    client.send("PUB a 8\r\n");
    assert_eq!(client.rest(), b"-ERR 'Maximum Payload Violation'\r\n");
}

#[test]
fn a_shutdown_sends_what_is_queued() {
    // Longer than any machine's mood: what is tested is that nothing is cut off.
    let grace = Duration::from_secs(60);
    let server = Server::builder().shutdown_grace(grace).start_blocking().unwrap();
    let mut raw = Raw::connect(server.addr());
    let payload = "x".repeat(1 << 20);
    raw.send("SUB a 1\r\n");
    for _ in 0..8 {
        raw.send(&format!("PUB a {}\r\n{payload}\r\n", payload.len()));
    }
    let mut publisher = Raw::connect(server.addr());
    publisher.fence();
    let stopping = std::thread::spawn(move || server.shutdown_blocking());
    let received = raw.rest();
    stopping.join().unwrap();
    // Whole messages only: what the server had taken in before it stopped.
    let message = format!("MSG a 1 {}\r\n", payload.len()).len() + payload.len() + 2;
    assert_eq!(received.len() % message, 0, "{} bytes of {message}", received.len());
}

#[test]
fn options_are_checked_before_anything_starts() {
    let error = Builder::default().max_pending_bytes(10).start_blocking().unwrap_err();
    assert!(matches!(&error, StartError::Config(text) if text.contains("max_pending")), "{error}");
    let taken = Server::builder().start_blocking().unwrap();
    let error = Server::builder().port(taken.addr().port()).start_blocking().unwrap_err();
    assert!(error.to_string().starts_with("can't listen on 127.0.0.1:"), "{error}");
    assert!(Server::builder().host("no such host").start_blocking().is_err());
}

#[test]
fn nothing_of_a_client_is_left_when_it_has_gone() {
    let server = Server::builder().config(Config::default()).start_blocking().unwrap();
    for round in 0..20 {
        let mut clients: Vec<Raw> = (0..5).map(|_| Raw::connect(server.addr())).collect();
        for client in &mut clients {
            client.send("SUB a.* 1\r\nSUB a.> q 2\r\nUNSUB 2 5\r\nSUB b 3\r\nUNSUB 3\r\n");
            client.fence();
        }
        assert_eq!((server.connections(), server.subscriptions()), (5, 10), "round {round}");
        drop(clients);
        eventually(|| server.connections() == 0 && server.subscriptions() == 0);
    }
}

#[test]
fn a_finished_subscription_leaves_no_trace() {
    let server = Server::builder().start_blocking().unwrap();
    let mut client = Raw::connect(server.addr());
    for round in 0..100 {
        client.send(&format!("SUB a {round}\r\nUNSUB {round} 1\r\nPUB a 0\r\n\r\n"));
        assert_eq!(client.line(), format!("MSG a {round} 0\r\n"));
        assert_eq!(client.line(), "\r\n");
    }
    client.fence();
    assert_eq!(server.subscriptions(), 0);
}

#[test]
fn a_reader_that_stops_is_cut_off_and_costs_the_others_nothing() {
    let server = Server::builder().max_pending_bytes(1 << 20).start_blocking().unwrap();
    let mut stalled = Raw::connect(server.addr());
    stalled.send("SUB flood 1\r\n");
    stalled.fence();
    let mut reader = Raw::connect(server.addr());
    reader.send("SUB flood 1\r\n");
    reader.fence();
    let mut publisher = Raw::connect(server.addr());
    let payload = "x".repeat(10_000);
    for _ in 0..2_000 {
        publisher.send(&format!("PUB flood {}\r\n{payload}\r\n", payload.len()));
        let mut message = vec![0; format!("MSG flood 1 10000\r\n{payload}\r\n").len()];
        reader.stream.read_exact(&mut message).unwrap();
    }
    publisher.fence();
    eventually(|| server.connections() == 2);
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = stalled.stream.read_to_end(&mut rest);
    assert!(rest.len() < 20_000_000 && !rest.windows(4).any(|bytes| bytes == b"-ERR"));
}

#[test]
fn a_payload_of_the_full_size_arrives_at_many() {
    let server = Server::builder().start_blocking().unwrap();
    let mut receivers: Vec<Raw> = (0..3).map(|_| Raw::connect(server.addr())).collect();
    for receiver in &mut receivers {
        receiver.send("SUB big 7\r\n");
        receiver.fence();
    }
    let payload: String = (0..1 << 20).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let mut publisher = Raw::connect(server.addr());
    publisher.send(&format!("HPUB big 12 {}\r\nNATS/1.0\r\n\r\n", payload.len()));
    publisher.send(&format!("{}\r\n", &payload[12..]));
    let head = format!("HMSG big 7 12 {}\r\nNATS/1.0\r\n\r\n", payload.len());
    let expected = format!("{head}{}\r\n", &payload[12..]);
    for receiver in &mut receivers {
        let mut message = vec![0; expected.len()];
        receiver.stream.read_exact(&mut message).unwrap();
        assert!(message == expected.as_bytes());
    }
}
