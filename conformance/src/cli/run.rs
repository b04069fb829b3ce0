//! `run`: cases, a target, results.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use nats_conformance::{
    corpus::Corpus,
    report::{
        json::{Provenance, Record, Report},
        junit::junit,
        terminal,
    },
    run::{Deviation, Outcome, Plan, Verdict, judged_as, matches, run as run_cases, select},
    scenario::{Case, Version},
    story::{Cut, Settings},
    target::{CAPABILITIES, Facts, Target},
};
use serde::Deserialize;
use serde_json::Map;
use tokio::sync::mpsc;

use super::{FINDINGS, HELD, Stop, is_watched};

#[derive(Debug, Args, Default)]
pub(super) struct RunArgs {
    /// Ids or folders (`core/sub`), with `*`, `tag:word`, or clauses (`CORE-SUB-*`).
    selectors: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Feed all randomness from this number; it is printed first.
    #[arg(long)]
    seed: Option<u64>,
    /// Scenarios at a time; a running server is always asked one after the other.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Cut what is sent into pieces: the verdicts must be the same.
    #[arg(long, value_enum, value_name = "HOW", default_value = "none")]
    cut: Cut,
    /// How long a server may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
    /// Print the timed wire transcript of cases that are not a pass.
    #[arg(long)]
    trace: bool,
    /// Whose wire transcripts the JSON report keeps.
    #[arg(long, value_enum, value_name = "WHICH", default_value = "broken")]
    record: Record,
    /// Print a line for each case, also where it passed.
    #[arg(long, short)]
    verbose: bool,
    /// A broken SHOULD (warn) does not count as a finding.
    #[arg(long)]
    allow_warn: bool,
    /// Write the versioned JSON report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    json: Option<PathBuf>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,
}

#[derive(Debug, Args, Default)]
pub(super) struct TargetArgs {
    /// Judge the server that is running at this address: nats://[user:pass@]host:port.
    #[arg(long, value_name = "URL", conflicts_with = "server_bin")]
    server: Option<String>,
    /// Judge this program; it needs nats-server's flags -a, -p and -c.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    server_bin: Option<PathBuf>,
    /// Judge it as this release of nats-server, whatever it says of itself.
    #[arg(long = "as", value_name = "RELEASE", value_parser = release)]
    version: Option<Version>,
    /// Skip what needs these capabilities, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    lacks: Vec<String>,
    /// A file that says what the target lacks and which deviations are known.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    known: Option<PathBuf>,
}

/// A time on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration);

impl Default for Seconds {
    fn default() -> Seconds {
        Seconds(Duration::from_secs(5))
    }
}

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if !time.is_zero() => Ok(Seconds(time)),
            _ => Err("expected a number above 0".to_owned()),
        }
    }
}

fn release(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected a release such as 2.12 or 2.12.8".to_owned())
}

/// What `--known` reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetFile {
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    known: Vec<Deviation>,
}

/// What can be said about a target before it is judged.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) facts: Facts,
}

impl Prepared {
    /// `nats-server 2.15.1`, or what it calls itself.
    pub(super) fn server(&self) -> String {
        let version = self.facts.version.as_deref().unwrap_or("of unknown version");
        format!("{} ({version})", self.plan.target.name())
    }
}

pub(super) fn run(corpus: &Corpus, args: RunArgs) -> Result<u8, Stop> {
    let (chosen, useless) = select(&corpus.scenarios, &args.selectors);
    if let Some(selector) = useless.first() {
        let near = nearest(selector, corpus);
        return Err(Stop::usage(format!("no case is named by {selector:?}{near}; see `list`")));
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let runtime = runtime()?;
    let mut prepared = runtime.block_on(prepare(&args.target, seed))?;
    prepared.plan.settings.cut = args.cut;
    prepared.plan.settings.timeout = args.timeout.0;
    prepared.plan.jobs = args.jobs.unwrap_or(prepared.plan.jobs).max(1);
    check_known(&prepared.plan.known, corpus)?;
    let server = prepared.server();
    anstream::println!("{} cases on {server}, seed {seed}", chosen.len());
    let started = (Timestamp::now(), Instant::now());
    let plan = Arc::new(prepared.plan);
    let again = plan.target.flags();
    let show = |outcome: &Outcome| {
        let broken = !matches!(outcome.verdict, Verdict::Pass | Verdict::Skip | Verdict::Known);
        if broken {
            return Some(terminal::failure(outcome, &server, seed, &again, args.trace));
        }
        args.verbose.then(|| {
            let style = terminal::style(outcome.verdict);
            let word = outcome.verdict.word();
            format!("{style}{word:<5}{style:#} {}", outcome.case.id)
        })
    };
    let outcomes = runtime.block_on(collect(plan.clone(), chosen, show))?;
    let report = Report::new(
        Provenance {
            target: plan.target.name(),
            server: prepared.facts,
            judged_as: plan.settings.version.to_string(),
            harness_version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            started: started.0,
            duration_ms: u64::try_from(started.1.elapsed().as_millis()).unwrap_or(u64::MAX),
        },
        &outcomes,
        args.record,
    );
    write_reports(&report, args.json.as_deref(), args.junit.as_deref())?;
    anstream::println!("{}", terminal::summary(&report));
    let counts = |verdict: Verdict| report.summary.get(verdict.word()).copied().unwrap_or(0);
    let warned = if args.allow_warn { 0 } else { counts(Verdict::Warn) };
    Ok(match counts(Verdict::Fail) + counts(Verdict::Error) + warned {
        0 => HELD,
        _ => FINDINGS,
    })
}

/// Starts the target once, to see that it can be and what it says of itself.
pub(super) async fn prepare(args: &TargetArgs, seed: u64) -> Result<Prepared, Stop> {
    let target = target(args)?;
    let file = match &args.known {
        Some(path) => target_file(path)?,
        None => TargetFile::default(),
    };
    let mut lacks: BTreeSet<String> = target.lacks();
    for word in args.lacks.iter().chain(&file.lacks) {
        if !CAPABILITIES.contains(&word.as_str()) {
            let known = CAPABILITIES.join(", ");
            return Err(Stop::usage(format!("no capability {word:?}; there are {known}")));
        }
        lacks.insert(word.clone());
    }
    let facts = target.facts().await?;
    if !facts.headers && facts.version.is_some() {
        lacks.insert("headers".to_owned());
    }
    let credentials = match &target {
        Target::Running { credentials, .. } => credentials.clone(),
        _ => Map::new(),
    };
    let settings = Settings {
        seed,
        timeout: Seconds::default().0,
        cut: Cut::None,
        version: judged_as(args.version.clone(), &facts),
        credentials,
    };
    // Stories mostly wait for each other's answers, some for time to pass.
    let jobs = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Prepared { plan: Plan { target, settings, jobs, lacks, known: file.known }, facts })
}

fn target(args: &TargetArgs) -> Result<Target, Stop> {
    match (&args.server, &args.server_bin) {
        (Some(url), _) => Target::running(url).map_err(|error| Stop::usage(error.to_string())),
        (None, Some(path)) => Ok(Target::Program(path.clone())),
        #[cfg(feature = "embedded")]
        (None, None) => Ok(Target::Embedded),
        #[cfg(not(feature = "embedded"))]
        (None, None) => Err(Stop::usage(
            "this program was built without the embedded broker; say --server or --server-bin",
        )),
    }
}

fn target_file(path: &Path) -> Result<TargetFile, Stop> {
    let read = |what: &dyn std::fmt::Display| Stop::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| read(&error))?;
    let file: TargetFile = toml::from_str(&text).map_err(|error| read(&error))?;
    match file.known.iter().find(|deviation| deviation.reason.trim().is_empty()) {
        Some(deviation) => Err(read(&format!("{:?} has no reason", deviation.id))),
        None => Ok(file),
    }
}

/// A deviation that names no case is a mistake: the list must not rot.
fn check_known(known: &[Deviation], corpus: &Corpus) -> Result<(), Stop> {
    let (all, _) = select(&corpus.scenarios, &[]);
    let useless = known.iter().find(|d| !all.iter().any(|case| matches(&d.id, &case.id)));
    match useless {
        Some(deviation) => {
            Err(Stop::usage(format!("the known deviation {:?} names no case", deviation.id)))
        }
        None => Ok(()),
    }
}

/// Runs the cases; `show` says what is printed of each at once. Sorted by id.
pub(super) async fn collect(
    plan: Arc<Plan>,
    chosen: Vec<Case>,
    show: impl Fn(&Outcome) -> Option<String>,
) -> Result<Vec<Outcome>, Stop> {
    let bar = match is_watched() {
        true => ProgressBar::new(chosen.len() as u64),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let (send, mut results) = mpsc::unbounded_channel();
    let order: Vec<String> = chosen.iter().map(|case| case.id.clone()).collect();
    let running = tokio::spawn(run_cases(plan, chosen, send));
    let mut outcomes: Vec<Outcome> = Vec::new();
    while let Some(outcome) = results.recv().await {
        bar.inc(1);
        bar.set_message(outcome.case.id.clone());
        if let Some(text) = show(&outcome) {
            bar.suspend(|| anstream::println!("{text}"));
        }
        outcomes.push(outcome);
    }
    bar.finish_and_clear();
    match running.await {
        Ok(done) => done?,
        Err(error) => return Err(Stop::usage(format!("the run broke off: {error}"))),
    }
    outcomes.sort_by_key(|outcome| order.iter().position(|id| *id == outcome.case.id));
    Ok(outcomes)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Runtime::new().map_err(|error| Stop::usage(format!("no runtime: {error}")))
}

fn write_reports(report: &Report, json: Option<&Path>, xml: Option<&Path>) -> Result<(), Stop> {
    let write = |path: &Path, text: String| {
        let failed = |error| Stop::usage(format!("can't write {}: {error}", path.display()));
        fs::write(path, text).map_err(failed)
    };
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(report);
        write(path, text.map_err(|error| Stop::usage(error.to_string()))? + "\n")?;
    }
    if let Some(path) = xml {
        write(path, junit(report).map_err(|error| Stop::usage(error.to_string()))?)?;
    }
    Ok(())
}

/// A hint at ids that hold the selector's last part.
fn nearest(selector: &str, corpus: &Corpus) -> String {
    let part = selector.rsplit('/').next().unwrap_or(selector).trim_matches('*');
    let near =
        corpus.scenarios.iter().find(|scenario| !part.is_empty() && scenario.id.contains(part));
    near.map(|scenario| format!("; did you mean {:?}?", scenario.id)).unwrap_or_default()
}
