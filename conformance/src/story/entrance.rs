//! How peers come to the server.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::{Cut, Result, Story, tls};
use crate::{
    peer::Peer,
    scenario::{self, Expr, Spanned, Template},
    transcript::EventKind,
    wire::shown,
};

impl Story<'_> {
    pub(super) async fn dials(
        &mut self,
        peers: &[scenario::Peer],
        port: Option<&Spanned<Expr>>,
    ) -> Result<()> {
        let addr = self.address(port)?;
        if port.is_some() {
            self.opened(addr).await;
        }
        for peer in peers {
            self.dial(&peer.value, addr).await?;
        }
        Ok(())
    }

    pub(super) async fn dial(&mut self, name: &str, addr: SocketAddr) -> Result<usize> {
        if let Some(old) = self.peers.get(name).copied()
            && !self.connections[old].is_over()
        {
            self.connections[old].close(false).await;
        }
        let id = self.connections.len();
        let inbox = self.inbox.clone();
        let manual = self.case.scenario.header.manual_pings;
        let dialled = Peer::dial(name, id, addr, inbox, manual, self.transcript.clone()).await;
        let peer = dialled.map_err(|error| {
            self.failure(format!("{name} could not connect to {addr}: {error}"))
        })?;
        self.connections.push(peer);
        if self.settings.cut != Cut::None {
            self.connections[id].paused_pieces_max = 0;
        }
        self.peers.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Greets as a client library would, and takes nothing but the right answers.
    pub(super) async fn connect(&mut self, name: &str, options: Option<&Template>) -> Result<()> {
        let id = self.dial(name, self.stage.addr()).await?;
        let greeting = self.next_frame(id, "INFO {…}").await?;
        if greeting.verb() != b"INFO" {
            return Err(self.unexpected("INFO {…}", &greeting.0));
        }
        if self.connections[id].must_start_tls {
            self.start_tls(id, tls::Hello::default()).await?;
        }
        let mut connect = json!({
            "verbose": false, "pedantic": false, "tls_required": false, "name": name,
            "lang": "nats-conformance", "version": env!("CARGO_PKG_VERSION"),
            "protocol": 1, "headers": true,
        });
        let given = match options {
            Some(template) => self.known(|scope| scope.writes(template))?.concat(),
            None => b"{}".to_vec(),
        };
        let given: Map<String, Value> = serde_json::from_slice(&given).map_err(|error| {
            let text = shown(&given);
            self.error(format!("the options of `connects` are no JSON object: {error}: {text}"))
        })?;
        if let Some(connect) = connect.as_object_mut() {
            connect.extend(self.settings.credentials.clone());
            connect.extend(given);
        }
        let line = format!("CONNECT {connect}\r\nPING\r\n");
        self.connections[id].pings += 1;
        self.connections[id].send(&[line.as_bytes()], true, EventKind::Fence).await;
        if connect["verbose"] == true {
            let answer = self.next_frame(id, "+OK").await?;
            if answer.0 != b"+OK\r\n" {
                return Err(self.unexpected("+OK", &answer.0));
            }
        }
        let answer = self.next_frame(id, "PONG").await?;
        match answer.0 == b"PONG\r\n" {
            true => Ok(()),
            false => Err(self.unexpected("PONG", &answer.0)),
        }
    }
}
