//! A client, a browser, and a server to ask: ours, or the real one.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nats_reference_server::{Builder, Server};
use serde_json::Value;

/// Nothing takes that long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with pages.
pub(crate) struct Target {
    pub(crate) clients: SocketAddr,
    pub(crate) pages: SocketAddr,
    server: Running,
}

#[allow(dead_code, reason = "each lives as long as it is held")]
enum Running {
    Ours(Server),
    Theirs(Process),
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a page answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Target {
    pub(crate) fn ours(builder: Builder) -> Target {
        let server = builder.monitoring(0).start_blocking().unwrap();
        let url = server.monitoring_url().unwrap();
        let pages = url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
        Target { clients: server.addr(), pages, server: Running::Ours(server) }
    }

    /// With a configuration file, if one is named.
    pub(crate) fn real(program: &str, config: Option<&Path>) -> Target {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (clients, pages) = (free(), free());
        let [port, http_port] = [clients, pages].map(|addr| addr.port().to_string());
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port, "-m", &http_port])
            .args(config.into_iter().flat_map(|path| [OsStr::new("-c"), path.as_os_str()]))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let target = Target { clients, pages, server: Running::Theirs(Process(child)) };
        eventually(|| TcpStream::connect(pages).is_ok() && target.get("/healthz").status == 200);
        target
    }

    /// Of ours.
    pub(crate) fn server(&self) -> &Server {
        match &self.server {
            Running::Ours(server) => server,
            Running::Theirs(_) => panic!("it is another one's"),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path)
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.0\r\nHost: x\r\n\r\n"))
    }

    /// Any request; the connection ends behind the answer.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.pages).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) fn connect(&self, options: &str) -> Client {
        Client::connect(self.clients, options)
    }

    /// Waits until so many connections are closed.
    pub(crate) fn closed(&self, count: usize) {
        eventually(|| self.json("/connz?state=closed")["total"] == count);
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A client that speaks the protocol by hand.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// With these options in CONNECT; `{}` needs no more than the braces.
    pub(crate) fn connect(addr: SocketAddr, options: &str) -> Client {
        let mut client = Client::greeted(addr);
        client.send(&format!("CONNECT {options}\r\nPING\r\n"));
        client.until("PONG\r\n");
        client
    }

    /// Before CONNECT.
    pub(crate) fn greeted(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client(BufReader::new(stream));
        assert!(client.line().starts_with("INFO "));
        client
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends, and waits until all of it has been handled.
    pub(crate) fn say(&mut self, text: &str) {
        self.send(text);
        self.send("PING\r\n");
        self.until("PONG\r\n");
    }

    /// The next message: its subject and its payload.
    pub(crate) fn message(&mut self) -> (String, Vec<u8>) {
        let line = loop {
            let line = self.line();
            if line.starts_with("MSG ") {
                break line;
            }
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut payload = vec![0; words.last().unwrap().parse::<usize>().unwrap() + 2];
        self.0.read_exact(&mut payload).unwrap();
        payload.truncate(payload.len() - 2);
        (words[1].to_owned(), payload)
    }

    fn until(&mut self, last: &str) {
        while self.line() != last {}
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "it is closed");
        line
    }

    /// Reads until the server has closed.
    pub(crate) fn end(mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut rest);
    }
}

/// Looks again until it is so; what is waited for happens elsewhere.
pub(crate) fn eventually(mut what: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "it never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}
