//! What can be read but can't be meant.

use crate::{
    corpus::Corpus,
    scenario::{Problem, Scenario},
};

/// Everything doubtful about one scenario of a corpus.
pub fn lint(_scenario: &Scenario, _corpus: &Corpus) -> Vec<Problem> {
    Vec::new()
}
