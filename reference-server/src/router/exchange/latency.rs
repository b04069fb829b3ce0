//! How long answers of a service take, told to the exporter (ACC-020).
//!
//! An answer is told of when it comes, and that nobody listens at once. That nobody waits for an
//! answer any more, or for too long, is noticed by [`overdue`](super::overdue).

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rand::distr::{Alphanumeric, SampleString};
use serde::Serialize;

use super::{
    super::{Account, Passage},
    info::{RequestInfo, time},
    sampling::{Headers, sample},
};
use crate::{Latency, protocol::Publish};

const TYPE: &str = "io.nats.server.metric.v1.service_latency";
/// Letters of an event's id.
const ID_LETTERS: usize = 22;

/// A request that is being timed.
#[derive(Debug, Clone)]
pub(super) struct Timed {
    subject: Arc<str>,
    requestor: RequestInfo,
    /// Because of which it is timed.
    headers: Headers,
    server_name: Arc<str>,
    at: SystemTime,
    since: Instant,
}

/// What is told of it; times are in nanoseconds.
#[derive(Serialize)]
struct Metric<'a> {
    r#type: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    requestor: &'a RequestInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    responder: Option<RequestInfo>,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    header: &'a Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    /// What the responder took, without the way to it and back.
    service: u128,
    /// What the server took to hand the answer on.
    system: u128,
    total: u128,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It says nowhere where to answer.
    BadRequest,
    /// Nobody waits for the answer any more.
    Lost,
    /// Nobody listens.
    Unavailable,
    /// It has been waited for long enough.
    Late,
}

impl Failure {
    fn status(self) -> (u16, &'static str) {
        match self {
            Failure::BadRequest => (400, "Bad Request"),
            Failure::Lost => (408, "Request Timeout"),
            Failure::Unavailable => (503, "Service Unavailable"),
            Failure::Late => (504, "Service Timeout"),
        }
    }
}

impl Timed {
    /// Begins to time a request, if chance or a header of it has it.
    pub(super) fn begin(
        latency: &Latency,
        request: &Publish<'_>,
        requestor: &RequestInfo,
        server_name: &Arc<str>,
    ) -> Option<Box<Timed>> {
        let headers = sample(latency, request)?;
        Some(Box::new(Timed {
            subject: latency.subject.as_str().into(),
            requestor: requestor.clone(),
            headers,
            server_name: server_name.clone(),
            at: SystemTime::now(),
            since: Instant::now(),
        }))
    }

    /// How long the answer took that has come now; it has been handed on in `system`.
    pub(super) fn answered(
        &self,
        account: &Account,
        took: Duration,
        system: Duration,
        passage: &mut Passage<'_>,
    ) {
        let responder = RequestInfo::of(passage.from(), account.name(), Some(&*self.server_name));
        let (asked, answered) = (self.requestor.rtt(), responder.rtt());
        let (took, system) = (took.as_nanos(), system.as_nanos());
        let metric = Metric {
            status: 200,
            responder: Some(responder),
            service: took.saturating_sub(answered),
            system,
            total: took.max(answered) + system + asked,
            ..self.metric()
        };
        self.tell(account, &metric, passage);
    }

    /// There is no answer.
    pub(super) fn failed(&self, why: Failure, account: &Account, passage: &mut Passage<'_>) {
        let (status, description) = why.status();
        let metric = Metric { status, description: Some(description), ..self.metric() };
        self.tell(account, &metric, passage);
    }

    /// Since the request.
    pub(super) fn took(&self) -> Duration {
        self.since.elapsed()
    }

    fn metric(&self) -> Metric<'_> {
        let rtt = u64::try_from(self.requestor.rtt()).unwrap_or_default();
        let start = self.at.checked_sub(Duration::from_nanos(rtt)).unwrap_or(self.at);
        Metric {
            r#type: TYPE,
            id: Alphanumeric.sample_string(&mut rand::rng(), ID_LETTERS),
            timestamp: time(SystemTime::now()),
            status: 0,
            description: None,
            requestor: &self.requestor,
            responder: None,
            header: &self.headers,
            start: time(start),
            service: 0,
            system: 0,
            total: 0,
        }
    }

    /// The reply subject is there and empty, as with all that the server says itself.
    fn tell(&self, account: &Account, metric: &Metric<'_>, passage: &mut Passage<'_>) {
        // Texts and numbers can always be written.
        let body = serde_json::to_vec(metric).unwrap_or_default();
        let size = body.len().to_string();
        let message = Publish {
            subject: self.subject.as_bytes(),
            reply: Some(b""),
            header: None,
            size: size.as_bytes(),
            body: &body,
            rest: None,
        };
        // Nobody may be there.
        passage.publish(account, &message);
    }
}
