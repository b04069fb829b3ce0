//! What is different between two files of results, case by case.

use std::{collections::BTreeMap, fmt::Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::json::{CaseReport, Report};
use crate::run::Verdict;

/// What is different for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetDiff {
    /// What the target is called in the old file; nothing if it is not in there.
    pub old: Option<String>,
    /// What the target is called in the new file; nothing if it is not in there.
    pub new: Option<String>,
    /// Why the two can't be compared case by case as they are: other scenarios, other options.
    pub remarks: Vec<String>,
    /// Newly failing first; then by id.
    pub transitions: Vec<Transition>,
    /// How many cases came to the same verdict.
    pub unchanged: usize,
}

/// A case that came to another verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The case.
    pub id: String,
    /// What kind of change it is.
    pub kind: Kind,
    /// The old verdict; nothing for a new case.
    pub old: Option<Verdict>,
    /// The new verdict; nothing for a case that is gone.
    pub new: Option<Verdict>,
    /// Whether the scenario's text is another one.
    pub scenario_changed: bool,
    /// Why it came to the new verdict, if it is not a pass.
    pub message: Option<String>,
}

/// Kinds of change, in the order of their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A finding (fail, warn, error) that was none, or was not there.
    NewlyFailing,
    /// A pass that was none.
    NewlyPassing,
    /// Another verdict otherwise.
    Changed,
    /// The case was not there.
    New,
    /// The case is no longer there.
    Gone,
}

impl Kind {
    const ALL: [Kind; 5] =
        [Kind::NewlyFailing, Kind::NewlyPassing, Kind::Changed, Kind::New, Kind::Gone];

    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Kind::NewlyFailing => "newly failing",
            Kind::NewlyPassing => "newly passing",
            Kind::Changed => "changed",
            Kind::New => "new",
            Kind::Gone => "gone",
        }
    }
}

/// Compares two files of results. Targets are paired by name; a file with one target against
/// another with one is a pair whatever they are called: that is how two releases are compared.
pub fn diff(old: &[Report], new: &[Report]) -> Vec<TargetDiff> {
    if let ([old], [new]) = (old, new) {
        return vec![target(Some(old), Some(new))];
    }
    let find =
        |reports: &'_ [Report], name: &str| reports.iter().position(|report| report.name() == name);
    let paired = new.iter().map(|report| {
        let before = find(old, report.name()).map(|at| &old[at]);
        target(before, Some(report))
    });
    let gone = old.iter().filter(|report| find(new, report.name()).is_none());
    paired.chain(gone.map(|report| target(Some(report), None))).collect()
}

/// Whether anything fails that did not.
pub fn is_worse(diffs: &[TargetDiff]) -> bool {
    diffs.iter().any(|diff| diff.count(Kind::NewlyFailing) > 0)
}

fn target(old: Option<&Report>, new: Option<&Report>) -> TargetDiff {
    let by_id = |report: Option<&'_ Report>| -> BTreeMap<String, CaseReport> {
        let cases = report.map_or(&[][..], |report| &report.cases);
        cases.iter().map(|case| (case.id.clone(), case.clone())).collect()
    };
    let (before, mut after) = (by_id(old), by_id(new));
    let mut unchanged = 0;
    let mut transitions = Vec::new();
    for (id, case) in &before {
        let now = after.remove(id);
        match now.as_ref().is_some_and(|now| now.verdict == case.verdict) {
            true => unchanged += 1,
            false => transitions.push(transition(id, Some(case), now.as_ref())),
        }
    }
    transitions.extend(after.iter().map(|(id, now)| transition(id, None, Some(now))));
    if let (Some(old), Some(new)) = (old, new) {
        for transition in &mut transitions {
            let id = transition.id.split('[').next().unwrap_or_default();
            let (was, is) = (old.scenarios.get(id), new.scenarios.get(id));
            transition.scenario_changed = was.is_some() && is.is_some() && was != is;
        }
    }
    transitions.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    let name = |report: &Report| report.name().to_owned();
    let remarks = old.zip(new).map(|(old, new)| remarks(old, new)).unwrap_or_default();
    TargetDiff { old: old.map(name), new: new.map(name), remarks, transitions, unchanged }
}

fn transition(id: &str, old: Option<&CaseReport>, new: Option<&CaseReport>) -> Transition {
    let (was, is) = (old.map(|case| case.verdict), new.map(|case| case.verdict));
    let is_finding = |verdict: Option<Verdict>| verdict.is_some_and(Verdict::is_finding);
    let kind = match (was, is) {
        _ if is_finding(is) && !is_finding(was) => Kind::NewlyFailing,
        (None, _) => Kind::New,
        (_, None) => Kind::Gone,
        (_, Some(Verdict::Pass)) => Kind::NewlyPassing,
        _ => Kind::Changed,
    };
    let message = new.and_then(|case| case.message.clone());
    Transition { id: id.to_owned(), kind, old: was, new: is, scenario_changed: false, message }
}

/// What makes the comparison of two runs less than fair.
fn remarks(old: &Report, new: &Report) -> Vec<String> {
    let (was, is) = (&old.provenance, &new.provenance);
    let mut remarks = Vec::new();
    let mut compare = |what: &str, was: String, is: String| {
        if was != is {
            remarks.push(format!("{what}: {was}, then {is}"));
        }
    };
    // A report without a suite was written before there was one.
    if !was.suite.is_empty() && !is.suite.is_empty() {
        let short = |suite: &str| suite.chars().take(19).collect::<String>();
        compare("the scenarios are not the same", short(&was.suite), short(&is.suite));
    }
    let words = |words: &[String], none: &str| match words.is_empty() {
        true => none.to_owned(),
        false => words.join(" "),
    };
    let all = "everything";
    compare("other cases were chosen", words(&was.selectors, all), words(&is.selectors, all));
    compare("judged as another release", was.judged_as.clone(), is.judged_as.clone());
    compare(
        "the target lacks other things",
        words(&was.lacks, "nothing"),
        words(&is.lacks, "nothing"),
    );
    compare("cut otherwise", format!("{:?}", was.cut), format!("{:?}", is.cut));
    remarks
}

impl TargetDiff {
    /// How many transitions are of this kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.transitions.iter().filter(|transition| transition.kind == kind).count()
    }

    /// As people read it: every transition, then the totals.
    pub fn text(&self) -> String {
        let bold = Style::new().bold();
        let mut text = match (&self.old, &self.new) {
            (Some(old), Some(new)) if old == new => format!("{bold}{new}{bold:#}\n"),
            (Some(old), Some(new)) => format!("{bold}{new}{bold:#}, before: {old}\n"),
            (None, Some(new)) => format!("{bold}{new}{bold:#} was not judged before\n"),
            (Some(old), None) => format!("{bold}{old}{bold:#} is no longer judged\n"),
            (None, None) => String::new(),
        };
        // Writing to a String can't fail.
        for remark in &self.remarks {
            let _ = writeln!(text, "  {remark}");
        }
        // Where there is nothing to compare with, only findings are news.
        let is_pair = self.old.is_some() && self.new.is_some();
        let is_shown = |kind: Kind| is_pair || kind == Kind::NewlyFailing;
        for kind in Kind::ALL.into_iter().filter(|kind| is_shown(*kind)) {
            let of_kind = || self.transitions.iter().filter(|one| one.kind == kind);
            if of_kind().next().is_none() {
                continue;
            }
            let style = style(kind);
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            of_kind().for_each(|transition| {
                table.add_row(transition.cells());
            });
            let _ = writeln!(text, "  {style}{}{style:#}", kind.words());
            for line in table.lines() {
                let _ = writeln!(text, "    {}", line.trim());
            }
        }
        let count = |kind: Kind| format!("{} {}", self.count(kind), kind.words());
        let counts: Vec<String> = Kind::ALL.into_iter().map(count).collect();
        let _ = write!(text, "  {}, {} as before", counts.join(", "), self.unchanged);
        text
    }
}

impl Transition {
    fn cells(&self) -> [String; 3] {
        let word = |verdict: Option<Verdict>| verdict.map_or("-", Verdict::word);
        let mut why = self.message.clone().unwrap_or_default();
        if self.scenario_changed {
            why = format!("(the scenario has changed) {why}");
        }
        [format!("{} → {}", word(self.old), word(self.new)), self.id.clone(), why]
    }
}

fn style(kind: Kind) -> Style {
    let colour = match kind {
        Kind::NewlyFailing => AnsiColor::Red,
        Kind::NewlyPassing => AnsiColor::Green,
        Kind::Changed => AnsiColor::Yellow,
        Kind::New | Kind::Gone => AnsiColor::BrightBlack,
    };
    colour.on_default().bold()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::report::made::report;

    fn kinds(diff: &TargetDiff) -> Vec<(&str, Kind)> {
        diff.transitions.iter().map(|one| (&*one.id, one.kind)).collect()
    }

    #[test]
    fn every_verdict_against_every_other() {
        use Verdict::{Error, Fail, Info, Known, Pass, Skip, Warn};
        for (old, new, kind) in [
            (Pass, Fail, Kind::NewlyFailing),
            (Skip, Warn, Kind::NewlyFailing),
            (Known, Error, Kind::NewlyFailing),
            (Fail, Pass, Kind::NewlyPassing),
            (Skip, Pass, Kind::NewlyPassing),
            (Fail, Error, Kind::Changed),
            (Pass, Skip, Kind::Changed),
            (Pass, Info, Kind::Changed),
            (Fail, Known, Kind::Changed),
        ] {
            let diffs = diff(&[report("a", &[("x", old)])], &[report("a", &[("x", new)])]);
            assert_eq!(kinds(&diffs[0]), [("x", kind)], "{old:?} {new:?}");
            assert_eq!(is_worse(&diffs), kind == Kind::NewlyFailing);
        }
        for verdict in Verdict::ALL {
            let same = report("a", &[("x", verdict)]);
            let diffs = diff(from_ref(&same), from_ref(&same));
            assert_eq!((diffs[0].unchanged, diffs[0].transitions.len()), (1, 0));
        }
    }

    #[test]
    fn cases_come_and_go_and_a_new_one_may_fail() {
        let old = report("a", &[("gone", Verdict::Fail), ("same", Verdict::Pass)]);
        let new = [("bad", Verdict::Fail), ("new", Verdict::Pass), ("same", Verdict::Pass)];
        let diffs = diff(&[old], &[report("a", &new)]);
        let expected = [("bad", Kind::NewlyFailing), ("new", Kind::New), ("gone", Kind::Gone)];
        assert_eq!(kinds(&diffs[0]), expected);
        assert_eq!(diffs[0].unchanged, 1);
    }

    #[test]
    fn targets_are_paired_by_name_except_one_with_one() {
        let passing = |name| report(name, &[("x", Verdict::Pass)]);
        let failing = |name| report(name, &[("x", Verdict::Fail)]);
        let names = |diffs: &[TargetDiff]| -> Vec<(Option<String>, Option<String>)> {
            diffs.iter().map(|diff| (diff.old.clone(), diff.new.clone())).collect()
        };
        let named = |name: &str| Some(name.to_owned());
        let one = diff(&[passing("2.14")], &[failing("2.15")]);
        assert_eq!(names(&one), [(named("2.14"), named("2.15"))]);
        assert!(is_worse(&one));
        let several = diff(&[passing("a"), failing("b")], &[failing("b"), passing("c")]);
        let expected = [(named("b"), named("b")), (None, named("c")), (named("a"), None)];
        assert_eq!(names(&several), expected);
        assert!(!is_worse(&several));
        assert!(is_worse(&diff(&[passing("a"), passing("b")], &[failing("c"), passing("a")])));
    }

    #[test]
    fn what_makes_it_unfair_is_said() {
        let mut old = report("a", &[("s[1]", Verdict::Pass), ("t", Verdict::Pass)]);
        let mut new = report("a", &[("s[1]", Verdict::Fail), ("t", Verdict::Fail)]);
        assert_eq!(diff(&[old.clone()], &[new.clone()])[0].remarks, Vec::<String>::new());
        old.scenarios = [("s".to_owned(), "one".to_owned())].into();
        new.scenarios = [("s".to_owned(), "two".to_owned())].into();
        old.provenance.suite = "sha256:0123456789abcdef".to_owned();
        new.provenance.suite = "sha256:fedcba9876543210".to_owned();
        new.provenance.selectors = vec!["core/*".to_owned()];
        let diffs = diff(&[old], &[new]);
        let expected = [
            "the scenarios are not the same: sha256:0123456789ab, then sha256:fedcba987654",
            "other cases were chosen: everything, then core/*",
        ];
        assert_eq!(diffs[0].remarks, expected);
        let changed: Vec<bool> =
            diffs[0].transitions.iter().map(|one| one.scenario_changed).collect();
        assert_eq!(changed, [true, false]);
    }

    #[test]
    fn every_transition_is_listed() {
        let old = [("a", Verdict::Pass), ("b", Verdict::Fail), ("c", Verdict::Skip)];
        let new = [("a", Verdict::Fail), ("b", Verdict::Pass), ("d", Verdict::Pass)];
        let diffs = diff(&[report("x", &old)], &[report("y", &new)]);
        let text = anstream::adapter::strip_str(&diffs[0].text()).to_string();
        let expected = "\
y, before: x
  newly failing
    pass → fail  a  why fail
  newly passing
    fail → pass  b
  new
    - → pass  d
  gone
    skip → -  c
  1 newly failing, 1 newly passing, 0 changed, 1 new, 1 gone, 0 as before";
        assert_eq!(text, expected);
    }
}
