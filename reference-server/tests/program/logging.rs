//! Section 7 of the catalogue: log lines and log files.

use std::fs;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Client, Running, eventually, read, run, text_of};

/// Whether a text looks like this, where `0` stands for a digit.
fn is_like(text: &str, form: &str) -> bool {
    let fits = |(a, b): (char, char)| if b == '0' { a.is_ascii_digit() } else { a == b };
    text.len() == form.len() && text.chars().zip(form.chars()).all(fits)
}

#[test]
fn the_first_lines_come_in_their_order() {
    // LOG-001, LOG-003
    let websocket = "websocket { host: 127.0.0.1, port: -1, no_tls: true }";
    let pages = "http: \"127.0.0.1:-1\"\nhttp_base_path: \"/a\"";
    let server = Running::start(&format!("server_name: x\n{websocket}\n{pages}\n"), &[]);
    let texts: Vec<(&str, &str)> = server.lines.iter().map(|line| text_of(line)).collect();
    assert!(texts.iter().all(|it| it.0 == "INF" || it.1.contains("PRODUCTION!")), "{texts:?}");
    let starts = [
        "Starting nats-server",
        "  Version:  2.",
        "  Git:      [",
        "  Name:     x",
        "  ID:       N",
        "Using configuration file: n.conf",
        "Starting http monitor on 127.0.0.1:",
        "Listening for websocket clients on ws://127.0.0.1:",
        "Websocket not configured with TLS. DO NOT USE IN PRODUCTION!",
        "Listening for client connections on 127.0.0.1:",
        "Server is ready",
    ];
    assert_eq!(texts.len(), starts.len(), "{texts:?}");
    for ((_, text), start) in texts.iter().zip(starts) {
        assert!(text.starts_with(start), "{start:?}: {text:?}");
    }
}

#[test]
fn a_line_has_pid_time_and_level() {
    // LOG-002
    for (flags, form) in [
        (&[][..], "0000/00/00 00:00:00.000000 [INF] Server is ready"),
        (&["--logtime_utc"], "0000/00/00 00:00:00.000000 [INF] Server is ready"),
        (&["-T=false"], "[INF] Server is ready"),
    ] {
        let server = Running::start("", flags);
        let line = server.lines.last().unwrap();
        let rest = line.strip_prefix(&format!("[{}] ", server.child.id())).unwrap();
        assert!(is_like(rest, form), "{line}");
    }
    let server = Running::start("logtime: false\n", &[]);
    assert_eq!(text_of(server.lines.last().unwrap()), ("INF", "Server is ready"));
}

#[test]
fn a_log_file_has_all_lines_and_standard_error_none() {
    // LOG-006
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("n.log");
    let mut server = Running::start_in(folder, "port: -1\nlogfile: \"n.log\"\n", &["-P", "n.pid"]);
    eventually(|| fs::read_to_string(&path).unwrap_or_default().contains("Server is ready"));
    server.signal(Signal::TERM);
    let (code, lines) = server.end();
    assert_eq!((code, lines), (Some(0), vec![]));
    let log = read(&path);
    assert!(log.contains("[INF] Starting nats-server\n") && log.contains("Server Exiting.."));
    let said = run(&["-l", "/nonexistent/a.log", "-p", "-1", "-a", "127.0.0.1"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("error opening file: open /nonexistent/a.log: no such file"));
}

#[test]
fn a_log_file_that_was_moved_is_begun_again() {
    // LOG-007
    let mut server = Running::start("", &[]);
    server.signal(Signal::USR1);
    server.wait_for("[INF] File log re-open ignored, not a file logger");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("n.log");
    let server = Running::start_in(folder, "", &["-l", "n.log"]);
    let has = |words| fs::read_to_string(&path).unwrap_or_default().contains(words);
    eventually(|| has("Server is ready"));
    fs::rename(&path, server.path("old.log")).unwrap();
    server.signal(Signal::USR1);
    eventually(|| has("File log re-opened\n"));
    let first = read(&path).lines().next().unwrap().to_owned();
    let first = first.split("] ").last().unwrap();
    assert_eq!(first, "File log re-opened");
}

#[test]
fn a_log_file_is_put_aside_when_it_is_large() {
    // LOG-008
    let folder = TempDir::new().unwrap();
    let config = "log_file: \"b.log\"\nlogfile_size_limit: 600\nlogfile_max_num: 2\n";
    let server = Running::start_in(folder, config, &[]);
    let files = || {
        let names = fs::read_dir(server.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("b.log"));
        names.sort();
        names
    };
    let path = server.path("b.log");
    eventually(|| {
        fs::read_to_string(&path).unwrap_or_default().contains("Rotated log, backup saved as")
    });
    let before = files();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(before[1].starts_with("b.log.20"), "{before:?}");
    eventually(|| {
        server.signal(Signal::USR1);
        files().last() != before.last()
    });
    server.signal(Signal::INT);
    assert!(files().len() <= 3);
}

#[test]
fn operations_are_traced_and_secrets_are_not() {
    // LOG-004, LOG-005
    let mut server = Running::start("", &["-DV", "--max_traced_msg_len", "4"]);
    let mut client = Client::connect(
        server.port,
        concat!(
            r#"{"protocol":0,"headers":true,"pass":"s3cret","auth_token":"t0ken","#,
            r#""name":"nm","lang":"probe","version":"0"}"#,
        ),
    );
    client.send("SUB foo 1\r\nPUB foo rep 3\r\nabc\r\n");
    client.fence_behind("MSG foo 1 rep 3\r\nabc\r\n");
    client.send("HPUB foo 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n");
    client.fence_behind("HMSG foo 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n");
    client.send("FOO\r\n");
    client.rest();
    let from = client.stream.get_ref().local_addr().unwrap();
    for words in [
        "[DBG] FROM - Client connection created",
        "[TRC] FROM - <<- [CONNECT {",
        "[TRC] FROM - \"v0:probe:nm\" - <<- [PING]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> [PONG]",
        "[TRC] FROM - \"v0:probe:nm\" - <<- [SUB foo 1]",
        "[TRC] FROM - \"v0:probe:nm\" - <<- [PUB foo rep 3]",
        "[TRC] FROM - \"v0:probe:nm\" - <<- MSG_PAYLOAD: [\"abc\"]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> [MSG foo 1 rep 3]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> MSG_PAYLOAD: [\"abc\"]",
        "[TRC] FROM - \"v0:probe:nm\" - <<- [HPUB foo 12 15]",
        "[TRC] FROM - \"v0:probe:nm\" - <<- MSG_PAYLOAD: [\"NATS...\"]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> [HMSG foo 1 12 15]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> MSG_PAYLOAD: [\"NATS...\"]",
        "[TRC] FROM - \"v0:probe:nm\" - ->> [-ERR Unknown Protocol Operation]",
    ] {
        // Both directions have their order, and neither waits for the other.
        server.wait_for_any_order(&from.to_string(), words);
    }
    let secrets = |line: &String| line.contains("s3cret") || line.contains("t0ken");
    assert!(!server.lines.iter().any(secrets), "{:#?}", server.lines);
}
