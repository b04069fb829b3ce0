//! Durations as Go writes them.

use std::time::Duration;

/// The longest that Go can express, some 292 years.
const SECONDS_MAX: f64 = 9.2e9;

/// Reads `"1h30m"`, `"1.5s"`, `"500ms"`; an error is the words of Go in front of the text.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    const INVALID: &str = "time: invalid duration";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err("a duration must not be negative:");
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(INVALID);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let digits = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| INVALID)?;
        rest = &rest[digits..];
        let unit = rest.find(is_number).unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "" => return Err("time: missing unit in duration"),
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err("time: unknown unit in duration"),
            };
        rest = &rest[unit..];
    }
    if seconds > SECONDS_MAX { Err(INVALID) } else { Ok(Duration::from_secs_f64(seconds)) }
}

/// Writes a duration as Go does: `1m30s`, `50s`, `1.5s`, `500ms`.
pub(crate) fn show(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 {
        return match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => format!("{}µs", f64::from(nanos) / 1e3),
            _ => format!("{}ms", f64::from(nanos) / 1e6),
        };
    }
    let rest = (seconds % 60) as f64 + f64::from(nanos) / 1e9;
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["1m30s", "50s", "1.5s", "500ms", "2h0m0s", "1µs", "17ns", "0s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
