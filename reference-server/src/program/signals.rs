//! `--signal CMD[=PID|FILE]`: tells a server that is running what to do (CLI-012).

use std::fs;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{files, words};

/// Sends the signal; the order of checks, and the words, are those of nats-server.
pub(super) fn send(order: &str) -> Result<(), String> {
    let mut parts = order.split('=');
    let command = parts.next().unwrap_or_default();
    let target = parts.next().unwrap_or_default();
    let surplus: Vec<&str> = parts.collect();
    if !surplus.is_empty() {
        return Err(format!("invalid signal parameters: [{}]", surplus.join(" ")));
    }
    let pid = pid(target)?;
    let signal = match command {
        "reload" => Signal::HUP,
        "reopen" => Signal::USR1,
        "ldm" => Signal::USR2,
        "quit" => Signal::INT,
        "term" => Signal::TERM,
        "stop" => Signal::KILL,
        _ => return Err(format!("unknown signal {command:?}")),
    };
    kill_process(pid, signal).map_err(|error| {
        format!("\nsignal {command:?} {}: {}", pid.as_raw_nonzero(), words(&error.into()))
    })
}

/// A process by its id, by a file that holds its id, or else the only one of our name.
fn pid(target: &str) -> Result<Pid, String> {
    let parse = |text: &str| text.trim().parse().ok().and_then(Pid::from_raw);
    if !target.is_empty() {
        let text = fs::read_to_string(target).unwrap_or_else(|_| target.to_owned());
        return parse(&text)
            .filter(|pid| pid.as_raw_nonzero().get() > 0)
            .ok_or_else(|| format!("invalid pid: {}", text.trim()));
    }
    let found = running();
    match found[..] {
        [pid] => Ok(pid),
        [] => Err("no nats-server processes running".to_owned()),
        _ => {
            let ids: Vec<String> =
                found.iter().map(|pid| pid.as_raw_nonzero().to_string()).collect();
            Err(format!("multiple nats-server processes running:\n{}", ids.join("\n")))
        }
    }
}

/// Other processes that were started by our name, where the system tells.
fn running() -> Vec<Pid> {
    let ours = files::executable();
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let is_ours = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        *pid != own && name == ours.as_bytes()
    };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let pids = ids.filter(is_ours).filter_map(Pid::from_raw);
    pids.filter(|pid| test_kill_process(*pid).is_ok()).collect()
}
