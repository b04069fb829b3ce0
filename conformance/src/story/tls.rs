//! The client's half of the change to TLS.

use tokio_rustls::rustls::ClientConfig;

use super::{Failure, Result, Story, shown};
use crate::scenario::Tls;

/// What a client shows and speaks, where a scenario says so.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hello<'a> {
    certificate: Option<&'a str>,
    version: Option<&'a str>,
}

impl Story<'_> {
    pub(super) async fn tls(&mut self, tls: &Tls) -> Result<()> {
        let certificate = tls.certificate.as_ref().map(|name| name.value.as_str());
        let version = tls.version.as_ref().map(|version| version.value.as_str());
        let hello = Hello { certificate, version };
        for peer in &tls.peers {
            let id = self.peer(&peer.value)?;
            match tls.succeeds {
                true => self.start_tls(id, hello).await?,
                false => self.fail_tls(id, hello).await?,
            }
        }
        Ok(())
    }

    pub(super) async fn start_tls(&mut self, id: usize, hello: Hello<'_>) -> Result<()> {
        let config = self.tls_client(id, hello)?;
        let done = self.connections[id].start_tls(config).await;
        done.map_err(|why| self.unchanged(id, &why))
    }

    async fn fail_tls(&mut self, id: usize, hello: Hello<'_>) -> Result<()> {
        let config = self.tls_client(id, hello)?;
        let tried = self.connections[id].fail_tls(config).await;
        let Some(got) = tried.map_err(|why| self.unchanged(id, &why))? else { return Ok(()) };
        let message = format!("the server lets {} in", self.connections[id].name);
        let expected = Some("a handshake that fails".to_owned());
        Err(Failure { expected, got: Some(got), ..self.failure(message) })
    }

    fn unchanged(&self, id: usize, why: &str) -> Failure {
        self.failure(format!("{} could not change to TLS: {why}", self.connections[id].name))
    }

    /// What came in clear must have been looked at: behind the change nobody could tell it apart.
    fn tls_client(&mut self, id: usize, hello: Hello<'_>) -> Result<ClientConfig> {
        self.take_arrivals();
        let peer = &self.connections[id];
        if let Some(frame) = peer.frames.front() {
            let message = format!("{} got a frame in clear that nobody asked for", peer.name);
            let expected = Some("nothing more in clear".to_owned());
            let got = Some(shown(&frame.0));
            return Err(Failure { expected, got, ..self.failure(message) });
        }
        self.client(hello)
    }

    /// A client that trusts the server's authority.
    pub(super) fn trusting(&self) -> Result<ClientConfig> {
        self.client(Hello::default())
    }

    fn client(&self, hello: Hello<'_>) -> Result<ClientConfig> {
        let Some(certificates) = self.stage.fixtures().certificates() else {
            let message = "the server wants TLS, and the scenario's `config:` names no `<certs>`";
            return Err(self.error(message.to_owned()));
        };
        let client = certificates.client(hello.certificate, hello.version);
        client.map_err(|error| self.error(error.to_string()))
    }
}
