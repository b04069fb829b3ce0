//! The report that build servers read, in the dialect of `schema/junit.xsd`.

use std::{collections::BTreeMap, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    json::{CaseReport, Report as Run},
    table::scenario_of,
};
use crate::run::Verdict;

/// The runs as JUnit XML: a suite for each folder of scenarios, and each target if there are
/// several.
///
/// # Errors
/// What the XML writer says.
pub fn junit(runs: &[Run]) -> Result<String, quick_junit::SerializeError> {
    let mut report = match runs {
        [run] => Report::new(format!("nats-conformance {}", run.provenance.target)),
        _ => Report::new("nats-conformance"),
    };
    for run in runs {
        // Build servers take what stands before a dot for a package.
        let target = (runs.len() > 1).then(|| run.name().replace('.', "_"));
        let mut folders: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
        run.cases.iter().for_each(|case| folders.entry(folder(case)).or_default().push(case));
        for (folder, cases) in folders {
            let folder = folder.replace('/', ".");
            let name = match &target {
                Some(target) => format!("{target}.{folder}"),
                None => folder,
            };
            report.add_test_suite(suite(run, &name, &cases));
        }
    }
    report.to_string()
}

fn suite(run: &Run, name: &str, cases: &[&CaseReport]) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let provenance = &run.provenance;
    let version = provenance.server.version.as_deref().unwrap_or_default();
    suite.add_property(("target", &*provenance.target));
    suite.add_property(("version", version));
    suite.add_property(("judged_as", &*provenance.judged_as));
    suite.add_property(("seed", &*provenance.seed.to_string()));
    suite.set_time(cases.iter().map(|case| duration(case)).sum());
    suite.add_test_cases(cases.iter().map(|one| case(one, name)));
    suite
}

fn case(case: &CaseReport, class: &str) -> TestCase {
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
            // The dialect knows no type of a skip.
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {text}", case.verdict.word()));
            status
        }
    };
    let name = case.id.rsplit('/').next().unwrap_or(&case.id);
    let mut test = TestCase::new(name, status);
    test.set_classname(class);
    test.set_time(duration(case));
    test
}

fn duration(case: &CaseReport) -> Duration {
    Duration::try_from_secs_f64(case.duration_ms / 1e3).unwrap_or_default()
}

/// The folder of a case; the name of the suite for a scenario that lies in none.
fn folder(case: &CaseReport) -> &str {
    case.id.rsplit_once('/').map_or("scenarios", |(folder, _)| folder)
}
