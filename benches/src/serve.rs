//! What hidden subcommands do: our broker, in a process of its own so that what it uses can be told
//! from what the load uses; and a guard for other brokers' programs.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{Read as _, Write as _},
    process::{Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nats_reference_server::Server;

use crate::error::{Error, Result, Trying as _};

/// How often it is looked whether a guarded program has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Serves until the standard input is closed.
///
/// # Errors
/// It can't listen.
pub fn serve() -> Result<()> {
    let server = Server::builder().start_blocking().map_err(|error| Error::Start {
        name: "embedded".into(),
        why: error.to_string(),
        log: String::new(),
    })?;
    announce(server.addr())?;
    wait_for_parent();
    // Nothing that it still has to say matters.
    std::process::exit(0);
}

/// Runs a program and says its process number; ends it when the standard input is closed, and ends
/// when it does. The program's output goes where our errors go.
///
/// # Errors
/// It can't be started.
pub fn guard(command: &[OsString]) -> Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::Usage("guard needs a program".into()));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .spawn()
        .trying(format!("starting {}", program.display()))?;
    announce(child.id())?;
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        wait_for_parent();
        ended.send(()).ok()
    });
    loop {
        if let Some(status) = child.try_wait().trying("looking after the program")? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(ExitCode::from(code.unwrap_or(u8::MAX)));
        }
        if !matches!(end.recv_timeout(LOOK), Err(mpsc::RecvTimeoutError::Timeout)) {
            child.kill().trying("ending the program")?;
            child.wait().trying("ending the program")?;
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Says where we listen, or who it is.
pub(crate) fn announce(what: impl Display) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{what}").and_then(|()| out.flush()).trying("writing the first line")
}

/// Returns when whoever started us has gone.
pub(crate) fn wait_for_parent() {
    let mut nothing = [0; 64];
    while matches!(std::io::stdin().read(&mut nothing), Ok(count) if count > 0) {}
}
