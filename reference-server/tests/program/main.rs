//! The program as operators and launchers meet it: arguments, configuration files, log, signals.
//!
//! What is expected here was seen on a real server. `NATS_SERVER=PATH cargo test --test program`
//! runs the same tests against it; those about what is our own are passed over then.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod callout;
mod command_line;
mod configuration;
mod exchange;
mod life;
mod logging;
mod logins;
mod operators;
#[path = "../support/tokens.rs"]
mod tokens;

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than any machine's mood; nothing waits so long unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server under test, and whether it is a real one.
fn program() -> (PathBuf, bool) {
    match env::var_os("NATS_SERVER") {
        Some(path) => (path.into(), true),
        None => (env!("CARGO_BIN_EXE_nats-reference-server").into(), false),
    }
}

/// What a run that ends by itself says.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(arguments: &[&str]) -> Said {
    let output = Command::new(program().0).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A server that runs in a folder of its own, on a free port of the loopback address.
struct Running {
    child: Child,
    folder: TempDir,
    log: Receiver<String>,
    /// All log lines that were read.
    lines: Vec<String>,
    port: u16,
}

impl Running {
    /// With a configuration file, if the text is not empty, and further arguments.
    fn start(config: &str, arguments: &[&str]) -> Running {
        let mut server = Running::start_in(TempDir::new().unwrap(), config, arguments);
        let line = server.wait_for("Listening for client connections on ");
        server.port = line.rsplit(':').next().unwrap().parse().unwrap();
        server.wait_for("Server is ready");
        server
    }

    fn start_in(folder: TempDir, config: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(program().0);
        command.args(["-a", "127.0.0.1", "-p", "-1"]);
        if !config.is_empty() {
            fs::write(folder.path().join("n.conf"), config).unwrap();
            command.args(["-c", "n.conf"]);
        }
        command.args(arguments).current_dir(folder.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Running { child, folder, log, lines: Vec::new(), port: 0 }
    }

    /// The next log line that holds these words.
    fn wait_for(&mut self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {words:?} in {:#?}", self.lines));
            self.lines.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// A line of this connection that has been read, or is to come.
    fn wait_for_any_order(&mut self, from: &str, words: &str) {
        let (start, end) = words.split_once("FROM").unwrap();
        // A real server names the login as well.
        let is_it = |line: &str| {
            let line = line.replace(" - \"$G/token\"", "");
            let Some((head, tail)) = line.split_once(&format!("{start}{from} - cid:")) else {
                return false;
            };
            head.starts_with('[') && tail.trim_start_matches(char::is_numeric).starts_with(end)
        };
        while !self.lines.iter().any(|line| is_it(line)) {
            self.wait_for(from);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Writes another configuration and has it read; answers the line that says how it went.
    fn reload(&mut self, config: &str) -> String {
        fs::write(self.path("n.conf"), config).unwrap();
        self.signal(Signal::HUP);
        self.wait_for("server configuration")
    }

    /// Waits for the end; the status, and the lines that are left.
    fn end(&mut self) -> (Option<i32>, Vec<String>) {
        let rest = self.log.iter().collect();
        (self.child.wait().unwrap().code(), rest)
    }

    fn client(&self) -> Client {
        Client::connect(self.port, r#"{"protocol":1}"#)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone, which the test has noticed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that has not logged in.
fn dial(server: &Running) -> Client {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client { stream: BufReader::new(stream), info: serde_json::Value::Null };
    client.info = client.info();
    client
}

/// A socket that speaks the protocol by hand.
struct Client {
    stream: BufReader<TcpStream>,
    info: serde_json::Value,
}

impl Client {
    fn connect(port: u16, options: &str) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { stream: BufReader::new(stream), info: serde_json::Value::Null };
        client.info = client.info();
        let options = options.replacen('{', r#"{"verbose":false,"#, 1);
        client.send(&format!("CONNECT {options}\r\nPING\r\n"));
        assert_eq!(client.line(), "PONG\r\n");
        if options.contains(r#""protocol":1"#) {
            // Since 2.12 another INFO follows the first PONG.
            client.info();
        }
        client
    }

    fn info(&mut self) -> serde_json::Value {
        let line = self.line();
        serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap()
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    fn fence(&mut self) {
        self.send("PING\r\n");
        assert_eq!(self.line(), "PONG\r\n");
    }

    fn fence_behind(&mut self, expected: &str) {
        self.send("PING\r\n");
        let mut bytes = vec![0; expected.len()];
        self.stream.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        assert_eq!(self.line(), "PONG\r\n");
    }

    /// All up to the end of the stream.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// Looks again until it is so; what is waited for happens in another process.
fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "it never came to be");
        std::thread::yield_now();
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The text of a log line, and its level.
fn text_of(line: &str) -> (&str, &str) {
    let (_, rest) = line.split_once("] ").unwrap();
    let (head, text) = rest.split_once("] ").unwrap();
    (head.rsplit('[').next().unwrap(), text)
}
