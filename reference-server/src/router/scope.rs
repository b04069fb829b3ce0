//! What a connection may see and do, known since its login.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::Account;
use crate::auth::{Answers, Grants};

/// An account, and what one may do there. All connections of a user share one, unless each has to
/// remember whom it may answer.
#[derive(Debug)]
pub(crate) struct Scope {
    account: Arc<Account>,
    user: Arc<str>,
    grants: Option<Arc<Grants>>,
    answers: Option<Mutex<Answers>>,
}

/// A place among the connections of an account, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Account>);

impl Scope {
    pub(crate) fn new(account: Arc<Account>, user: &str, grants: Option<Arc<Grants>>) -> Scope {
        Scope { account, user: user.into(), grants, answers: None }
    }

    /// The same for one more connection.
    pub(crate) fn for_connection(self: &Arc<Scope>) -> Arc<Scope> {
        match self.grants.as_ref().and_then(|grants| grants.answers()) {
            None => self.clone(),
            Some(answers) => Arc::new(Scope {
                account: self.account.clone(),
                user: self.user.clone(),
                grants: self.grants.clone(),
                answers: Some(Mutex::new(answers)),
            }),
        }
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The user's name or public key; empty where nobody had to log in.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn grants(&self) -> Option<&Arc<Grants>> {
        self.grants.as_ref()
    }

    /// Whether messages to this subject are kept from it, whatever it has subscribed to.
    pub(super) fn hides(&self, subject: &[u8]) -> bool {
        self.grants.as_ref().is_some_and(|grants| grants.hides(subject))
    }

    /// Whether an answer is allowed; it is counted.
    pub(super) fn answer(&self, subject: &[u8]) -> bool {
        self.answers.as_ref().is_some_and(|it| lock(it).give(subject, Instant::now()))
    }

    /// Where a request's reply subject has to be written down as soon as it is delivered: not for
    /// those who may publish there anyway.
    pub(super) fn notebook(&self, reply: &[u8]) -> Option<&Mutex<Answers>> {
        let answers = self.answers.as_ref()?;
        let allowed = self.grants.as_ref().is_none_or(|grants| grants.may_publish(reply));
        (!allowed).then_some(answers)
    }
}

/// Writes a request down.
pub(super) fn expect(answers: &Mutex<Answers>, reply: &[u8]) {
    lock(answers).expect(reply, Instant::now());
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    /// None if the account has all the connections it may have.
    pub(crate) fn take(account: &Arc<Account>) -> Option<Seat> {
        account.admit().then(|| Seat(account.clone()))
    }

    /// Whether it is one of this account.
    pub(crate) fn is_in(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.0, account)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}
