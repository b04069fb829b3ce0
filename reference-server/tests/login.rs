//! What a client does not see of logging in: the log, secrets, and who waits for whom.

#![cfg(feature = "bcrypt")]
#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Mutex,
    time::Duration,
};

use log::{LevelFilter, Log, Metadata, Record};
use nats_reference_server::{AccountOptions, Auth, Config, Permissions, Server, User};

/// Keeps every line of every server in this process.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &Record<'_>) {
        let line = format!("[{}] {}", record.level(), record.args());
        self.0.lock().unwrap().push(line);
    }
    fn flush(&self) {}
}

/// Listens to the log from now on.
fn listen() {
    // Another test of this process may have been first.
    let _ = log::set_logger(&LINES);
    log::set_max_level(LevelFilter::Trace);
}

/// The lines that hold this text, without what changes from run to run.
fn lines_with(text: &str) -> Vec<String> {
    let lines = LINES.0.lock().unwrap();
    let behind_id = |line: &String| match line.split_once(" - cid:") {
        Some((_, rest)) => rest.split_once(' ').unwrap().1.to_owned(),
        None => line.clone(),
    };
    lines.iter().filter(|line| line.contains(text)).map(behind_id).collect()
}

struct Raw(BufReader<TcpStream>);

impl Raw {
    fn connect(addr: SocketAddr) -> Raw {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut raw = Raw(BufReader::new(stream));
        assert!(raw.line().starts_with("INFO {"));
        raw
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// All that comes before the server closes.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

#[test]
fn a_refusal_is_logged_with_who_it_was_and_nothing_secret() {
    // AUTH-023, AUTH-016
    listen();
    let hash = bcrypt::hash("hidden-h", 4).unwrap();
    let server = Server::builder()
        .user("derek", "hidden-p")
        .user("hashed", hash.as_str())
        .start_blocking()
        .unwrap();
    let login = |json: &str| {
        let mut raw = Raw::connect(server.addr());
        raw.send(&format!("CONNECT {json}\r\n"));
        assert_eq!(raw.rest(), "-ERR 'Authorization Violation'\r\n", "{json}");
    };
    login(r#"{"user":"derek","pass":"hidden-w"}"#);
    login(r#"{"user":"hashed","pass":"hidden-w"}"#);
    login(r#"{"auth_token":"hidden-t"}"#);
    login(r#"{"nkey":"UABC","sig":"hidden-s"}"#);
    for end in ["User \"derek\"", "User \"hashed\"", "Nkey \"UABC\"", "Token \"[REDACTED]\""] {
        let line = format!("- authentication error - {end}");
        assert_eq!(lines_with(&line), [line.as_str()], "{end}");
    }
    let mut good = Raw::connect(server.addr());
    good.send("CONNECT {\"user\":\"derek\",\"pass\":\"hidden-p\"}\r\nCONNECT {\"pass\":7}\r\n");
    assert_eq!(good.rest(), "+OK\r\n");
    let config = format!("{:?} {:?}", server.config(), server);
    assert!(!config.contains("hidden") && !config.contains(&hash), "{config}");
    server.shutdown_blocking();
    assert_eq!(lines_with("hidden-"), [""; 0]);
    assert_eq!(lines_with(&hash), [""; 0]);
}

#[test]
fn a_violation_is_logged_as_by_nats_server() {
    // PERM-001, PERM-003
    listen();
    let few = Permissions::default().allow_publish("ok").allow_subscribe("ok");
    let user = User::with_password("few", "p").permissions(few);
    let server =
        Server::builder().account(AccountOptions::new("ACME").user(user)).start_blocking().unwrap();
    let mut raw = Raw::connect(server.addr());
    raw.send(
        "CONNECT {\"user\":\"few\",\"pass\":\"p\",\"lang\":\"probe\",\"version\":\"7\"}\r\n\
         PUB no.way 0\r\n\r\nSUB no.go q 5\r\nPING\r\n",
    );
    while raw.line() != "PONG" {}
    let who = "- \"v7:probe\" - \"ACME/user:few\" -";
    let published = format!("{who} Publish Violation - Subject \"no.way\"");
    let subscribed =
        format!("{who} Subscription Violation - Subject \"no.go\", Queue: \"q\", SID 5");
    assert_eq!(lines_with("Subject \"no.way\""), [published]);
    assert_eq!(lines_with("Subject \"no.go\""), [subscribed]);
}

#[test]
fn a_slow_hash_keeps_nobody_else_waiting() {
    // Without optimization a cost of 10 takes about a second, with it a tenth of one.
    let hash = bcrypt::hash("right", 10).unwrap();
    let server = Server::builder()
        .user("slow", hash.as_str())
        .user("quick", "p")
        .threads(1)
        .start_blocking()
        .unwrap();
    let mut quick = Raw::connect(server.addr());
    quick.send("CONNECT {\"user\":\"quick\",\"pass\":\"p\",\"verbose\":false}\r\n");
    let mut slow = Raw::connect(server.addr());
    slow.send("CONNECT {\"user\":\"slow\",\"pass\":\"right\"}\r\nPING\r\nSUB a 1\r\n");
    for _ in 0..5 {
        quick.send("PING\r\n");
        assert_eq!(quick.line(), "PONG");
    }
    slow.0.get_ref().set_nonblocking(true).unwrap();
    let early = slow.0.get_mut().read(&mut [0]);
    assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock, "the verdict takes longer");
    slow.0.get_ref().set_nonblocking(false).unwrap();
    let lines: Vec<String> = (0..3).map(|_| slow.line()).collect();
    assert_eq!(lines, ["+OK", "PONG", "+OK"], "and what is behind it waits");
}

#[test]
fn a_stop_does_not_wait_for_a_login() {
    let hash = bcrypt::hash("right", 10).unwrap();
    let server = Server::builder().user("slow", hash.as_str()).start_blocking().unwrap();
    let mut slow = Raw::connect(server.addr());
    slow.send("CONNECT {\"user\":\"slow\",\"pass\":\"right\"}\r\n");
    server.shutdown_blocking();
    let mut rest = Vec::new();
    // Reset or closed: both are ends.
    let _ = slow.0.read_to_end(&mut rest);
}

#[test]
fn what_cannot_be_meant_is_told_at_the_start() {
    let auth = Auth { no_auth_user: Some("zz".to_owned()), ..Auth::default() };
    let config = Config { auth, ..Config::default() };
    let error = Server::builder().config(config).start_blocking().unwrap_err().to_string();
    assert_eq!(error, "no_auth_user: \"zz\" present, but users/nkeys are not defined");
}
