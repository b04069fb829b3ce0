//! Faults: a proxy that puts network troubles, or one bug, between clients and a healthy server.
//!
//! Two uses. *Inside `cargo test`*, to see what an application does when the network misbehaves:
//! bytes that come late, get lost or stop in the middle of a frame, connections that are cut, a
//! server that restarts on the same port.
//!
//! ```
//! use futures_util::StreamExt;
//! use nats_conformance::faults::{Direction, Proxy};
//! use nats_reference_server::Server;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().start().await?;
//! let proxy = Proxy::builder(server.addr()).start().await?;
//! let client = async_nats::connect(proxy.url()).await?;
//! let mut greetings = client.subscribe("greet").await?;
//!
//! // The server restarts; the client finds it again on the same port and subscribes anew.
//! proxy.restart(None).await?;
//! let greeting = loop {
//!     // What is published while nobody is connected is lost.
//!     client.publish("greet", "hello".into()).await?;
//!     let wait = std::time::Duration::from_millis(50);
//!     if let Ok(greeting) = tokio::time::timeout(wait, greetings.next()).await {
//!         break greeting.ok_or("the subscription has ended")?;
//!     }
//! };
//! assert_eq!(greeting.payload, "hello");
//!
//! // Nothing goes to clients for a while, then all of it.
//! proxy.stall(Direction::ToClient);
//! client.publish("greet", "late".into()).await?;
//! proxy.flow(Direction::ToClient);
//! # Ok(())
//! # }
//! ```
//!
//! *Before a suite or a client library*, to see what notices a bug: the catalogue ([`all`]) holds
//! some three hundred bugs that a server might have, each with a name. A [`Fault`] is data and
//! small functions that see what the client says, cut into operations, and what the server sends,
//! cut into frames, and pass on something else. Without a fault a proxy changes no byte.

mod bent;
mod client;
mod closing;
mod connect;
mod delivery;
mod errors;
mod frame;
mod headers;
mod info;
mod keepalive;
mod limits;
mod link;
mod order;
mod parsing;
mod payloads;
mod pipe;
mod pong;
mod proxy;
mod queues;
mod sids;
mod status;
mod subjects;
mod talk;
mod unsub;
mod wildcards;

use std::{fmt, time::Duration};

pub use proxy::{Builder, Direction, End, Proxy, ProxyError};
use serde::Serialize;

use client::Op;
use frame::Delivery;
use talk::Talk;

/// The part of the protocol that a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Area {
    Delivery,
    Order,
    Sids,
    Subjects,
    Wildcards,
    Unsub,
    Queues,
    Connect,
    Info,
    Headers,
    NoResponders,
    Errors,
    Closing,
    Parsing,
    Pong,
    KeepAlive,
    Limits,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.extend(letter.to_lowercase());
        }
        f.pad(&name)
    }
}

/// A bug that a server might have.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Words with hyphens; stable.
    pub name: &'static str,
    /// What it is about.
    pub area: Area,
    /// What a server with this bug does, in a sentence.
    pub what: &'static str,
    /// Cases that find it, as selectors of `run`.
    pub found_by: &'static [&'static str],
    /// What it is run with in a self-test, as selectors; if none are given, all but what
    /// is tagged `slow` or `heavy`.
    pub only: &'static [&'static str],
    /// Why the protocol allows it, so that nothing should find it.
    pub equivalent: Option<&'static str>,
    /// At the start of a conversation.
    open: Option<fn(&mut Talk)>,
    /// In place of passing a client's operation on.
    op: Option<fn(&mut Talk, &Op)>,
    /// In place of passing a message on.
    delivery: Option<fn(&mut Talk, Delivery)>,
    /// In place of passing another frame on, or any frame, if there is nothing for messages.
    frame: Option<fn(&mut Talk, Vec<u8>)>,
    /// In place of ending the server's side when the client has ended, with what was left unsaid.
    client_end: Option<fn(&mut Talk, Vec<u8>)>,
    /// In place of ending the client's side when the server has ended.
    server_end: Option<fn(&mut Talk)>,
    /// Ends connections that say nothing for so long, or leave an operation unfinished.
    patience: Option<Duration>,
    /// It needs to know what was published.
    remembers: bool,
    /// It takes from the server all there is, however slowly the client reads.
    hoards: bool,
}

impl Fault {
    /// Whether it does something when the server ends a connection, of which the proxy has to hear
    /// first.
    #[must_use]
    pub fn begins_at_an_end(&self) -> bool {
        self.server_end.is_some()
    }

    const fn new(area: Area, name: &'static str, what: &'static str) -> Fault {
        Fault {
            name,
            area,
            what,
            found_by: &[],
            only: &[],
            equivalent: None,
            open: None,
            op: None,
            delivery: None,
            frame: None,
            client_end: None,
            server_end: None,
            patience: None,
            remembers: false,
            hoards: false,
        }
    }
}

/// Takes everything apart and puts it together unchanged: what the faults rest on, without a
/// fault. Nothing may find it.
pub static NONE: Fault = Fault {
    op: Some(|talk, op| talk.pass(op)),
    delivery: Some(|talk, message| talk.deliver(&message.bytes())),
    ..Fault::new(Area::Delivery, "none", "Nothing is wrong.")
};

/// All faults, by area.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    let areas: [&[Fault]; 18] = [
        delivery::FAULTS,
        order::FAULTS,
        sids::FAULTS,
        subjects::FAULTS,
        wildcards::FAULTS,
        unsub::FAULTS,
        queues::FAULTS,
        connect::FAULTS,
        info::FAULTS,
        headers::FAULTS,
        status::FAULTS,
        errors::FAULTS,
        closing::FAULTS,
        parsing::FAULTS,
        payloads::FAULTS,
        pong::FAULTS,
        keepalive::FAULTS,
        limits::FAULTS,
    ];
    areas.into_iter().flatten()
}

/// The fault with this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}

/// The fault whose name is most like this one, for "did you mean".
pub fn nearest(name: &str) -> Option<&'static Fault> {
    let likeness = |fault: &&Fault| strsim::jaro_winkler(name, fault.name);
    all().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|fault| likeness(fault) > 0.85)
}

/// Gives the additional subscriptions of a fault, `~sid`, the sid of the one they belong to.
fn unalias(talk: &mut Talk, mut message: Delivery) {
    if message.sid.starts_with(b"~") {
        message.sid.remove(0);
    }
    talk.deliver(&message.bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_words_with_hyphens_and_sentences_are_sentences() {
        let mut names = BTreeSet::new();
        for fault in all() {
            let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(
                fault.name.split('-').all(|word| !word.is_empty() && word.chars().all(letters))
            );
            let first = fault.what.starts_with(char::is_uppercase);
            assert!(fault.what.ends_with('.') && first, "{}", fault.what);
            assert!(names.insert(fault.name), "{} is there twice", fault.name);
        }
        assert!(names.len() >= 60);
    }

    #[test]
    fn a_mistyped_name_is_near_the_right_one() {
        let name = |text| nearest(text).map(|fault| fault.name);
        assert_eq!(name("max-of-by-one"), Some("max-off-by-one"));
        assert_eq!(name("xyzzy"), None);
        assert_eq!(Area::KeepAlive.to_string(), "keep-alive");
    }
}
