//! Connections without sockets.

use super::*;
use crate::router::Client;

fn peer(client: Arc<Client>) -> Peer {
    Peer { client, addr: ([127, 0, 0, 1], 1).into(), info: Info::default() }
}

#[tokio::test]
async fn a_quiet_connection_does_not_keep_alive_who_is_gone() {
    let authenticator = Arc::new(Authenticator::new(&Config::default()));
    let client = |id| Arc::new(Client::new(id, 1 << 20));
    let gone = client(1);
    gone.subscribe(&authenticator.anybody(), b"subject", None, b"1");
    let interval = Duration::from_millis(20);
    let config = Config { ping_interval: interval, ping_max: u32::MAX, ..Config::default() };
    let (mut quiet, (reader, writer)) = {
        let (near, far) = tokio::io::duplex(64 << 10);
        (near, tokio::io::split(far))
    };
    let serving = serve(reader, writer, peer(client(2)), Arc::new(config), authenticator, || {});
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
