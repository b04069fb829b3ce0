//! The client protocol as bytes: what clients send ([`Parser`], [`ClientOp`]) and what the server
//! answers ([`encode`]). No sockets, no clock, no state of the broker.

mod connect;
pub mod encode;
pub(crate) mod headers;
mod info;
mod parse;

pub use connect::{ConnectOptions, Credentials};
pub use info::Info;
pub use parse::Parser;

use std::fmt;

use thiserror::Error;

/// One operation of a client; slices point into the bytes it was parsed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOp<'a> {
    /// CONNECT with its JSON text.
    Connect(&'a [u8]),
    /// The control line of a PUB or HPUB, whose payload is still to come; only if that is
    /// [asked for](Parser::announce).
    Announce {
        /// What will be published to.
        subject: &'a [u8],
    },
    /// PUB or HPUB.
    Publish(Publish<'a>),
    /// SUB.
    Subscribe {
        /// What is subscribed to, not yet checked.
        subject: &'a [u8],
        /// The queue group, if any.
        queue: Option<&'a [u8]>,
        /// The client's name for the subscription.
        sid: &'a [u8],
    },
    /// UNSUB.
    Unsubscribe {
        /// The client's name for the subscription.
        sid: &'a [u8],
        /// Deliveries after which it ends, counted from SUB; 0 is at once (CORE-SUB-014).
        max: u64,
    },
    /// PING.
    Ping,
    /// PONG.
    Pong,
    /// INFO with its JSON text; clients have no reason to send it (CORE-INFO-026).
    Info(&'a [u8]),
    /// `-ERR` with a text; ends the connection (CORE-PARSE-012).
    Error,
    /// `+OK`, or an HMSG line, both without effect (CORE-PARSE-012, CORE-PARSE-013).
    Nothing,
}

/// As the log shows it: the control line, without what CONNECT may keep secret.
impl fmt::Display for ClientOp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        match self {
            ClientOp::Connect(_) => f.write_str("CONNECT {...}"),
            ClientOp::Announce { subject } => write!(f, "PUB {} ...", text(subject)),
            ClientOp::Publish(message) => {
                let verb = if message.header.is_some() { "HPUB" } else { "PUB" };
                write!(f, "{verb} {}", text(message.subject))?;
                if let Some(reply) = message.reply {
                    write!(f, " {}", text(reply))?;
                }
                if let Some((_, digits)) = message.header {
                    write!(f, " {}", text(digits))?;
                }
                write!(f, " {}", text(message.size))
            }
            ClientOp::Subscribe { subject, queue, sid } => {
                write!(f, "SUB {} ", text(subject))?;
                if let Some(queue) = queue {
                    write!(f, "{} ", text(queue))?;
                }
                f.write_str(&text(sid))
            }
            ClientOp::Unsubscribe { sid, max: 0 } => write!(f, "UNSUB {}", text(sid)),
            ClientOp::Unsubscribe { sid, max } => write!(f, "UNSUB {} {max}", text(sid)),
            ClientOp::Ping => f.write_str("PING"),
            ClientOp::Pong => f.write_str("PONG"),
            ClientOp::Info(json) => write!(f, "INFO {}", text(json)),
            ClientOp::Error => f.write_str("-ERR"),
            ClientOp::Nothing => f.write_str("+OK"),
        }
    }
}

/// A message as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The subject, not checked.
    pub subject: &'a [u8],
    /// Where answers go, not checked (CORE-SUBJ-022).
    pub reply: Option<&'a [u8]>,
    /// For HPUB, the header block's length as a number and as the client wrote it.
    pub header: Option<(usize, &'a [u8])>,
    /// Length of `body` as the client wrote it; it is copied into MSG (CORE-PARSE-026).
    pub size: &'a [u8],
    /// Header block and payload.
    pub body: &'a [u8],
    /// What stands behind the subject in the bytes that came, from the blank to the end of the line
    /// that ends the body, where it is a delivery's end as it is: single blanks, CR LF, and nothing
    /// above has been changed since but the subject.
    pub rest: Option<&'a [u8]>,
}

/// Bytes that end the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// No operation starts like this, or a payload does not end where it should.
    #[error("Unknown Protocol Operation")]
    UnknownOperation,
    /// The arguments of a control line are too long (CORE-PARSE-017).
    #[error("maximum control line exceeded")]
    ControlLineTooLong,
    /// The declared size is above max_payload (CORE-PARSE-028).
    #[error("Maximum Payload Violation")]
    PayloadTooLarge,
    /// Arguments that can't be read; nats-server closes without a word (CORE-PARSE-024, 031, 032).
    #[error("malformed arguments")]
    MalformedArguments,
}

/// What the parser must know to refuse input early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload, headers included.
    pub max_payload_bytes: usize,
    /// Largest argument part of a control line.
    pub max_control_line_bytes: usize,
}
