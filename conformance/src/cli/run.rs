//! `run`: cases, targets, results.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use nats_conformance::{
    corpus::Corpus,
    report::{
        json::{self, Host, Provenance, Record, Report},
        matrix, terminal,
    },
    run::{Outcome, Plan, Verdict, run as run_cases, select},
    scenario::{Case, problem::nearest as alike},
    story::Cut,
    target::file::untried,
};
use tokio::{runtime::Runtime, sync::mpsc};

use super::{
    FINDINGS, HELD, Stop, is_watched,
    report::{Outputs, write},
    targets::{Prepared, TargetArgs, prepare},
};

#[derive(Debug, Args, Default)]
pub(super) struct RunArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    target: TargetArgs,
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
    #[command(flatten)]
    outputs: Outputs,
}

/// Which scenarios are told, and how.
#[derive(Debug, Args, Default)]
pub(super) struct SuiteArgs {
    /// Ids or folders (`core/sub`), with `*`, `tag:word`, or clauses (`CORE-SUB-*`, `unsub.*`).
    selectors: Vec<String>,
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
}

impl SuiteArgs {
    /// The cases that were asked for.
    pub(super) fn select(&self, corpus: &Corpus) -> Result<Vec<Case>, Stop> {
        let (chosen, useless) = corpus.select(&self.selectors);
        match useless.first() {
            Some(selector) => {
                let near = nearest(selector, corpus);
                Err(Stop::usage(format!("no case is named by {selector:?}{near}; see `list`")))
            }
            None => Ok(chosen),
        }
    }

    /// The seed that was given, or one of our own.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()))
    }

    pub(super) fn settle(&self, plan: &mut Plan) {
        plan.settings.cut = self.cut;
        plan.settings.timeout = self.timeout.0;
        plan.jobs = self.jobs.unwrap_or(plan.jobs).max(1);
    }
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

pub(super) fn run(corpus: &Corpus, args: RunArgs) -> Result<u8, Stop> {
    let chosen = args.suite.select(corpus)?;
    args.outputs.check(false)?;
    let seed = args.suite.seed();
    let runtime = runtime()?;
    let targets = runtime.block_on(prepare(&args.target, seed))?;
    let (all, _) = select(&corpus.scenarios, &[]);
    for (path, file) in targets.iter().filter_map(|target| target.file.as_ref()) {
        file.check_cases(&path.display().to_string(), &all)?;
    }
    let several = targets.len() > 1;
    let mut reports = Vec::new();
    let mut worst = HELD;
    for target in targets {
        let name = target.name.clone();
        match judge(&runtime, target, chosen.clone(), several, &args) {
            Ok(report) => reports.push(report),
            // The others may still be judged.
            Err(stop) if several => {
                anstream::eprintln!("nats-conformance: {name}: {}", stop.message);
                worst = worst.max(stop.code);
            }
            Err(stop) => return Err(stop),
        }
    }
    write_reports(&reports, several, &args)?;
    match &reports[..] {
        [report] if !several => anstream::println!("{}", terminal::summary(report)),
        reports => anstream::println!("{}", matrix::side_by_side(reports)),
    }
    let is_finding = |verdict: &Verdict| match verdict {
        Verdict::Warn => !args.allow_warn,
        verdict => verdict.is_finding(),
    };
    let findings = Verdict::ALL.into_iter().filter(is_finding);
    let found = findings.into_iter().any(|verdict| reports.iter().any(|r| r.count(verdict) > 0));
    Ok(worst.max(if found { FINDINGS } else { HELD }))
}

/// Tells the cases to one target; what is not as it should be is printed as it comes.
fn judge(
    runtime: &Runtime,
    mut target: Prepared,
    chosen: Vec<Case>,
    several: bool,
    args: &RunArgs,
) -> Result<Report, Stop> {
    args.suite.settle(&mut target.plan);
    let server = if several { target.name.clone() } else { target.server() };
    let seed = target.plan.settings.seed;
    anstream::println!("{} cases on {server}, seed {seed}", chosen.len());
    let again = match args.suite.cut {
        Cut::None => target.again.clone(),
        Cut::EveryByte => format!("{} --cut every-byte", target.again),
        Cut::Random => format!("{} --cut random", target.again),
    };
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
    let started = (Timestamp::now(), Instant::now());
    let plan = Arc::new(target.plan.clone());
    let outcomes = runtime.block_on(collect(plan, chosen, show))?;
    remind(&target, &outcomes);
    let settings = target.plan.settings;
    let provenance = Provenance {
        name: target.name,
        target: target.plan.target.name(),
        server: target.facts,
        judged_as: settings.version.to_string(),
        harness_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed,
        started: started.0,
        duration_ms: millis(started.1.elapsed()),
        suite: String::new(), // the report knows
        selectors: args.suite.selectors.clone(),
        cut: settings.cut,
        timeout_ms: millis(settings.timeout),
        lacks: target.plan.lacks.into_iter().collect(),
        host: Host::this(),
    };
    Ok(Report::new(provenance, &outcomes, args.outputs.record(args.record)))
}

/// What people should do about the target file.
fn remind(target: &Prepared, outcomes: &[Outcome]) {
    let Some((path, file)) = &target.file else { return };
    let path = path.display();
    for entry in file.known.iter().filter(|entry| !entry.is_explained()) {
        let advice = "say why the target deviates";
        anstream::eprintln!("warning: {path}: {:?} is still to be explained; {advice}", entry.id);
    }
    for entry in untried(&target.plan.known, outcomes) {
        let what = "its cases were all skipped, so it is neither confirmed nor refuted";
        anstream::eprintln!("note: {path}: {:?}: {what}", entry.id);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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

fn write_reports(reports: &[Report], several: bool, args: &RunArgs) -> Result<(), Stop> {
    if let Some(path) = &args.json {
        let text = json::write(reports, several);
        write(path, &text.map_err(|error| Stop::usage(error.to_string()))?)?;
    }
    args.outputs.write(reports)
}

/// A hint at an id that holds the selector's last part, or is written like it.
fn nearest(selector: &str, corpus: &Corpus) -> String {
    let part = selector.rsplit('/').next().unwrap_or(selector).trim_matches('*');
    let near =
        corpus.scenarios.iter().find(|scenario| !part.is_empty() && scenario.id.contains(part));
    let ids = corpus.scenarios.iter().map(|scenario| scenario.id.as_str());
    let near = near.map(|scenario| scenario.id.as_str()).or_else(|| alike(selector, ids));
    near.map(|id| format!("; did you mean {id:?}?")).unwrap_or_default()
}
