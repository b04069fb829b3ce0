//! Our broker inside this process: the only file of the harness that names it.

use std::net::SocketAddr;

use nats_reference_server::Server;

use super::TargetError;

/// What the broker has not got.
pub(super) const LACKS: &[&str] = &[
    "accounts",
    "auth",
    "cluster",
    "jetstream",
    "mappings",
    "monitoring",
    "nkeys",
    "reload",
    "signals",
    "tls",
    "tracing",
];

/// A running broker.
#[derive(Debug)]
pub struct Embedded(Server);

impl Embedded {
    pub(super) async fn start(config: Option<&str>) -> Result<Embedded, TargetError> {
        let failed = |error: &dyn std::fmt::Display| TargetError::Embedded(error.to_string());
        let builder = Server::builder()
            .config_text(config.unwrap_or_default())
            .map_err(|error| failed(&error))?;
        builder.start().await.map(Embedded).map_err(|error| failed(&error))
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    pub(super) async fn stop(self) {
        self.0.shutdown().await;
    }
}
