//! The report that build servers read.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    json::{CaseReport, Report as Run},
    table::{Table, scenario_of},
};
use crate::run::Verdict;

/// The runs as JUnit XML: a suite for each folder of scenarios. Of several targets each has its
/// own suites, named with the target in front.
///
/// # Errors
/// What the XML writer says.
pub fn junit(runs: &[Run]) -> Result<String, quick_junit::SerializeError> {
    let table = Table::new(runs);
    let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
    let mut report = Report::new(format!("nats-conformance {}", names.join(", ")));
    for column in &table.columns {
        let target = match &runs {
            [_] => String::new(),
            _ => format!("{}.", column.key.replace('.', "_")),
        };
        let folder = |case: &CaseReport| scenario_of(&case.id).0.to_owned();
        for cases in column.report.cases.chunk_by(|a, b| folder(a) == folder(b)) {
            let name = format!("{target}{}", folder(&cases[0]).replace('/', "."));
            let mut suite = TestSuite::new(name.clone());
            suite.add_test_cases(cases.iter().map(|one| case(one, &name)));
            report.add_test_suite(suite);
        }
    }
    report.to_string()
}

fn case(case: &CaseReport, suite: &str) -> TestCase {
    let text = case.message.clone().unwrap_or_default();
    let details = || {
        let mut lines = Vec::new();
        lines.extend(
            case.line.map(|line| format!("scenarios/{}.nats:{line}", scenario_of(&case.id).1)),
        );
        lines.extend(case.expected.as_ref().map(|text| format!("expected {text}")));
        lines.extend(case.got.as_ref().map(|text| format!("got      {text}")));
        lines.extend(case.transcript.iter().cloned());
        lines.join("\n")
    };
    let broken = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(case.verdict.word()).set_message(text.clone()).set_description(details());
        status
    };
    let status = match case.verdict {
        Verdict::Pass | Verdict::Info => TestCaseStatus::success(),
        Verdict::Fail | Verdict::Warn => broken(NonSuccessKind::Failure),
        Verdict::Error => broken(NonSuccessKind::Error),
        Verdict::Skip | Verdict::Known => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(case.verdict.word()).set_message(text);
            status
        }
    };
    let (_, name) = case.id.rsplit_once('/').unwrap_or(("", &case.id));
    let mut test = TestCase::new(name, status);
    test.set_classname(suite);
    test.set_time(std::time::Duration::from_secs_f64(case.duration_ms / 1e3));
    test
}
