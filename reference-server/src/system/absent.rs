//! In place of the system account's services where the feature `system` is off: nobody hears.

use std::sync::Arc;

use crate::{
    Config,
    router::{Account, Client},
    server::{Shared, Terms},
};

/// Tells nobody.
#[derive(Debug, Clone)]
pub(crate) struct Herald;

/// Empty.
pub(crate) struct Inbox;

impl Herald {
    pub(crate) fn new(_: &Terms, _: &str) -> (Herald, Inbox) {
        (Herald, Inbox)
    }

    pub(crate) fn follow(&self, _: &[Arc<Account>]) {}

    pub(crate) fn speak_of(&self, _: Arc<Config>) {}

    pub(crate) fn connected(&self, _: &Client) {}

    pub(crate) fn gone(&self, _: &Client) {}

    pub(crate) fn becomes_lame_duck(&self) {}

    pub(crate) fn stops(&self) {}
}

/// There is nothing to answer.
pub(crate) async fn serve(_: Inbox, _: Arc<Shared>) {}
