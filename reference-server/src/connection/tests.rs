//! Connections without sockets.

use tokio::{io::AsyncWriteExt as _, time::timeout};

use super::*;
use crate::server::ServerKey;
use crate::{Auth, protocol::Info, router::Client};

fn newcomer(client: Arc<Client>, terms: &watch::Sender<Terms>) -> Box<Newcomer> {
    Newcomer::without_socket(client, terms.borrow().clone())
}

#[tokio::test]
async fn a_quiet_connection_does_not_keep_alive_who_is_gone() {
    let interval = Duration::from_millis(20);
    let config = Config { ping_interval: interval, ping_max: u32::MAX, ..Config::default() };
    let terms = watch::Sender::new(Terms::new(config, Info::default(), ServerKey::new()));
    let anybody = terms.borrow().authenticator.anybody();
    let client = |id| Arc::new(Client::new(id, 1 << 20));
    let gone = client(1);
    gone.subscribe(&anybody, b"subject", None, b"1");
    let (mut quiet, (reader, writer)) = {
        let (near, far) = tokio::io::duplex(64 << 10);
        (near, tokio::io::split(far))
    };
    let serving = serve(reader, writer, newcomer(client(2), &terms), terms.subscribe(), || {});
    tokio::spawn(serving);
    quiet.write_all(b"CONNECT {}\r\nPUB subject 2\r\nhi\r\n").await.unwrap();
    let soon = timeout(Duration::from_secs(10), async {
        while !gone.outbox.take_delivered() {
            sleep(Duration::from_millis(1)).await;
        }
        gone.unsubscribe_all();
        let left = Arc::downgrade(&gone);
        drop(gone);
        while left.strong_count() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(soon.await.is_ok(), "the quiet connection still knows it");
}

#[tokio::test]
async fn a_login_may_come_byte_by_byte_and_nothing_else() {
    let auth = Auth { token: Some("t".into()), ..Auth::default() };
    let config = Config { auth, ..Config::default() };
    let terms = watch::Sender::new(Terms::new(config, Info::default(), ServerKey::new()));
    for (input, answer) in [
        ("cOnNeCt {\"auth_token\":\"t\"}\r\nPING\r\n", "+OK\r\nPONG\r\n"),
        ("CONNECT {\"auth_token\":\"C\"}\r\nPING\r\n", "-ERR 'Authorization Violation'\r\n"),
        ("PING\r\n", "-ERR 'Authorization Violation'\r\n"),
        ("COW", "-ERR 'Unknown Protocol Operation'\r\n"),
    ] {
        let (mut near, far) = tokio::io::duplex(64 << 10);
        let (reader, writer) = tokio::io::split(far);
        let newcomer = newcomer(Arc::new(Client::new(1, 1 << 20)), &terms);
        tokio::spawn(serve(reader, writer, newcomer, terms.subscribe(), || {}));
        for byte in input.bytes() {
            near.write_all(&[byte]).await.unwrap();
            yield_now().await;
            yield_now().await;
        }
        near.shutdown().await.unwrap();
        let mut told = String::new();
        near.read_to_string(&mut told).await.unwrap();
        let (_, told) = told.split_once("\r\n").unwrap();
        assert_eq!(told, answer, "{input}");
    }
}
