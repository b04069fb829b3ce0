//! What a user may do, compiled for looking up: the same trees of tokens that subscriptions use.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::{Permissions, Responses, SubjectPermission, options::split_queue};
use crate::{Profile, index::Index, subject};

/// Subjects whose permission a connection remembers.
const REMEMBERED_MAX: usize = 1024;
/// Bytes of these subjects.
const REMEMBERED_BYTES_MAX: usize = 128 << 10;
/// Requests that may wait for the answer of one responder; further ones can't be answered.
const ANSWERS_MAX: usize = 64 << 10;
/// Requests after which those are forgotten that can't be answered any more.
const ANSWERS_PRUNED_AFTER: usize = 4096;

/// Compiled [`Permissions`].
#[derive(Debug)]
pub(crate) struct Grants {
    /// What they were compiled from.
    #[cfg(feature = "system")]
    permissions: Permissions,
    publish: Sides,
    subscribe: Sides,
    responses: Option<Responses>,
    /// A queue group's own deny is all that counts for its members (before 2.12).
    queues_apart: bool,
}

/// An absent list is one that does not restrict.
#[derive(Debug)]
struct Sides {
    allow: Option<Index<()>>,
    deny: Option<Index<()>>,
}

/// What one connection may publish, with a memory.
#[derive(Debug)]
pub(crate) struct PublishGate {
    grants: Arc<Grants>,
    known: HashMap<Box<[u8]>, bool, RandomState>,
    known_bytes: usize,
}

/// Requests that were delivered to a responder and may be answered (PERM-014).
#[derive(Debug)]
pub(crate) struct Answers {
    pub(super) rule: Responses,
    open: HashMap<Box<[u8]>, Request, RandomState>,
    added: usize,
}

#[derive(Debug)]
struct Request {
    delivered: Instant,
    answers: u32,
}

impl Grants {
    pub(crate) fn new(permissions: &Permissions, profile: Profile) -> Grants {
        let mut publish = Sides::new(&permissions.publish);
        if permissions.responses.is_some() {
            // Who is allowed to answer is allowed nothing else that is not named (PERM-014).
            publish.allow.get_or_insert_default();
        }
        Grants {
            #[cfg(feature = "system")]
            permissions: permissions.clone(),
            publish,
            subscribe: Sides::new(&permissions.subscribe),
            responses: permissions.responses,
            queues_apart: profile.denied_queue_stands_alone(),
        }
    }

    /// As they were configured (AUTH-036).
    #[cfg(feature = "system")]
    pub(crate) fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Whether messages to this subject may be published, answers aside.
    pub(crate) fn may_publish(&self, subject: &[u8]) -> bool {
        let Sides { allow, deny } = &self.publish;
        allow.as_ref().is_none_or(|allow| has(allow, subject))
            && !deny.as_ref().is_some_and(|deny| has(deny, subject))
    }

    /// Whether a subscription may be made (PERM-003, PERM-011 to 013). Its pattern is looked up as
    /// if it were a subject, so `foo.*` lets `foo.>` in as well (PERM-024).
    pub(crate) fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool {
        let Sides { allow, deny } = &self.subscribe;
        let allowed = allow.as_ref().is_none_or(|allow| {
            let found = allow.matches(pattern);
            match queue {
                Some(queue) if !found.queues.is_empty() => names(&found.queues, queue),
                _ => !found.plain.is_empty(),
            }
        });
        let denied = || {
            let Some(deny) = deny else { return false };
            let found = deny.matches(pattern);
            match queue {
                Some(queue) if !found.queues.is_empty() => {
                    names(&found.queues, queue) || (!self.queues_apart && !found.plain.is_empty())
                }
                _ => !found.plain.is_empty(),
            }
        };
        allowed && !denied()
    }

    /// Whether a message is kept from subscriptions that are wider than what is denied (PERM-009).
    pub(crate) fn hides(&self, subject: &[u8]) -> bool {
        self.subscribe.deny.as_ref().is_some_and(|deny| has(deny, subject))
    }

    /// Whether there is anything that is kept from it.
    #[cfg(feature = "jwt")]
    pub(crate) fn hides_some(&self) -> bool {
        self.subscribe.deny.is_some()
    }

    fn restricts_publishing(&self) -> bool {
        self.publish.allow.is_some() || self.publish.deny.is_some()
    }

    /// A place for the requests of one connection, if it may answer any.
    pub(crate) fn answers(&self) -> Option<Answers> {
        let answers = |rule| Answers { rule, open: HashMap::default(), added: 0 };
        self.responses.map(answers)
    }

    /// Whether requests may be answered besides what may be published.
    pub(crate) fn allow_answers(&self) -> bool {
        self.responses.is_some()
    }
}

impl Sides {
    fn new(permission: &SubjectPermission) -> Sides {
        Sides { allow: tree(&permission.allow), deny: tree(&permission.deny) }
    }
}

fn tree(entries: &[String]) -> Option<Index<()>> {
    let mut tree = None;
    for entry in entries {
        let (subject, queue) = split_queue(entry);
        let tree: &mut Index<()> = tree.get_or_insert_default();
        tree.insert(subject.as_bytes(), queue.map(str::as_bytes), ());
    }
    tree
}

fn has(tree: &Index<()>, subject: &[u8]) -> bool {
    !tree.matches(subject).plain.is_empty()
}

/// Whether one of these names is the group's, or a pattern that matches it (PERM-012).
fn names(entries: &[crate::QueueGroup<()>], queue: &[u8]) -> bool {
    entries.iter().any(|entry| *entry.name == *queue || subject::matches(&entry.name, queue))
}

impl PublishGate {
    /// None if there is nothing to check.
    pub(crate) fn new(grants: &Arc<Grants>) -> Option<PublishGate> {
        grants.restricts_publishing().then(|| PublishGate {
            grants: grants.clone(),
            known: HashMap::default(),
            known_bytes: 0,
        })
    }

    /// [`Grants::may_publish`], from memory if it was asked before.
    pub(crate) fn allows(&mut self, subject: &[u8]) -> bool {
        if let Some(allowed) = self.known.get(subject) {
            return *allowed;
        }
        if self.known.len() >= REMEMBERED_MAX || self.known_bytes >= REMEMBERED_BYTES_MAX {
            self.known.clear();
            self.known_bytes = 0;
        }
        let allowed = self.grants.may_publish(subject);
        self.known_bytes += subject.len();
        self.known.insert(subject.into(), allowed);
        allowed
    }
}

impl Answers {
    /// A request was delivered. One whose reply subject is open already counts as an answer to it,
    /// as it does for nats-server.
    pub(crate) fn expect(&mut self, reply: &[u8], now: Instant) {
        if self.give(reply, now) {
            return;
        }
        self.added += 1;
        if self.added > ANSWERS_PRUNED_AFTER {
            self.added = 0;
            let rule = self.rule;
            self.open.retain(|_, request| request.is_open(rule, now));
        }
        if self.open.len() < ANSWERS_MAX {
            self.open.insert(reply.into(), Request { delivered: now, answers: 0 });
        }
    }

    /// An answer is about to be published: whether that is allowed.
    pub(crate) fn give(&mut self, subject: &[u8], now: Instant) -> bool {
        let Some(request) = self.open.get_mut(subject) else { return false };
        if request.is_open(self.rule, now) {
            request.answers = request.answers.saturating_add(1);
            return true;
        }
        self.open.remove(subject);
        false
    }
}

impl Request {
    fn is_open(&self, rule: Responses, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.delivered);
        rule.max.is_none_or(|max| self.answers < max)
            && (rule.expires == Duration::ZERO || age <= rule.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    fn side(allow: &[&str], deny: &[&str]) -> SubjectPermission {
        SubjectPermission { allow: list(allow), deny: list(deny) }
    }

    fn publishing(allow: &[&str], deny: &[&str]) -> Grants {
        let permissions = Permissions { publish: side(allow, deny), ..Permissions::default() };
        Grants::new(&permissions, Profile::default())
    }

    fn subscribing(allow: &[&str], deny: &[&str]) -> Grants {
        let permissions = Permissions { subscribe: side(allow, deny), ..Permissions::default() };
        Grants::new(&permissions, Profile::default())
    }

    /// What may be subscribed to, of `subject` or `subject queue`.
    fn accepted<'a>(grants: &Grants, subscriptions: &[&'a str]) -> Vec<&'a str> {
        let may = |it: &&&str| {
            let (subject, queue) = split_queue(it);
            grants.may_subscribe(subject.as_bytes(), queue.map(str::as_bytes))
        };
        subscriptions.iter().filter(may).copied().collect()
    }

    #[test]
    fn publishing_needs_an_allow_and_no_deny() {
        let grants = publishing(&["one", "two.*", "three.>"], &[]);
        for (subject, allowed) in [
            ("one", true),
            ("two.a", true),
            ("three.a.b", true),
            ("two", false),
            ("two.a.b", false),
            ("three", false),
        ] {
            assert_eq!(grants.may_publish(subject.as_bytes()), allowed, "{subject}");
        }
        let grants = publishing(&["k.>"], &["k.secret"]);
        assert!(grants.may_publish(b"k.a") && !grants.may_publish(b"k.secret"));
        assert!(!publishing(&[], &[">"]).may_publish(b"any"));
        assert!(publishing(&[], &[]).may_publish(b"any"));
        assert!(!publishing(&[">"], &[]).may_publish(b"a..b"), "matches nothing");
    }

    #[test]
    fn a_wider_subscription_than_allowed_is_refused() {
        let grants = subscribing(&["foo.bar"], &[]);
        assert_eq!(accepted(&grants, &["foo.bar", "foo.*", ">", "foo"]), ["foo.bar"]);
        let grants = subscribing(&["foo.*"], &["foo.secret"]);
        let tried = ["foo.*", "foo.a", "foo.>", "foo.secret", "foo.a.b"];
        assert_eq!(accepted(&grants, &tried), ["foo.*", "foo.a", "foo.>"]);
        assert!(grants.hides(b"foo.secret") && !grants.hides(b"foo.q.r"));
    }

    #[test]
    fn what_lies_inside_a_deny_is_refused_and_what_overlaps_is_not() {
        let grants = subscribing(&["foo.>"], &["foo.a.*"]);
        assert_eq!(accepted(&grants, &["foo.a.*", "foo.a.>", "foo.*.*"]), ["foo.*.*"]);
    }

    #[test]
    fn queues_are_allowed_by_name_or_pattern() {
        for (allow, yes, no) in [
            (&["foo v1"][..], &["foo v1"][..], &["foo", "foo bad"][..]),
            (&["foo", "foo v1"], &["foo", "foo v1"], &["foo v2"]),
            (&["foo"], &["foo", "foo anything"], &["bar"]),
            (&["foo *.dev"], &["foo a.dev", "foo *.dev"], &["foo a.b.dev", "foo dev"]),
            (&["> *.prod"], &["any v1.prod"], &["foo", "foo x"]),
            (&["foo.> q"], &["foo.a q", "foo.* q", "foo.> q"], &["foo.a"]),
        ] {
            let grants = subscribing(allow, &[]);
            assert_eq!(accepted(&grants, yes), yes, "{allow:?}");
            assert_eq!(accepted(&grants, no), [""; 0], "{allow:?}");
        }
    }

    #[test]
    fn queues_are_denied_by_name_or_pattern() {
        let grants = subscribing(&[], &["foo v1"]);
        assert_eq!(accepted(&grants, &["foo", "foo v2", "foo v1"]), ["foo", "foo v2"]);
        let grants = subscribing(&[">"], &["> *.prod"]);
        assert_eq!(accepted(&grants, &["x a.prod", "x a.dev", "x"]), ["x a.dev", "x"]);
        // Both a plain and a queue's deny: older releases look at the queue's alone.
        let both = Permissions { subscribe: side(&[], &["foo", "foo v1"]), ..Default::default() };
        let newest = Grants::new(&both, Profile::default());
        assert_eq!(accepted(&newest, &["foo", "foo v1", "foo v2"]), [""; 0]);
        let older = Grants::new(&both, Profile::V2_11);
        assert_eq!(accepted(&older, &["foo", "foo v1", "foo v2"]), ["foo v2"]);
    }

    #[test]
    fn a_gate_remembers_and_forgets() {
        let mut gate = PublishGate::new(&Arc::new(publishing(&["a.>"], &[]))).unwrap();
        for n in 0..REMEMBERED_MAX * 2 {
            assert!(gate.allows(format!("a.{n}").as_bytes()));
            assert!(gate.known.len() <= REMEMBERED_MAX);
        }
        assert!(!gate.allows(b"b") && !gate.allows(b"b"));
        assert!(PublishGate::new(&Arc::new(publishing(&[], &[]))).is_none());
    }

    #[test]
    fn answers_are_counted_and_expire() {
        let rule = Responses { max: Some(2), expires: Duration::from_secs(1) };
        let permissions = Permissions { responses: Some(rule), ..Permissions::default() };
        let grants = Grants::new(&permissions, Profile::default());
        assert!(!grants.may_publish(b"rep"), "nothing but answers");
        let mut answers = grants.answers().unwrap();
        let now = Instant::now();
        assert!(!answers.give(b"rep", now));
        answers.expect(b"rep", now);
        let given: Vec<bool> = (0..3).map(|_| answers.give(b"rep", now)).collect();
        assert_eq!(given, [true, true, false]);
        answers.expect(b"late", now);
        assert!(!answers.give(b"late", now + Duration::from_secs(2)));
    }

    #[test]
    fn requests_without_answers_are_forgotten_in_time_and_bounded() {
        let rule = Responses { max: None, expires: Duration::from_secs(1) };
        let permissions = Permissions { responses: Some(rule), ..Permissions::default() };
        let mut answers = Grants::new(&permissions, Profile::default()).answers().unwrap();
        let now = Instant::now();
        for n in 0..ANSWERS_MAX + 9 {
            answers.expect(&n.to_le_bytes(), now);
        }
        assert_eq!(answers.open.len(), ANSWERS_MAX);
        for n in 0..=ANSWERS_PRUNED_AFTER {
            answers.expect(format!("later.{n}").as_bytes(), now + Duration::from_secs(5));
        }
        assert!(answers.open.len() <= ANSWERS_PRUNED_AFTER + 1);
    }
}
