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
