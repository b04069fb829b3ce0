//! Log lines as nats-server writes them: `[pid] 2026/11/24 13:00:00.123456 [INF] text`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use jiff::ZonedDateTime;
use log::{Level, LevelFilter, Log, Metadata, Record};
use nats_reference_server::ProgramConfig;

/// Writes every line at once, to a file or to standard error.
struct Logger {
    file: Option<Mutex<File>>,
}

/// Takes all log lines of the process from now on.
pub(crate) fn install(config: &ProgramConfig) -> Result<(), Box<dyn std::error::Error>> {
    let open = |path| OpenOptions::new().create(true).append(true).open(path);
    let file = config.log_file.as_ref().map(|path| {
        open(path).map_err(|error| format!("can't open the log file {}: {error}", path.display()))
    });
    let file = file.transpose()?.map(Mutex::new);
    log::set_max_level(match (config.trace, config.debug) {
        (true, _) => LevelFilter::Trace,
        (false, true) => LevelFilter::Debug,
        (false, false) => LevelFilter::Info,
    });
    log::set_boxed_logger(Box::new(Logger { file }))?;
    Ok(())
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("nats_reference_server")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let label = match record.level() {
            Level::Error => "ERR",
            Level::Warn => "WRN",
            Level::Info => "INF",
            Level::Debug => "DBG",
            Level::Trace => "TRC",
        };
        let now = ZonedDateTime::now().strftime("%Y/%m/%d %H:%M:%S%.6f").to_string();
        let line = format!("[{}] {now} [{label}] {}\n", std::process::id(), record.args());
        // A log that can't be written is no reason to stop serving.
        let _ = match &self.file {
            Some(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
            }
            None => io::stderr().write_all(line.as_bytes()),
        };
    }

    fn flush(&self) {}
}
