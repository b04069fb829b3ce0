//! What accounts have of each other: while the configuration changes, and what is wrong with it.

use crate::{Client, Running, run};

const A: &str =
    "A { users: [{user: a, password: p}], exports: [{stream: \"pub.>\"}, {service: svc}] }";

fn connect(server: &Running, user: &str) -> Client {
    let options = format!(r#"{{"user":"{user}","pass":"p","headers":true,"no_responders":true}}"#);
    Client::connect(server.port, &options)
}

fn accounts(k: &str) -> String {
    format!("accounts {{\n{A}\nK {{ users: [{{user: k, password: p}}]\n{k}\n}}\n}}\n")
}

#[test]
fn a_reload_changes_imports_and_mappings_of_those_who_are_connected() {
    // LIFE-005, ACC-003, ACC-007, ACC-017
    const IMPORTS: &str = "imports: [
        {stream: {account: A, subject: \"pub.*\"}, prefix: from}
        {service: {account: A, subject: svc}, to: ask} ]
        mappings: { m: n }";
    let mut server = Running::start(&accounts(""), &[]);
    let (mut a, mut k) = (connect(&server, "a"), connect(&server, "k"));
    k.send("SUB > 1\r\n");
    a.send("SUB svc 2\r\n");
    k.fence();
    a.fence();
    let publish = |a: &mut Client, k: &mut Client| {
        a.send("PUB pub.x 1\r\nx\r\n");
        a.fence();
        k.send("PUB m 1\r\ny\r\nPUB ask 1\r\nz\r\n");
    };
    const ALONE: &str = "MSG m 1 1\r\ny\r\nMSG ask 1 1\r\nz\r\n";
    publish(&mut a, &mut k);
    k.fence_behind(ALONE);
    a.fence();

    assert!(server.reload(&accounts(IMPORTS)).contains("Reloaded"));
    publish(&mut a, &mut k);
    k.fence_behind("MSG from.pub.x 1 1\r\nx\r\nMSG n 1 1\r\ny\r\nMSG ask 1 1\r\nz\r\n");
    a.send("PING\r\n");
    assert!(a.line().starts_with("HMSG svc 2 "));
    assert_eq!(a.line(), "NATS/1.0\r\n");
    assert!(a.line().starts_with("Nats-Request-Info: {\"acc\":\"K\""));
    assert_eq!([a.line(), a.line(), a.line()], ["\r\n", "z\r\n", "PONG\r\n"]);

    assert!(server.reload(&accounts("")).contains("Reloaded"));
    publish(&mut a, &mut k);
    k.fence_behind(ALONE);
    a.fence();
}

#[test]
fn what_does_not_fit_together_is_found_before_the_start() {
    // ACC-012, ACC-019
    for (k, words) in [
        (
            "imports: [{stream: {account: A, subject: other}}]",
            "Error adding stream import \"other\": stream import not authorized",
        ),
        (
            "imports: [{service: {account: Z, subject: svc}}]",
            "\"Z\" account not defined for service import",
        ),
        (
            "mappings: { a: \"b..c\" }",
            "Error adding mapping for \"a\" to \"b..c\" : invalid mapping destination: invalid \
             transform",
        ),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("n.conf");
        std::fs::write(&path, accounts(k)).unwrap();
        let said = run(&["-t", "-c", path.to_str().unwrap()]);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(said.err.contains(words), "{}", said.err);
    }
}
