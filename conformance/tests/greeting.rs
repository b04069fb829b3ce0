//! A server that takes its time to greet is not spoken to by the harness itself: where it wants
//! credentials, a PING before them would be a violation.

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
async fn serve(mut stream: TcpStream) {
    sleep(SLOW).await;
    let mut bytes = [0; 256];
    if !matches!(stream.try_read(&mut bytes), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    {
        return;
    }
    let info = "INFO {\"auth_required\":true} \r\n";
    stream.write_all(info.as_bytes()).await.unwrap();
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
        for _ in asked.matches("PING\r\n") {
            stream.write_all(b"PONG\r\n").await.unwrap();
        }
    }
}

async fn verdict(story: &str) -> Verdict {
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
    assert_eq!(verdict("alice dials\nalice< INFO <...>\n").await, Verdict::Pass);
    let login = "alice dials\nalice< INFO <...>\nalice> CONNECT {}\nalice is quiet\n";
    assert_eq!(verdict(login).await, Verdict::Pass);
    // The server can tell.
    assert_eq!(verdict("alice dials\nalice> PING\nalice< INFO <...>\n").await, Verdict::Fail);
}
