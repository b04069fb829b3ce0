//! The report for people at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::json::{Report, line_of};
use crate::run::{Outcome, Verdict};

/// Lines of the scenario shown above the one that did not hold.
const CONTEXT: usize = 2;

/// The colour of a verdict.
pub fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail | Verdict::Error => AnsiColor::Red,
        Verdict::Warn => AnsiColor::Yellow,
        Verdict::Info => AnsiColor::Cyan,
        Verdict::Skip | Verdict::Known => AnsiColor::BrightBlack,
    };
    colour.on_default().bold()
}

/// What went wrong with one case: where it stands, what was expected, what came, and how to see it
/// again. `again` is the command without the id.
pub fn failure(outcome: &Outcome, server: &str, seed: u64, again: &str, trace: bool) -> String {
    let (case, style) = (&outcome.case, style(outcome.verdict));
    let header = &case.scenario.header;
    let word = outcome.verdict.word().to_uppercase();
    let clause = header.spec.first().map_or("", |clause| &clause.value);
    let level = format!("{:?}", header.level).to_uppercase();
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(
        text,
        "{style}{word}{style:#} {}  {level} {clause}  on {server}, seed {seed}",
        case.id
    );
    let _ = writeln!(text, "  {}", header.title.value);
    if let Some(row) = case.row_text() {
        let _ = writeln!(text, "  row: {row}");
    }
    if let Some(failure) = &outcome.failure {
        let line = line_of(&case.scenario.text, failure.span.start);
        let last = line_of(&case.scenario.text, failure.span.end.saturating_sub(1)).max(line);
        let _ = writeln!(text, "  --> scenarios/{}.nats:{line}", case.scenario.id);
        for (at, content) in case.scenario.text.lines().enumerate() {
            if (line.saturating_sub(CONTEXT)..=last).contains(&(at + 1)) {
                let _ = writeln!(text, "{:>4} | {content}", at + 1);
            }
        }
        let mut say = |what: &str, words: &str| {
            let _ = writeln!(text, "     |   {what:<9} {words}");
        };
        say("because", &failure.message);
        failure.expected.iter().for_each(|words| say("expected", words));
        failure.got.iter().for_each(|words| say("got", words));
        for (peer, frame) in &failure.waiting {
            say("waiting", &format!("{peer}< {frame}"));
        }
    } else if let Some(message) = &outcome.message {
        let _ = writeln!(text, "  {message}");
    }
    if trace {
        for event in &outcome.events {
            let _ = writeln!(text, "     {}", event.line());
        }
    }
    if let Some(log) = outcome.log.as_ref().filter(|_| trace) {
        let _ = writeln!(text, "   the server's log ends with");
        log.lines().for_each(|line| {
            let _ = writeln!(text, "     {line}");
        });
    }
    let _ = writeln!(
        text,
        "   = again: nats-conformance run '{}'{again} --seed {seed} --trace",
        case.id
    );
    text
}

/// The last lines: how many came to what, and why some were not asked.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let skipped = report.cases.iter().filter(|case| case.verdict == Verdict::Skip);
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for case in skipped {
        let reason = case.message.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    for (reason, count) in reasons {
        let _ = writeln!(text, "skipped {count}: {reason}");
    }
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .map(|verdict| (verdict, report.summary.get(verdict.word()).copied().unwrap_or(0)))
        .filter(|(verdict, count)| **verdict == Verdict::Pass || *count > 0)
        .map(|(verdict, count)| {
            let style = style(*verdict);
            format!("{style}{count} {}{style:#}", verdict.word())
        })
        .collect();
    let seconds = report.provenance.duration_ms as f64 / 1e3;
    let _ = write!(text, "{} cases in {seconds:.1} s: {}", report.cases.len(), counts.join(", "));
    text
}
