//! Our broker inside this process: the only file of the harness that names it.

use std::net::SocketAddr;

use nats_reference_server::{Config, Server};

use super::{Order, TargetError};

/// What the broker has not got.
pub(super) const LACKS: &[&str] =
    &["cluster", "gateways", "jetstream", "leafnodes", "program", "tracing"];

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

    pub(super) async fn order(&mut self, order: Order<'_>) -> Result<(), TargetError> {
        let Some(server) = &self.server else {
            let what = "the server has ended".to_owned();
            return Err(TargetError::Order { what, log: String::new() });
        };
        match order {
            Order::Reload(text) => {
                let mut config = Config::default();
                config.merge(text).map_err(|error| TargetError::Refused(error.to_string()))?;
                server.reload(config).map_err(|error| TargetError::Refused(error.to_string()))?;
            }
            Order::LameDuck => server.lame_duck(),
            Order::ShutDown => self.shut_down().await,
        }
        Ok(())
    }

    async fn shut_down(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub(super) async fn stop(mut self) {
        self.shut_down().await;
    }
}
