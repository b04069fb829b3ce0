//! The suite on trial: a proxy puts one bug before a healthy broker, and the suite must find it.
//! Without a bug the same proxy brings no finding, so it is the bug that is found.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use nats_conformance::{
    corpus::Corpus,
    run::{Plan, Verdict, run, select},
    scenario::Version,
    story::{Cut, Settings},
    target::Target,
    wire::{self, Frame},
};
use nats_reference_server::Server;
use serde_json::Map;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

type OnLine = fn(&str) -> Vec<String>;
type OnFrame = fn(Vec<u8>, &mut Memory) -> Vec<Vec<u8>>;

/// A bug: what it makes of a client's line, and of the frames of a server.
#[derive(Clone, Copy)]
struct Fault {
    name: &'static str,
    /// Rewrites a control line; CR LF is not part of it.
    line: Option<OnLine>,
    /// Rewrites a frame; may hold one back, which a frame that is no message sets free.
    frame: Option<OnFrame>,
    /// Scenarios that must find it; a selector as for `run`.
    found_by: &'static [&'static str],
}

/// What a bug remembers of one connection.
#[derive(Default)]
struct Memory {
    messages: usize,
    held: Option<Vec<u8>>,
}

const NONE: Fault = Fault { name: "none", line: None, frame: None, found_by: &[] };

const FAULTS: &[Fault] = &[
    Fault {
        name: "every third message is lost",
        frame: Some(|frame, memory| {
            memory.messages += usize::from(is_message(&frame));
            if is_message(&frame) && memory.messages % 3 == 0 { Vec::new() } else { vec![frame] }
        }),
        found_by: &["article/queue-of-three", "core/sub/maximum"],
        ..NONE
    },
    Fault {
        name: "every message comes twice",
        frame: Some(|frame, _| match is_message(&frame) {
            true => vec![frame.clone(), frame],
            false => vec![frame],
        }),
        found_by: &["article/pubsub", "core/sub/subscribe"],
        ..NONE
    },
    Fault {
        name: "neighbouring messages change places",
        frame: Some(|frame, memory| match (is_message(&frame), memory.held.take()) {
            (true, None) => {
                memory.held = Some(frame);
                Vec::new()
            }
            (true, Some(held)) => vec![frame, held],
            (false, held) => held.into_iter().chain([frame]).collect(),
        }),
        found_by: &["core/sub/maximum", "core/delivery/order"],
        ..NONE
    },
    Fault {
        name: "the sid is another one",
        frame: Some(|frame, _| vec![rewrite(&frame, |words| words[2].push('0'))]),
        found_by: &["article/pubsub", "core/sub/opaque-sid[1]"],
        ..NONE
    },
    Fault {
        name: "a star matches two tokens as well",
        line: Some(|line| match words(line)[..] {
            ["SUB", pattern, sid] if pattern.ends_with(".*") => {
                vec![line.to_owned(), format!("SUB {pattern}.* ~{sid}")]
            }
            _ => vec![line.to_owned()],
        }),
        frame: Some(unalias),
        found_by: &["core/wildcards/star-misses[2]"],
    },
    Fault {
        name: "an arrow matches its parent as well",
        line: Some(|line| match words(line)[..] {
            ["SUB", pattern, sid] if pattern.ends_with(".>") => {
                vec![line.to_owned(), format!("SUB {} ~{sid}", &pattern[..pattern.len() - 2])]
            }
            _ => vec![line.to_owned()],
        }),
        frame: Some(unalias),
        found_by: &["article/pubsub", "core/wildcards/arrow-misses[1]"],
    },
    Fault {
        name: "a maximum lets one more through",
        line: Some(|line| match words(line)[..] {
            ["UNSUB", sid, max] => {
                let max = max.parse().map_or(max.to_owned(), |max: u64| (max + 1).to_string());
                vec![format!("UNSUB {sid} {max}")]
            }
            _ => vec![line.to_owned()],
        }),
        found_by: &["core/sub/maximum", "core/sub/maximum-counts-from-sub"],
        ..NONE
    },
    Fault {
        name: "every member of a queue group gets a copy",
        line: Some(|line| match words(line)[..] {
            ["SUB", pattern, _, sid] => vec![format!("SUB {pattern} {sid}")],
            _ => vec![line.to_owned()],
        }),
        found_by: &["article/queue-of-three", "core/queue/one-of-five"],
        ..NONE
    },
    Fault {
        name: "the reply subject is lost",
        frame: Some(|frame, _| {
            vec![rewrite(&frame, |words| {
                if words.len() == 5 {
                    words.remove(3);
                }
            })]
        }),
        found_by: &["article/request-reply", "core/delivery/reply"],
        ..NONE
    },
    Fault {
        name: "errors have other words",
        frame: Some(|frame, _| {
            vec![match frame.starts_with(b"-ERR") {
                true => b"-ERR 'Something Went Wrong'\r\n".to_vec(),
                false => frame,
            }]
        }),
        found_by: &["core/subjects/empty-token-in-sub[1]", "core/connect/unknown-protocols[1]"],
        ..NONE
    },
    Fault {
        name: "PONG comes before the messages that it should follow",
        frame: Some(|frame, memory| match (is_message(&frame), memory.held.take()) {
            (true, held) => {
                memory.held = Some(frame);
                held.into_iter().collect()
            }
            (false, held) => [frame].into_iter().chain(held).collect(),
        }),
        found_by: &["core/ping/fence"],
        ..NONE
    },
    Fault {
        name: "every PING gets two PONGs",
        frame: Some(|frame, _| match frame == b"PONG\r\n" {
            true => vec![frame.clone(), frame],
            false => vec![frame],
        }),
        found_by: &["core/ping/pong", "article/pubsub"],
        ..NONE
    },
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b"MSG ")
}

/// Rewrites the words of a message's control line.
fn rewrite(frame: &[u8], change: impl Fn(&mut Vec<String>)) -> Vec<u8> {
    let end = frame.windows(2).position(|pair| pair == b"\r\n");
    let (Some(end), true) = (end, is_message(frame)) else { return frame.to_vec() };
    let line = String::from_utf8_lossy(&frame[..end]).into_owned();
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    change(&mut words);
    [words.join(" ").as_bytes(), &frame[end..]].concat()
}

/// Gives the additional subscriptions of a fault the sid of the one they belong to.
fn unalias(frame: Vec<u8>, _: &mut Memory) -> Vec<Vec<u8>> {
    vec![rewrite(&frame, |words| words[2] = words[2].trim_start_matches('~').to_owned())]
}

async fn proxy(upstream: SocketAddr, fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(upstream).await else { return };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(lines(from_client, to_server, fault));
            tokio::spawn(frames(from_server, to_client, fault));
        }
    });
    addr
}

/// Client to server. Payloads and what is no whole line pass as they are.
async fn lines(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) {
    let mut buffer = Vec::new();
    while from.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        let Some(change) = fault.line else {
            if to.write_all(&buffer).await.is_err() {
                return;
            }
            buffer.clear();
            continue;
        };
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let payload = match words(&line)[..] {
                ["PUB" | "HPUB", .., size] => size.parse::<usize>().map_or(0, |size| size + 2),
                _ => 0,
            };
            if buffer.len() < end + 2 + payload {
                break;
            }
            let rest = buffer.split_off(end + 2 + payload);
            let whole = std::mem::replace(&mut buffer, rest);
            let lines = if payload > 0 { vec![line] } else { change(&line) };
            let mut out: Vec<u8> =
                lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
            out.extend_from_slice(&whole[end + 2..]);
            if to.write_all(&out).await.is_err() {
                return;
            }
        }
    }
    let _ = to.write_all(&buffer).await;
    let _ = to.shutdown().await;
}

/// Server to client.
async fn frames(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) {
    let mut buffer = Vec::new();
    let mut memory = Memory::default();
    while from.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        while let Ok(Some(Frame(frame))) = wire::next(&mut buffer) {
            let frames = match fault.frame {
                Some(change) => change(frame, &mut memory),
                None => vec![frame],
            };
            if to.write_all(&frames.concat()).await.is_err() {
                return;
            }
        }
    }
    let _ = to.write_all(&memory.held.unwrap_or_default()).await;
    let _ = to.shutdown().await;
}

/// The verdicts of the scenarios on a broker with this fault.
async fn verdicts(corpus: &Corpus, selectors: &[&str], fault: Fault) -> Vec<(String, Verdict)> {
    let server = Server::builder().start().await.unwrap();
    let addr = proxy(server.addr(), fault).await;
    let url = format!("nats://{addr}");
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(10),
        cut: Cut::None,
        version: Version(vec![2, 15, 1]),
        credentials: Map::new(),
    };
    let target = Target::Running { addr, url, credentials: Map::new() };
    let lacks = BTreeSet::from(["auth".to_owned(), "accounts".to_owned()]);
    let plan = Plan { target, settings, jobs: 1, lacks, known: Vec::new() };
    let selectors: Vec<String> = selectors.iter().map(|selector| (*selector).to_owned()).collect();
    let (cases, useless) = select(&corpus.scenarios, &selectors);
    assert_eq!(useless, [""; 0], "selectors that name nothing");
    let (results, mut outcomes) = mpsc::unbounded_channel();
    run(Arc::new(plan), cases, results).await.unwrap();
    let mut verdicts = Vec::new();
    while let Some(outcome) = outcomes.recv().await {
        verdicts.push((outcome.case.id, outcome.verdict));
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_found() {
    let corpus = Corpus::built_in().unwrap();
    for fault in FAULTS {
        for (id, verdict) in verdicts(&corpus, fault.found_by, *fault).await {
            let found = matches!(verdict, Verdict::Fail | Verdict::Warn);
            assert!(found, "{id} did not find that {}: {verdict:?}", fault.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_fault_nothing_is_found() {
    let corpus = Corpus::built_in().unwrap();
    let mut selectors: Vec<&str> =
        FAULTS.iter().flat_map(|fault| fault.found_by).copied().collect();
    selectors.sort_unstable();
    selectors.dedup();
    for (id, verdict) in verdicts(&corpus, &selectors, NONE).await {
        assert_eq!(verdict, Verdict::Pass, "{id}");
    }
}
