//! A small, readable, fast NATS server: embed it in tests, read it to learn the protocol, or start
//! it in place of `nats-server`.
//!
//! [`Server`] is where users begin. The way of a published message, file by file:
//!
//! | file | what happens there |
//! |---|---|
//! | `server.rs` | listens, accepts, stops; each connection gets two tasks |
//! | `connection.rs`, `connection/` | the reader fills a buffer; the writer empties the outbox |
//! | `protocol/parse.rs` | bytes become a [`ClientOp`](protocol::ClientOp), slices of the buffer |
//! | `auth.rs`, `auth/` | who may log in, and what they may do |
//! | `transport.rs`, `transport/` | TLS and WebSockets, for connections that come so |
//! | `session.rs` | the state machine of one conversation: what the operation means |
//! | `router.rs`, `router/` | finds who is interested, picks a member of each queue group |
//! | `router/exchange.rs`, `router/exchange/` | what accounts have of each other |
//! | `index.rs`, `subject.rs` | the tree of subscriptions; what subjects are, and are mapped to |
//! | `outbox.rs` | the bounded queue of one receiver |
//! | `protocol/encode.rs` | the delivery, written straight into that queue |
//! | `ledger.rs`, `monitoring.rs` | what is remembered of connections, and the pages that tell it |
//!
//! Invariants: protocol, session, index and keep-alive do no I/O and ask for no time. An operation
//! is finished, all outboxes filled, before the next one of that client is looked at. No lock is
//! held across an await.
//!
//! Identifiers such as CORE-SUB-012 name clauses of the register in `scenarios/clauses.toml`.

mod auth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod conf;
mod config;
mod connection;
mod index;
mod keepalive;
#[cfg_attr(
    not(feature = "monitoring"),
    allow(dead_code, unused_imports, reason = "the pages tell it")
)]
mod ledger;
mod monitoring;
mod outbox;
pub mod protocol;
mod router;
mod server;
mod session;
mod subject;
mod system;
mod transport;

pub use auth::{
    AccountLimits, AccountOptions, Auth, AuthCallout, ConnectionType, Credential, Export,
    ExportKind, Import, ImportKind, Latency, Local, OperatorMode, Permissions, Resolver,
    ResponseType, Responses, Secret, SubjectPermission, User,
};
pub use conf::{ConfigError, ConfigWarning, Problem};
pub use config::{Config, Profile, ProgramConfig};
pub use index::{Index, Matches, QueueGroup};
pub use monitoring::Monitoring;
#[cfg(feature = "system")]
pub use server::ReloadRequest;
pub use server::{Builder, ReloadError, Server, StartError};
pub use subject::{
    is_valid_literal, is_valid_pattern,
    mapping::{Destination, SubjectMapping},
};
pub use transport::{HandshakeFirst, Identity, Pem, Tls, TlsVersion, TransportError, WebSocket};
