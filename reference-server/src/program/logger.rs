//! Log lines as nats-server writes them: `[pid] 2026/11/24 13:00:00.123456 [INF] text` (LOG-002).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use log::{Level, LevelFilter, Log, Metadata, Record};
use nats_reference_server::ProgramConfig;

use super::{syslog::Syslog, words};

/// Lines with this target end the program: they are `[FTL]`.
pub(super) const FATAL: &str = "nats_reference_server::fatal";

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Writes every line at once, to a file, a syslog or standard error.
pub(super) struct Logger {
    state: Mutex<State>,
}

struct State {
    config: ProgramConfig,
    file: Option<LogFile>,
    syslog: Option<Syslog>,
}

struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// Takes all log lines of the process from now on.
pub(super) fn install(config: &ProgramConfig) -> Result<&'static Logger, String> {
    let file = config.log_file.as_deref().map(LogFile::open).transpose()?;
    let syslog = Syslog::open(config)?;
    let state = Mutex::new(State { config: config.clone(), file, syslog });
    let logger = LOGGER.get_or_init(|| Logger { state });
    log::set_max_level(level(config));
    log::set_logger(logger).map_err(|error| error.to_string())?;
    Ok(logger)
}

fn level(config: &ProgramConfig) -> LevelFilter {
    match (config.trace, config.debug) {
        (true, _) => LevelFilter::Trace,
        (false, true) => LevelFilter::Debug,
        (false, false) => LevelFilter::Info,
    }
}

impl Logger {
    /// Follows other options from now on.
    pub(super) fn configure(&self, config: &ProgramConfig) -> Result<(), String> {
        let moved = self.with(|state| state.config.log_file != config.log_file);
        if moved {
            let file = config.log_file.as_deref().map(LogFile::open).transpose()?;
            self.with(|state| state.file = file);
        }
        let asked =
            |it: &ProgramConfig| (it.log_file.is_some(), it.syslog, it.remote_syslog.clone());
        if self.with(|state| asked(&state.config) != asked(config)) {
            let syslog = Syslog::open(config)?;
            self.with(|state| state.syslog = syslog);
        }
        self.with(|state| state.config = config.clone());
        log::set_max_level(level(config));
        Ok(())
    }

    /// Begins a new file under the name of the present one, which somebody has moved (LOG-007).
    pub(super) fn reopen(&self) {
        let reopened = self.with(|state| {
            let file = state.file.as_mut()?;
            Some(LogFile::open(&file.path).map(|opened| *file = opened))
        });
        match reopened {
            Some(Ok(())) => log::info!("File log re-opened"),
            Some(Err(problem)) => log::error!("{problem}"),
            None => log::info!("File log re-open ignored, not a file logger"),
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
            _ if record.target() == FATAL => "FTL",
            Level::Error => "ERR",
            Level::Warn => "WRN",
            Level::Info => "INF",
            Level::Debug => "DBG",
            Level::Trace => "TRC",
        };
        self.with(|state| {
            // Operations can be traced without the rest.
            if record.level() != Level::Debug || state.config.debug {
                state.write(label, &record.args().to_string());
            }
        });
    }

    fn flush(&self) {}
}

impl State {
    /// A log that can't be written is no reason to stop serving.
    fn write(&mut self, label: &str, text: &str) {
        if let Some(syslog) = &mut self.syslog {
            let Err(error) = syslog.write(label, text) else { return };
            self.syslog = None;
            let words = format!("Error writing to syslog, which gets no more lines: {error}");
            let _ = io::stderr().write_all(self.line("ERR", &words).as_bytes());
        }
        let line = self.line(label, text);
        let Some(file) = &mut self.file else {
            let _ = io::stderr().write_all(line.as_bytes());
            return;
        };
        let _ = file.file.write_all(line.as_bytes());
        file.bytes += line.len() as u64;
        let max = self.config.log_file_bytes_max;
        if max == 0 || file.bytes <= max {
            return;
        }
        let rotated = file.rotate(&self.config).map_err(|error| words(&error));
        let text = match rotated {
            Ok(backup) => format!("Rotated log, backup saved as \"{}\"", backup.display()),
            Err(error) => format!("Unable to rotate the log file: {error}"),
        };
        let line = self.line("INF", &text);
        if let Some(file) = &mut self.file {
            // Counted from here on in any case: what fails is not tried again at once.
            file.bytes = line.len() as u64;
            let _ = file.file.write_all(line.as_bytes());
        }
    }

    fn line(&self, label: &str, text: &str) -> String {
        let pid = std::process::id();
        match self.config.log_time {
            true => {
                let now = now(self.config.log_utc).strftime("%Y/%m/%d %H:%M:%S%.6f");
                format!("[{pid}] {now} [{label}] {text}\n")
            }
            false => format!("[{pid}] [{label}] {text}\n"),
        }
    }
}

fn now(utc: bool) -> ZonedDateTime {
    match utc {
        true => ZonedDateTime::new(Timestamp::now(), TimeZone::UTC),
        false => ZonedDateTime::now(),
    }
}

impl LogFile {
    fn open(path: &Path) -> Result<LogFile, String> {
        let open = || {
            let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
            let bytes = file.metadata()?.len();
            Ok(LogFile { path: path.to_owned(), file, bytes })
        };
        let failed = |error: io::Error| {
            format!("error opening file: open {}: {}", path.display(), words(&error))
        };
        open().map_err(failed)
    }

    /// Puts the file aside as `NAME.YYYY.MM.DD.hh.mm.ss.nnnnnnnnn` and begins another (LOG-008).
    fn rotate(&mut self, config: &ProgramConfig) -> io::Result<PathBuf> {
        let mut name = self.path.clone().into_os_string();
        name.push(now(config.log_utc).strftime(".%Y.%m.%d.%H.%M.%S.%9f").to_string());
        let backup = PathBuf::from(name);
        fs::rename(&self.path, &backup)?;
        *self = LogFile::open(&self.path).map_err(io::Error::other)?;
        if config.log_files_max > 0 {
            self.remove_oldest(config.log_files_max - 1)?;
        }
        Ok(backup)
    }

    /// Leaves so many files that were put aside; their names sort by their time.
    fn remove_oldest(&self, keep: usize) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!("{name}.");
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut backups = Vec::new();
        for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_time = |rest: &str| {
                rest.len() == 29 && rest.bytes().all(|c| c.is_ascii_digit() || c == b'.')
            };
            if name.strip_prefix(&prefix).is_some_and(is_time) {
                backups.push(entry.path());
            }
        }
        backups.sort();
        let surplus = backups.len().saturating_sub(keep);
        backups[..surplus].iter().try_for_each(fs::remove_file)
    }
}
