//! The server as its monitoring pages see it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use super::{Phase, Shared, Terms, admission::Entrance};
use crate::{
    AccountOptions, Config, Profile,
    ledger::Past,
    protocol::Info,
    router::{Account, Client},
    transport::TlsAcceptor,
};

/// A look at the server. What is copied out of it is of one moment; nothing stays locked.
pub(crate) struct Overview<'a> {
    shared: &'a Shared,
    terms: Terms,
    /// When the page was asked for.
    pub(crate) now: SystemTime,
}

impl<'a> Overview<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Overview<'a> {
        Overview { shared, terms: shared.terms.borrow().clone(), now: SystemTime::now() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.terms.config
    }

    pub(crate) fn profile(&self) -> Profile {
        self.terms.config.profile
    }

    pub(crate) fn id(&self) -> String {
        self.shared.id.clone()
    }

    pub(crate) fn name(&self) -> String {
        self.shared.name.to_string()
    }

    pub(crate) fn started(&self) -> SystemTime {
        self.shared.history.started()
    }

    /// When the options that hold were read.
    pub(crate) fn loaded(&self) -> SystemTime {
        self.terms.reloaded.unwrap_or_else(|| self.started())
    }

    /// What INFO says to those who come by TCP.
    pub(crate) fn tcp_info(&self) -> Info {
        let mut info = (*self.terms.greeting).clone();
        self.terms.entrances.announce(Entrance::Tcp, self.config(), &mut info);
        info
    }

    /// Until when the certificate for those who come by TCP is valid.
    pub(crate) fn tls_until(&self) -> Option<SystemTime> {
        self.terms.entrances.tls_until()
    }

    /// The port that WebSockets come to, and until when the certificate there is valid.
    pub(crate) fn websocket(&self) -> (u16, Option<SystemTime>) {
        let entrances = &self.terms.entrances;
        let port = entrances.websocket_addr.map_or(0, |addr| addr.port());
        (port, entrances.websocket_until())
    }

    /// The port of the pages, if they are in clear.
    pub(crate) fn http_port(&self) -> u16 {
        self.config().monitoring.port.map_or(0, |_| self.pages_port())
    }

    /// The port of the pages, if they are in TLS.
    pub(crate) fn https_port(&self) -> u16 {
        self.config().monitoring.https_port.map_or(0, |_| self.pages_port())
    }

    fn pages_port(&self) -> u16 {
        self.shared.monitoring_addr.map_or(0, |addr| addr.port())
    }

    /// Who does the handshakes of the pages, if they are in TLS.
    pub(crate) fn tls_of_pages(&self) -> Option<Arc<TlsAcceptor>> {
        self.terms.entrances.pages.clone()
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
        open.sort_by_key(|client| client.label.id());
        (open, past)
    }

    /// All accounts that clients can be in.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.terms.authenticator.accounts().to_vec()
    }

    /// What accounts other than `$G` let each other have.
    pub(crate) fn account_options(&self) -> &[AccountOptions] {
        let Terms { authenticator, config, .. } = &self.terms;
        authenticator.told_by_tokens().unwrap_or(&config.auth.accounts)
    }

    /// The name of the account of the server's own services; empty if there is none.
    pub(crate) fn system_account(&self) -> &str {
        self.terms.authenticator.system_account().map_or("", |account| account.name())
    }

    /// Whether the server is about to close its connections (LIFE-012).
    pub(crate) fn is_lame_duck(&self) -> bool {
        self.terms.phase == Phase::LameDuck
    }
}
