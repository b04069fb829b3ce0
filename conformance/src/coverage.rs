//! Which clauses the scenarios show: no promise of the register may be forgotten.

use serde::Serialize;

use crate::{
    clauses::Clause,
    corpus::Corpus,
    scenario::{Level, Scenario},
};

/// Every clause of a corpus with what shows it.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    /// In the order of the register.
    pub entries: Vec<Entry<'a>>,
}

/// One clause with what shows it.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The promise.
    pub clause: &'a Clause,
    /// The scenarios that name it in `spec:`, by id.
    pub scenarios: Vec<&'a Scenario>,
}

/// How a clause is shown, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// A scenario names it.
    Reached,
    /// No scenario, but a test does.
    Tested,
    /// Nothing does, with a reason.
    Outside,
    /// Nothing does.
    Unreached,
}

/// How many clauses are not forgotten, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Reached, tested or outside.
    pub covered: usize,
    /// All of them.
    pub all: usize,
}

impl Entry<'_> {
    /// How it is shown.
    pub fn standing(&self) -> Standing {
        match (self.scenarios.is_empty(), self.clause.tests.is_empty(), &self.clause.outside) {
            (false, ..) => Standing::Reached,
            (true, false, _) => Standing::Tested,
            (true, true, Some(_)) => Standing::Outside,
            (true, true, None) => Standing::Unreached,
        }
    }

    /// Whether it may not stay as it is: a MUST or a SHOULD that nothing shows.
    pub fn is_gap(&self) -> bool {
        self.standing() == Standing::Unreached && self.clause.level != Level::May
    }
}

impl<'a> Coverage<'a> {
    /// The coverage of a corpus.
    pub fn of(corpus: &'a Corpus) -> Coverage<'a> {
        let entry = |clause: &'a Clause| {
            let names = |scenario: &&Scenario| {
                scenario.header.spec.iter().any(|name| name.value == clause.id)
            };
            let scenarios = corpus.scenarios.iter().map(|scenario| &**scenario);
            Entry { clause, scenarios: scenarios.filter(names).collect() }
        };
        Coverage { entries: corpus.register.clauses.iter().map(entry).collect() }
    }

    /// The sections, in the order of the register.
    pub fn sections(&self) -> Vec<&'a str> {
        let mut sections: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !sections.contains(&&*entry.clause.section) {
                sections.push(&entry.clause.section);
            }
        }
        sections
    }

    /// The clauses of one section.
    pub fn section(&self, section: &str) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(move |entry| entry.clause.section == section)
    }

    /// The clauses that stand so.
    pub fn standing(&self, standing: Standing) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(move |entry| entry.standing() == standing)
    }

    /// The MUSTs and SHOULDs that nothing shows.
    pub fn gaps(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| entry.is_gap())
    }

    /// How many clauses of a section, or of all, and of a level, or of any, are covered.
    pub fn count(&self, section: Option<&str>, level: Option<Level>) -> Count {
        let asked = self.entries.iter().filter(|entry| {
            section.is_none_or(|section| entry.clause.section == section)
                && level.is_none_or(|level| entry.clause.level == level)
        });
        asked.fold(Count::default(), |count, entry| Count {
            covered: count.covered + usize::from(entry.standing() != Standing::Unreached),
            all: count.all + 1,
        })
    }
}
