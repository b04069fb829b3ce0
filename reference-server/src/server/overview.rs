//! The server as its monitoring pages see it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use super::Shared;
use crate::{
    Config, Profile,
    ledger::Past,
    protocol::Info,
    router::{Account, Client},
};

/// A look at the server. What is copied out of it is of one moment; nothing stays locked.
pub(crate) struct Overview<'a> {
    shared: &'a Shared,
    /// When the page was asked for.
    pub(crate) now: SystemTime,
}

impl<'a> Overview<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Overview<'a> {
        Overview { shared, now: SystemTime::now() }
    }

    pub(crate) fn config(&self) -> &'a Config {
        &self.shared.config
    }

    pub(crate) fn profile(&self) -> Profile {
        self.shared.config.profile
    }

    pub(crate) fn greeting(&self) -> &'a Info {
        &self.shared.greeting
    }

    pub(crate) fn id(&self) -> String {
        self.shared.greeting.server_id.clone()
    }

    pub(crate) fn name(&self) -> String {
        self.shared.greeting.server_name.clone()
    }

    pub(crate) fn started(&self) -> SystemTime {
        self.shared.history.started()
    }

    /// The port that clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.shared.addr.port()
    }

    /// The port of the pages.
    pub(crate) fn monitoring_port(&self) -> u16 {
        self.shared.monitoring_addr.map_or(0, |addr| addr.port())
    }

    /// Connections since the start, those that were refused included.
    pub(crate) fn connections_ever(&self) -> u64 {
        self.shared.last_client_id.load(Ordering::Relaxed)
    }

    /// Who is connected, by age, and what is known of those who were: each once.
    pub(crate) fn connections(&self) -> (Vec<Arc<Client>>, Past) {
        let (mut open, past) = {
            let clients = self.shared.clients();
            (clients.values().cloned().collect::<Vec<_>>(), self.shared.history.past())
        };
        open.sort_by_key(|client| client.id);
        (open, past)
    }

    /// All accounts that clients can be in.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        vec![self.shared.account.clone()]
    }

    /// The account of the server's own services, of which there are none yet.
    pub(crate) fn system_account(&self) -> &'static str {
        "$SYS"
    }

    /// Whether the server is about to close its connections (LIFE-012).
    pub(crate) fn is_lame_duck(&self) -> bool {
        false
    }
}
