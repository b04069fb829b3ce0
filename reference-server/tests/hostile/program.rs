//! The broker as a program of its own, so that its memory and its connections can be counted.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

pub(crate) struct Program {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Program {
    pub(crate) fn start() -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nats-reference-server"))
            .args(["-a", "127.0.0.1", "-p", "-1", "-threads", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let addr = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the program is gone");
            if let Some((_, addr)) = line.split_once("connections on ") {
                break addr.trim().parse().unwrap();
            }
        };
        // Someone must go on reading, or the program would be stopped by its own log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Program { child, addr }
    }

    /// Resident memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let statm = fs::read_to_string(self.file("statm")).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    /// Open files, sockets among them.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(self.file("fd")).unwrap().count()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone, which the test has noticed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many files a process may have open.
pub(crate) fn files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}
