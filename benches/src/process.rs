//! What a process has used so far, as Linux accounts for it under `/proc`.

use std::fs;

/// What a process has used up to a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds on a processor, all threads together.
    pub cpu_seconds: f64,
    /// Times that a thread gave its processor up by itself.
    pub voluntary_switches: u64,
}

impl Usage {
    /// Of a process that is running; none where `/proc` does not tell.
    #[must_use]
    pub fn of(pid: u32) -> Option<Usage> {
        let mut voluntary_switches = 0;
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            // A thread may end between the listing and the look.
            let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
            voluntary_switches += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
            let schedstat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanoseconds += schedstat.split(' ').next()?.parse::<u64>().unwrap_or(0);
        }
        // Threads that have ended are only in `stat`, which counts in ticks of 10 ms.
        let cpu_seconds = (nanoseconds as f64 / 1e9).max(ticks(pid)?);
        Some(Usage { cpu_seconds, voluntary_switches })
    }

    /// Of this process.
    #[must_use]
    pub fn own() -> Usage {
        Usage::of(std::process::id()).unwrap_or_default()
    }

    /// What has come since an earlier moment.
    #[must_use]
    pub fn since(self, earlier: Usage) -> Usage {
        Usage {
            cpu_seconds: (self.cpu_seconds - earlier.cpu_seconds).max(0.0),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
        }
    }
}

/// Bytes of a process that are in memory now.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    kibibytes(pid, "VmRSS:")
}

/// The most bytes of a process that were in memory at a time.
#[must_use]
pub fn peak_resident_bytes(pid: u32) -> Option<u64> {
    kibibytes(pid, "VmHWM:")
}

fn kibibytes(pid: u32, name: &str) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name).map(|kib| kib * 1024)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Seconds that `/proc/PID/stat` tells; Linux shows 100 ticks a second to programs.
fn ticks(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have spaces and parentheses in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_usage_grows_with_work() {
        let before = Usage::own();
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 60 {
            std::hint::black_box(1);
        }
        let used = Usage::own().since(before);
        assert!(used.cpu_seconds > 0.01 && used.cpu_seconds < 60.0, "{used:?}");
        let pid = std::process::id();
        assert!(resident_bytes(pid) <= peak_resident_bytes(pid));
        assert!(resident_bytes(pid).is_some_and(|bytes| bytes > 100_000));
    }

    #[test]
    fn nobody_has_no_usage() {
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
