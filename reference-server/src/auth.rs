//! Who may log in, and what they may do then.
//!
//! [`Auth`] is plain data that comes with the configuration. `Authenticator` is made of it at the
//! start and judges what CONNECT offers; whom it lets in gets a `Scope` (`router/scope.rs`): an
//! account, and compiled permissions (`Grants`).

mod authenticator;
#[cfg_attr(not(feature = "jwt"), path = "auth/no_callout.rs")]
mod callout;
mod exchange;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "nkeys")]
mod nkey;
mod operators;
mod options;
mod permissions;
mod secret;
#[cfg_attr(not(feature = "jwt"), path = "auth/no_trust.rs")]
mod trust;

pub(crate) use self::{
    authenticator::{Authenticator, Check, Distrusted, Offer, Review, Verdict},
    callout::problem as callout_problem,
    exchange::{Part, faults},
    options::proxy_problem,
    permissions::{Answers, Grants, PublishGate},
    trust::{account_problem, operator_problem},
};
pub use self::{
    exchange::{Export, ExportKind, Import, ImportKind, Latency, Local, ResponseType},
    operators::{OperatorMode, Resolver},
    options::{
        AccountLimits, AccountOptions, Auth, AuthCallout, ConnectionType, Credential, Permissions,
        Responses, SubjectPermission, User,
    },
    secret::Secret,
};

/// The account of those who belong to no other.
pub(crate) const GLOBAL_ACCOUNT: &str = "$G";
/// The account of the server's own services.
const SYSTEM_ACCOUNT: &str = "$SYS";
