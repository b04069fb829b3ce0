//! Which goals a broker has reached: how fast it is to be beside others, and below a limit.
//!
//! For each unit of a shape the server's processor time is to be at most half of the best other's.
//! The rate is to be at least twice the best other's, where the limit leaves so much room; where it
//! doesn't, at least three quarters of the limit's, and never less than the best other's, which is
//! all that is wanted of subscriptions. 99 % of all requests are to be answered as soon as with the
//! best other. A silent connection and a subscription have a size. A goal that the limit misses is
//! out of reach.

use crate::{
    error::{Error, Result},
    record::{Metric, Record, ShapeRecord},
    shape::Load,
    statistics::median_score,
};

/// Of the best other's processor time.
const CPU_SHARE: f64 = 0.5;
/// Of the best other's rate.
const RATE_TIMES: f64 = 2.0;
/// Of the limit's rate.
const LIMIT_SHARE: f64 = 0.75;
/// Bytes of a silent connection.
const CONNECTION_BYTES: f64 = 10_240.0;
/// Bytes of a subscription.
const SUBSCRIPTION_BYTES: f64 = 360.0;

/// Who is judged, and by whom.
#[derive(Debug, Clone)]
pub struct Standard {
    /// Whose goals they are.
    pub broker: String,
    /// The others, the best of which counts under each shape.
    pub against: Vec<String>,
    /// What the system allows: the relay.
    pub limit: Option<String>,
}

/// A goal under a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// [`ShapeRecord::id`].
    pub shape: String,
    /// Processor time, rate, latency or size.
    pub metric: Metric,
    /// The broker's median; none without a score, which reaches no goal.
    pub value: Option<f64>,
    /// What was to be reached.
    pub wanted: f64,
    /// Where that comes from, in words.
    pub why: String,
    /// What the limit itself takes or gives.
    pub limit: Option<f64>,
}

/// What became of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is reached.
    Met,
    /// It is not, though the limit leaves room for it.
    NotMet,
    /// It is not, and the limit itself does not reach it either.
    OutOfReach,
}

impl Goal {
    /// Whether it is reached.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.value.is_some_and(|value| self.reaches(value))
    }

    /// Whether it is reached, and if not, whether it could be.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.limit {
            _ if self.is_met() => Verdict::Met,
            Some(limit) if self.value.is_some() && !self.reaches(limit) => Verdict::OutOfReach,
            _ => Verdict::NotMet,
        }
    }

    fn reaches(&self, value: f64) -> bool {
        match self.metric.higher_is_better() {
            Some(true) => value >= self.wanted,
            _ => value <= self.wanted,
        }
    }
}

/// The goals of all shapes.
///
/// # Errors
/// Names that are no targets of the record.
pub fn goals(record: &Record, standard: &Standard) -> Result<Vec<Goal>> {
    let Standard { broker, against, limit } = standard;
    for name in against.iter().chain([broker]).chain(limit) {
        if !record.targets.iter().any(|target| target.name == *name) {
            let known: Vec<&str> = record.targets.iter().map(|one| one.name.as_str()).collect();
            return Err(Error::Usage(format!(
                "'{name}' is no target of this record; there are {}",
                known.join(", ")
            )));
        }
    }
    Ok(record.shapes.iter().flat_map(|shape| of_shape(record, shape, standard)).collect())
}

fn of_shape(record: &Record, shape: &ShapeRecord, standard: &Standard) -> Vec<Goal> {
    let median = |name: &String, metric| median_score(record, &shape.id, name, metric);
    let goal = |metric| {
        let limit = standard.limit.as_ref().and_then(|name| median(name, metric));
        let (wanted, why) = match (metric, shape.shape.load) {
            (Metric::MemoryEach, Load::Idle { .. }) => (CONNECTION_BYTES, "a size".to_owned()),
            (Metric::MemoryEach, _) => (SUBSCRIPTION_BYTES, "a size".to_owned()),
            (metric, load) => wanted(metric, load, best(record, shape, standard, metric)?, limit)?,
        };
        let value = median(&standard.broker, metric);
        Some(Goal { shape: shape.id.clone(), metric, value, wanted, why, limit })
    };
    // As in the order of reports, processor time first.
    [Metric::ServerCpu, Metric::Rate, Metric::LatencyP99, Metric::MemoryEach]
        .into_iter()
        .filter(|metric| shape.primary.contains(metric))
        .filter_map(goal)
        .collect()
}

/// What is to be reached beside the best other, and where that comes from.
fn wanted(
    metric: Metric,
    load: Load,
    (best, name): (f64, &str),
    limit: Option<f64>,
) -> Option<(f64, String)> {
    let no_worse = (best, format!("as {name}"));
    Some(match metric {
        Metric::ServerCpu => (best * CPU_SHARE, format!("half of {name}")),
        Metric::LatencyP99 => no_worse,
        Metric::Rate if matches!(load, Load::Subscriptions { .. }) => no_worse,
        Metric::Rate => match limit {
            Some(limit) if limit < best * RATE_TIMES => match limit * LIMIT_SHARE {
                share if share < best => no_worse,
                share => (share, "three quarters of the limit".to_owned()),
            },
            _ => (best * RATE_TIMES, format!("twice {name}")),
        },
        _ => return None,
    })
}

/// The best other's median, and who that is.
fn best<'a>(
    record: &Record,
    shape: &ShapeRecord,
    standard: &'a Standard,
    metric: Metric,
) -> Option<(f64, &'a str)> {
    let more = metric.higher_is_better() == Some(true);
    let of =
        |name: &'a String| Some((median_score(record, &shape.id, name, metric)?, name.as_str()));
    standard
        .against
        .iter()
        .filter_map(of)
        .reduce(|one, other| if (other.0 > one.0) == more { other } else { one })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::read, shape::select};

    fn record() -> Record {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/record.json");
        read(data.as_ref()).unwrap()
    }

    fn standard(limit: Option<&str>) -> Standard {
        Standard {
            broker: "embedded".into(),
            against: vec!["nats-server@2.15.1".into()],
            limit: limit.map(str::to_owned),
        }
    }

    /// Sets all of a target's figures.
    fn set(record: &mut Record, target: &str, metric: Metric, value: f64) {
        for block in record.blocks.iter_mut().filter(|block| block.target == target) {
            block.metrics.insert(metric, value);
        }
    }

    fn first(record: &Record, limit: Option<&str>, metric: Metric) -> Goal {
        let all = goals(record, &standard(limit)).unwrap();
        all.into_iter().find(|goal| goal.metric == metric).unwrap()
    }

    #[test]
    fn processor_time_is_to_be_half() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::ServerCpu, 1.0);
        for (value, met) in [(0.5, true), (0.51, false)] {
            set(&mut record, "embedded", Metric::ServerCpu, value);
            let goal = first(&record, None, Metric::ServerCpu);
            assert_eq!((goal.value, goal.wanted, goal.is_met()), (Some(value), 0.5, met));
            assert_eq!(goal.why, "half of nats-server@2.15.1");
        }
    }

    #[test]
    fn a_rate_is_to_be_twice_where_the_limit_leaves_room() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::Rate, 100.0);
        set(&mut record, "embedded", Metric::Rate, 160.0);
        for (limit, wanted, met) in [(200.0, 200.0, false), (199.0, 149.25, true)] {
            set(&mut record, "relay", Metric::Rate, limit);
            let goal = first(&record, Some("relay"), Metric::Rate);
            assert_eq!((goal.wanted, goal.is_met()), (wanted, met));
        }
        assert_eq!(first(&record, None, Metric::Rate).wanted, 200.0);
    }

    #[test]
    fn a_rate_is_never_to_be_behind() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::Rate, 100.0);
        for (limit, wanted, why) in
            [(134.0, 100.5, "three quarters of the limit"), (133.0, 100.0, "as nats-server@2.15.1")]
        {
            set(&mut record, "relay", Metric::Rate, limit);
            let goal = first(&record, Some("relay"), Metric::Rate);
            assert_eq!((goal.wanted, goal.why.as_str()), (wanted, why));
        }
    }

    #[test]
    fn latency_is_to_be_no_worse() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::LatencyP99, 70.0);
        for (value, met) in [(70.0, true), (70.1, false)] {
            set(&mut record, "embedded", Metric::LatencyP99, value);
            let goal = first(&record, None, Metric::LatencyP99);
            assert_eq!((goal.shape.as_str(), goal.wanted), ("request-1/128", 70.0));
            assert_eq!(goal.is_met(), met);
        }
    }

    /// The record with its first shape made into another one.
    fn shaped(name: &str) -> Record {
        let mut record = record();
        let shape = select(&[name.to_owned()], &[]).unwrap().remove(0);
        record.shapes.truncate(1);
        record.shapes[0].primary = shape.primary().to_vec();
        record.shapes[0].shape = shape;
        record
    }

    #[test]
    fn connections_and_subscriptions_have_a_size_whatever_others_take() {
        for (name, bytes) in [("idle", 10_240.0), ("subscriptions", 360.0)] {
            let mut record = shaped(name);
            set(&mut record, "nats-server@2.15.1", Metric::MemoryEach, 1.0);
            for (value, met) in [(bytes, true), (bytes + 1.0, false)] {
                set(&mut record, "embedded", Metric::MemoryEach, value);
                let goal = first(&record, None, Metric::MemoryEach);
                assert_eq!((goal.wanted, goal.is_met()), (bytes, met));
            }
        }
    }

    #[test]
    fn subscriptions_are_to_be_made_as_fast_as_elsewhere() {
        let mut record = shaped("subscriptions");
        set(&mut record, "nats-server@2.15.1", Metric::Rate, 100.0);
        assert_eq!(first(&record, None, Metric::Rate).wanted, 100.0);
    }

    #[test]
    fn what_the_limit_does_not_reach_is_out_of_reach() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::ServerCpu, 1.0);
        for (value, limit, verdict) in [
            (0.4, 0.6, Verdict::Met),
            (0.6, 0.51, Verdict::OutOfReach),
            (0.6, 0.5, Verdict::NotMet),
        ] {
            set(&mut record, "embedded", Metric::ServerCpu, value);
            set(&mut record, "relay", Metric::ServerCpu, limit);
            let goal = first(&record, Some("relay"), Metric::ServerCpu);
            assert_eq!((goal.limit, goal.verdict()), (Some(limit), verdict));
            assert_ne!(first(&record, None, Metric::ServerCpu).verdict(), Verdict::OutOfReach);
        }
    }

    #[test]
    fn the_better_other_counts() {
        let mut record = record();
        set(&mut record, "nats-server@2.15.1", Metric::ServerCpu, 3.0);
        set(&mut record, "relay", Metric::ServerCpu, 2.0);
        set(&mut record, "nats-server@2.15.1", Metric::Rate, 30.0);
        set(&mut record, "relay", Metric::Rate, 20.0);
        let against = vec!["nats-server@2.15.1".into(), "relay".into()];
        let all = goals(&record, &Standard { against, ..standard(None) }).unwrap();
        assert_eq!((all[0].wanted, all[1].wanted), (1.0, 60.0));
    }

    #[test]
    fn without_a_score_no_goal_is_met() {
        let mut record = record();
        for block in record.blocks.iter_mut().filter(|block| block.target == "embedded") {
            block.invalid = Some("1 lost".into());
        }
        let all = goals(&record, &standard(None)).unwrap();
        assert!(!all.is_empty() && all.iter().all(|goal| goal.value.is_none() && !goal.is_met()));
    }

    #[test]
    fn names_must_be_targets() {
        let standard = Standard { broker: "nobody".into(), ..standard(None) };
        let why = goals(&record(), &standard).unwrap_err().to_string();
        assert!(why.contains("'nobody' is no target") && why.contains("embedded"), "{why}");
    }
}
