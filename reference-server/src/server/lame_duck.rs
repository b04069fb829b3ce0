//! A server that is to go away without a storm of clients that come back at once elsewhere.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Phase, Server, Shared};
use crate::{outbox::Ending, router::Client};

/// No two connections are closed further apart.
const STEP_MAX: Duration = Duration::from_secs(1);
/// Nor is there a shorter pause: several are closed at once instead.
const STEP_MIN: Duration = Duration::from_millis(1);

impl Server {
    /// Becomes a lame duck: stops listening, tells clients by an INFO with `ldm` (LIFE-011), and
    /// after [`lame_duck_grace_period`](crate::Config::lame_duck_grace_period) closes them one
    /// after the other over [`lame_duck_duration`](crate::Config::lame_duck_duration). Then it
    /// stops, which [`stopped`](Server::stopped) waits for.
    pub fn lame_duck(&self) {
        self.shared.enter(Phase::ShuttingDoors);
    }
}

impl Shared {
    /// Lets all clients go, those of a lame duck one after the other (LIFE-012).
    pub(super) async fn let_go(&self) {
        if self.terms.borrow().phase != Phase::ShuttingDoors {
            return;
        }
        self.enter(Phase::LameDuck);
        self.herald.becomes_lame_duck();
        log::info!("Entering lame duck mode, stop accepting new clients");
        if self.clients().is_empty() {
            return;
        }
        let config = self.config();
        sleep(config.lame_duck_grace_period).await;
        log::info!("Closing existing clients");
        let clients: Vec<Arc<Client>> = self.clients().values().cloned().collect();
        let span = config.lame_duck_duration.saturating_sub(config.lame_duck_grace_period);
        let count = u32::try_from(clients.len()).unwrap_or(u32::MAX).max(1);
        let step = (span / count).min(STEP_MAX);
        let (at_once, step) = match step < STEP_MIN {
            true => (clients.len().div_ceil(span.as_millis().max(1) as usize), STEP_MIN),
            false => (1, step),
        };
        for (at, some) in clients.chunks(at_once.max(1)).enumerate() {
            if at > 0 {
                // By chance, as whoever comes back at a regular pace comes back with others.
                sleep(step.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            }
            some.iter().for_each(|client| client.outbox.end(Ending::Flush));
        }
    }
}
