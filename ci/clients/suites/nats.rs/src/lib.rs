//! As much of the launcher of this name as the tests of async-nats ask for. Its servers are
//! processes: `NATS_SERVER_PROGRAM`, on the loopback. A failure is a panic, which fails the test.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const HOST: &str = "127.0.0.1";
const PATIENCE: Duration = Duration::from_secs(10);

/// A server; it ends when it is dropped.
pub struct Server {
    arguments: Vec<String>,
    port: u16,
    folder: PathBuf,
    process: Child,
}

/// Three servers that know each other.
pub struct Cluster {
    /// The servers.
    pub servers: Vec<Server>,
}

impl Cluster {
    /// Where clients find the first one.
    pub fn client_url(&self) -> String {
        self.servers[0].client_url()
    }
}

impl Server {
    fn start(config: &str, port: Option<&str>, more: &[String]) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("nats-server-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for the server");
        let port = port.map_or_else(free_port, |port| port.parse().expect("a port"));
        let mut arguments: Vec<String> = more.to_vec();
        arguments.extend(["-a", HOST, "-p"].map(str::to_owned));
        arguments.push(port.to_string());
        if !config.is_empty() {
            arguments.extend(["-c".to_owned(), config.to_owned()]);
        }
        let process = spawn(&arguments, port, &folder);
        Self { arguments, port, folder, process }
    }

    /// Ends the process and starts another one on the same port.
    pub fn restart(&mut self) {
        self.stop();
        self.process = spawn(&self.arguments, self.port, &self.folder);
    }

    fn stop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }

    /// Where clients find it: by the name in certificates, with `tls://` where INFO asks for that.
    pub fn client_url(&self) -> String {
        let stream = TcpStream::connect((HOST, self.port)).expect("a server that listens");
        let mut info = String::new();
        BufReader::new(stream).read_line(&mut info).expect("INFO");
        let is_tls = info.contains("\"tls_required\":true");
        format!("{}://localhost:{}", if is_tls { "tls" } else { "nats" }, self.port)
    }

    /// The port for clients.
    pub fn client_port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Starts the program and waits until it accepts connections. What it stores goes to the folder.
fn spawn(arguments: &[String], port: u16, folder: &Path) -> Child {
    let program = env::var("NATS_SERVER_PROGRAM").expect("NATS_SERVER_PROGRAM names a program");
    let quiet =
        || if env::var("NATS_SERVER_LOUD").is_ok() { Stdio::inherit() } else { Stdio::null() };
    let mut process = Command::new(program)
        .args(arguments)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(quiet())
        .stderr(quiet())
        .spawn()
        .expect("the program starts");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((HOST, port)).is_err() {
        let ended = process.try_wait().expect("the process's state");
        assert!(ended.is_none(), "the server does not start: {arguments:?}");
        assert!(Instant::now() < deadline, "nobody listens on port {port}");
        thread::sleep(Duration::from_millis(10));
    }
    process
}

/// A server without any configuration.
pub fn run_basic_server() -> Server {
    run_server("")
}

/// A server with this configuration file.
pub fn run_server(config: &str) -> Server {
    run_server_with_port(config, None)
}

/// A server with this configuration file on this port.
pub fn run_server_with_port(config: &str, port: Option<&str>) -> Server {
    Server::start(config, port, &[])
}

/// Three servers with this configuration file.
pub fn run_cluster(config: &str) -> Cluster {
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let routes: Vec<_> = ports.iter().map(|port| format!("nats://{HOST}:{port}")).collect();
    let routes = routes.join(",");
    let member = |(number, port): (usize, &u16)| {
        let url = format!("nats://{HOST}:{port}");
        let name = format!("node{number}");
        let more =
            ["--cluster", &url, "--cluster_name", "cluster", "--routes", &routes, "-n", &name];
        Server::start(config, None, &more.map(str::to_owned))
    };
    Cluster { servers: ports.iter().enumerate().map(member).collect() }
}

/// Tells the server to leave.
pub fn set_lame_duck_mode(server: &Server) {
    let id = server.process.id().to_string();
    let status = Command::new("kill").args(["-USR2", &id]).status().expect("kill");
    assert!(status.success(), "the signal is sent");
}
