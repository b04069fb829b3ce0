//! What holds for all connections of a server.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use super::{Entrances, ServerIdentity, ServerKey};
use crate::{Config, auth::Authenticator, protocol::Info};

/// What holds for all connections; each has a receiver, and is called when it changes.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) config: Arc<Config>,
    /// What INFO says to all alike.
    pub(crate) greeting: Arc<Info>,
    pub(crate) authenticator: Arc<Authenticator>,
    /// How new connections are let in.
    pub(crate) entrances: Arc<Entrances>,
    pub(crate) phase: Phase,
    /// When a reload has changed it, if one has.
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "a page tells it"))]
    pub(crate) reloaded: Option<SystemTime>,
}

/// How far a server's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// Stops listening, before anybody is told: who hears of it finds nobody who listens.
    ShuttingDoors,
    /// Takes nobody new, and lets those go who are there.
    LameDuck,
    Stopping,
}

impl Terms {
    pub(crate) fn new(config: Config, greeting: Info, key: ServerKey) -> Terms {
        let server = ServerIdentity::new(&config, &greeting, key);
        let xkey = server.key.curve_key().filter(|_| config.profile.shows_curve_key());
        let authenticator = Authenticator::new(&config, server);
        let greeting = Info { auth_required: authenticator.asks(), xkey, ..greeting };
        Terms {
            config: Arc::new(config),
            greeting: Arc::new(greeting),
            authenticator: Arc::new(authenticator),
            entrances: Arc::default(),
            phase: Phase::Serving,
            reloaded: None,
        }
    }
}

/// What INFO says to all connections alike.
pub(super) fn greeting(config: &Config, addr: SocketAddr, id: &str) -> Info {
    let advertised = config.client_advertise.as_deref().and_then(|at| at.rsplit_once(':'));
    let own = (config.host.as_str(), addr.port());
    let port_of = |port: &str| port.parse().unwrap_or(addr.port());
    let (host, port) = advertised.map_or(own, |(host, port)| (host, port_of(port)));
    Info {
        server_id: id.into(),
        server_name: config.server_name.as_deref().unwrap_or(id).into(),
        version: config.profile.version().into(),
        proto: 1,
        go: concat!("none, nats-reference-server ", env!("CARGO_PKG_VERSION")).into(),
        host: host.into(),
        port,
        headers: config.headers,
        max_payload: config.max_payload_bytes,
        ..Info::default()
    }
}
