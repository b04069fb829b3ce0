//! Who may log in, and what they may do then.
//!
//! [`Auth`] is plain data that comes with the configuration. `Authenticator` is made of it at the
//! start and judges what CONNECT offers; whom it lets in gets a `Scope` (`router/scope.rs`): an
//! account, and compiled permissions (`Grants`).

mod authenticator;
#[cfg(feature = "nkeys")]
mod nkey;
mod options;
mod permissions;
mod secret;

pub(crate) use self::{
    authenticator::{Authenticator, Check, Review, Verdict},
    permissions::{Answers, Grants, PublishGate},
};
pub use self::{
    options::{
        AccountLimits, AccountOptions, Auth, ConnectionType, Credential, Permissions, Responses,
        SubjectPermission, User,
    },
    secret::Secret,
};

/// The account of those who belong to no other.
pub(crate) const GLOBAL_ACCOUNT: &str = "$G";
/// The account of the server's own services.
const SYSTEM_ACCOUNT: &str = "$SYS";
