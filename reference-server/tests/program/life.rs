//! Section 9 of the catalogue: signals, reload, lame duck mode.

use rustix::process::Signal;

use crate::{Client, Running, program};

#[test]
fn a_signal_ends_the_process_without_an_error_line() {
    // LIFE-001
    for (signal, name) in [(Signal::TERM, "terminated"), (Signal::INT, "interrupt")] {
        let mut server = Running::start("", &[]);
        let mut client = server.client();
        server.signal(signal);
        assert_eq!(client.rest(), "");
        server.wait_for(&format!("[INF] Trapped \"{name}\" signal"));
        server.wait_for("[INF] Initiating Shutdown...");
        server.wait_for("[INF] Server Exiting..");
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn an_old_release_fails_when_it_is_terminated() {
    // LIFE-001
    if program().1 {
        return;
    }
    let mut server = Running::start("", &["--profile", "2.10"]);
    server.signal(Signal::TERM);
    let (code, rest) = server.end();
    assert_eq!(code, Some(1));
    assert!(!rest.iter().any(|line| line.contains("Trapped")), "{rest:?}");
}

#[test]
fn a_reload_needs_a_file() {
    // LIFE-002
    let mut server = Running::start("", &[]);
    server.signal(Signal::HUP);
    server.wait_for(
        "[ERR] Failed to reload server configuration: \
         can only reload config when a file is provided using -c or --config",
    );
    server.client().fence();
}

#[test]
fn a_reload_logs_each_difference() {
    // LIFE-003, LIFE-008
    let mut server = Running::start("max_payload: 100\nping_interval: 40s\n", &[]);
    let line = server.reload(
        "max_payload: 200\nping_interval: 50s\nmax_connections: 7\nping_max: 3\n\
         write_deadline: 5s\nmax_control_line: 512\ndebug: true\nclient_advertise: \"h:1\"\n\
         max_traced_msg_len: 4\npid_file: \"n.pid\"\nports_file_dir: \".\"\n",
    );
    assert!(line.contains("[INF] Reloaded server configuration"), "{line}");
    for words in [
        "max_payload = 200",
        "ping_interval = 50s",
        "max_connections = 7",
        "ping_max = 3",
        "write_deadline = 5s",
        "max_control_line = 512",
        "debug = true",
        "max_traced_msg_len = 4",
        "pid_file = n.pid",
        "ports_file_dir = .",
    ] {
        let words = format!("[INF] Reloaded: {words}");
        assert!(server.lines.iter().any(|line| line.contains(&words)), "{words}");
    }
    let client = server.client();
    assert_eq!((&client.info["max_payload"], &client.info["host"]), (&200.into(), &"h".into()));
}

#[test]
fn a_raised_max_payload_holds_for_open_connections() {
    // LIFE-006
    let mut server = Running::start("max_payload: 100\n", &[]);
    let mut client = server.client();
    server.reload("max_payload: 200\n");
    client.send(&format!("PUB a 150\r\n{}\r\n", "x".repeat(150)));
    client.fence();
    client.send("PUB a 201\r\n");
    assert_eq!(client.rest(), "-ERR 'Maximum Payload Violation'\r\n");
}

#[test]
fn a_file_with_mistakes_changes_nothing() {
    // LIFE-007
    let mut server = Running::start("max_payload: 100\n", &[]);
    let line = server.reload("max_payload: 200\n\ncolour: red\n");
    let words = "[ERR] Failed to reload server configuration: n.conf:3:1: unknown field \"colour\"";
    assert!(line.contains(words), "{line}");
    assert_eq!(server.client().info["max_payload"], 100);
}

#[test]
fn what_needs_a_restart_refuses_the_whole_reload() {
    // LIFE-008
    let mut server = Running::start("max_payload: 100\n", &[]);
    for (option, name) in [
        ("max_pending: 1mb", "MaxPending"),
        ("max_subscriptions: 3", "MaxSubs"),
        ("max_sub_tokens: 3", "MaxSubTokens"),
        ("no_header_support: true", "NoHeaderSupport"),
        ("lame_duck_duration: \"40s\"", "LameDuckDuration"),
        ("logfile_size_limit: 5000", "LogSizeLimit"),
    ] {
        let line = server.reload(&format!("max_payload: 200\n{option}\n"));
        let words = format!("config reload not supported for {name}: old=");
        assert!(line.contains("[ERR]") && line.contains(&words), "{line}");
    }
    assert_eq!(server.client().info["max_payload"], 100);
    // A flag wins over it, so nothing has changed.
    let line = server.reload("max_payload: 100\nport: 4333\n");
    assert!(line.contains("[INF] Reloaded server configuration"), "{line}");
}

#[test]
fn surplus_connections_are_closed_with_a_word() {
    // LIFE-010
    let mut server = Running::start("max_connections: 4\n", &[]);
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
    server.reload("max_connections: 2\n");
    for client in &mut clients {
        client.send("PING\r\n");
    }
    let mut lines: Vec<String> = clients.iter_mut().map(Client::line).collect();
    lines.sort();
    let told = "-ERR 'maximum connections exceeded'\r\n";
    assert_eq!(lines, [told, told, "PONG\r\n", "PONG\r\n"]);
}

const LAME_DUCK: &str = "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1s\"\n";

#[test]
fn a_lame_duck_tells_clients_and_lets_them_go() {
    // LIFE-011, LIFE-012
    let mut server = Running::start(LAME_DUCK, &[]);
    let mut new = server.client();
    let mut old = Client::connect(server.port, r#"{"protocol":0}"#);
    server.signal(Signal::USR2);
    server.wait_for("[INF] Entering lame duck mode, stop accepting new clients");
    let info = new.info();
    assert_eq!((&info["ldm"], &info["client_id"]), (&true.into(), &new.info["client_id"]));
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err());
    old.send("SUB a 1\r\n");
    old.fence();
    new.send("PUB a 1\r\nx\r\n");
    assert_eq!((old.line().as_str(), old.line().as_str()), ("MSG a 1 1\r\n", "x\r\n"));
    server.wait_for("[INF] Closing existing clients");
    assert_eq!((old.rest().as_str(), new.rest().as_str()), ("", ""));
    server.wait_for("[INF] Initiating Shutdown...");
    server.wait_for("[INF] Server Exiting..");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_lame_duck_without_clients_ends_at_once() {
    // LIFE-012
    let mut server = Running::start("", &[]);
    server.signal(Signal::USR2);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_lame_duck_is_not_terminated_but_interrupted() {
    // LIFE-013
    let mut server = Running::start(LAME_DUCK, &[]);
    let mut client = server.client();
    server.signal(Signal::USR2);
    assert_eq!(client.info()["ldm"], true);
    server.signal(Signal::TERM);
    server.wait_for("[INF] Trapped \"terminated\" signal");
    client.fence();
    server.signal(Signal::INT);
    assert_eq!((client.rest().as_str(), server.end().0), ("", Some(0)));
}

#[test]
fn the_grace_period_is_shorter_than_the_duration() {
    // LIFE-014
    let config = "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"30s\"\n";
    let mut failed = Running::start_in(tempfile::TempDir::new().unwrap(), config, &[]);
    failed.wait_for(
        "lame duck grace period (30s) should be strictly lower than lame duck duration (30s)",
    );
    assert_eq!(failed.end().0, Some(1));
}

#[test]
fn the_port_is_free_at_once_after_a_kill() {
    // LIFE-023
    let mut server = Running::start("", &[]);
    let mut client = server.client();
    let (port, id) = (server.port.to_string(), client.info["server_id"].clone());
    server.signal(Signal::KILL);
    assert_eq!(client.rest(), "");
    assert_eq!(server.end().0, None);
    let again = Running::start("", &["-p", &port]);
    let new_id = again.client().info["server_id"].clone();
    assert_ne!(new_id, id);
    assert!(new_id.as_str().unwrap().starts_with('N') && new_id.as_str().unwrap().len() == 56);
}

#[test]
fn who_comes_as_early_as_can_be_is_served() {
    // LIFE-024
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let folder = tempfile::TempDir::new().unwrap();
    let _server = Running::start_in(folder, "", &["-p", &port.to_string()]);
    crate::eventually(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Client::connect(port, r#"{"protocol":0}"#).fence();
}

#[test]
fn a_reload_that_is_asked_for_is_over_when_it_is_answered() {
    // SYS-007
    let config = |more: &str| {
        format!(
            "{more}\naccounts {{ SYS {{ users: [ {{user: s, password: s}} ] }}\n \
             A {{ users: [ {{user: stays, password: a}} ] }} }}\nsystem_account: SYS\n"
        )
    };
    let leaves = "{user: stays, password: a}, {user: leaves, password: a}";
    let before = config("max_payload: 1000").replacen("{user: stays, password: a}", leaves, 1);
    let mut server = Running::start(&before, &[]);
    let mut system = Client::connect(server.port, r#"{"user":"s","pass":"s"}"#);
    let mut stays = Client::connect(server.port, r#"{"user":"stays","pass":"a"}"#);
    let mut leaves = Client::connect(server.port, r#"{"user":"leaves","pass":"a"}"#);
    system.send("SUB in 1\r\n");
    let id = system.info["server_id"].as_str().unwrap().to_owned();
    let asked = format!("PUB $SYS.REQ.SERVER.{id}.RELOAD in 0\r\n\r\n");
    let mut ask = |config: &str| -> serde_json::Value {
        std::fs::write(server.path("n.conf"), config).unwrap();
        system.send(&asked);
        assert!(system.line().starts_with("MSG in 1 "));
        serde_json::from_str(&system.line()).unwrap()
    };
    let answer = ask(&config("max_payload: 2000"));
    assert_eq!((&answer["server"]["id"], &answer["error"]), (&id.clone().into(), &().into()));
    // All of it has happened: new options hold, and who may not stay has been told.
    assert_eq!(crate::dial(&server).info["max_payload"], 2000);
    assert_eq!(leaves.rest(), "");
    stays.fence();
    let answer = ask(&config("max_payload: 3000\ncolour: red"));
    let words = answer["error"]["description"].as_str().unwrap();
    assert!(words.contains("unknown field \"colour\""), "{answer}");
    assert_eq!(crate::dial(&server).info["max_payload"], 2000);
    server.wait_for("[INF] Reloaded server configuration");
    // Who asked knows it, and the log does not.
    server.signal(Signal::TERM);
    let failed = |line: &String| line.contains("Failed to reload");
    assert!(!server.end().1.iter().any(failed), "{:#?}", server.lines);
}
