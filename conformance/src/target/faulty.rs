//! Another target with a bug put before it.

use std::net::SocketAddr;

use super::{Instance, Order, Target, TargetError};
use crate::faults::{Fault, Proxy};

/// A running server of another target, and the proxy before it.
#[derive(Debug)]
pub struct Faulty {
    pub(super) inner: Box<Instance>,
    proxy: Proxy,
}

impl Faulty {
    pub(super) async fn start(
        inner: &Target,
        fault: &'static Fault,
        config: Option<&str>,
    ) -> Result<Faulty, TargetError> {
        // Boxed, for a target may stand before one of its own kind.
        let inner = Box::pin(inner.start(config)).await?;
        let proxy = Proxy::builder(inner.addr()).fault(fault).start().await?;
        Ok(Faulty { inner: Box::new(inner), proxy })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.proxy.addr()
    }

    pub(super) async fn order(&mut self, order: Order<'_>) -> Result<(), TargetError> {
        Box::pin(self.inner.order(order)).await?;
        if let Order::ShutDown | Order::LameDuck = order {
            // Whoever knocks finds nobody, as without a proxy.
            self.proxy.refuse().await?;
        }
        Ok(())
    }

    pub(super) async fn stop(self) {
        self.proxy.stop().await;
        Box::pin(self.inner.stop()).await;
    }
}
