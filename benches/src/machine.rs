//! Where it is measured: what figures depend on.

use std::fs;

use crate::record::Machine;

/// Ticks of `/proc` in a second.
const TICKS: f64 = 100.0;

/// Notes the machine's state before the measurement.
#[derive(Debug)]
pub struct Before {
    load: Option<f64>,
    foreign: Option<f64>,
    at: std::time::Instant,
}

impl Before {
    /// Now.
    #[must_use]
    pub fn look() -> Before {
        Before { load: load(), foreign: foreign(), at: std::time::Instant::now() }
    }

    /// Describes the machine, after the measurement.
    #[must_use]
    pub fn describe(&self) -> Machine {
        let foreign = self.foreign.zip(foreign()).map(|(then, now)| (now - then).max(0.0));
        Machine {
            cpu: value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: value("/proc/meminfo", "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map_or(0, |kib| kib * 1024),
            kernel: read("/proc/version")
                .map(|text| text.split(' ').take(3).collect::<Vec<_>>().join(" "))
                .unwrap_or_else(|| std::env::consts::OS.into()),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            load_before: self.load,
            load_after: load(),
            foreign_cpu_seconds: foreign,
            elapsed_seconds: self.at.elapsed().as_secs_f64(),
        }
    }
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// What a file of `name : value` lines says first.
fn value(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Runnable threads, averaged over a minute.
fn load() -> Option<f64> {
    read("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

/// Seconds of processor that neither this process nor a child of it that has ended used.
fn foreign() -> Option<f64> {
    let all = fs::read_to_string("/proc/stat").ok()?;
    let fields = all.lines().next()?.split_whitespace().skip(1);
    let numbers: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy: f64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|at| numbers.get(*at)).sum();
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = own.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    let own: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((busy - own) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_something() {
        let machine = Before::look().describe();
        assert!(machine.cores >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(machine.kernel.len() > 3, "{machine:?}");
    }
}
