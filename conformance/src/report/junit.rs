//! The report that build servers read.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::json::{CaseReport, Report as Run};
use crate::run::Verdict;

/// The run as JUnit XML: a suite for each folder of scenarios.
///
/// # Errors
/// What the XML writer says.
pub fn junit(run: &Run) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(format!("nats-conformance {}", run.provenance.target));
    let folder =
        |case: &CaseReport| case.id.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut at = 0;
    while at < run.cases.len() {
        let name = folder(&run.cases[at]);
        let end = run.cases[at..].iter().position(|case| folder(case) != name);
        let end = end.map_or(run.cases.len(), |length| at + length);
        let mut suite = TestSuite::new(name.replace('/', "."));
        suite.add_test_cases(run.cases[at..end].iter().map(case));
        report.add_test_suite(suite);
        at = end;
    }
    report.to_string()
}

fn case(case: &CaseReport) -> TestCase {
    let text = case.message.clone().unwrap_or_default();
    let details = || {
        let mut lines = Vec::new();
        lines.extend(case.line.map(|line| format!("scenarios/{}.nats:{line}", base(&case.id))));
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
    let (folder, name) = case.id.rsplit_once('/').unwrap_or(("", &case.id));
    let mut test = TestCase::new(name, status);
    test.set_classname(folder.replace('/', "."));
    test.set_time(std::time::Duration::from_secs_f64(case.duration_ms / 1e3));
    test
}

/// The id without its row.
fn base(id: &str) -> &str {
    id.split('[').next().unwrap_or(id)
}
