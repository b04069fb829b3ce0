//! Requests from other accounts that have not been answered yet.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use rand::{RngExt, distr::Alphanumeric};
use tokio::{runtime::Handle, sync::Notify};

use super::{
    super::{Account, Passage, Service},
    latency::{Failure, Timed},
    overdue,
    service::forward,
};
use crate::{ResponseType, protocol::Publish};

/// Requests that may wait for an answer in one account; the oldest has to go for one more.
const OPEN_MAX: usize = 64 << 10;
/// Random letters of an account, and of a request: `_R_.abcdef.ghijkl` (ACC-007).
const LETTERS: usize = 6;
/// Old requests looked at for each new one, so that the forgotten ones do not pile up.
const LOOKED_AT: usize = 2;

/// Where answers go, by the reply subject that the responder was shown.
#[derive(Debug)]
pub(super) struct Responses {
    /// Where the responders are.
    account: Weak<Account>,
    pattern: String,
    open: Mutex<Open>,
    /// Wakes who tells of requests that have failed.
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Open {
    requests: HashMap<Arc<[u8]>, Request, RandomState>,
    /// Those and some that are gone, from the oldest on.
    order: VecDeque<Arc<[u8]>>,
    /// The timed ones, from the one on that is late first.
    due: BTreeSet<(Instant, Arc<[u8]>)>,
    /// Timed ones that have failed and not been told of.
    failed: Vec<(Box<Timed>, Failure)>,
    /// Somebody tells of them.
    attended: bool,
}

/// A request that waits for an answer.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Where it came from.
    pub(super) account: Arc<Account>,
    /// Where the answer is wanted there.
    pub(super) reply: Arc<[u8]>,
    pub(super) terms: ResponseTerms,
    /// If it is being timed.
    timed: Option<Box<Timed>>,
    until: Instant,
}

/// How many answers there may be, and how long each is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseTerms {
    pub(super) responses: ResponseType,
    pub(super) threshold: Duration,
    /// The exporter is told who asks.
    #[cfg_attr(not(feature = "monitoring"), allow(dead_code, reason = "a page tells it"))]
    pub(super) share: bool,
}

/// A request that waits for an answer, as a page tells it (MON-029).
#[cfg(feature = "monitoring")]
pub(crate) struct Unanswered {
    /// Where it is to be answered.
    pub(crate) subject: String,
    /// Where the answer goes then, and in which account.
    pub(crate) reply: String,
    pub(crate) account: String,
    pub(crate) share: bool,
}

impl Responses {
    pub(super) fn new(account: &Arc<Account>) -> Responses {
        let account = Arc::downgrade(account);
        let pattern = format!("_R_.{}.>", letters());
        Responses { account, pattern, open: Mutex::default(), wake: Arc::default() }
    }

    /// Where the responders are, unless all is over.
    pub(super) fn account(&self) -> Option<Arc<Account>> {
        self.account.upgrade()
    }

    /// What answers are published to.
    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Writes a request down, and says where to answer it.
    pub(super) fn expect(
        self: &Arc<Responses>,
        account: &Arc<Account>,
        reply: &[u8],
        terms: ResponseTerms,
        timed: Option<Box<Timed>>,
    ) -> Arc<[u8]> {
        let now = Instant::now();
        let request = Request {
            account: account.clone(),
            reply: reply.into(),
            terms,
            timed,
            until: now + terms.threshold,
        };
        let mut open = self.lock();
        open.make_room(now);
        let subject = open.unused(self.pattern.trim_end_matches('>'));
        if request.timed.is_some() {
            account.exchange.awaited.add(&request.reply, self, &subject);
            open.due.insert((request.until, subject.clone()));
            self.attend(&mut open);
        }
        open.requests.insert(subject.clone(), request);
        open.order.push_back(subject.clone());
        subject
    }

    /// Has somebody tell of those that fail. Outside of a server nobody does.
    fn attend(self: &Arc<Responses>, open: &mut Open) {
        let first = open.due.len() == 1;
        if !open.attended
            && let Ok(runtime) = Handle::try_current()
        {
            open.attended = true;
            runtime.spawn(overdue::tell(Arc::downgrade(self), self.wake.clone()));
        } else if first {
            self.wake.notify_one();
        }
    }

    /// There will be no answer, or no other one.
    pub(super) fn forget(&self, subject: &[u8]) {
        self.lock().remove(subject);
    }

    /// Nobody waits for the answer any more.
    pub(super) fn lose(&self, subject: &[u8]) {
        let mut open = self.lock();
        open.fail(subject, Failure::Lost);
        self.wake.notify_one();
    }

    /// Those that have failed so far, and when the next one will if nothing happens.
    pub(super) fn failed(&self, now: Instant) -> (Vec<(Box<Timed>, Failure)>, Option<Instant>) {
        let mut open = self.lock();
        while let Some((_, subject)) = open.due.first().filter(|(until, _)| *until <= now).cloned()
        {
            open.fail(&subject, Failure::Late);
        }
        let next = open.due.first().map(|(until, _)| *until);
        (std::mem::take(&mut open.failed), next)
    }

    /// Whose request is answered at this subject.
    fn find(&self, subject: &[u8]) -> Option<Request> {
        let now = Instant::now();
        let mut open = self.lock();
        let request = open.requests.get_mut(subject)?;
        if request.until < now {
            return None;
        }
        // A timed one has one answer, and this is it.
        if request.timed.is_none() {
            request.until = now + request.terms.threshold;
        }
        Some(request.clone())
    }

    /// What is waited for.
    #[cfg(feature = "monitoring")]
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        let now = Instant::now();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let open = self.lock();
        let requests = open.requests.iter().filter(|(_, request)| request.until >= now);
        let told = requests.map(|(subject, request)| Unanswered {
            subject: text(subject),
            reply: text(&request.reply),
            account: request.account.name().to_owned(),
            share: request.terms.share,
        });
        told.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// A subject that no other request waits at: among 64 Ki, chance makes two the same once in 27
    /// times.
    fn unused(&self, prefix: &str) -> Arc<[u8]> {
        loop {
            let subject = format!("{prefix}{}", letters()).into_bytes();
            if !self.requests.contains_key(&subject[..]) {
                return subject.into();
            }
        }
    }

    /// Lets go of old requests that are over, and of the oldest if there are too many.
    fn make_room(&mut self, now: Instant) {
        for _ in 0..LOOKED_AT {
            let Some(oldest) = self.order.pop_front() else { return };
            match self.requests.get(&oldest) {
                Some(request) if request.until >= now => self.order.push_back(oldest),
                _ => self.fail(&oldest, Failure::Late),
            }
        }
        while self.requests.len() >= OPEN_MAX {
            let Some(oldest) = self.order.pop_front() else { return };
            self.fail(&oldest, Failure::Late);
        }
    }

    fn remove(&mut self, subject: &[u8]) -> Option<Request> {
        let (subject, request) = self.requests.remove_entry(subject)?;
        if request.timed.is_some() {
            request.account.exchange.awaited.remove(&request.reply, &subject);
            self.due.remove(&(request.until, subject));
        }
        Some(request)
    }

    fn fail(&mut self, subject: &[u8], why: Failure) {
        let timed = self.remove(subject).and_then(|request| request.timed);
        self.failed.extend(timed.filter(|_| self.attended).map(|timed| (timed, why)));
    }
}

impl Drop for Responses {
    /// Nobody has to tell of anything any more.
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

impl Service for Arc<Responses> {
    /// An answer goes to the account that asked. A request with one answer is over then, and one
    /// with several by an empty message, or when nobody wants them any more (ACC-009).
    fn take(&self, message: &Publish<'_>, passage: &mut Passage<'_>) -> bool {
        let (Some(request), Some(own)) = (self.find(message.subject), self.account.upgrade())
        else {
            return false;
        };
        let Request { account, reply, terms, timed, .. } = request;
        let took = timed.as_ref().map(|timed| timed.took());
        if terms.responses == ResponseType::Singleton {
            // Before it is delivered, so that no second one slips through meanwhile.
            self.forget(message.subject);
        }
        let answer = Publish { subject: &reply, ..*message };
        let delivered = forward(&answer, (&own, &account), terms, None, passage);
        if let (Some(timed), Some(took)) = (timed, took) {
            let system = timed.took().saturating_sub(took);
            timed.answered(&own, took, system, passage);
        }
        if !delivered || message.body.is_empty() {
            self.forget(message.subject);
        }
        delivered
    }
}

fn letters() -> String {
    rand::rng().sample_iter(Alphanumeric).take(LETTERS).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountLimits;

    const STREAM: ResponseTerms = ResponseTerms {
        responses: ResponseType::Stream,
        threshold: Duration::from_secs(60),
        share: false,
    };

    fn responses() -> (Arc<Account>, Arc<Responses>) {
        let account = Arc::new(Account::new("A", AccountLimits::default(), false));
        let responses = Arc::new(Responses::new(&account));
        (account, responses)
    }

    #[test]
    fn a_request_is_over_when_its_time_is() {
        let (account, responses) = responses();
        let over = ResponseTerms { threshold: Duration::ZERO, ..STREAM };
        let (in_time, late) = (
            responses.expect(&account, b"r", STREAM, None),
            responses.expect(&account, b"r", over, None),
        );
        assert!(responses.pattern().strip_suffix('>').is_some_and(|prefix| {
            in_time.starts_with(prefix.as_bytes()) && in_time.len() == prefix.len() + 6
        }));
        while Instant::now() == responses.lock().requests[&late].until {}
        assert!(responses.find(&late).is_none());
        assert_eq!(responses.find(&in_time).map(|it| it.reply), Some(b"r".as_slice().into()));
        assert!(responses.find(b"_R_.no.one").is_none());
    }

    #[test]
    fn forgotten_requests_are_let_go_and_too_many_never_wait() {
        let (account, responses) = responses();
        let over = ResponseTerms { threshold: Duration::ZERO, ..STREAM };
        for _ in 0..1000 {
            responses.expect(&account, b"r", over, None);
        }
        assert!(responses.lock().requests.len() < 10);
        for _ in 0..OPEN_MAX + 10 {
            responses.expect(&account, b"r", STREAM, None);
        }
        let open = responses.lock();
        assert_eq!((open.requests.len(), open.order.len()), (OPEN_MAX, OPEN_MAX));
    }
}
