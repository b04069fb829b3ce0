//! Which servers are judged, and what is known of them before.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use nats_conformance::{
    run::{Plan, judged_as},
    scenario::Version,
    story::{Cut, Settings},
    target::{
        CAPABILITIES, Facts, Target,
        file::{TargetFile, TargetFileError},
    },
};
use serde::Deserialize;
use serde_json::Map;

use super::{Stop, run::Seconds};

#[derive(Debug, Args, Default)]
pub(super) struct TargetArgs {
    /// Judge this program; it needs nats-server's flags -a, -p and -c. May be repeated.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    server_bin: Vec<PathBuf>,
    /// Judge the server that is running at this address: nats://[user:pass@]host:port. May be
    /// repeated.
    #[arg(long, value_name = "URL")]
    server: Vec<String>,
    /// Judge the embedded broker; without any target it is the one that is judged.
    #[arg(long)]
    embedded: bool,
    /// Judge the targets in this file, [[target]] with name, one of server_bin, server and
    /// embedded = true, and if need be as and file; paths are relative to it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    matrix: Option<PathBuf>,
    /// Judge the target as this release of nats-server, whatever it says of itself.
    #[arg(long = "as", value_name = "RELEASE", value_parser = release)]
    version: Option<Version>,
    /// Skip what needs these capabilities, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    lacks: Vec<String>,
    /// A file that says what the target lacks and which of its deviations are known.
    #[arg(long = "target", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
}

fn release(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected a release such as 2.12 or 2.12.8".to_owned())
}

/// A target that somebody asked for.
#[derive(Debug)]
struct Wanted {
    name: Option<String>,
    target: Target,
    version: Option<Version>,
    file: Option<PathBuf>,
}

/// What can be said about a target before it is judged.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What reports call it: `nats-server 2.15.1`.
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) facts: Facts,
    /// Its target file, and where that is.
    pub(super) file: Option<(PathBuf, TargetFile)>,
    /// The options that repeat the run on it.
    pub(super) again: String,
}

impl Prepared {
    /// `/usr/bin/nats-server (2.15.1)`: what a run of one target calls it.
    pub(super) fn server(&self) -> String {
        let version = self.facts.version.as_deref().unwrap_or("of unknown version");
        format!("{} ({version})", self.plan.target.name())
    }

    /// The release that the target says it is.
    pub(super) fn release(&self) -> Version {
        judged_as(None, &self.facts)
    }
}

/// Starts each target once, to see that it can be and what it says of itself.
pub(super) async fn prepare(args: &TargetArgs, seed: u64) -> Result<Vec<Prepared>, Stop> {
    let mut prepared = Vec::new();
    for wanted in wanted(args)? {
        prepared.push(prepare_one(wanted, args, seed).await?);
    }
    let names = prepared.iter().map(|one| (one.name.clone(), one.plan.target.name())).collect();
    for (one, name) in prepared.iter_mut().zip(distinct(names)) {
        one.name = name;
    }
    Ok(prepared)
}

/// As [`prepare`], for what can be done with one target only.
pub(super) async fn prepare_single(args: &TargetArgs, seed: u64) -> Result<Prepared, Stop> {
    let mut prepared = prepare(args, seed).await?;
    match (prepared.pop(), prepared.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Stop::usage("this can be done with one target at a time only")),
    }
}

async fn prepare_one(wanted: Wanted, args: &TargetArgs, seed: u64) -> Result<Prepared, Stop> {
    let Wanted { name, target, version, file: path } = wanted;
    let file = path.map(|path| TargetFile::read(&path).map(|file| (path, file))).transpose()?;
    let mut known = Vec::new();
    let mut lacks: BTreeSet<String> = target.lacks();
    lacks.extend(args.lacks.iter().cloned());
    if let Some(word) = args.lacks.iter().find(|word| !CAPABILITIES.contains(&word.as_str())) {
        let words = CAPABILITIES.join(", ");
        return Err(Stop::usage(format!("no capability {word:?}; there are {words}")));
    }
    let facts = target.facts().await?;
    if let Some((_, file)) = &file {
        lacks.extend(file.lacks.iter().cloned());
        let release = judged_as(None, &facts);
        known.extend(file.known.iter().filter(|entry| entry.is_of(&release)).cloned());
    }
    if !facts.headers && facts.version.is_some() {
        lacks.insert("headers".to_owned());
    }
    let credentials = match &target {
        Target::Running { credentials, .. } => credentials.clone(),
        _ => Map::new(),
    };
    let again = again(&target, version.as_ref(), file.as_ref().map(|(path, _)| path));
    let name = name.unwrap_or_else(|| {
        let named = file.as_ref().and_then(|(_, file)| file.name.as_deref());
        display_name(&target, named, &facts)
    });
    let settings = Settings {
        seed,
        timeout: Seconds::default().0,
        cut: Cut::None,
        version: judged_as(version, &facts),
        credentials,
    };
    // Stories mostly wait for each other's answers, some for time to pass.
    let jobs = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    let plan = Plan { target, settings, jobs, lacks, known };
    Ok(Prepared { name, plan, facts, file, again })
}

/// The targets of the command line, then those of the matrix.
fn wanted(args: &TargetArgs) -> Result<Vec<Wanted>, Stop> {
    let mut targets: Vec<Target> = args.server_bin.iter().cloned().map(Target::Program).collect();
    for url in &args.server {
        targets.push(running(url)?);
    }
    if args.embedded || (targets.is_empty() && args.matrix.is_none()) {
        targets.push(embedded()?);
    }
    let plain = |target| Wanted {
        name: None,
        target,
        version: args.version.clone(),
        file: args.file.clone(),
    };
    let mut wanted: Vec<Wanted> = targets.into_iter().map(plain).collect();
    if let Some(path) = &args.matrix {
        wanted.extend(matrix(path)?);
    }
    let of_one = args.version.is_some() || args.file.is_some();
    if of_one && (wanted.len() > 1 || args.matrix.is_some()) {
        let advice = "write `as` and `file` into a --matrix file, below each target";
        return Err(Stop::usage(format!("--as and --target speak of one target; {advice}")));
    }
    Ok(wanted)
}

fn running(url: &str) -> Result<Target, Stop> {
    Target::running(url).map_err(|error| Stop::usage(error.to_string()))
}

#[cfg(feature = "embedded")]
fn embedded() -> Result<Target, Stop> {
    Ok(Target::Embedded)
}

#[cfg(not(feature = "embedded"))]
fn embedded() -> Result<Target, Stop> {
    Err(Stop::usage(
        "this program was built without the embedded broker; say --server or --server-bin",
    ))
}

/// What `--matrix` reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixFile {
    #[serde(default)]
    target: Vec<MatrixTarget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixTarget {
    name: String,
    server_bin: Option<PathBuf>,
    server: Option<String>,
    #[serde(default)]
    embedded: bool,
    #[serde(rename = "as")]
    version: Option<String>,
    file: Option<PathBuf>,
}

fn matrix(path: &Path) -> Result<Vec<Wanted>, Stop> {
    let wrong = |what: &dyn std::fmt::Display| Stop::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let file: MatrixFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    if file.target.is_empty() {
        return Err(wrong(&"no target; write [[target]] and its name"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut names = BTreeSet::new();
    let mut wanted = Vec::new();
    for entry in file.target {
        let name = entry.name;
        let wrong = |what: &str| wrong(&format!("the target {name:?} {what}"));
        if name.trim().is_empty() || !names.insert(name.clone()) {
            return Err(wrong("needs a name that no other has"));
        }
        let target = match (entry.server_bin, entry.server, entry.embedded) {
            (Some(program), None, false) => Target::Program(folder.join(program)),
            (None, Some(url), false) => running(&url)?,
            (None, None, true) => embedded()?,
            _ => return Err(wrong("needs one of server_bin, server and embedded = true")),
        };
        let version = match entry.version {
            Some(text) => Some(release(&text).map_err(|what| wrong(&format!("`as`: {what}")))?),
            None => None,
        };
        let file = entry.file.map(|file| folder.join(file));
        wanted.push(Wanted { name: Some(name), target, version, file });
    }
    Ok(wanted)
}

/// The options that repeat a run on the target.
fn again(target: &Target, version: Option<&Version>, file: Option<&PathBuf>) -> String {
    let mut again = target.flags();
    if let Some(version) = version {
        again.push_str(&format!(" --as {version}"));
    }
    if let Some(path) = file {
        again.push_str(&format!(" --target {}", path.display()));
    }
    again
}

/// The name of its file, else the program's, else its address, and the release.
fn display_name(target: &Target, named: Option<&str>, facts: &Facts) -> String {
    let name = match (named, target) {
        (Some(name), _) => name.to_owned(),
        (None, Target::Program(path)) => {
            path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
        }
        (None, other) => other.name(),
    };
    match &facts.version {
        Some(version) => format!("{name} {version}"),
        None => name,
    }
}

/// Tells targets of the same name apart, by what they were called and then by a number.
fn distinct(names: Vec<(String, String)>) -> Vec<String> {
    let same = |names: &[String], name: &String| names.iter().filter(|n| *n == name).count();
    let plain: Vec<String> = names.iter().map(|(name, _)| name.clone()).collect();
    let with_place = |(name, place): (String, String)| match same(&plain, &name) {
        1 => name,
        _ => format!("{name} ({place})"),
    };
    let placed: Vec<String> = names.into_iter().map(with_place).collect();
    let numbered = |(at, name): (usize, &String)| match same(&placed, name) {
        1 => name.clone(),
        _ => format!("{name} #{}", same(&placed[..=at], name)),
    };
    placed.iter().enumerate().map(numbered).collect()
}

impl From<TargetFileError> for Stop {
    fn from(error: TargetFileError) -> Stop {
        Stop::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_where_they_must() {
        let of = |pairs: &[(&str, &str)]| {
            let owned = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            distinct(owned)
        };
        assert_eq!(
            of(&[("nats-server 2.14", "a"), ("nats-server 2.15", "b")]),
            ["nats-server 2.14", "nats-server 2.15"]
        );
        assert_eq!(of(&[("n 2", "a"), ("n 2", "b"), ("m 1", "c")]), ["n 2 (a)", "n 2 (b)", "m 1"]);
        assert_eq!(of(&[("n 2", "a"), ("n 2", "a")]), ["n 2 (a) #1", "n 2 (a) #2"]);
    }

    #[test]
    fn a_target_is_called_by_its_file_its_program_or_its_address() {
        let facts = Facts { version: Some("2.15.1".to_owned()), ..Facts::default() };
        let program = Target::Program(PathBuf::from("/opt/nats-server"));
        assert_eq!(display_name(&program, None, &facts), "nats-server 2.15.1");
        assert_eq!(display_name(&program, Some("mine"), &facts), "mine 2.15.1");
        assert_eq!(display_name(&program, None, &Facts::default()), "nats-server");
        let server = Target::running("nats://me:secret@127.0.0.1:4333").unwrap();
        assert_eq!(display_name(&server, None, &facts), "nats://127.0.0.1:4333 2.15.1");
    }
}
