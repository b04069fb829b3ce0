//! The system account: the server tells there in messages what happens, and answers what it is
//! asked (catalogue section SYS).
//!
//! | file | what |
//! |---|---|
//! | `herald.rs` | hears of logins and ends, subscribes to requests, and passes both on |
//! | `desk.rs` | the task that takes them up, one after the other, and answers |
//! | `requests.rs`, `options.rs` | what is asked, and how: pages of `monitoring/`, and orders |
//! | `user.rs` | who asks |
//! | `events.rs` | what events say |
//! | `voice.rs` | how the server speaks in an account |
//! | `orders.rs` | what changes something: connections that are closed, a reload |
//!
//! The core knows two moments, a login and an end, and where nobody listens in the system account
//! they cost a look at a counter. Requests come through services (`router/receiver.rs`) that copy
//! them into a bounded queue. Nothing else of a message's way has to do with this.

#[cfg(feature = "system")]
mod desk;
#[cfg(feature = "system")]
mod events;
#[cfg(feature = "system")]
mod herald;
#[cfg(not(feature = "system"))]
#[path = "system/absent.rs"]
mod herald;
#[cfg(feature = "system")]
mod options;
#[cfg(feature = "system")]
mod orders;
#[cfg(feature = "system")]
mod requests;
#[cfg(feature = "system")]
mod user;
#[cfg(feature = "system")]
mod voice;

#[cfg(feature = "system")]
pub(crate) use self::desk::serve;
#[cfg(not(feature = "system"))]
pub(crate) use self::herald::serve;
pub(crate) use self::herald::{Herald, Inbox};
