//! The program: nats-server's flags around a [`Server`](nats_reference_server::Server).

mod flags;
mod logger;

use std::process::ExitCode;

use nats_reference_server::{Config, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::flags::{Command, Outcome};

/// The system's allocator gives the buffers of outboxes back to the kernel, and each fresh page has
/// to be cleared: two fifths of what a message of 1 KiB cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match flags::parse(std::env::args().skip(1)) {
        Ok(outcome) => outcome,
        Err(problem) => {
            eprintln!("nats-reference-server: {problem}");
            return ExitCode::FAILURE;
        }
    };
    match outcome {
        Outcome::Print(text) => println!("{text}"),
        Outcome::Run(Command::Check(path)) => {
            println!("nats-reference-server: configuration file {path} is valid");
        }
        Outcome::Run(Command::Serve(config)) => {
            if let Err(problem) = run(*config) {
                eprintln!("nats-reference-server: {problem}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Serves until a signal comes.
fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    logger::install(&config.program)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything can be said to be ready, so that no signal is missed.
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        log::info!("Starting nats-reference-server");
        log::info!("  Version:  {}", env!("CARGO_PKG_VERSION"));
        log::info!("  Like:     nats-server {}", config.profile.version());
        let pid_file = config.program.pid_file.clone();
        let server = Server::builder().config(config).start().await?;
        log::info!("  Name:     {}", server.name());
        log::info!("  ID:       {}", server.id());
        if let Some(path) = &pid_file {
            std::fs::write(path, std::process::id().to_string())
                .map_err(|error| format!("can't write the pid file {}: {error}", path.display()))?;
        }
        log::info!("Listening for client connections on {}", server.addr());
        log::info!("Server is ready");
        log::info!("Trapped \"{}\" signal", first(signals).await);
        log::info!("Initiating Shutdown...");
        server.shutdown().await;
        log::info!("Server Exiting..");
        Ok(())
    })
}

async fn first((mut interrupt, mut terminate): (Signal, Signal)) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "interrupt",
        _ = terminate.recv() => "terminated",
    }
}
