//! Times and numbers as Go writes them.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A number that has no point if it is whole.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.fract() == 0.0 {
            true => serializer.serialize_i64(self.0 as i64),
            false => serializer.serialize_f64(self.0),
        }
    }
}

/// RFC 3339 with as many digits as the time has, in UTC (MON-003).
pub(crate) fn time(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// From one time to a later one.
pub(super) fn between(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

/// Whole seconds, cut in years, days, hours, minutes: `1h0m5s`.
pub(super) fn uptime(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let parts = [
        (days / 365, 'y'),
        (days % 365, 'd'),
        (hours % 24, 'h'),
        (minutes % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    parts[first..].iter().map(|(count, unit)| format!("{count}{unit}")).collect()
}

/// A round trip: `341µs`, `1.5ms`; what is above a microsecond has no more digits than that.
pub(super) fn rtt(rtt: Duration) -> String {
    let nanos = rtt.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", nanos / 1_000),
        1_000_000..1_000_000_000 => format!("{}ms", (nanos / 1_000) as f64 / 1e3),
        _ => {
            let minutes = rtt.as_secs() / 60;
            let seconds = (rtt.as_secs() % 60) as f64 + f64::from(rtt.subsec_micros()) / 1e6;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_begins_with_what_is_not_zero() {
        for (seconds, text) in [
            (0, "0s"),
            (61, "1m1s"),
            (3600, "1h0m0s"),
            (90_000, "1d1h0m0s"),
            (366 * 86_400 + 1, "1y1d0h0m1s"),
        ] {
            assert_eq!(uptime(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_round_trip_has_the_unit_that_fits() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (341_900, "341µs"),
            (1_500_000, "1.5ms"),
            (2_000_000_000, "2s"),
            (61_250_000_000, "1m1.25s"),
            (3_661_000_000_000, "1h1m1s"),
        ] {
            assert_eq!(rtt(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        let at = |nanos| time(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_066_138_000), "1970-01-01T00:00:01.066138Z");
        assert_eq!(at(1), "1970-01-01T00:00:00.000000001Z");
    }

    #[test]
    fn whole_numbers_have_no_point() {
        let json = |number| serde_json::to_string(&Number(number)).unwrap();
        assert_eq!((json(2.0), json(0.25)), ("2".to_owned(), "0.25".to_owned()));
    }
}
