//! The judge on trial: servers that speak just enough of the protocol, and lie in one way each.
//! Every lie must be found out, and in these words; the honest one must not be accused.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use nats_conformance::{
    scenario::{Version, cases, parse},
    stage::Stage,
    story::{Cut, Failure, Settings, tell},
    target::Target,
};
use serde_json::Map;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const STORY: &str = "alice connects
alice> SUB a 1
alice> PUB a 2
alice> hi
alice< MSG a 1 2
alice< hi
alice is quiet
alice> PING
alice< PONG
alice is quiet
";

/// An -ERR, and the end of the stream.
const REFUSED: &str = "alice connects
alice> NONSENSE
alice< -ERR 'Unknown Protocol Operation'
alice is closed
";

/// A line that takes any frame of one word: it must not swallow a PONG too many.
const ANYTHING: &str = "alice connects
alice> PING
alice< PONG
alice< <_>
";

/// What a server sends on an occasion; `None` ends the connection.
type Says = Option<&'static [u8]>;

/// The occasions, each with what an honest server sends.
#[derive(Clone, Copy)]
struct Server {
    info: Says,
    connect: Says,
    pong: Says,
    /// To what is published.
    message: Says,
    /// Behind the second PONG.
    late: &'static [u8],
    /// To an unknown verb, before the connection ends.
    refusal: &'static [u8],
    /// When the client has ended its side.
    goodbye: &'static [u8],
    /// PONG from this PING on; the one of `connects` is the first.
    lies_from: usize,
}

const HONEST: Server = Server {
    info: Some(b"INFO {\"headers\":true,\"max_payload\":100}\r\n"),
    connect: Some(b""),
    pong: Some(b"PONG\r\n"),
    message: Some(b"MSG a 1 2\r\nhi\r\n"),
    late: b"",
    refusal: b"-ERR 'Unknown Protocol Operation'\r\n",
    goodbye: b"",
    lies_from: 1,
};

impl Server {
    async fn listen(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            // The first one only sees whether anybody is there.
            let (_, (stream, _)) =
                (listener.accept().await.unwrap(), listener.accept().await.unwrap());
            // The client may have gone; then there is nobody to lie to.
            let _ = self.serve(stream).await;
        });
        addr
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        stream.write_all(self.info?).await.ok()?;
        let mut buffer = Vec::new();
        let mut pings = 0;
        while stream.read_buf(&mut buffer).await.ok()? > 0 {
            while let Some(line) = line(&mut buffer) {
                let says = match line.split(' ').next() {
                    Some("CONNECT") => self.connect?,
                    Some("PING") => {
                        pings += 1;
                        if pings < self.lies_from { b"PONG\r\n" } else { self.pong? }
                    }
                    Some("hi") => self.message?,
                    Some("SUB" | "PUB" | "PONG") => b"",
                    _ => {
                        stream.write_all(self.refusal).await.ok()?;
                        return None;
                    }
                };
                let late = if line == "PING" && pings == 2 { self.late } else { b"" };
                // In one write, so that it is not only found out because it is too slow.
                stream.write_all(&[says, late].concat()).await.ok()?;
            }
        }
        stream.write_all(self.goodbye).await.ok()
    }
}

/// Takes the first line off.
fn line(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.windows(2).position(|pair| pair == b"\r\n")?;
    let rest = buffer.split_off(end + 2);
    let line = std::mem::replace(buffer, rest);
    Some(String::from_utf8_lossy(&line[..end]).into_owned())
}

/// What the judge says of this server.
async fn judged(story: &str, server: Server) -> Option<Failure> {
    told(story, server.listen().await).await.1
}

/// The scenario's text, and what went wrong with it.
async fn told(story: &str, addr: SocketAddr) -> (String, Option<Failure>) {
    let text = format!("title: A story\nspec:  CORE-PING-001\nlevel: MUST\n\n{story}");
    let case = cases(&Arc::new(parse("own/story", &text).unwrap())).remove(0);
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(2),
        cut: Cut::None,
        version: Version(vec![2, 15]),
        credentials: Map::new(),
    };
    let url = format!("nats://{addr}");
    let target = Target::Running { addr, url, credentials: Map::new() };
    let mut stage = Stage::start(&target, &case.scenario, settings.seed).await.unwrap();
    (text, tell(&case, &mut stage, &settings).await.failure)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_honest_one_is_not_accused() {
    assert_eq!(judged(STORY, HONEST).await, None);
    assert_eq!(judged(REFUSED, HONEST).await, None);
}

/// Name, story, server, and what is said of it: message, and what came. Where it is a race which
/// line finds it out, only that it is.
type Lie = (&'static str, &'static str, Server, &'static str, &'static str);

#[rustfmt::skip]
const LIES: &[Lie] = &[
    ("INFO is no JSON", STORY, Server { info: Some(b"INFO {\"a\":}\r\n"), ..HONEST },
        "alice got bytes that are no frame", "INFO without a JSON object"),
    ("INFO is a JSON list", STORY, Server { info: Some(b"INFO []\r\n"), ..HONEST },
        "alice got bytes that are no frame", "INFO without a JSON object"),
    ("another greeting", STORY, Server { info: Some(b"PONG\r\n"), ..HONEST },
        "another frame came", "PONG"),
    ("no INFO", STORY, Server { info: Some(b"PING\r\n"), ..HONEST },
        "the server did not answer", "nothing before the deadline"),
    ("the connection ends at once", STORY, Server { info: None, ..HONEST },
        "the server closed the connection", "the end of the stream"),
    ("+OK that was not asked for", STORY, Server { connect: Some(b"+OK\r\n"), ..HONEST },
        "another frame came", "+OK"),
    ("the connection ends at CONNECT", STORY, Server { connect: None, ..HONEST },
        "the server closed the connection", "the end of the stream"),
    ("no PONG", STORY, Server { pong: Some(b""), lies_from: 2, ..HONEST },
        "alice sent PING and got no PONG", ""),
    ("+OK for PONG", STORY, Server { pong: Some(b"+OK\r\n"), ..HONEST },
        "another frame came", "+OK"),
    ("PONG in small letters", STORY, Server { pong: Some(b"pong\r\n"), ..HONEST },
        "alice got bytes that are no frame", "pong"),
    ("PONG without CR", STORY, Server { pong: Some(b"PONG\n"), ..HONEST },
        "alice got bytes that are no frame", "does not end in CR LF"),
    ("PONG with a word behind it", STORY, Server { pong: Some(b"PONG 1\r\n"), ..HONEST },
        "alice got bytes that are no frame", "PONG 1"),
    ("a blank behind PONG", STORY, Server { pong: Some(b"PONG \r\n"), ..HONEST },
        "alice got bytes that are no frame", "PONG "),
    ("an empty line behind PONG", STORY,
        Server { pong: Some(b"PONG\r\n\r\n"), lies_from: 2, ..HONEST },
        "alice got ", ""),
    ("two PONGs for each PING", STORY, Server { pong: Some(b"PONG\r\nPONG\r\n"), ..HONEST },
        "another frame came", "PONG"),
    ("two PONGs for the last PINGs", STORY,
        Server { pong: Some(b"PONG\r\nPONG\r\n"), lies_from: 3, ..HONEST },
        "alice got a frame that nobody asked for", "PONG"),
    ("a PONG too many where anything is expected", ANYTHING, Server { late: b"PONG\r\n", ..HONEST },
        "alice sent 3 times PING and got 4 times PONG", ""),
    ("a message behind every PONG but the first", STORY,
        Server { pong: Some(b"PONG\r\nMSG a 1 2\r\nhi\r\n"), lies_from: 2, ..HONEST },
        "", "MSG a 1 2"),
    ("the connection ends where there was silence", STORY,
        Server { pong: None, lies_from: 2, ..HONEST },
        "the server closed the connection of alice", ""),
    ("no message", STORY, Server { message: Some(b""), ..HONEST },
        "a frame did not come to alice", "the fence came back"),
    ("the message comes behind the PONG of the fence", STORY,
        Server { message: Some(b""), late: b"MSG a 1 2\r\nhi\r\n", ..HONEST },
        "a frame did not come to alice", ""),
    ("the message comes twice", STORY,
        Server { message: Some(b"MSG a 1 2\r\nhi\r\nMSG a 1 2\r\nhi\r\n"), ..HONEST },
        "alice got a frame that nobody asked for", "MSG a 1 2"),
    ("MSG in small letters", STORY, Server { message: Some(b"msg a 1 2\r\nhi\r\n"), ..HONEST },
        "alice got bytes that are no frame", "msg a 1 2"),
    ("two blanks in MSG", STORY, Server { message: Some(b"MSG a  1 2\r\nhi\r\n"), ..HONEST },
        "alice got bytes that are no frame", "MSG with the wrong words"),
    ("a leading zero in the size", STORY,
        Server { message: Some(b"MSG a 1 02\r\nhi\r\n"), ..HONEST },
        "another frame came", "MSG a 1 02"),
    ("a size too small", STORY, Server { message: Some(b"MSG a 1 1\r\nhi\r\n"), ..HONEST },
        "alice got bytes that are no frame", "a payload that does not end where its size says"),
    ("a size too large", STORY, Server { message: Some(b"MSG a 1 3\r\nhi\r\n"), ..HONEST },
        "alice got bytes that are no frame", "a payload that does not end where its size says"),
    ("a payload that ends in LF alone", STORY,
        Server { message: Some(b"MSG a 1 2\r\nhi\n"), ..HONEST },
        "alice got bytes that are no frame", "a payload that does not end where its size says"),
    ("another payload of that size", STORY,
        Server { message: Some(b"MSG a 1 2\r\nho\r\n"), ..HONEST },
        "another frame came", "ho"),
    ("a longer payload that starts alike", STORY,
        Server { message: Some(b"MSG a 1 4\r\nhi\r\n\r\n"), ..HONEST },
        "another frame came", "MSG a 1 4"),
    ("a shorter payload", STORY, Server { message: Some(b"MSG a 1 1\r\nh\r\n"), ..HONEST },
        "another frame came", "MSG a 1 1"),
    ("another sid that starts alike", STORY,
        Server { message: Some(b"MSG a 11 2\r\nhi\r\n"), ..HONEST },
        "another frame came", "MSG a 11 2"),
    ("a subject that starts alike", STORY,
        Server { message: Some(b"MSG a.a 1 2\r\nhi\r\n"), ..HONEST },
        "another frame came", "MSG a.a 1 2"),
    ("a reply that was not given", STORY,
        Server { message: Some(b"MSG a 1 r 2\r\nhi\r\n"), ..HONEST },
        "another frame came", "MSG a 1 r 2"),
    ("an error in passing", STORY,
        Server { message: Some(b"MSG a 1 2\r\nhi\r\n-ERR 'x'\r\n"), ..HONEST },
        "alice got a frame that nobody asked for", "-ERR 'x'"),
    ("a message before it ends", STORY, Server { goodbye: b"MSG a 1 2\r\nhi\r\n", ..HONEST },
        "alice got a frame that nobody asked for", "MSG a 1 2"),
    ("a PONG before it ends", STORY, Server { goodbye: b"PONG\r\n", ..HONEST },
        "alice got a frame that nobody asked for", "PONG"),
    ("half a message before it ends", STORY, Server { goodbye: b"MSG a 1 2\r\nh", ..HONEST },
        "alice got a stream that ends within a frame", ""),
    ("half a line before it ends", STORY, Server { goodbye: b"-ERR 'x", ..HONEST },
        "alice got a stream that ends within a frame", ""),
    ("no error", REFUSED, Server { refusal: b"", ..HONEST },
        "the server closed the connection", "the end of the stream"),
    ("an error without its end", REFUSED,
        Server { refusal: b"-ERR 'Unknown Protocol Operation'", ..HONEST },
        "alice got bytes that are no frame", "a stream that ends within a frame"),
    ("an error without quotes", REFUSED,
        Server { refusal: b"-ERR Unknown Protocol Operation\r\n", ..HONEST },
        "alice got bytes that are no frame", "-ERR with the wrong words"),
    ("more behind the error", REFUSED,
        Server { refusal: b"-ERR 'Unknown Protocol Operation'\r\n-ERR 'x'\r\n", ..HONEST },
        "another frame came", "-ERR 'x'"),
    ("half a frame behind the error", REFUSED,
        Server { refusal: b"-ERR 'Unknown Protocol Operation'\r\nPON", ..HONEST },
        "alice got bytes that are no frame", "a stream that ends within a frame: PON"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_lie_is_found_out() {
    let mut wrong = Vec::new();
    let judged: Vec<_> =
        LIES.iter().map(|(_, story, server, ..)| tokio::spawn(judged(story, *server))).collect();
    for ((name, _, _, message, got), judged) in LIES.iter().zip(judged) {
        let Some(failure) = judged.await.unwrap() else {
            wrong.push(format!("{name}: not found"));
            continue;
        };
        let came = failure.got.clone().unwrap_or_default();
        let meant = failure.message.starts_with(message) && came.contains(got);
        if failure.is_error || !meant {
            wrong.push(format!("{name}: {} ({came})", failure.message));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A PONG that the story itself is owed proves nothing of what was sent behind its PING. This
/// server takes its time for a message, and bob must not be found quiet before it has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_storys_own_pong_is_no_fence() {
    let story = "bob, alice connect
alice> PING
alice> PUB a 2
alice> hi
bob is quiet
bob< MSG a 1 2
bob< hi
";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (deliver, mut delivery) = mpsc::channel(1);
    tokio::spawn(async move {
        // The first one only sees whether anybody is there.
        let (_, (bob, _)) = (listener.accept().await.unwrap(), listener.accept().await.unwrap());
        let (mut from_bob, mut to_bob) = bob.into_split();
        let (pong, mut pongs) = mpsc::channel(8);
        to_bob.write_all(HONEST.info.unwrap()).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while from_bob.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
                while let Some(line) = line(&mut buffer) {
                    if line == "PING" {
                        pong.send(()).await.unwrap();
                    }
                }
            }
        });
        tokio::spawn(async move {
            loop {
                let says = tokio::select! {
                    Some(()) = pongs.recv() => &b"PONG\r\n"[..],
                    Some(()) = delivery.recv() => b"MSG a 1 2\r\nhi\r\n",
                    else => return,
                };
                to_bob.write_all(says).await.unwrap();
            }
        });
        let (mut alice, _) = listener.accept().await.unwrap();
        alice.write_all(HONEST.info.unwrap()).await.unwrap();
        let mut buffer = Vec::new();
        while alice.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
            while let Some(line) = line(&mut buffer) {
                match &*line {
                    "PING" => alice.write_all(b"PONG\r\n").await.unwrap(),
                    "hi" => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        deliver.send(()).await.unwrap();
                    }
                    _ => {}
                }
            }
        }
    });
    let (text, failure) = told(story, addr).await;
    let failure = failure.unwrap();
    assert_eq!(&text[failure.span.clone()], "bob is quiet", "{failure:?}");
    assert_eq!(failure.message, "bob got a frame that nobody asked for");
}
