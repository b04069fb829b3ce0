//! Conversations with a broker that writes down what is asked of it.

use super::*;
use crate::{Profile, protocol::Limits, protocol::Parser};

/// Writes down what is asked of it.
#[derive(Default)]
struct Recorder {
    log: String,
    subscriptions: usize,
    max_subscriptions: usize,
    interested: bool,
}

impl Recorder {
    fn note(&mut self, text: std::fmt::Arguments<'_>) {
        self.log.push_str(&format!("{text}\n"));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

impl Broker for Recorder {
    fn send(&mut self, bytes: &[u8]) {
        self.note(format_args!("< {}", text(bytes)));
    }
    fn log_in(&mut self, options: &ConnectOptions) -> Result<LogIn, Close> {
        match options.credentials.user.as_str() {
            "eve" => Err(Close::Told(AUTHORIZATION_VIOLATION)),
            "slow" => Ok(LogIn::Later),
            _ => Ok(LogIn::Done),
        }
    }
    fn connected(&mut self, options: &ConnectOptions, first: bool) {
        self.note(format_args!("connected headers={} first={first}", options.headers));
    }
    fn send_info(&mut self) {
        self.note(format_args!("< INFO"));
    }
    fn is_subscribed_out(&self) -> bool {
        self.max_subscriptions > 0 && self.subscriptions >= self.max_subscriptions
    }
    fn map(&self, subject: &[u8]) -> Option<Vec<u8>> {
        subject.strip_prefix(b"map.").map(<[u8]>::to_vec)
    }
    fn may_publish(&mut self, subject: &[u8]) -> bool {
        !subject.starts_with(b"no.")
    }
    fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool {
        !pattern.starts_with(b"no.") && queue != Some(b"no")
    }
    fn log_error(&self, _: std::fmt::Arguments<'_>) {}
    fn is_subscribed(&self, sid: &[u8]) -> bool {
        self.log.contains(&format!(" {}\n", text(sid)))
    }
    fn subscribe(&mut self, pattern: &[u8], _: Option<&[u8]>, sid: &[u8]) {
        self.subscriptions += 1;
        self.note(format_args!("subscribe {} {}", text(pattern), text(sid)));
    }
    fn unsubscribe(&mut self, sid: &[u8], max: u64) {
        self.note(format_args!("unsubscribe {} {max}", text(sid)));
    }
    fn unsubscribe_all(&mut self) {
        self.note(format_args!("unsubscribe all"));
    }
    fn publish(&mut self, message: &Publish<'_>) -> bool {
        self.note(format_args!("publish {}", text(message.subject)));
        self.interested
    }
    fn no_responders(&mut self, _: &Publish<'_>, reply: &[u8], named: bool) {
        self.note(format_args!("no responders {} {named}", text(reply)));
    }
}

fn told_with(config: &Config, input: &str) -> String {
    let max_subscriptions = config.max_subscriptions;
    let mut recorder = Recorder { max_subscriptions, ..Recorder::default() };
    let mut session = Session::new();
    let limits = Limits { max_payload_bytes: 100, max_control_line_bytes: 1000 };
    let mut parser = Parser::new(limits);
    let mut rest = input.as_bytes();
    loop {
        parser.allow_headers(session.headers());
        parser.announce(session.pedantic());
        let step = parser.next(rest).map_err(Close::from);
        let result = step.and_then(|(used, op)| {
            rest = &rest[used..];
            op.map(|op| session.handle(op, config, &mut recorder)).transpose()
        });
        match result {
            Ok(Some(())) => {}
            Ok(None) => return recorder.log,
            Err(Close::Told(text)) => return recorder.log + "closed: " + text,
            Err(Close::Silently(_)) => return recorder.log + "closed",
        }
    }
}

fn told(input: &str) -> String {
    told_with(&Config::default(), input)
}
const QUIET: &str = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

#[test]
fn acknowledgements_are_on_until_connect_says_otherwise() {
    assert_eq!(told("SUB a 1\r\n"), "subscribe a 1\n< +OK\n");
    assert!(told(&format!("{QUIET}SUB a 1\r\n")).ends_with("first=true\nsubscribe a 1\n"));
}

#[test]
fn the_acknowledgement_comes_before_the_deliveries() {
    assert_eq!(told("PUB a 1\r\nx\r\n"), "< +OK\npublish a\n");
}

#[test]
fn a_pedantic_error_does_not_stop_the_message() {
    let log = told("PUB a.* 1\r\nx\r\n");
    assert_eq!(log, "< -ERR 'Invalid Publish Subject'\n< +OK\npublish a.*\n");
}

#[test]
fn a_refused_subscription_is_not_acknowledged() {
    assert_eq!(told("SUB a..b 1\r\n"), "< -ERR 'Invalid Subject'\n");
    let config = Config { max_subscriptions: 1, max_subject_tokens: 2, ..Config::default() };
    let log = told_with(&config, "SUB a.b.c 1\r\nSUB a 1\r\nSUB b. 2\r\n");
    assert!(log.starts_with("< -ERR 'Permissions Violation for Subscription to \"a.b.c\", "));
    assert!(log.ends_with("< -ERR 'maximum subscriptions exceeded'\n"), "{log}");
}

#[test]
fn a_sid_in_use_is_acknowledged_whatever_is_asked_for() {
    let log = told("SUB a 1\r\nSUB b..c 1\r\n");
    assert_eq!(log, "subscribe a 1\n< +OK\n< +OK\n");
}

#[test]
fn reserved_subjects_and_replies_are_refused() {
    for (input, error) in [
        ("PUB _GR_.a 0\r\n\r\n", "Publish to \"_GR_.a\"'\n"),
        ("PUB a _R_.b 0\r\n\r\n", "Publish with Reply of \"_R_.b\"'\n"),
        ("SUB a _sys_ 1\r\n", "Subscription to \"a\" using queue \"_sys_\"'\n"),
    ] {
        assert_eq!(told(input), format!("< -ERR 'Permissions Violation for {error}"));
    }
}

#[test]
fn info_follows_the_first_ping_after_connect_once() {
    let input = "PING\r\nCONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\nPING\r\n";
    let log = told(input);
    assert_eq!(log, "< PONG\nconnected headers=false first=true\n< PONG\n< INFO\n< PONG\n");
    let older = Config { profile: Profile::V2_11, ..Config::default() };
    assert!(!told_with(&older, input).contains("INFO"));
}

#[test]
fn connect_is_refused_with_the_right_words() {
    for (json, end) in [
        ("{\"protocol\":2}", "closed: invalid client protocol"),
        ("{\"protocol\":-1}", "closed: invalid client protocol"),
        ("{\"no_responders\":true}", "closed: no responders requires headers support"),
        ("{\"account\":\"A\"}", "closed: Authorization Violation"),
        ("{\"verbose\":0}", "closed"),
    ] {
        assert_eq!(told(&format!("CONNECT {json}\r\n")), end, "{json}");
    }
}

#[test]
fn a_server_without_headers_takes_none() {
    let config = Config { headers: false, ..Config::default() };
    let log = told_with(&config, "CONNECT {\"headers\":true}\r\nHPUB a 0 0\r\n\r\n");
    assert_eq!(log, "connected headers=false first=true\n< +OK\nclosed");
}

#[test]
fn a_repeated_connect_drops_subscriptions_in_newer_releases() {
    let input = format!("{QUIET}CONNECT {{}}\r\n");
    assert!(told(&input).contains("unsubscribe all"));
    let older = Config { profile: Profile::V2_11, ..Config::default() };
    assert!(!told_with(&older, &input).contains("unsubscribe all"));
}

#[test]
fn nobody_listening_matters_to_requests_that_asked() {
    let connect = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";
    let log = told(&format!("{connect}PUB a 0\r\n\r\nPUB a r 0\r\n\r\n"));
    assert!(log.ends_with("publish a\npublish a\nno responders r true\n"), "{log}");
    assert!(!told(&format!("{QUIET}PUB a r 0\r\n\r\n")).contains("no responders"));
}

#[test]
fn info_from_a_client_must_be_an_object() {
    assert_eq!(told("INFO {\"a\":1}\r\nINFO null\r\n"), "");
    assert_eq!(told("INFO nonsense\r\n"), "closed");
    assert_eq!(told("-ERR 'x'\r\n"), "closed");
}

#[test]
fn a_refused_login_ends_the_conversation() {
    assert_eq!(told("CONNECT {\"user\":\"eve\"}\r\nPING\r\n"), "closed: Authorization Violation");
}

#[test]
fn a_late_login_is_acknowledged_late() {
    let (mut session, mut recorder) = (Session::new(), Recorder::default());
    let config = Config::default();
    let connect = ClientOp::Connect(b"{\"user\":\"slow\"}");
    session.handle(connect, &config, &mut recorder).unwrap();
    assert_eq!(recorder.log, "");
    session.logged_in(&config, &mut recorder).unwrap();
    assert_eq!(recorder.log, "connected headers=false first=true\n< +OK\n");
}

#[test]
fn a_connect_behind_an_admission_without_one_is_a_repeated_one() {
    let (mut session, mut recorder) = (Session::new(), Recorder::default());
    session.bound_without_connect();
    session.handle(ClientOp::Connect(b"{}"), &Config::default(), &mut recorder).unwrap();
    assert!(recorder.log.starts_with("unsubscribe all\nconnected headers=false first=true"));
}

#[test]
fn what_is_not_permitted_is_told_and_not_done() {
    let violation = "< -ERR 'Permissions Violation for";
    for (input, error) in [
        ("PUB no.a 1\r\nx\r\n", "Publish to \"no.a\"'"),
        ("SUB no.a 1\r\n", "Subscription to \"no.a\"'"),
        ("SUB a no 1\r\n", "Subscription to \"a\" using queue \"no\"'"),
    ] {
        assert_eq!(told(input), format!("{violation} {error}\n"));
    }
    let reply = told("PUB a no.reply 1\r\nx\r\n");
    assert_eq!(reply, "< +OK\npublish a\n", "replies are not looked at (PERM-010)");
}
