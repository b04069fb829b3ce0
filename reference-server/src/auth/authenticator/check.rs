//! What takes long to find out about a login.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Identity;
use crate::{Secret, auth::callout::Question, router::Scope};

/// A login that is being judged.
#[derive(Debug)]
pub(crate) enum Check {
    /// A hash is to be computed.
    Hash(HashCheck),
    /// A service is to be asked.
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "none is asked"))]
    Callout(Box<Question>),
}

/// A password to be compared with a hash.
#[derive(Debug)]
pub(crate) struct HashCheck {
    offered: Secret,
    identity: Arc<Identity>,
    hashing: Arc<Semaphore>,
}

impl Check {
    pub(super) fn hash(
        identity: &Arc<Identity>,
        offered: &Secret,
        hashing: &Arc<Semaphore>,
    ) -> Check {
        let (offered, identity) = (offered.clone(), identity.clone());
        Check::Hash(HashCheck { offered, identity, hashing: hashing.clone() })
    }

    /// The key of the token that was shown, for the log.
    pub(crate) fn shown_key(&self) -> Option<&str> {
        match self {
            Check::Hash(_) => None,
            Check::Callout(question) => question.shown(),
        }
    }

    /// Finds out; none is a refusal.
    pub(crate) async fn run(self) -> Option<Arc<Scope>> {
        match self {
            Check::Hash(check) => check.run().await,
            Check::Callout(question) => question.run().await,
        }
    }
}

impl HashCheck {
    /// Computes the hash on a thread where nobody waits for anything else.
    pub(in crate::auth) async fn run(self) -> Option<Arc<Scope>> {
        let HashCheck { offered, identity, hashing } = self;
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
