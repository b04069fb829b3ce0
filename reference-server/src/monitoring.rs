//! Pages over HTTP that tell what a server does, with nats-server's paths, fields and texts
//! (catalogue section MON).
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | where, and how much is remembered |
//! | `http.rs` | connections, their bounds, and which page answers which path |
//! | `query.rs`, `format.rs` | parameters as Go reads them; times and numbers as Go writes them |
//! | `varz.rs`, `connz.rs`, `subsz.rs`, `accounts.rs` | the pages that have something to tell |
//! | `absent.rs` | the pages of what this server has not got |
//! | `root.rs`, `root.html` | the page for people |
//!
//! A page is made of a snapshot, on a thread of its own: a lock is held while something is copied,
//! never while JSON is written, and a large answer does not hold up clients.

mod options;

#[cfg(feature = "monitoring")]
mod absent;
#[cfg(feature = "monitoring")]
mod accounts;
#[cfg(feature = "monitoring")]
mod connz;
#[cfg(feature = "monitoring")]
mod format;
#[cfg(feature = "monitoring")]
mod http;
#[cfg(feature = "monitoring")]
mod process;
#[cfg(feature = "monitoring")]
mod query;
#[cfg(feature = "monitoring")]
mod root;
#[cfg(feature = "monitoring")]
mod subsz;
#[cfg(feature = "monitoring")]
mod varz;

pub use self::options::Monitoring;
#[cfg(feature = "monitoring")]
pub(crate) use self::{format::time, http::serve};

/// Nothing: [`Monitoring::problem`] does not let it come to this.
#[cfg(not(feature = "monitoring"))]
pub(crate) async fn serve(_: std::net::TcpListener, _: std::sync::Arc<crate::server::Shared>) {}
