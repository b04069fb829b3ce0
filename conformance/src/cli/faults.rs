//! `faults`: the catalogue of bugs, and one of them put before a healthy server.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::{ArgGroup, Args};
use comfy_table::{Table, presets};
use nats_conformance::{
    faults::{self, Fault, Proxy},
    target::Target,
};
use serde_json::json;

use super::{HELD, NO_TARGET, Stop, run::runtime};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["list", "fault"])))]
pub(super) struct FaultsArgs {
    /// List all faults.
    #[arg(long)]
    list: bool,
    /// As JSON.
    #[arg(long, requires = "list")]
    json: bool,
    /// The fault to put before a server, until Ctrl-C.
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// Where clients find it; a free port of 127.0.0.1 otherwise.
    #[arg(long, value_name = "HOST:PORT", requires = "fault")]
    listen: Option<String>,
    /// The healthy server, nats://host:port; the embedded broker otherwise.
    #[arg(long, value_name = "URL", requires = "fault")]
    server: Option<String>,
}

pub(super) fn faults(args: &FaultsArgs) -> Result<u8, Stop> {
    match &args.fault {
        Some(name) => before_a_server(named(name)?, args),
        None => {
            list(args.json);
            Ok(HELD)
        }
    }
}

/// The fault with this name.
pub(super) fn named(name: &str) -> Result<&'static Fault, Stop> {
    faults::find(name).ok_or_else(|| {
        let near = faults::nearest(name);
        let near = near.map(|fault| format!("; did you mean {:?}?", fault.name));
        let near = near.unwrap_or_default();
        Stop::usage(format!("no fault {name:?}{near}; see `faults --list`"))
    })
}

fn list(as_json: bool) {
    if as_json {
        let all: Vec<_> = faults::all()
            .map(|fault| {
                json!({
                    "name": fault.name, "area": fault.area, "what": fault.what,
                    "found_by": fault.found_by, "equivalent": fault.equivalent,
                })
            })
            .collect();
        println!("{:#}", json!(all));
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for fault in faults::all() {
        let allowed = fault.equivalent.map(|reason| format!(" Allowed: {reason}."));
        let what = format!("{}{}", fault.what, allowed.unwrap_or_default());
        table.add_row([fault.name, &fault.area.to_string(), &what]);
    }
    anstream::println!("{table}\n{} faults", faults::all().count());
}

fn before_a_server(fault: &'static Fault, args: &FaultsArgs) -> Result<u8, Stop> {
    let target = match &args.server {
        Some(url) => Target::running(url).map_err(|error| Stop::usage(error.to_string()))?,
        #[cfg(feature = "embedded")]
        None => Target::Embedded,
        #[cfg(not(feature = "embedded"))]
        None => return Err(Stop::usage("this program has no embedded broker; say --server")),
    };
    let listen: Option<SocketAddr> = args.listen.as_deref().map(address).transpose()?;
    runtime()?.block_on(async {
        let server = target.start(None).await?;
        let mut builder = Proxy::builder(server.addr()).fault(fault);
        if let Some(addr) = listen {
            builder = builder.listen(addr);
        }
        let failed =
            |error: &dyn std::fmt::Display| Stop { code: NO_TARGET, message: error.to_string() };
        let proxy = builder.start().await.map_err(|error| failed(&error))?;
        anstream::println!("{} before {}, until Ctrl-C", proxy.url(), target.name());
        anstream::println!("{}: {}", fault.name, fault.what);
        tokio::signal::ctrl_c().await.map_err(|error| failed(&error))?;
        proxy.stop().await;
        server.stop().await;
        Ok(HELD)
    })
}

fn address(text: &str) -> Result<SocketAddr, Stop> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    let wrong = || Stop::usage(format!("{text:?} is no address to listen on; write host:port"));
    found.ok_or_else(wrong)
}
