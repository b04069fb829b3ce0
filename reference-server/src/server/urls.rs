//! Where a server is reached.

use std::net::SocketAddr;

use super::Server;

impl Server {
    /// What a client connects to: `nats://127.0.0.1:41234`, or `tls://…` where it must.
    pub fn client_url(&self) -> String {
        let config = self.config();
        let tls = config.tls.is_some() && !config.allow_non_tls;
        format!("{}://{}", if tls { "tls" } else { "nats" }, self.addr())
    }

    /// What a client connects to by WebSocket, if it can: `ws://127.0.0.1:41235`, or `wss://…`.
    pub fn websocket_url(&self) -> Option<String> {
        let addr = self.websocket_addr()?;
        let tls = self.config().websocket.as_ref()?.tls.is_some();
        Some(format!("{}://{addr}", if tls { "wss" } else { "ws" }))
    }

    pub(super) fn websocket_addr(&self) -> Option<SocketAddr> {
        self.shared.terms.borrow().entrances.websocket_addr
    }

    /// Where the monitoring pages are, if they are served: `http://127.0.0.1:41235`, or
    /// `https://…`, with what comes before their paths.
    pub fn monitoring_url(&self) -> Option<String> {
        let (addr, config) = (self.shared.monitoring_addr?, self.config());
        let scheme = if config.monitoring.https_port.is_some() { "https" } else { "http" };
        Some(format!("{scheme}://{addr}{}", config.monitoring.prefix()))
    }
}
