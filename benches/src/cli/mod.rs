//! The subcommands: their options, and what they do.

mod ab;
mod compare;
mod curves;
mod goals;
mod report;
mod run;

use std::str::FromStr;

pub(crate) use self::{
    ab::Ab, compare::Compare, curves::Curves, goals::Goals, report::Report, run::Run,
};

/// A share, more than 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold(f64);

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Threshold, String> {
        let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 0.01));
        match number.trim().parse::<f64>() {
            Ok(value) if value > 0.0 && value * scale < 1.0 => Ok(Threshold(value * scale)),
            _ => Err("a threshold is more than 0 and less than 100%, such as 5% or 0.05".into()),
        }
    }
}

/// The command line that reports show.
fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("broker-bench".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Many connections need many files; servers inherit the limit.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If that is not allowed, connecting will say what is missing.
    let _ = setrlimit(Resource::Nofile, limit);
}
