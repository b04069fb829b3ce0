//! `selftest`: the suite against each fault in turn.

use std::{fs, path::PathBuf};

use clap::{Args, ValueHint};
use nats_conformance::{
    corpus::Corpus,
    faults::{self, Fault},
    report::terminal::style,
    run::Verdict,
    scenario::Case,
    selftest::{Matrix, Trial, Until, can_be_tried, cases_for, shuffled, trial},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use super::{
    FINDINGS, HELD, Stop,
    faults::named,
    run::runtime,
    targets::{TargetArgs, prepare_single},
};

/// Scenarios named per fault.
const NAMED: usize = 3;
/// Faults at a time: much of their time goes into waiting for what they keep from coming.
const AT_A_TIME: usize = 3;

#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// Names of faults; all of them without any. See `faults --list`.
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// Run these cases only, also where the fault asks for others; selectors as for `run`.
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    only: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// End each trial with the first case that finds the fault; which one that is, is left to
    /// chance. That takes less time, and says nothing of the other scenarios.
    #[arg(long)]
    first: bool,
    /// Scenarios at a time.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Feed all randomness from this number.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How long a server may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    timeout: super::run::Seconds,
    /// Write what each fault was found by to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    json: Option<PathBuf>,
}

pub(super) fn selftest(corpus: &Corpus, args: &SelftestArgs) -> Result<u8, Stop> {
    let chosen: Vec<&'static Fault> = match &args.faults[..] {
        [] => faults::all().collect(),
        names => names.iter().map(|name| named(name)).collect::<Result<_, _>>()?,
    };
    let (mut cases, useless) = corpus.select(&args.only);
    if let Some(selector) = useless.first() {
        return Err(Stop::usage(format!("no case is named by {selector:?}; see `list`")));
    }
    for case in cases.extract_if(.., |case| !can_be_tried(case)) {
        anstream::println!("left out: {}, which no proxy may stand before", case.id);
    }
    let runtime = runtime()?;
    let matrix = runtime.block_on(run(args, &chosen, &cases))?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&matrix);
        let text = text.map_err(|error| Stop::usage(error.to_string()))? + "\n";
        let failed = |error| Stop::usage(format!("can't write {}: {error}", path.display()));
        fs::write(path, text).map_err(failed)?;
    }
    let is_whole = args.faults.is_empty() && args.only.is_empty() && !args.first;
    Ok(verdict(&matrix, is_whole))
}

async fn run(
    args: &SelftestArgs,
    chosen: &[&'static Fault],
    cases: &[Case],
) -> Result<Matrix, Stop> {
    let mut plan = prepare_single(&args.target, args.seed).await?.plan;
    plan.settings.timeout = args.timeout.0;
    plan.jobs = args.jobs.unwrap_or(plan.jobs).max(1);
    let for_fault = |fault: &Fault| match &args.only[..] {
        [] => cases_for(fault, cases),
        _ => cases.to_vec(),
    };
    let mut random = ChaCha8Rng::seed_from_u64(args.seed);
    let total = chosen.len();
    let healthy = trial(&plan, &faults::NONE, cases.to_vec(), Until::AllAreTold).await?;
    anstream::println!("{}", line(0, total, &healthy));
    let mut waiting = chosen.iter().copied().enumerate();
    let mut running = JoinSet::new();
    let mut trials: Vec<(usize, Trial)> = Vec::new();
    loop {
        while running.len() < AT_A_TIME
            && let Some((at, fault)) = waiting.next()
        {
            let (plan, mut cases, mut until) = (plan.clone(), for_fault(fault), Until::AllAreTold);
            if args.first {
                (cases, until) = (shuffled(&cases, &mut random), Until::OneFindsIt);
            }
            running.spawn(async move { (at, trial(&plan, fault, cases, until).await) });
        }
        let Some(finished) = running.join_next().await else { break };
        let (at, trial) = finished.map_err(|error| Stop::usage(format!("broke off: {error}")))?;
        trials.push((at, trial?));
        if let Some((_, trial)) = trials.last() {
            anstream::println!("{}", line(trials.len(), total, trial));
        }
    }
    trials.sort_by_key(|(at, _)| *at);
    let trials = trials.into_iter().map(|(_, trial)| trial).collect();
    Ok(Matrix::new(healthy, trials))
}

/// One line for one fault.
fn line(at: usize, total: usize, trial: &Trial) -> String {
    let (word, verdict) = match (&trial.caught[..], trial.equivalent, trial.fault) {
        (_, _, _) if !trial.errors.is_empty() => ("error", Verdict::Error),
        ([], None, "none") | ([], Some(_), _) => ("quiet", Verdict::Pass),
        ([], None, _) => ("MISSED", Verdict::Fail),
        (_, _, "none") | (_, Some(_), _) => ("ALARM", Verdict::Fail),
        _ => ("found", Verdict::Pass),
    };
    let style = style(verdict);
    let (caught, run) = (trial.caught.len(), trial.run.len());
    let catches = trial.errors.iter().chain(&trial.caught);
    let mut names: Vec<&str> = catches.take(NAMED).map(|catch| &*catch.id).collect();
    if caught > NAMED {
        names.push("…");
    }
    let seconds = trial.duration.as_secs_f32();
    format!(
        "{at:>3}/{total} {style}{word:<6}{style:#} {:<32} {caught:>3} of {run:>3} \
         in {seconds:>4.1} s  {}",
        trial.fault,
        names.join(", ")
    )
}

/// What it all comes to, and the exit code.
fn verdict(matrix: &Matrix, is_whole: bool) -> u8 {
    for catch in matrix.healthy.caught.iter().chain(&matrix.healthy.errors) {
        let message = catch.message.as_deref().unwrap_or_default();
        anstream::println!("without a fault {} finds: {message}", catch.id);
    }
    for trial in matrix.wrong() {
        let (name, what) = (trial.fault, trial.what);
        match (trial.errors.first(), trial.equivalent) {
            (Some(error), _) => {
                let message = error.message.as_deref().unwrap_or_default();
                anstream::println!("could not judge {name}: {}: {message}", error.id);
            }
            (None, Some(reason)) => {
                let by = &trial.caught[0].id;
                anstream::println!("{by} finds {name}, which is allowed: {reason}");
            }
            (None, None) => anstream::println!("no scenario finds {name}: {what}"),
        }
    }
    if is_whole && !matrix.unreached.is_empty() {
        anstream::println!("scenarios that find no fault: {}", matrix.unreached.join(", "));
    }
    let found = matrix.trials.iter().filter(|trial| !trial.caught.is_empty()).count();
    let wrong = matrix.wrong().count();
    let healthy = matrix.healthy.caught.is_empty() && matrix.healthy.errors.is_empty();
    let seconds: f32 = matrix.trials.iter().map(|trial| trial.duration.as_secs_f32()).sum();
    anstream::println!(
        "{} faults in {seconds:.0} s: {found} found, {} allowed, {wrong} not as they should be",
        matrix.trials.len(),
        matrix.trials.iter().filter(|trial| trial.equivalent.is_some()).count(),
    );
    if healthy && wrong == 0 { HELD } else { FINDINGS }
}
