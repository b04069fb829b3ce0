//! `report`: recorded runs again, and the files that `run` writes for people and programs.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use nats_conformance::report::{
    badge::Badge,
    html::html,
    json::{Record, Report},
    junit::junit,
    markdown::markdown,
    read::read,
    tap::tap,
};

use super::{HELD, Stop};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// What `run --json` wrote; several are shown side by side. `-` is standard input.
    #[arg(required = true, value_name = "RUN.json", value_hint = ValueHint::FilePath)]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
}

/// The reports that are made from recorded runs.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Reports (a file; `-` is standard output)")]
pub(super) struct Outputs {
    /// A page for a browser, all in one file, with the wire transcripts of all cases.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
    /// A summary for the page of a build, such as $GITHUB_STEP_SUMMARY.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    markdown: Option<PathBuf>,
    /// JUnit XML.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,
    /// The Test Anything Protocol, version 14.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    tap: Option<PathBuf>,
    /// A badge: a picture (FILE.svg), or what shields.io makes one of (FILE.json).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    badge: Option<PathBuf>,
}

pub(super) fn report(args: &ReportArgs) -> Result<u8, Stop> {
    let mut reports = Vec::new();
    for path in &args.runs {
        reports.extend(read(path)?);
    }
    let outputs = &args.outputs;
    match outputs.paths().count() {
        0 => write(Path::new("-"), &markdown(&reports))?,
        _ => outputs.check(true)?,
    }
    outputs.write(&reports)?;
    Ok(HELD)
}

impl Outputs {
    /// Whose transcripts these reports want, where `asked` is what the command line says.
    pub(super) fn record(&self, asked: Record) -> Record {
        if self.html.is_some() { Record::All } else { asked }
    }

    /// Finds what can't be written before anything is run.
    ///
    /// # Errors
    /// A badge of an unknown kind; standard output used twice, or where it is not free.
    pub(super) fn check(&self, stdout_is_free: bool) -> Result<(), Stop> {
        if let Some(path) = &self.badge {
            kind_of_badge(path)?;
        }
        match self.paths().filter(|path| is_stdout(path)).count() {
            0 => Ok(()),
            _ if !stdout_is_free => Err(Stop::usage(
                "standard output is taken by the run; write a file, or --json F and `report F`",
            )),
            1 => Ok(()),
            _ => Err(Stop::usage("standard output can hold one report only")),
        }
    }

    /// Writes what was asked for.
    ///
    /// # Errors
    /// Files that can't be written.
    pub(super) fn write(&self, reports: &[Report]) -> Result<(), Stop> {
        let failed = |error: &dyn std::error::Error| Stop::usage(error.to_string());
        if let Some(path) = &self.html {
            write(path, &html(reports).map_err(|error| failed(&error))?)?;
        }
        if let Some(path) = &self.markdown {
            write(path, &markdown(reports))?;
        }
        if let Some(path) = &self.junit {
            write(path, &junit(reports).map_err(|error| failed(&error))?)?;
        }
        if let Some(path) = &self.tap {
            write(path, &tap(reports))?;
        }
        if let Some(path) = &self.badge {
            let badge = Badge::new(reports);
            match kind_of_badge(path)? {
                Kind::Picture => write(path, &badge.svg())?,
                Kind::Endpoint => write(path, &badge.endpoint())?,
            }
        }
        Ok(())
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.html, &self.markdown, &self.junit, &self.tap, &self.badge];
        all.into_iter().flatten().map(PathBuf::as_path)
    }
}

enum Kind {
    Picture,
    Endpoint,
}

fn kind_of_badge(path: &Path) -> Result<Kind, Stop> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Ok(Kind::Picture),
        Some("json") => Ok(Kind::Endpoint),
        None if is_stdout(path) => Ok(Kind::Picture),
        _ => {
            let name = path.display();
            Err(Stop::usage(format!("a badge is a file .svg or .json, which {name} is not")))
        }
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes a text to a file, or to standard output if the path is `-`.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Stop> {
    let done = match is_stdout(path) {
        true => std::io::stdout().write_all(text.as_bytes()),
        false => fs::write(path, text),
    };
    done.map_err(|error| Stop::usage(format!("can't write {}: {error}", path.display())))
}
