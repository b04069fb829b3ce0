//! Section 6 of the catalogue: flags, and files that tell of the process.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Running, eventually, program, read, run};

#[test]
fn the_version_is_one_line_on_standard_output() {
    // CLI-001
    for word in ["-v", "-version", "--version", "version", "VERSION"] {
        let said = run(&[word]);
        let number = said.out.strip_prefix("nats-server: v").unwrap().strip_suffix('\n').unwrap();
        assert_eq!(number.split('.').count(), 3, "{word}: {said:?}");
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{word}");
    }
}

#[test]
fn the_usage_is_shown_if_asked_for() {
    // CLI-002, CLI-003
    for word in ["-h", "-help", "--help", "help"] {
        let said = run(&[word]);
        assert!(said.out.starts_with("\nUsage: nats-server [options]\n"), "{word}: {said:?}");
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{word}");
    }
    assert_eq!(run(&["--help_tls"]).code, Some(0));
    let usage = run(&["-h"]).out;
    for flag in [
        "-a,",
        "--addr",
        "--net",
        "-p,",
        "--port",
        "-n,",
        "--name",
        "--server_name",
        "-P,",
        "--pid",
        "-m,",
        "--http_port",
        "--https_port",
        "-c,",
        "--config",
        "-t ",
        "--signal",
        "--client_advertise",
        "--ports_file_dir",
        "-l,",
        "--log ",
        "-T,",
        "--logtime",
        "--logtime_utc",
        "--syslog",
        "--remote_syslog",
        "-D,",
        "--debug",
        "-V,",
        "--trace",
        "-DV",
        "--log_size_limit",
        "--max_traced_msg_len",
        "--jetstream",
        "--store_dir",
        "--user",
        "--pass",
        "--auth",
        "--tls ",
        "--tlscert",
        "--tlskey",
        "--tlsverify",
        "--tlscacert",
        "--routes",
        "--cluster ",
        "--cluster_name",
        "--no_advertise",
        "--cluster_advertise",
        "--connect_retries",
        "--cluster_listen",
        "--profile",
        "-h,",
        "-v,",
        "--help_tls",
    ] {
        assert!(usage.contains(flag), "{flag:?} in {usage}");
    }
}

#[test]
fn a_wrong_flag_shows_the_usage_and_is_no_failure() {
    // CLI-004
    for (arguments, words) in [
        (&["--nope"][..], "flag provided but not defined: -nope\n"),
        (&["-p"], "flag needs an argument: -p\n"),
        (&["-p", "abc"], "invalid value \"abc\" for flag -p: parse error\n"),
        (&["-D=maybe"], "invalid boolean value \"maybe\" for -D: parse error\n"),
        (&["-=x"], "bad flag syntax: -=x\n"),
    ] {
        let said = run(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(0), words), "{arguments:?}");
        assert!(said.out.contains("Usage: nats-server"), "{arguments:?}: {said:?}");
    }
    for (arguments, words) in [
        (&["frob"][..], "nats-server: unrecognized command: \"frob\"\n"),
        (&["-D", "true"], "nats-server: unrecognized command: \"true\"\n"),
    ] {
        let said = run(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(1), words), "{arguments:?}");
    }
}

#[test]
fn what_is_not_supported_is_refused_and_not_ignored() {
    if program().1 {
        return;
    }
    for arguments in [&["-js"][..], &["--cluster", "nats://127.0.0.1:-1"]] {
        let said = run(arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}");
        assert!(said.err.contains("is not supported by this server"), "{said:?}");
    }
}

#[test]
fn flags_have_one_dash_or_two_and_an_equals_sign() {
    // CLI-005
    for flags in [
        &["-n", "x"][..],
        &["--name=x"],
        &["-server_name", "x"],
        &["--server_name", "y", "-n=x"],
        &["-name", "x", "-D=true"],
    ] {
        assert_eq!(Running::start("", flags).client().info["server_name"], "x", "{flags:?}");
    }
}

#[test]
fn what_launchers_pass_starts_a_server() {
    // CLI-007, as far as it is not about what this server has not got.
    for flags in [
        &["-sd", "dir"][..],
        &["-D"],
        &["-V"],
        &["-DV"],
        &["-VV"],
        &["-DVV"],
        &["--trace"],
        &["--no_advertise"],
        &["--connect_retries", "3"],
        &["--max_traced_msg_len", "8"],
        &["--log_size_limit", "100000"],
        &["--client_advertise", "h:1"],
        &["--profile", "0"],
    ] {
        Running::start("", flags).client().fence();
    }
}

#[test]
fn the_pid_file_holds_the_number_alone_and_stays() {
    // CLI-008
    let mut server = Running::start("", &["-P", "n.pid"]);
    let path = server.path("n.pid");
    assert_eq!(read(&path), server.child.id().to_string());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    assert!(path.exists());
    let mut failed = Running::start_in(TempDir::new().unwrap(), "", &["-P", "/nonexistent/x.pid"]);
    failed.wait_for("[FTL] Could not write pidfile: open /nonexistent/x.pid: no such file");
    assert_eq!(failed.end().0, Some(1));
}

#[test]
fn the_ports_file_is_there_while_the_server_is() {
    // CLI-009, CLI-010
    let mut server = Running::start("", &["--ports_file_dir", "."]);
    let name = program().0.file_name().unwrap().to_string_lossy().into_owned();
    let path = server.path(&format!("{name}_{}.ports", server.child.id()));
    let ports = format!("{{\"nats\":[\"nats://127.0.0.1:{}\"]}}", server.port);
    eventually(|| fs::read_to_string(&path).is_ok_and(|text| text == ports));
    assert_eq!(server.client().info["port"], server.port);
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(0));
    assert!(!path.exists());
    // Each listener has a key.
    let websocket = "websocket { listen: \"127.0.0.1:-1\", no_tls: true }";
    let server = Running::start(websocket, &["-m", "-1", "--ports_file_dir", "."]);
    let path = server.path(&format!("{name}_{}.ports", server.child.id()));
    let keys = ["\"nats\":[\"nats:", "\"monitoring\":[\"http:", "\"websocket\":[\"ws:"];
    let has_all = |text: String| keys.iter().all(|key| text.contains(key));
    eventually(|| fs::read_to_string(&path).is_ok_and(has_all));
    // Who listens on all addresses names one that can be connected to.
    let server = Running::start("", &["--ports_file_dir", ".", "-a", "0.0.0.0"]);
    let path = server.path(&format!("{name}_{}.ports", server.child.id()));
    let start = format!("{{\"nats\":[\"nats://127.0.0.1:{}\"", server.port);
    eventually(|| fs::read_to_string(&path).is_ok_and(|text| text.starts_with(&start)));
    let mut server = Running::start("", &["--ports_file_dir", "none"]);
    let said = |line: &String| line.contains("[ERR] Error writing ports file (");
    if !server.lines.iter().any(said) {
        server.wait_for("[ERR] Error writing ports file (");
    }
    server.client().fence();
}

#[test]
fn a_port_that_is_taken_is_fatal() {
    // CLI-011
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let port = addr.port().to_string();
    let mut failed = Running::start_in(TempDir::new().unwrap(), "", &["-p", &port]);
    let words = format!(
        "[FTL] Error listening on port: {addr}, \
         \"listen tcp {addr}: bind: address already in use\""
    );
    failed.wait_for(&words);
    assert_eq!(failed.end().0, Some(1));
}

#[test]
fn pages_are_in_clear_or_in_tls_and_not_both() {
    // MON-004
    for (arguments, words) in [
        (&["-ms", "-1"][..], "TLS cert and key required for HTTPS"),
        (&["-m", "8222", "-ms", "-1"], "can't specify both HTTP (8222) and HTTPs (-1) ports"),
    ] {
        let mut failed = Running::start_in(TempDir::new().unwrap(), "", arguments);
        failed.wait_for(&format!("[FTL] Can't start monitoring: {words}"));
        assert_eq!(failed.end().0, Some(1));
    }
}

#[test]
fn a_signal_is_sent_by_pid_or_by_pid_file() {
    // CLI-012
    let mut server = Running::start("port: -1", &["-P", "n.pid"]);
    let pid = server.child.id();
    assert_eq!(run(&["--signal", &format!("reload={pid}")]).code, Some(0));
    server.wait_for("Reloaded server configuration");
    let file = server.path("n.pid");
    assert_eq!(run(&["-sl", &format!("reopen={}", file.display())]).code, Some(0));
    server.wait_for("File log re-open ignored, not a file logger");
    assert_eq!(run(&["-sl", &format!("quit={pid}")]).code, Some(0));
    assert_eq!(server.end().0, Some(0));
    for (order, words) in [
        ("reload=abc", "nats-server: invalid pid: abc\n"),
        ("a=b=c", "nats-server: invalid signal parameters: [c]\n"),
        ("frob=999999", "nats-server: unknown signal \"frob\"\n"),
        ("reload=999999", "nats-server: \nsignal \"reload\" 999999: no such process\n"),
    ] {
        let said = run(&["--signal", order]);
        assert_eq!((said.code, said.err.as_str()), (Some(1), words), "{order}");
    }
}

#[test]
fn the_host_is_repeated_as_it_was_given() {
    // CLI-013
    let mut server = Running::start("", &["-a", "localhost"]);
    assert!(server.lines.iter().any(|line| line.contains("connections on localhost:")));
    assert_eq!(server.client().info["host"], "localhost");
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn flags_switch_tls_on() {
    // TLS-009
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("c.pem"), made.cert.pem()).unwrap();
    fs::write(folder.path().join("k.pem"), made.signing_key.serialize_pem()).unwrap();
    let flags = ["--tlsverify", "--tlscert", "c.pem", "--tlskey", "k.pem", "--tlscacert", "c.pem"];
    let mut server = Running::start_in(folder, "", &flags);
    let line = server.wait_for("Listening for client connections on ");
    server.wait_for("TLS required for client connections");
    server.wait_for("Server is ready");
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    let mut info = String::new();
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    BufReader::new(stream).read_line(&mut info).unwrap();
    assert!(info.contains("\"tls_required\":true,\"tls_verify\":true"), "{info}");
    let said = run(&["--tls"]);
    assert_eq!(said.code, Some(1));
    let words = "nats-server: TLS Server certificate must be present and valid\n";
    assert_eq!(said.err, words);
}
