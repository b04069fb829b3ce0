//! What the hidden subcommands do: our broker, in a process of its own so that what it uses can be
//! told from what the load uses.

use std::io::{Read as _, Write as _};

use nats_reference_server::Server;

use crate::error::{Error, Result, Trying as _};

/// Serves until the standard input is closed.
///
/// # Errors
/// It can't listen.
pub fn serve() -> Result<()> {
    let server = Server::builder().start_blocking().map_err(|error| Error::Start {
        name: "embedded".into(),
        why: error.to_string(),
        log: String::new(),
    })?;
    announce(server.addr())?;
    wait_for_parent();
    server.shutdown_blocking();
    Ok(())
}

/// Says where we listen.
pub(crate) fn announce(addr: std::net::SocketAddr) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{addr}").and_then(|()| out.flush()).trying("writing the address")
}

/// Returns when whoever started us has gone.
pub(crate) fn wait_for_parent() {
    let mut nothing = [0; 64];
    while matches!(std::io::stdin().read(&mut nothing), Ok(count) if count > 0) {}
}
