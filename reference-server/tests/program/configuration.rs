//! Section 5 of the catalogue: the file, and its check.

use std::fs;

use tempfile::TempDir;

use crate::{Running, Said, program, run};

/// What the check of a file says.
fn check(text: &str) -> Said {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.conf");
    fs::write(&path, text).unwrap();
    let said = run(&["-t", "-c", path.to_str().unwrap()]);
    assert_eq!(said.out, "", "{text}");
    let folder = format!("{}/", folder.path().display());
    Said { err: said.err.replace(&folder, ""), ..said }
}

fn is_valid(text: &str) {
    let said = check(text);
    assert_eq!(said.code, Some(0), "{text}: {said:?}");
    assert!(said.err.contains("nats-server: configuration file x.conf is valid"), "{said:?}");
}

fn is_refused(text: &str, words: &str) {
    let said = check(text);
    assert_eq!(said.code, Some(1), "{text}: {said:?}");
    assert!(said.err.starts_with("nats-server: ") && said.err.contains(words), "{text}: {said:?}");
}

#[test]
fn every_form_of_the_language_is_read() {
    // CONF-001, CONF-002, CONF-003, CONF-004, CONF-006, CONF-017, CONF-018
    for text in [
        "port: 1",
        "port=1",
        "port 1",
        "PORT: 1",
        "\"port\": 1",
        "'port': 1",
        "port\n1",
        "port: 1; debug: true",
        "port: 1, debug: true",
        "port: 1\r\ndebug: true\r\n",
        "{\"port\": 1, \"debug\": true,}",
        "port: 1\n}",
        "\tport: 1 # c\n// c\n",
        "host: \"a\"# c",
        "server_name: ab#cd",
        "server_name: ab//cd",
        "server_name: 3secret",
        "server_name: $2a$x",
        "max_payload: 8kb",
        "max_pending: 1g",
        "max_pending: 67MiB",
        "debug: ON\ntrace: no",
        "client_advertise: (\na\n)\n",
        "listen: 127.0.0.1:-1",
        "listen: \"[::1]:4333\"",
        "listen: \":4222\"",
        "listen: 4222",
        "ping_interval: 30s",
        "ping_interval: \"1m30s\"",
        "TK: a\nserver_name: $TK",
        "port: 1\nport: 2",
    ] {
        is_valid(text);
    }
}

#[test]
fn mistakes_are_refused_with_their_words() {
    // CONF-001, CONF-003, CONF-004, CONF-005, CONF-009, CONF-010, CONF-011
    for (text, words) in [
        ("port: 1 debug: true", "Expected a top-level value to end with a new line"),
        ("port: 4222# c", "but got 'c' instead"),
        ("a { b: 1 c: 2 }", "Expected a map value terminator \",\" or a map terminator \"}\""),
        ("port:\n1", "Expected value but found new line"),
        ("a: {\n", "Unexpected EOF processing map"),
        ("server_name: \"a", "Unexpected EOF"),
        ("server_name: 3-secret", "All ISO8601 dates must be in full Zulu form"),
        ("server_name: \"\\q\"", "Invalid escape character 'q'"),
        ("server_name: -x", "Expected a digit but got 'x'"),
        ("server_name: .x", "Floats must start with a digit"),
        ("server_tags: [a b]", "Expected an array value terminator \",\" or an array terminator"),
        ("max_payload: 99999999999999999999", "is out of the range"),
        ("max_payload: 3GB", "max_payload value is too big"),
        ("colour: red", "unknown field \"colour\""),
        ("TK: a", "unknown field \"TK\""),
        ("port: $TK", "variable reference for 'TK' on line 1 can not be found"),
        ("include nofile.conf", "error parsing include file 'nofile.conf', open "),
        ("include: x", "unknown field \"include\""),
        ("listen: abc", "could not parse address string \"abc\""),
        ("listen: a:b", "could not parse port \"b\""),
        ("server_name: \"a b\"", "server name cannot contain spaces"),
        ("ping_interval: abc", "time: invalid duration \"abc\""),
        ("lame_duck_duration: 5s", "invalid lame_duck_duration of 5s, minimum is 30 seconds"),
    ] {
        is_refused(text, words);
    }
}

#[test]
fn each_mistake_has_its_place() {
    // CONF-011
    let said = check("debug: true\n   colour: red\nsize: 1\n");
    assert!(said.err.contains("x.conf:2:4: unknown field \"colour\""), "{said:?}");
    assert!(said.err.contains("x.conf:3:1: unknown field \"size\""), "{said:?}");
    if !program().1 {
        assert!(said.err.contains("\n       colour: red\n       ^ "), "{said:?}");
    }
}

#[test]
fn what_is_only_odd_fails_the_check_and_not_the_start() {
    // CONF-005, CONF-012, CONF-013
    is_refused("", "x.conf: config has no values or is empty");
    is_refused("ping_interval: 90", "ping_interval should be converted to a duration");
    let mut server = Running::start("ping_interval: 90\n", &[]);
    assert!(server.lines[0].contains("should be converted to a duration"), "{:?}", server.lines);
    server.client().fence();
    server = Running::start("# nothing\n", &[]);
    assert!(server.lines[0].ends_with("n.conf: config has no values or is empty"));
}

#[test]
fn the_digest_is_of_what_is_said_and_not_of_how() {
    // CONF-014; the numbers are those of nats-server 2.15.1.
    for (text, digest) in [
        ("port: 1", "5b27b68e52c25859a76c94f378c31d5a499ca677a46b38fb5f58ded229b59650"),
        ("# c\nport = 1;", "5b27b68e52c25859a76c94f378c31d5a499ca677a46b38fb5f58ded229b59650"),
        (
            "server_name: \"<&>\\n\\x01\", debug: on, max_payload: 1k",
            "98a70848d555e7af219e8003f0b542cb67a00b47b4b5c7df75b14ad701e6ad40",
        ),
        (
            "TK: a\nserver_name: $TK",
            "e50920ae0dbd4612e664329d8f59e1855c25d646bce020a357c666bcb5df2d14",
        ),
        (
            "server_tags: [a, b]\nserver_tags: []",
            "6347faf9d6691d35437cc5ce90e411751bdf4570bc0a89d1ab0d1c3d1936b0e2",
        ),
    ] {
        let said = check(text);
        assert!(said.err.contains(&format!("is valid (sha256:{digest})")), "{text}: {said:?}");
    }
}

#[test]
fn a_check_needs_a_file() {
    // CONF-011, CONF-013
    let said = run(&["-t"]);
    let words =
        "nats-server: must specify [-c, --config] option to check configuration file syntax\n";
    assert_eq!((said.code, said.err.as_str()), (Some(1), words));
    for arguments in [&["-c", "/nonexistent.conf"][..], &["-t", "-c", "/nonexistent.conf"]] {
        let said = run(arguments);
        let words = "nats-server: open /nonexistent.conf: no such file or directory\n";
        assert_eq!((said.code, said.err.as_str()), (Some(1), words));
    }
}

#[test]
fn flags_win_over_the_file_wherever_they_stand() {
    // CONF-016
    let config = "server_name: file\nmax_payload: 100\ndebug: true\n";
    let mut server = Running::start(config, &["-n", "flag", "-D=false"]);
    let mut client = server.client();
    assert_eq!(
        (&client.info["server_name"], &client.info["max_payload"]),
        (&"flag".into(), &100.into())
    );
    client.fence();
    server.signal(rustix::process::Signal::INT);
    let (_, rest) = server.end();
    assert!(!server.lines.iter().chain(&rest).any(|line| line.contains("[DBG]")), "{rest:?}");
}

#[test]
fn a_value_comes_from_the_environment() {
    // CONF-009: this test's own environment has a variable that is a path.
    let said = check("pid_file: $CARGO_MANIFEST_DIR\nmax_payload: 1k");
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn payloads_must_fit_into_what_may_wait() {
    // CONF-004; the check does not look at this.
    let folder = TempDir::new().unwrap();
    let mut failed = Running::start_in(folder, "max_payload: 2mb\nmax_pending: 1mb\n", &[]);
    failed.wait_for("max_payload (2097152) cannot be higher than max_pending (1048576)");
    assert_eq!(failed.end().0, Some(1));
    is_valid("max_payload: 2mb\nmax_pending: 1mb\n");
}
