//! Taking ports.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
};

use super::StartError;
use crate::{Config, WebSocket};

/// The listener of clients.
pub(super) fn for_clients(config: &Config) -> Result<TcpListener, StartError> {
    listen(&config.host, config.port)
        .map_err(|(address, source)| StartError::Listen { address, source })
}

/// The listener of WebSockets.
pub(super) fn for_websockets(options: &WebSocket) -> Result<TcpListener, StartError> {
    listen(&options.host, options.port)
        .map_err(|(address, source)| StartError::Listen { address, source })
}

/// Whether the monitoring pages can be served as configured.
pub(super) fn can_serve_pages(config: &Config) -> Result<(), StartError> {
    let problem = config.monitoring.contradiction(config.tls.is_some());
    problem.map_or(Ok(()), |problem| Err(StartError::Pages(problem)))
}

/// The listener of the monitoring pages, where they are wanted.
pub(super) fn for_monitoring(config: &Config) -> Result<Option<TcpListener>, StartError> {
    let monitoring = &config.monitoring;
    let Some(port) = monitoring.port.or(monitoring.https_port) else { return Ok(None) };
    let host = monitoring.host.as_deref().unwrap_or(&config.host);
    let listener =
        listen(host, port).map_err(|(address, source)| StartError::Monitor { address, source })?;
    Ok(Some(listener))
}

/// Listens, or says on what it could not, and why.
fn listen(host: &str, port: u16) -> Result<TcpListener, (String, io::Error)> {
    let failed = |source| (joined(host, port), source);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// `HOST:PORT`, with brackets around an IPv6 address.
fn joined(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}
