//! What the harness says unasked, PING and PONG, never gets in the way of a story: not before a
//! late greeting, where it might break the rules, and not between a line and its payload.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use nats_conformance::{
    run::{Plan, Verdict, run},
    scenario::{Case, Version, parse},
    story::{Cut, Settings},
    target::Target,
};
use serde_json::Map;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::sleep,
};

/// Longer than the harness waits before it would ask with PING whether a frame is coming.
const SLOW: Duration = Duration::from_millis(600);

/// Greets late, and hangs up on who does not wait; afterwards it answers.
async fn greet_late(mut stream: TcpStream) {
    sleep(SLOW).await;
    let mut bytes = [0; 256];
    let waits = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
    if !stream.try_read(&mut bytes).is_err_and(waits) {
        return;
    }
    let info = "INFO {\"auth_required\":true} \r\n";
    stream.write_all(info.as_bytes()).await.unwrap();
    answer(stream).await;
}

/// Asks whether the client is there when it has announced a payload; hangs up if what follows is
/// not the payload.
async fn ask_before_payload(mut stream: TcpStream) {
    stream.write_all(b"INFO {} \r\n").await.unwrap();
    let mut line = [0; 9];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"PUB a 1\r\n");
    stream.write_all(b"PING\r\n").await.unwrap();
    let mut payload = [0; 3];
    stream.read_exact(&mut payload).await.unwrap();
    if &payload == b"x\r\n" {
        answer(stream).await;
    }
}

async fn answer(mut stream: TcpStream) {
    let mut bytes = [0; 256];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
        for _ in asked.matches("PING\r\n") {
            stream.write_all(b"PONG\r\n").await.unwrap();
        }
    }
}

async fn verdict<F>(serve: fn(TcpStream) -> F, story: &str) -> Verdict
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let text = format!("title: t\nspec: X\nlevel: MUST\n\n{story}");
    let scenario = Arc::new(parse("t", &text).unwrap());
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(5),
        cut: Cut::None,
        version: Version(vec![2, 15]),
        credentials: Map::new(),
    };
    let target = Target::running(&url).unwrap();
    let (lacks, known) = (BTreeSet::new(), Vec::new());
    let plan = Plan { target, settings, jobs: 1, lacks, known };
    let (results, mut outcomes) = mpsc::unbounded_channel();
    let case = Case { id: "t".to_owned(), scenario, row: None };
    run(Arc::new(plan), vec![case], results).await.unwrap();
    outcomes.recv().await.unwrap().verdict
}

#[tokio::test]
async fn a_late_greeting_is_waited_for() {
    assert_eq!(verdict(greet_late, "alice dials\nalice< INFO <...>\n").await, Verdict::Pass);
    let login = "alice dials\nalice< INFO <...>\nalice> CONNECT {}\nalice is quiet\n";
    assert_eq!(verdict(greet_late, login).await, Verdict::Pass);
    // The server can tell.
    assert_eq!(
        verdict(greet_late, "alice dials\nalice> PING\nalice< INFO <...>\n").await,
        Verdict::Fail
    );
}

#[tokio::test]
async fn no_pong_comes_between_a_line_and_its_payload() {
    let story = "alice dials\nalice< INFO <...>\nalice> PUB a 1\n\
        wait 300ms because the server asks now\nalice> x\nalice is quiet\n";
    assert_eq!(verdict(ask_before_payload, story).await, Verdict::Pass);
}
