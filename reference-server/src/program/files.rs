//! Files that tell others about the process: its id, and where its clients connect to.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nats_reference_server::Server;

use super::words;

/// Writes the process id, without a line end; it is left behind at the end (CLI-008).
pub(super) fn write_pid(path: &Path) -> Result<(), String> {
    let id = std::process::id().to_string();
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(id.as_bytes()))
        .map_err(|error| {
            format!("Could not write pidfile: open {}: {}", path.display(), words(&error))
        })
}

/// The ports file, as long as it is to be there (CLI-009).
#[derive(Debug)]
pub(super) struct PortsFile {
    path: PathBuf,
}

impl PortsFile {
    /// Writes `DIR/<executable name>_<pid>.ports`. A folder that is not there is no reason not to
    /// serve.
    pub(super) fn write(folder: &Path, server: &Server) -> Option<PortsFile> {
        let path = folder.join(format!("{}_{}.ports", executable(), std::process::id()));
        let listeners = [
            ("nats", Some(server.client_url())),
            ("monitoring", server.monitoring_url()),
            ("websocket", server.websocket_url()),
        ];
        let urls: serde_json::Map<_, _> = listeners
            .into_iter()
            .filter_map(|(name, url)| Some((name.to_owned(), reachable(&url?)?.into())))
            .collect();
        match fs::write(&path, serde_json::Value::from(urls).to_string()) {
            Ok(()) => Some(PortsFile { path }),
            Err(error) => {
                let path = path.display();
                log::error!("Error writing ports file ({path}): open {path}: {}", words(&error));
                None
            }
        }
    }
}

impl Drop for PortsFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::error!("Error cleaning up ports file {}: {}", self.path.display(), words(&error));
        }
    }
}

/// Where others on this machine reach a listener, without a path. nats-server lists the machine's
/// other addresses too, if it listens on all.
fn reachable(url: &str) -> Option<Vec<String>> {
    let (scheme, place) = url.split_once("://")?;
    let addr: SocketAddr = place.split('/').next()?.parse().ok()?;
    let at = |ip: IpAddr| format!("{scheme}://{}", SocketAddr::new(ip, addr.port()));
    Some(match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![at(Ipv4Addr::LOCALHOST.into())],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())]
        }
        ip => vec![at(ip)],
    })
}

/// The name that the program was started by: launchers look for it in the name of the file.
pub(super) fn executable() -> String {
    let path = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    path.file_name().map_or("nats-server".to_owned(), |name| name.to_string_lossy().into_owned())
}
