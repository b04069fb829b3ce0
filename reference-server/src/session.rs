//! One client's side of the conversation, as a state machine: an operation comes in, what it
//! means goes out through [`Broker`]. No sockets, no clock, no other clients.

use thiserror::Error;

use crate::{
    Config,
    protocol::{ClientOp, ConnectOptions, Credentials, ProtocolError, Publish, encode},
    subject,
};

/// Why a client is refused, whatever is wrong with its credentials (AUTH-004).
pub(crate) const AUTHORIZATION_VIOLATION: &str = "Authorization Violation";

/// How a refused subscription is told (PERM-003).
pub(crate) const SUBSCRIPTION_VIOLATION: &str = "Permissions Violation for Subscription to";

/// What a session asks of the broker behind it.
pub(crate) trait Broker {
    /// Puts bytes behind everything that was sent to this client before.
    fn send(&mut self, bytes: &[u8]);
    /// Asks whether the client may log in as it says (AUTH-004); a refusal ends the conversation.
    fn log_in(&mut self, options: &ConnectOptions) -> Result<LogIn, Close>;
    /// CONNECT came: from now on these options hold; true the first time.
    fn connected(&mut self, options: &ConnectOptions, first: bool);
    /// Sends INFO again, with what is known since CONNECT.
    fn send_info(&mut self);
    /// Whether the client has all the subscriptions that it may have (CORE-SUB-021).
    fn is_subscribed_out(&self) -> bool;
    /// Where a publication goes instead, if anywhere (ACC-017).
    fn map(&self, subject: &[u8]) -> Option<Vec<u8>>;
    /// Whether the user may publish to this subject (PERM-001).
    fn may_publish(&mut self, subject: &[u8]) -> bool;
    /// Whether the user may make this subscription (PERM-003).
    fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool;
    /// Tells the log what the client was told.
    fn log_error(&self, text: std::fmt::Arguments<'_>);
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

/// Whether a login is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogIn {
    /// The client is let in.
    Done,
    /// The verdict takes long. Nothing may be handled before it is there and, if it is a good one,
    /// [`Session::logged_in`] has been called.
    Later,
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
    /// The client has been let in, by CONNECT or, where that is not needed, by another operation.
    bound: bool,
    /// The next PONG is followed by INFO.
    info_due: bool,
}

impl Session {
    pub(crate) fn new() -> Session {
        Session {
            options: ConnectOptions::default(),
            connected: false,
            bound: false,
            info_due: false,
        }
    }

    /// Whether HPUB is understood (CORE-HDR-004).
    pub(crate) fn headers(&self) -> bool {
        self.options.headers
    }

    /// Whether published subjects are checked (CORE-SUBJ-007).
    pub(crate) fn pedantic(&self) -> bool {
        self.options.pedantic
    }

    /// What CONNECT has offered, to be judged again after a reload.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.options.credentials
    }

    /// Does what the operation asks for; an error ends the conversation.
    // Inlined into the loop that parses, with all that a publication passes: with calls in between
    // one takes 8 % more instructions (`conversation_of publications` in `benches/`).
    #[inline]
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
        match broker.log_in(&self.options)? {
            LogIn::Done => self.logged_in(config, broker),
            LogIn::Later => Ok(()),
        }
    }

    /// The client of the last CONNECT is let in.
    pub(crate) fn logged_in(
        &mut self,
        config: &Config,
        broker: &mut impl Broker,
    ) -> Result<(), Close> {
        if self.options.obsolete {
            return Err(Close::Told(AUTHORIZATION_VIOLATION));
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
        }
        let again = std::mem::replace(&mut self.bound, true);
        if again && config.profile.reconnect_drops_subscriptions() {
            broker.unsubscribe_all();
        }
        broker.connected(&self.options, first);
        self.acknowledge(broker);
        Ok(())
    }

    /// The client is served without CONNECT, as a user who needs none; a CONNECT that follows is a
    /// repeated one (AUTH-011).
    pub(crate) fn bound_without_connect(&mut self) {
        self.bound = true;
    }

    fn subscribe(
        &mut self,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
        config: &Config,
        broker: &mut impl Broker,
    ) {
        if queue == Some(b"_sys_") || !broker.may_subscribe(pattern, queue) {
            return subscription_refused(broker, pattern, queue, sid);
        }
        if subject::tokens(pattern).count() > config.tokens_max() {
            let subject = subject::quoted(pattern);
            return error(
                broker,
                &format!("{SUBSCRIPTION_VIOLATION} \"{subject}\", too many tokens"),
            );
        }
        if broker.is_subscribed_out() {
            broker.log_error(format_args!("maximum subscriptions exceeded"));
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

    /// What is allowed is asked of the subject that it is mapped to (PERM-020).
    #[inline]
    fn publish(&mut self, message: &Publish<'_>, config: &Config, broker: &mut impl Broker) {
        // One way for both kinds: two would be too much to inline.
        let elsewhere = broker.map(message.subject);
        let mapped;
        let message = match &elsewhere {
            None => message,
            Some(subject) => {
                mapped = Publish { subject, ..*message };
                &mapped
            }
        };
        // The reserved names start with one of two letters, almost all others with neither.
        let is_reserved = matches!(message.subject, [b'$' | b'_', ..])
            && subject::is_reserved(message.subject, config.profile);
        if is_reserved || !broker.may_publish(message.subject) {
            return publication_refused(broker, message.subject);
        }
        if let Some(reply) = message.reply.filter(|reply| subject::is_reserved_reply(reply)) {
            let reply = subject::quoted(reply);
            broker.log_error(format_args!("Publish Violation - Reply \"{reply}\""));
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

fn publication_refused(broker: &mut impl Broker, subject: &[u8]) {
    let subject = subject::quoted(subject);
    broker.log_error(format_args!("Publish Violation - Subject \"{subject}\""));
    error(broker, &format!("Permissions Violation for Publish to \"{subject}\""));
}

fn subscription_refused(
    broker: &mut impl Broker,
    pattern: &[u8],
    queue: Option<&[u8]>,
    sid: &[u8],
) {
    let (subject, sid) = (subject::quoted(pattern), String::from_utf8_lossy(sid));
    let (queue, logged) = match queue.map(subject::quoted) {
        Some(queue) => (format!(" using queue \"{queue}\""), format!(", Queue: \"{queue}\"")),
        None => (String::new(), String::new()),
    };
    broker.log_error(format_args!(
        "Subscription Violation - Subject \"{subject}\"{logged}, SID {sid}"
    ));
    error(broker, &format!("{SUBSCRIPTION_VIOLATION} \"{subject}\"{queue}"));
}

fn error(broker: &mut impl Broker, text: &str) {
    let mut line = Vec::new();
    encode::error(&mut line, text);
    broker.send(&line);
}

#[cfg(test)]
mod tests;
