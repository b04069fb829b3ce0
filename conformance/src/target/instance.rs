//! A server that is there: where it listens, what it can be told, how it ends.

use std::net::SocketAddr;

#[cfg(feature = "embedded")]
use super::embedded;
use super::{TargetError, faulty, program};

/// A server that can be talked to; dropping it stops it, if we started it.
#[derive(Debug)]
pub enum Instance {
    /// In this process.
    #[cfg(feature = "embedded")]
    Embedded(embedded::Embedded),
    /// A process of its own.
    Program(program::Process),
    /// Not ours.
    Running(SocketAddr),
    /// With a proxy before it.
    Faulty(faulty::Faulty),
}

/// What a server can be told while it runs.
#[derive(Debug, Clone, Copy)]
pub enum Order<'a> {
    /// Take this configuration instead of the one it has.
    Reload(&'a str),
    /// Enter lame duck mode.
    LameDuck,
    /// Shut down.
    ShutDown,
}

impl Instance {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        match self {
            #[cfg(feature = "embedded")]
            Instance::Embedded(server) => server.addr(),
            Instance::Program(process) => process.addr(),
            Instance::Running(addr) => *addr,
            Instance::Faulty(faulty) => faulty.addr(),
        }
    }

    /// Where the server itself listens, behind a proxy if there is one.
    pub fn listens_on(&self) -> SocketAddr {
        match self {
            Instance::Faulty(faulty) => faulty.inner.listens_on(),
            _ => self.addr(),
        }
    }

    /// The end of its log, where it has one.
    pub fn log(&self) -> Option<String> {
        match self {
            Instance::Program(process) => Some(process.log()),
            Instance::Faulty(faulty) => faulty.inner.log(),
            _ => None,
        }
    }

    /// The whole of its log, where it has one.
    pub fn whole_log(&self) -> Option<String> {
        match self {
            Instance::Program(process) => Some(process.whole_log()),
            _ => None,
        }
    }

    /// The number of its process, where it has one of its own.
    pub fn process_id(&self) -> Option<u32> {
        match self {
            Instance::Program(process) => process.id(),
            _ => None,
        }
    }

    /// Tells it to do something.
    ///
    /// # Errors
    /// A server that can't be told so, or does not do it.
    pub async fn order(&mut self, order: Order<'_>) -> Result<(), TargetError> {
        match (self, order) {
            (Instance::Program(process), order) => process.order(order).await,
            (Instance::Faulty(faulty), order) => faulty.order(order).await,
            #[cfg(feature = "embedded")]
            (Instance::Embedded(server), order) => server.order(order).await,
            _ => {
                let what = "this target can't be told to do that".to_owned();
                Err(TargetError::Order { what, log: String::new() })
            }
        }
    }

    /// Stops it, if we started it.
    pub async fn stop(self) {
        match self {
            #[cfg(feature = "embedded")]
            Instance::Embedded(server) => server.stop().await,
            Instance::Program(process) => process.stop().await,
            Instance::Running(_) => {}
            Instance::Faulty(faulty) => faulty.stop().await,
        }
    }
}
