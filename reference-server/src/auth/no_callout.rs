//! In place of auth callouts where the feature `jwt` is off.

use std::sync::Arc;

use super::{AuthCallout, Offer, Permissions, Verdict};
use crate::{
    Config,
    protocol::Credentials,
    router::{Account, Scope},
    server::ServerIdentity,
};

/// There is none.
#[derive(Debug)]
pub(super) enum Callout {}

/// Nobody asks.
#[derive(Debug)]
pub(super) struct Asker;

/// Nothing is asked.
#[derive(Debug)]
pub(crate) enum Question {}

pub(crate) fn problem(_: &AuthCallout) -> Option<String> {
    Some("an auth callout needs the cargo feature `jwt`".to_owned())
}

pub(super) fn within(permissions: Option<Permissions>) -> Permissions {
    permissions.unwrap_or_default()
}

impl Callout {
    /// Never called: such options have a problem.
    pub(super) fn new(_: &AuthCallout, _: &[Arc<Account>], _: Arc<Asker>) -> Option<Callout> {
        None
    }

    pub(super) fn is_in(&self, _: &Arc<Account>) -> bool {
        match *self {}
    }

    pub(super) fn spares(&self, _: &Credentials) -> bool {
        match *self {}
    }

    pub(super) fn is_apart(&self, _: &Arc<Account>) -> bool {
        match *self {}
    }

    pub(super) fn ask(&self, _: &Offer<'_>, _: impl FnOnce() -> Verdict) -> Verdict {
        match *self {}
    }
}

impl Asker {
    pub(super) fn new(_: &Config, _: &Arc<ServerIdentity>) -> Arc<Asker> {
        Arc::new(Asker)
    }
}

impl Question {
    pub(crate) fn shown(&self) -> Option<&str> {
        match *self {}
    }

    pub(crate) async fn run(self: Box<Question>) -> Option<Arc<Scope>> {
        match *self {}
    }
}
