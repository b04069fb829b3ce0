//! One client's side of the conversation, as a state machine: an operation comes in, what it
//! means goes out through [`Broker`]. No sockets, no clock, no other clients.

use thiserror::Error;

use crate::{
    Config,
    protocol::{ClientOp, ConnectOptions, ProtocolError, Publish, encode},
    subject,
};

/// What a session asks of the broker behind it.
pub(crate) trait Broker {
    /// Puts bytes behind everything that was sent to this client before.
    fn send(&mut self, bytes: &[u8]);
    /// CONNECT came: from now on these options hold; true the first time.
    fn connected(&mut self, options: &ConnectOptions, first: bool);
    /// Sends INFO again, with what is known since CONNECT.
    fn send_info(&mut self);
    /// How many subscriptions the client has.
    fn subscriptions(&self) -> usize;
    /// Whether the client has a subscription of this name.
    fn is_subscribed(&self, sid: &[u8]) -> bool;
    /// Registers a subscription; one whose sid is in use changes nothing (CORE-SUB-006).
    fn subscribe(&mut self, pattern: &[u8], queue: Option<&[u8]>, sid: &[u8]);
    /// Ends a subscription after `max` deliveries, at once if they have been made.
    fn unsubscribe(&mut self, sid: &[u8], max: u64);
    /// Ends all subscriptions of the client.
    fn unsubscribe_all(&mut self);
    /// Delivers a message to all who are interested; false if that is nobody.
    fn publish(&mut self, message: &Publish<'_>) -> bool;
    /// Tells the client that nobody listens, if it listens for the answer itself.
    fn no_responders(&mut self, message: &Publish<'_>, reply: &[u8], names_subject: bool);
}

/// Why the server ends a connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Close {
    /// The client is told in an `-ERR` line.
    #[error("{0}")]
    Told(&'static str),
    /// Closed without a word.
    #[error("{0}")]
    Silently(&'static str),
}

impl From<ProtocolError> for Close {
    fn from(error: ProtocolError) -> Close {
        match error {
            ProtocolError::UnknownOperation => Close::Told("Unknown Protocol Operation"),
            ProtocolError::ControlLineTooLong => Close::Told("maximum control line exceeded"),
            ProtocolError::PayloadTooLarge => Close::Told("Maximum Payload Violation"),
            ProtocolError::MalformedArguments => Close::Silently("malformed arguments"),
        }
    }
}

/// The state of a conversation.
#[derive(Debug)]
pub(crate) struct Session {
    options: ConnectOptions,
    connected: bool,
    /// The next PONG is followed by INFO.
    info_due: bool,
}

impl Session {
    pub(crate) fn new() -> Session {
        Session { options: ConnectOptions::default(), connected: false, info_due: false }
    }

    /// Whether HPUB is understood (CORE-HDR-004).
    pub(crate) fn headers(&self) -> bool {
        self.options.headers
    }

    /// Whether published subjects are checked (CORE-SUBJ-007).
    pub(crate) fn pedantic(&self) -> bool {
        self.options.pedantic
    }

    /// Does what the operation asks for; an error ends the conversation.
    pub(crate) fn handle(
        &mut self,
        op: ClientOp<'_>,
        config: &Config,
        broker: &mut impl Broker,
    ) -> Result<(), Close> {
        match op {
            // Said, but not a reason to hold the message back (CORE-SUBJ-008).
            ClientOp::Announce { subject } => {
                if !subject::is_valid_literal(subject) {
                    error(broker, "Invalid Publish Subject");
                }
            }
            ClientOp::Publish(message) => self.publish(&message, config, broker),
            ClientOp::Subscribe { subject, queue, sid } => {
                self.subscribe(subject, queue, sid, config, broker);
            }
            ClientOp::Unsubscribe { sid, max } => {
                broker.unsubscribe(sid, max);
                self.acknowledge(broker);
            }
            ClientOp::Ping => {
                broker.send(encode::PONG);
                if std::mem::take(&mut self.info_due) {
                    broker.send_info();
                }
            }
            ClientOp::Connect(json) => return self.connect(json, config, broker),
            ClientOp::Info(json) => {
                if serde_json::from_slice::<Option<serde_json::Map<_, _>>>(json).is_err() {
                    return Err(Close::Silently("INFO is not a JSON object"));
                }
            }
            ClientOp::Error => return Err(Close::Silently("the client sent -ERR")),
            ClientOp::Pong | ClientOp::Nothing => {}
        }
        Ok(())
    }

    fn connect(
        &mut self,
        json: &[u8],
        config: &Config,
        broker: &mut impl Broker,
    ) -> Result<(), Close> {
        if self.options.merge(json).is_err() {
            return Err(Close::Silently("CONNECT is not what it should be"));
        }
        if self.options.obsolete {
            return Err(Close::Told("Authorization Violation"));
        }
        if !(0..=1).contains(&self.options.protocol) {
            return Err(Close::Told("invalid client protocol"));
        }
        self.options.headers &= config.headers;
        if self.options.no_responders && !self.options.headers {
            return Err(Close::Told("no responders requires headers support"));
        }
        let first = !std::mem::replace(&mut self.connected, true);
        if first {
            self.info_due = self.options.protocol == 1 && config.profile.info_after_first_pong();
        } else if config.profile.reconnect_drops_subscriptions() {
            broker.unsubscribe_all();
        }
        broker.connected(&self.options, first);
        self.acknowledge(broker);
        Ok(())
    }

    fn subscribe(
        &mut self,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
        config: &Config,
        broker: &mut impl Broker,
    ) {
        let tokens = || subject::tokens(pattern).count();
        let violation = "Permissions Violation for Subscription to";
        if queue == Some(b"_sys_") {
            let subject = subject::quoted(pattern);
            return error(broker, &format!("{violation} \"{subject}\" using queue \"_sys_\""));
        }
        if tokens() > config.tokens_max() {
            let subject = subject::quoted(pattern);
            return error(broker, &format!("{violation} \"{subject}\", too many tokens"));
        }
        let limit = config.max_subscriptions;
        if limit > 0 && broker.subscriptions() >= limit {
            return error(broker, "maximum subscriptions exceeded");
        }
        // A sid in use is not looked at any further, whatever is asked for (CORE-SUB-006).
        if !broker.is_subscribed(sid) {
            if !subject::is_valid_pattern(pattern) {
                return error(broker, "Invalid Subject");
            }
            broker.subscribe(pattern, queue, sid);
        }
        self.acknowledge(broker);
    }

    fn publish(&mut self, message: &Publish<'_>, config: &Config, broker: &mut impl Broker) {
        // The reserved names start with one of two letters, almost all others with neither.
        if matches!(message.subject, [b'$' | b'_', ..])
            && subject::is_reserved(message.subject, config.profile)
        {
            let subject = subject::quoted(message.subject);
            return error(broker, &format!("Permissions Violation for Publish to \"{subject}\""));
        }
        if let Some(reply) = message.reply.filter(|reply| subject::is_reserved_reply(reply)) {
            let reply = subject::quoted(reply);
            let violation = "Permissions Violation for Publish with Reply of";
            return error(broker, &format!("{violation} \"{reply}\""));
        }
        self.acknowledge(broker);
        let delivered = broker.publish(message);
        if let Some(reply) = message.reply
            && !delivered
            && self.options.no_responders
        {
            broker.no_responders(message, reply, config.profile.status_names_subject());
        }
    }

    fn acknowledge(&self, broker: &mut impl Broker) {
        if self.options.verbose {
            broker.send(encode::OK);
        }
    }
}

fn error(broker: &mut impl Broker, text: &str) {
    let mut line = Vec::new();
    encode::error(&mut line, text);
    broker.send(&line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, protocol::Limits, protocol::Parser};

    /// Writes down what is asked of it.
    #[derive(Default)]
    struct Recorder {
        log: String,
        subscriptions: usize,
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
        fn connected(&mut self, options: &ConnectOptions, first: bool) {
            self.note(format_args!("connected headers={} first={first}", options.headers));
        }
        fn send_info(&mut self) {
            self.note(format_args!("< INFO"));
        }
        fn subscriptions(&self) -> usize {
            self.subscriptions
        }
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
        let mut recorder = Recorder::default();
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
}
