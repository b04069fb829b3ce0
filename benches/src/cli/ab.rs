//! `ab`: whether one target is worse than another.

use std::process::ExitCode;

use broker_bench::{
    error::{Error, Result},
    record::{Metric, Record},
    report::{floor, terminal},
    session::More,
    statistics::{Comparison, Verdict, compare},
};
use clap::Args;

use super::{Threshold, run::Common};

#[derive(Debug, Args)]
pub(crate) struct Ab {
    /// The base.
    #[arg(long = "a", value_name = "TARGET")]
    base: String,
    /// Who is judged.
    #[arg(long = "b", required = true, value_name = "TARGET")]
    others: Vec<String>,
    /// What is no difference: 5% or 0.05.
    #[arg(long, default_value = "5%")]
    threshold: Threshold,
    /// Blocks of each shape and target, five or more.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Goes on, two rounds at a time, up to so many where a verdict is inconclusive.
    #[arg(long, value_name = "ROUNDS")]
    rounds_max: Option<usize>,
    /// Only these metrics decide, as server_cpu; without it, the primary ones of each shape.
    #[arg(long = "decides", value_name = "METRIC", num_args = 1.., value_parser = metric)]
    deciding: Vec<Metric>,
    #[command(flatten)]
    common: Common,
}

impl Ab {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut names = vec![self.base];
        names.extend(self.others);
        let Threshold(threshold) = self.threshold;
        let more = self.rounds_max.map(|rounds| More { rounds, threshold });
        let record = self.common.measure(&names, self.rounds, more)?;
        println!("{}", terminal::ab(&record, threshold));
        self.common.write(&record, Some(threshold))?;
        judge(&record, threshold, &self.deciding)
    }
}

/// A metric by its name.
fn metric(name: &str) -> std::result::Result<Metric, String> {
    Metric::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Metric::ALL.into_iter().map(Metric::name).collect();
        format!("there is no such metric; there are {}", names.join(", "))
    })
}

/// The exit code.
fn judge(record: &Record, threshold: f64, deciding: &[Metric]) -> Result<ExitCode> {
    let decides = |comparison: &Comparison| match deciding {
        [] => comparison.primary,
        deciding => deciding.contains(&comparison.metric),
    };
    let judged: Vec<Comparison> = compare(record).into_iter().filter(decides).collect();
    if let Some((comparison, floor)) = drowned(record, &judged, threshold) {
        return Err(Error::Usage(format!(
            "a threshold of {:.1} % is too fine: on this machine {} {} strays {:.1} % from itself \
             with {} rounds\n  take a greater --threshold, more --rounds, longer --seconds, or a \
             quieter machine",
            threshold * 100.0,
            comparison.shape,
            comparison.metric.name(),
            floor * 100.0,
            record.method.rounds,
        )));
    }
    let regressed =
        judged.iter().any(|comparison| comparison.verdict(threshold) == Some(Verdict::Regressed));
    Ok(ExitCode::from(u8::from(regressed || broken(record))))
}

/// A comparison whose noise is greater than the threshold.
fn drowned<'a>(
    record: &Record,
    judged: &'a [Comparison],
    threshold: f64,
) -> Option<(&'a Comparison, f64)> {
    let mut noisy: Vec<(&Comparison, f64)> = judged
        .iter()
        .filter_map(|comparison| Some((comparison, floor(record, comparison)?)))
        .filter(|(_, floor)| *floor > threshold)
        .collect();
    noisy.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    noisy.first().copied()
}

/// Whoever is judged did wrong where the base did not.
fn broken(record: &Record) -> bool {
    let base = record.targets.first().map(|target| target.name.as_str());
    let wrong = |shape: &str, of_base: bool| {
        record.blocks.iter().any(|block| {
            block.shape == shape
                && block.invalid.is_some()
                && (Some(block.target.as_str()) == base) == of_base
        })
    };
    record.shapes.iter().any(|shape| wrong(&shape.id, false) && !wrong(&shape.id, true))
}
