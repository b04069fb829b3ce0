//! A scenario's text, told to a server.

use std::{sync::Arc, time::Duration};

use nats_conformance::{
    corpus::Corpus,
    lint::lint,
    scenario::{Version, cases, parse},
    stage::Stage,
    story::{Cut, Failure, Settings, tell},
    target::Target,
};
use nats_reference_server::Profile;
use serde_json::Map;
use tokio::runtime::Runtime;

/// What our broker is, unless it is told otherwise.
pub(crate) fn newest() -> Version {
    Version::parse(Profile::default().version()).unwrap()
}

/// Tells the scenario, which must be one without a mistake.
pub(crate) fn told(text: &str, target: &Target) -> Option<Failure> {
    let scenario = parse("found", text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    let problems = lint(&scenario, &Corpus::built_in().unwrap());
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    let case = cases(&Arc::new(scenario)).remove(0);
    let settings = Settings {
        seed: 1,
        timeout: Duration::from_secs(20),
        cut: Cut::None,
        version: newest(),
        credentials: Map::new(),
    };
    Runtime::new().unwrap().block_on(async {
        let mut stage = Stage::start(target, &case.scenario, settings.seed).await.unwrap();
        tell(&case, &mut stage, &settings).await.failure
    })
}
