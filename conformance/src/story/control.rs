//! What happens to the server itself, and who can still reach it.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{Failure, Result, Story};
use crate::{
    pattern::Bound,
    scenario::{Control, Expr, Peer, Spanned, Template},
    target::{Order, TargetError},
    transcript::EventKind,
};

/// How often a port is tried that is not open yet.
pub(super) const GLANCE: Duration = Duration::from_millis(5);

/// A server's `host` and `port`, and where it is a program the `pid`, for stories to name.
pub(super) fn place(addr: SocketAddr, pid: Option<u32>) -> Bound {
    Bound::Json(json!({ "host": addr.ip().to_string(), "port": addr.port(), "pid": pid }))
}

impl Story<'_> {
    pub(super) async fn control(&mut self, control: &Control) -> Result<()> {
        let note = |what: &str| {
            self.transcript.note("server", EventKind::Note, what.to_owned());
        };
        let done = match control {
            Control::Reload(config) => {
                note("reloads");
                let config = self.configuration(config)?;
                self.stage.order(Order::Reload(&config)).await
            }
            Control::RefuseReload(config) => {
                note("is to reload");
                let config = self.configuration(config)?;
                match self.stage.order(Order::Reload(&config)).await {
                    Err(TargetError::Refused(_)) => Ok(()),
                    Ok(()) => return Err(self.taken()),
                    Err(error) => Err(error),
                }
            }
            Control::LameDuck => {
                note("enters lame duck mode");
                self.stage.order(Order::LameDuck).await
            }
            Control::ShutDown => {
                note("shuts down");
                self.stage.order(Order::ShutDown).await
            }
            Control::Join(config) => {
                let config = self.configuration(config)?;
                self.join(&config).await
            }
            Control::Leave => {
                self.transcript.note("another", EventKind::Note, "leaves".to_owned());
                self.stage.leave().await
            }
        };
        done.map_err(|error| self.error(error.to_string()))
    }

    fn taken(&self) -> Failure {
        let failure = self.failure("the server takes the configuration".to_owned());
        Failure { expected: Some("a reload that is refused".to_owned()), ..failure }
    }

    async fn join(&mut self, config: &str) -> std::result::Result<(), TargetError> {
        let addr = self.stage.join(config).await?;
        self.transcript.note("another", EventKind::Note, format!("joins on {addr}"));
        self.scope.bind("another", place(addr, None));
        Ok(())
    }

    pub(super) fn configuration(&mut self, config: &Template) -> Result<String> {
        let bytes = self.known(|scope| scope.writes(config))?.concat();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The server's address, or another port beside it.
    pub(super) fn address(&mut self, port: Option<&Spanned<Expr>>) -> Result<SocketAddr> {
        let mut addr = self.stage.addr();
        if let Some(port) = port {
            let number = self.known(|scope| scope.number(&port.value))?;
            let port = u16::try_from(number);
            addr.set_port(port.map_err(|_| self.error(format!("{number} is no port")))?);
        }
        Ok(addr)
    }

    /// Waits until somebody listens on a port that is not the clients': nats-server 2.9 says that
    /// it is ready before it opens those. If nobody does, whoever dials will see it.
    pub(super) async fn opened(&self, addr: SocketAddr) {
        let until = Instant::now() + self.settings.timeout;
        while TcpStream::connect(addr).await.is_err() && Instant::now() < until {
            sleep(GLANCE).await;
        }
    }

    /// Nobody listens any more.
    pub(super) async fn refused(&mut self, peers: &[Peer]) -> Result<()> {
        let addr = self.stage.addr();
        for peer in peers {
            let dialled = timeout(self.settings.timeout, TcpStream::connect(addr)).await;
            let got = match dialled {
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    let what = "is refused".to_owned();
                    self.transcript.note(&peer.value, EventKind::Note, what);
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Ok(Ok(_)) => "an open connection".to_owned(),
                Err(_) => "nothing before the deadline".to_owned(),
            };
            let message = format!("the server does not refuse {}", peer.value);
            let expected = Some("a connection that is refused".to_owned());
            return Err(Failure { expected, got: Some(got), ..self.failure(message) });
        }
        Ok(())
    }
}
