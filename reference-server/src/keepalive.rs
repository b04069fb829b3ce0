//! When to ask a client whether it is still there. A state machine that is told the time.

use std::time::{Duration, Instant};

/// The first PING comes early: it measures the round trip (CORE-PING-005).
const FIRST_PING: Duration = Duration::from_secs(2);

/// The keep-alive of one connection.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    max_unanswered: u32,
    unanswered: u32,
    pinged: bool,
    last_traffic: Option<Instant>,
}

/// What the timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing: the client has been heard.
    Nothing,
    /// Send PING.
    Ping,
    /// Too many PINGs are unanswered.
    Stale,
}

impl Keepalive {
    pub(crate) fn new(interval: Duration, max_unanswered: u32) -> Keepalive {
        Keepalive { interval, max_unanswered, unanswered: 0, pinged: false, last_traffic: None }
    }

    /// Follows other options from now on.
    pub(crate) fn set(&mut self, interval: Duration, max_unanswered: u32) {
        (self.interval, self.max_unanswered) = (interval, max_unanswered);
    }

    /// Time until the timer is first asked after CONNECT; `jitter` is from 0 to 1.
    pub(crate) fn first_delay(&self, jitter: f64) -> Duration {
        let delay = self.interval.min(FIRST_PING);
        delay + delay.mul_f64(jitter / 5.0)
    }

    /// Time until the timer is asked again, and at first before CONNECT.
    pub(crate) fn delay(&self) -> Duration {
        self.interval
    }

    /// PUB, SUB, UNSUB or PING came; PONG is no sign of its own will (CORE-PING-010).
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_traffic = Some(now);
    }

    /// PONG came, asked for or not (CORE-PING-004).
    pub(crate) fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// The delay is over. Traffic within it makes a PING unnecessary, except for the first one
    /// (CORE-PING-009).
    pub(crate) fn due(&mut self, now: Instant) -> Due {
        let heard = |at| now.saturating_duration_since(at) < self.interval;
        if self.pinged && self.last_traffic.is_some_and(heard) {
            return Due::Nothing;
        }
        if self.unanswered >= self.max_unanswered {
            return Due::Stale;
        }
        self.pinged = true;
        self.unanswered += 1;
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_silent_client_is_stale_after_the_maximum() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(SECOND, 2);
        let due: Vec<Due> = (1..=3).map(|n| keepalive.due(now + SECOND * n)).collect();
        assert_eq!(due, [Due::Ping, Due::Ping, Due::Stale]);
    }

    #[test]
    fn traffic_delays_all_but_the_first_ping() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(SECOND, 2);
        keepalive.heard(now);
        assert_eq!(keepalive.due(now), Due::Ping);
        assert_eq!(keepalive.due(now), Due::Nothing);
        assert_eq!(keepalive.due(now + SECOND), Due::Ping);
    }

    #[test]
    fn a_pong_starts_the_count_again() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(SECOND, 1);
        for n in 1..5 {
            assert_eq!(keepalive.due(now + SECOND * n), Due::Ping);
            keepalive.answered();
        }
    }

    #[test]
    fn the_first_delay_is_short_and_spread() {
        let keepalive = Keepalive::new(SECOND * 120, 2);
        assert_eq!(keepalive.first_delay(0.0), SECOND * 2);
        assert_eq!(keepalive.first_delay(1.0), SECOND * 12 / 5);
        assert_eq!(Keepalive::new(SECOND, 2).first_delay(0.0), SECOND);
    }
}
