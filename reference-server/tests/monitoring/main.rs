//! The monitoring pages, as tools and people ask for them.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod endings;
mod fields;
mod logins;
mod pages;
mod peers;
#[cfg(feature = "system")]
mod system;
