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
    pub(super) fn new(_: &Config, _: &[Arc<Account>], _: &Arc<ServerIdentity>) -> Option<Callout> {
        None
    }

    pub(super) fn is_in(&self, _: &Arc<Account>) -> bool {
        match *self {}
    }

    pub(super) fn spares(&self, _: &Credentials) -> bool {
        match *self {}
    }

    pub(super) fn ask(self: &Arc<Callout>, _: &Offer<'_>) -> Verdict {
        match **self {}
    }
}

impl Question {
    pub(crate) async fn run(self: Box<Question>) -> Option<Arc<Scope>> {
        match *self {}
    }
}
