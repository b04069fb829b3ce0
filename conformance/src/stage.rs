//! Where a story takes place: the server, what was prepared for it, and at times another server.

use std::{net::SocketAddr, path::Path};

use crate::{
    fixtures::Fixtures,
    scenario::Scenario,
    target::{Instance, Order, Target, TargetError},
};

/// Somebody may take a port between our choice and the start.
const TRIES: usize = 2;

/// A server with its fixtures; dropping it stops what we started.
#[derive(Debug)]
pub struct Stage {
    target: Target,
    fixtures: Fixtures,
    server: Instance,
    another: Option<Instance>,
}

impl Stage {
    /// Makes the fixtures of a scenario and starts a server with its configuration.
    ///
    /// # Errors
    /// A target that can't be started or reached, fixtures that can't be made.
    pub async fn start(
        target: &Target,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Stage, TargetError> {
        let mut tries = if scenario.ports().is_empty() { 1 } else { TRIES };
        loop {
            let fixtures = Fixtures::new(scenario, seed)?;
            let config = scenario.header.config.as_ref();
            let config = config.map(|config| fixtures.fill(config)).transpose()?;
            tries -= 1;
            match target.start(config.as_deref()).await {
                Ok(server) => {
                    let target = target.clone();
                    return Ok(Stage { target, fixtures, server, another: None });
                }
                Err(TargetError::NotReady { .. }) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What was prepared.
    pub fn fixtures(&self) -> &Fixtures {
        &self.fixtures
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Where the server itself listens, also if something stands before it.
    pub fn listens_on(&self) -> SocketAddr {
        self.server.listens_on()
    }

    /// The end of the server's log, where it has one.
    pub fn log(&self) -> Option<String> {
        self.server.log()
    }

    /// The whole of the server's log, where it has one.
    pub fn whole_log(&self) -> Option<String> {
        self.server.whole_log()
    }

    /// The number of the server's process, where it has one of its own.
    pub fn process_id(&self) -> Option<u32> {
        self.server.process_id()
    }

    /// The server's program, where it is one.
    pub fn program(&self) -> Option<&Path> {
        self.target.program()
    }

    /// Tells the server to do something, and waits until it has heard.
    ///
    /// # Errors
    /// A server that can't be told so, or refuses.
    pub async fn order(&mut self, order: Order<'_>) -> Result<(), TargetError> {
        self.server.order(order).await
    }

    /// Starts another server of the same kind.
    ///
    /// # Errors
    /// What keeps it from getting ready.
    pub async fn join(&mut self, config: &str) -> Result<SocketAddr, TargetError> {
        let another = self.target.start(Some(config)).await?;
        Ok(self.another.insert(another).addr())
    }

    /// Shuts the other server down; without one, nothing happens.
    ///
    /// # Errors
    /// As [`order`](Stage::order).
    pub async fn leave(&mut self) -> Result<(), TargetError> {
        match self.another.take() {
            Some(mut another) => another.order(Order::ShutDown).await,
            None => Ok(()),
        }
    }

    /// Stops all that we started.
    pub async fn stop(self) {
        if let Some(another) = self.another {
            another.stop().await;
        }
        self.server.stop().await;
    }
}
