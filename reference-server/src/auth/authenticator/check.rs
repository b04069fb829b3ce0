//! Hashed passwords, which take long to compare.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Identity;
use crate::{Secret, router::Scope};

/// A password to be compared with a hash.
#[derive(Debug)]
pub(crate) struct Check {
    offered: Secret,
    identity: Arc<Identity>,
    hashing: Arc<Semaphore>,
}

impl Check {
    pub(super) fn new(
        identity: &Arc<Identity>,
        offered: &Secret,
        hashing: &Arc<Semaphore>,
    ) -> Check {
        Check { offered: offered.clone(), identity: identity.clone(), hashing: hashing.clone() }
    }

    /// Computes the hash on a thread where nobody waits for anything else; none is a refusal.
    pub(crate) async fn run(self) -> Option<Arc<Scope>> {
        let Check { offered, identity, hashing } = self;
        // Never closed, so there is always a turn.
        let turn = hashing.acquire_owned().await.ok()?;
        let hash = identity.password.clone();
        let computing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hash.is_hash_of(&offered)
        });
        computing.await.is_ok_and(|equal| equal).then(|| identity.scope.for_connection())
    }
}
