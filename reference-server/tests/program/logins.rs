//! Logins by flags, and what becomes of them when the configuration is read again.

use crate::{Client, Running, dial};

const ANN: &str = r#"{"user":"ann","pass":"a"}"#;
const BOB: &str = r#"{"user":"bob","pass":"b"}"#;
const VIOLATION: &str = "-ERR 'Authorization Violation'\r\n";

/// Whether a login with these options succeeds.
fn accepts(server: &Running, options: &str) -> bool {
    let mut client = dial(server);
    let options = options.replacen('{', r#"{"verbose":false,"#, 1);
    client.send(&format!("CONNECT {options}\r\nPING\r\n"));
    let line = client.line();
    assert!(line == "PONG\r\n" || line == VIOLATION, "{line}");
    line == "PONG\r\n"
}

fn users(entries: &str) -> String {
    format!("authorization {{ users: [ {entries} ] }}\n")
}

#[test]
fn flags_say_who_may_log_in_and_win_over_a_single_login_of_the_file() {
    // AUTH-005, AUTH-006
    const LOGINS: [&str; 5] = [
        r#"{"user":"u","pass":"p"}"#,
        r#"{"user":"u"}"#,
        r#"{"auth_token":"t"}"#,
        r#"{"user":"f","pass":"q"}"#,
        r#"{"lang":"x"}"#,
    ];
    let single = "authorization { user: f, password: q }\n";
    for (file, flags, accepted) in [
        ("", &["--user", "u", "--pass", "p"][..], [true, false, false, false, false]),
        ("", &["-pass=p", "-user=u"], [true, false, false, false, false]),
        ("", &["--user", "u"], [false, true, false, false, false]),
        ("", &["--pass", "p"], [true; 5]),
        ("", &["--auth", "t"], [false, false, true, false, false]),
        ("", &["--auth", "t", "--user", "u", "--pass", "p"], [false, false, true, false, false]),
        ("", &["--auth", "", "--user", ""], [true; 5]),
        (single, &["--user", "u", "--pass", "p"], [true, false, false, false, false]),
        (single, &["--auth", "t"], [false, false, true, false, false]),
        ("authorization { token: x }\n", &["--auth", "t"], [false, false, true, false, false]),
        (&users("{user: f, password: q}"), &["--user", "u"], [false, false, false, true, false]),
        (&users("{user: f, password: q}"), &["--auth", "t"], [false, false, true, true, false]),
    ] {
        let server = Running::start(file, flags);
        let found = LOGINS.map(|login| accepts(&server, login));
        assert_eq!(found, accepted, "{file} {flags:?}");
    }
}

#[test]
fn flags_do_not_go_with_users_of_accounts() {
    let file = "accounts { A { users: [ {user: f, password: q} ] } }\n";
    for (flag, words) in [("--user", "a single user/pass"), ("--auth", "a token")] {
        let folder = tempfile::TempDir::new().unwrap();
        let mut failed = Running::start_in(folder, file, &[flag, "x"]);
        failed.wait_for(&format!("Can not have {words} and accounts"));
        assert_eq!(failed.end().0, Some(1));
    }
}

#[test]
fn a_reload_judges_logins_again() {
    // LIFE-003, LIFE-004
    let bob = "{user: bob, password: b}";
    let mut server = Running::start(&users(&format!("{{user: ann, password: a}}, {bob}")), &[]);
    let (mut ann, mut other) =
        (Client::connect(server.port, ANN), Client::connect(server.port, ANN));
    let mut quiet = Client::connect(server.port, BOB);
    let line = server.reload(&users(&format!("{{user: ann, password: new}}, {bob}")));
    assert!(line.contains("[INF] Reloaded server configuration"), "{line}");
    for words in ["authorization users", "accounts"] {
        let words = format!("[INF] Reloaded: {words}");
        assert!(server.lines.iter().any(|line| line.contains(&words)), "{words}");
    }
    assert_eq!((ann.rest().as_str(), other.rest().as_str()), (VIOLATION, VIOLATION));
    let mut ann = Client::connect(server.port, r#"{"user":"ann","pass":"new"}"#);
    server.reload(&users(bob));
    assert_eq!(ann.rest(), "");
    quiet.fence();
    assert!(!accepts(&server, ANN) && accepts(&server, BOB));
}

#[test]
fn a_login_that_is_asked_for_from_now_on_ends_those_who_have_none() {
    // LIFE-004
    let mut server = Running::start("debug: false\n", &[]);
    let (mut connected, mut dialled) = (server.client(), dial(&server));
    let mut right = Client::connect(server.port, r#"{"auth_token":"t"}"#);
    server.reload("authorization { token: t }\n");
    assert_eq!((connected.rest().as_str(), dialled.rest().as_str()), (VIOLATION, VIOLATION));
    right.fence();
    let words = "[INF] Reloaded: authorization token";
    assert!(server.lines.iter().any(|line| line.contains(words)), "{:#?}", server.lines);
    assert_eq!(dial(&server).info["auth_required"], true);
    server.reload("authorization { token: u }\n");
    assert_eq!(right.rest(), VIOLATION);
}

#[test]
fn lowered_limits_of_an_account_end_those_who_exceed_them() {
    let config = |limits: &str| {
        let ann = "users: [ {user: ann, password: a} ]";
        format!("accounts {{ A {{ limits {{ {limits} }}, {ann} }} }}\n")
    };
    let mut server = Running::start(&config("max_conn: 2"), &[]);
    let mut clients = [Client::connect(server.port, ANN), Client::connect(server.port, ANN)];
    server.reload(&config("max_conn: 1"));
    clients.iter_mut().for_each(|client| client.send("PING\r\n"));
    let mut lines = clients.each_mut().map(Client::line);
    lines.sort();
    let told = "-ERR 'maximum account active connections exceeded'\r\n";
    assert_eq!(lines, [told, "PONG\r\n"]);
    let mut server = Running::start(&config("max_subs: 2"), &[]);
    let mut client = Client::connect(server.port, ANN);
    client.send("SUB a 1\r\nSUB b 2\r\n");
    client.fence();
    server.reload(&config("max_subs: 1"));
    assert_eq!(client.rest(), "-ERR 'maximum subscriptions exceeded'\r\n");
}

#[test]
fn who_needs_no_login_is_known_from_the_start() {
    // LIFE-008
    let ann = users("{user: ann, password: a}");
    let mut server = Running::start(&ann, &[]);
    let line = server.reload(&format!("no_auth_user: ann\n{ann}"));
    assert!(line.contains("config reload not supported for NoAuthUser: old=, new=ann"), "{line}");
}

#[test]
fn a_hash_of_the_same_password_lets_the_login_go_on() {
    let hash = bcrypt::hash("a", 4).unwrap();
    let mut server = Running::start(&users("{user: ann, password: a}"), &[]);
    let mut ann = Client::connect(server.port, ANN);
    server.reload(&users(&format!("{{user: ann, password: \"{hash}\"}}")));
    ann.fence();
    let other = bcrypt::hash("other", 4).unwrap();
    server.reload(&users(&format!("{{user: ann, password: \"{other}\"}}")));
    assert_eq!(ann.rest(), VIOLATION);
}
