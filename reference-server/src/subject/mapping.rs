//! Where publications go instead (ACC-017, ACC-018).

use std::collections::HashMap;

use rand::RngExt;
use thiserror::Error;

use super::{
    is_valid_pattern, matches,
    transform::{Transform, TransformError, numbered},
};

/// Where publications to a subject go instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectMapping {
    /// What is published to: a subject or a pattern.
    pub source: String,
    /// One of them is chosen for each message. What is left of 100 % stays with the source, unless
    /// that is listed itself: then it is lost.
    pub destinations: Vec<Destination>,
}

/// A place that a mapping leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A subject, where `$1` or `{{wildcard(1)}}` stands for the first wildcard's token, and
    /// other functions make more of it, as in nats-server.
    pub subject: String,
    /// The share of the messages in percent.
    pub weight: u8,
    /// It counts in a cluster of this name only: never in this server, which is in none.
    pub cluster: Option<String>,
}

/// All mappings of an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mappings(Vec<Mapping>);

#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    source: String,
    /// By share, each with the sum of those up to it.
    destinations: Vec<(u8, Transform)>,
}

/// Why a mapping can't be meant, in nats-server's words (ACC-019).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum MappingError {
    #[error("Subject {0:?} is not a valid subject")]
    Source(String),
    #[error("Error adding mapping for {source_subject:?} to {destination:?} : {error}")]
    Only { source_subject: String, destination: String, error: TransformError },
    #[error("Error adding mapping for {source_subject:?} : {words}")]
    Listed { source_subject: String, words: String },
}

impl SubjectMapping {
    /// Everything that is published to `source` goes to `destination`.
    pub fn new(source: impl Into<String>, destination: impl Into<String>) -> SubjectMapping {
        SubjectMapping { source: source.into(), destinations: Vec::new() }.to(destination, 100)
    }

    /// Nothing is mapped yet.
    pub fn of(source: impl Into<String>) -> SubjectMapping {
        SubjectMapping { source: source.into(), destinations: Vec::new() }
    }

    /// Adds a destination for a share of the messages, in percent.
    pub fn to(mut self, subject: impl Into<String>, weight: u8) -> SubjectMapping {
        self.destinations.push(Destination { subject: subject.into(), weight, cluster: None });
        self
    }

    fn compile(&self) -> Result<Mapping, MappingError> {
        let source = &self.source;
        if !is_valid_pattern(source.as_bytes()) {
            return Err(MappingError::Source(source.clone()));
        }
        let listed = |words: String| MappingError::Listed { source_subject: source.clone(), words };
        let (mut destinations, mut sums) = (Vec::new(), HashMap::new());
        for (at, Destination { subject, weight, cluster }) in self.destinations.iter().enumerate() {
            if self.destinations[..at].iter().any(|earlier| earlier.subject == *subject) {
                return Err(listed(format!("duplicate entry for {subject:?}")));
            }
            let sum: &mut u32 = sums.entry(cluster).or_default();
            *sum += u32::from(*weight);
            if *sum > 100 {
                return Err(listed("total weight needs to be <= 100".to_owned()));
            }
            let transform =
                Transform::mapping(source, subject).map_err(|error| match self.is_plain() {
                    true => MappingError::Only {
                        source_subject: source.clone(),
                        destination: subject.clone(),
                        error,
                    },
                    false => listed(error.to_string()),
                })?;
            if cluster.is_none() {
                destinations.push((*weight, transform));
            }
        }
        let total: u8 = destinations.iter().map(|(weight, _)| weight).sum();
        if total != 100 && !self.destinations.iter().any(|it| it.subject == *source) {
            let same = Transform::mapping(source, &numbered(source));
            destinations.push((100 - total, same.map_err(|error| listed(error.to_string()))?));
        }
        destinations.sort_by_key(|(weight, _)| *weight);
        let mut sum = 0;
        for (weight, _) in &mut destinations {
            sum += *weight;
            *weight = sum;
        }
        Ok(Mapping { source: source.clone(), destinations })
    }

    /// Whether it names no more than another subject.
    fn is_plain(&self) -> bool {
        matches!(&*self.destinations, [Destination { weight: 100, cluster: None, .. }])
    }

    /// Says what can't be meant, if anything.
    pub(crate) fn problem(&self) -> Option<MappingError> {
        self.compile().err()
    }
}

impl Mappings {
    /// None if there are none. Takes mappings that have no [`problem`](SubjectMapping::problem);
    /// of several for the same source the last one holds.
    pub(crate) fn new(mappings: &[SubjectMapping]) -> Option<Mappings> {
        let mut all: Vec<Mapping> = Vec::new();
        for mapping in mappings.iter().filter_map(|mapping| mapping.compile().ok()) {
            match all.iter_mut().find(|earlier| earlier.source == mapping.source) {
                Some(earlier) => *earlier = mapping,
                None => all.push(mapping),
            }
        }
        (!all.is_empty()).then_some(Mappings(all))
    }

    /// Where a publication goes instead; none if no mapping is for it. An empty subject leads
    /// nowhere: the message is lost.
    pub(crate) fn map(&self, subject: &[u8]) -> Option<Vec<u8>> {
        let mapping = self.0.iter().find(|it| matches(it.source.as_bytes(), subject))?;
        let chance = match &*mapping.destinations {
            [(100, _)] => 0,
            _ => rand::rng().random_range(0..100),
        };
        let chosen = mapping.destinations.iter().find(|(weight, _)| chance < *weight);
        Some(chosen.map_or_else(Vec::new, |(_, transform)| transform.apply(subject)))
    }

    /// Each source with its destinations and the sums of their shares, for a page.
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "the pages look at it"))]
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, Vec<(&str, u8)>)> {
        self.0.iter().map(|Mapping { source, destinations }| {
            let each = destinations.iter().map(|(weight, it)| (it.destination(), *weight));
            (source.as_str(), each.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(mapping: SubjectMapping) -> String {
        mapping.problem().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn what_cant_be_meant_is_told_as_nats_server_does() {
        // ACC-019
        let twice = SubjectMapping::of("a").to("b", 60).to("c", 60);
        let head = "Error adding mapping for \"a\" : ";
        assert_eq!(words(twice), format!("{head}total weight needs to be <= 100"));
        let same = SubjectMapping::of("a").to("b", 60).to("b", 20);
        assert_eq!(words(same), format!("{head}duplicate entry for \"b\""));
        assert_eq!(
            words(SubjectMapping::new("a", "b..c")),
            "Error adding mapping for \"a\" to \"b..c\" : invalid mapping destination: \
             invalid transform"
        );
        assert_eq!(
            words(SubjectMapping::new("a..b", "c")),
            "Subject \"a..b\" is not a valid subject"
        );
        assert_eq!(words(SubjectMapping::of("a").to("b", 60).to("a", 20)), "");
    }

    #[test]
    fn what_is_left_stays_unless_the_source_is_listed() {
        // ACC-018
        let shares = |mapping: SubjectMapping| {
            let mappings = Mappings::new(&[mapping]).unwrap();
            let shown = mappings.shown().next().unwrap().1;
            shown.into_iter().map(|(it, sum)| format!("{it} {sum}")).collect::<Vec<_>>()
        };
        assert_eq!(shares(SubjectMapping::of("a.*").to("b.$1", 30)), ["b.$1 30", "a.$1 100"]);
        assert_eq!(shares(SubjectMapping::of("a").to("b", 30).to("a", 20)), ["a 20", "b 50"]);
        let lost = Mappings::new(&[SubjectMapping::of("a").to("a", 0)]).unwrap();
        assert_eq!(lost.map(b"a"), Some(Vec::new()));
        assert_eq!(lost.map(b"b"), None);
    }

    #[test]
    fn the_last_mapping_of_a_source_holds() {
        let two = [SubjectMapping::new("a.*", "b"), SubjectMapping::new("a.*", "c.$1")];
        assert_eq!(Mappings::new(&two).unwrap().map(b"a.x").as_deref(), Some(&b"c.x"[..]));
        assert_eq!(Mappings::new(&[]), None);
    }
}
