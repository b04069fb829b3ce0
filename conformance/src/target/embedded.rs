//! Our broker inside this process: the only file of the harness that names it.

use std::net::SocketAddr;

use nats_reference_server::Server;

use super::TargetError;

/// What the broker has not got.
pub(super) const LACKS: &[&str] = &[
    "accounts",
    "auth",
    "cluster",
    "gateways",
    "jetstream",
    "jwt",
    "leafnodes",
    "mappings",
    "monitoring",
    "nkeys",
    "reload",
    "signals",
    "tracing",
];

/// A running broker, until it is shut down.
#[derive(Debug)]
pub struct Embedded {
    addr: SocketAddr,
    server: Option<Server>,
}

impl Embedded {
    pub(super) async fn start(config: Option<&str>) -> Result<Embedded, TargetError> {
        let failed = |error: &dyn std::fmt::Display| TargetError::Embedded(error.to_string());
        let builder = Server::builder()
            .config_text(config.unwrap_or_default())
            .map_err(|error| failed(&error))?;
        let server = builder.start().await.map_err(|error| failed(&error))?;
        Ok(Embedded { addr: server.addr(), server: Some(server) })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) async fn shut_down(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub(super) async fn stop(mut self) {
        self.shut_down().await;
    }
}
