//! What the process takes of the machine.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// A share of the processors is measured over no less than this.
const INTERVAL_MIN: Duration = Duration::from_millis(500);

/// Measures how busy the process is.
#[derive(Debug)]
pub(crate) struct Cpu(Mutex<Sample>);

#[derive(Debug)]
struct Sample {
    at: Instant,
    used: Duration,
    percent: f64,
}

impl Cpu {
    pub(crate) fn new() -> Cpu {
        Cpu(Mutex::new(Sample { at: Instant::now(), used: used(), percent: 0.0 }))
    }

    /// Percent of one processor since the last time this was asked.
    pub(crate) fn percent(&self) -> f64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, used) = (Instant::now(), used());
        let passed = at - last.at;
        if passed >= INTERVAL_MIN {
            let percent =
                used.saturating_sub(last.used).as_secs_f64() / passed.as_secs_f64() * 100.0;
            *last = Sample { at, used, percent: (percent * 10.0).round() / 10.0 };
        }
        last.percent
    }
}

fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Resident memory in bytes; 0 where the system does not tell.
pub(super) fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_takes_memory_and_time() {
        assert!(memory_bytes() > 100_000, "{}", memory_bytes());
        assert!(used() > Duration::ZERO);
    }
}
