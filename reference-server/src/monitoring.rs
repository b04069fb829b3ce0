//! Pages over HTTP that tell what a server does, with nats-server's paths, fields and texts
//! (catalogue section MON).
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | where, and how much is remembered |
//! | `http.rs` | connections, their bounds, and which page answers which path |
//! | `query.rs`, `format.rs` | parameters as Go reads them; times and numbers as Go writes them |
//! | `varz.rs`, `connz.rs`, `subsz.rs`, `accounts.rs` | the pages that have something to tell |
//! | `exchange.rs` | what accounts have of each other, as `accounts.rs` shows it |
//! | `absent.rs` | the pages of what this server has not got |
//! | `asked.rs`, `statsz.rs` | what only the system account is told: `system/` asks for it |
//! | `root.rs`, `root.html` | the page for people |
//!
//! A page is made of a snapshot, on a thread of its own: a lock is held while something is copied,
//! never while JSON is written, and a large answer does not hold up clients.

mod options;

#[cfg(feature = "monitoring")]
mod absent;
#[cfg(feature = "monitoring")]
mod accounts;
#[cfg(feature = "system")]
mod asked;
#[cfg(feature = "monitoring")]
mod connz;
#[cfg(feature = "monitoring")]
mod exchange;
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
#[cfg(feature = "system")]
mod statsz;
#[cfg(feature = "monitoring")]
mod subsz;
#[cfg(feature = "monitoring")]
mod varz;

pub use self::options::Monitoring;
#[cfg(feature = "system")]
pub(crate) use self::{
    accounts::{AccountStat, account_stats, account_statz},
    asked::page,
    process::Cpu,
    query::Query,
    statsz::{Statsz, statsz},
    varz::feature_flags,
};
#[cfg(feature = "monitoring")]
pub(crate) use self::{format::time, http::serve};

/// A trusted proxy, as pages tell it.
#[cfg(feature = "monitoring")]
#[derive(serde::Serialize)]
struct Proxy {
    key: String,
}

/// Nothing: [`Monitoring::problem`] does not let it come to this.
#[cfg(not(feature = "monitoring"))]
pub(crate) async fn serve(_: std::net::TcpListener, _: std::sync::Arc<crate::server::Shared>) {}
