//! What a connection may not exceed, of all that the server, its account and its token say.

use std::time::{Duration, Instant, SystemTime};

use crate::{Config, router::Scope};

/// The server's own limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerBounds {
    max_subscriptions: Option<usize>,
    max_payload_bytes: usize,
}

/// The smallest ones of all limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) max_subscriptions: Option<usize>,
    pub(super) max_payload_bytes: usize,
    /// When a token ends the connection, and what the client is told then (AUTH-027, AUTH-028).
    ends: Option<(Instant, &'static str)>,
}

impl ServerBounds {
    pub(super) fn new(config: &Config) -> ServerBounds {
        ServerBounds {
            max_subscriptions: Some(config.max_subscriptions).filter(|max| *max > 0),
            max_payload_bytes: config.max_payload_bytes,
        }
    }

    /// Those of somebody who has logged in to this scope.
    pub(super) fn within(self, scope: &Scope) -> Bounds {
        let (limits, lease) = (scope.account().limits(), scope.lease());
        let lease = lease.as_deref();
        let subscriptions = [
            self.max_subscriptions,
            limits.max_subscriptions,
            lease.and_then(|lease| lease.max_subscriptions),
        ];
        let payloads = [limits.max_payload_bytes, lease.and_then(|lease| lease.max_payload_bytes)];
        let max_payload_bytes = self.max_payload_bytes;
        Bounds {
            max_subscriptions: subscriptions.into_iter().flatten().min(),
            max_payload_bytes: payloads.into_iter().flatten().fold(max_payload_bytes, usize::min),
            ends: lease.and_then(|lease| lease.ends).map(|(at, words)| {
                let left = at.duration_since(SystemTime::now()).unwrap_or_default();
                (Instant::now() + left, words)
            }),
        }
    }

    /// Those of somebody who has not logged in.
    pub(super) fn alone(self) -> Bounds {
        let ServerBounds { max_subscriptions, max_payload_bytes } = self;
        Bounds { max_subscriptions, max_payload_bytes, ends: None }
    }
}

impl Bounds {
    /// The delay, or less where the connection ends before.
    pub(super) fn cut(&self, delay: Duration) -> Duration {
        let left = |(at, _): (Instant, _)| at.saturating_duration_since(Instant::now());
        self.ends.map_or(delay, |ends| delay.min(left(ends)))
    }

    /// What the client is told if its time is over.
    pub(super) fn expired(&self) -> Option<&'static str> {
        let (_, words) = self.ends.filter(|(at, _)| *at <= Instant::now())?;
        Some(words)
    }
}
