//! What a connection may see and do, known since its login.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::{Instant, SystemTime},
};

use super::Account;
use crate::auth::{Answers, Grants};

/// An account, and what one may do there. Each login has its own, which its subscriptions share:
/// what a reload changes here holds for all of them at once (LIFE-005).
#[derive(Debug)]
pub(crate) struct Scope {
    account: Arc<Account>,
    rights: RwLock<Rights>,
    /// Whom the connection may answer, since it may answer anybody.
    answers: OnceLock<Mutex<Answers>>,
}

/// A user, and what it may do.
#[derive(Debug, Clone)]
struct Rights {
    user: Arc<str>,
    grants: Option<Arc<Grants>>,
    lease: Option<Arc<Lease>>,
}

/// What a token says of a login, permissions aside (AUTH-027, AUTH-032).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only tokens say such things"))]
pub(crate) struct Lease {
    pub(crate) max_subscriptions: Option<usize>,
    pub(crate) max_payload_bytes: Option<usize>,
    /// When the connection ends, and what the client is told then.
    pub(crate) ends: Option<(SystemTime, &'static str)>,
    /// The key that has signed the token.
    pub(crate) issuer: String,
    /// How the account calls itself; what everything else calls it by is its key.
    pub(crate) account_name: String,
    /// How the token calls the user, and in what groups it puts it.
    pub(crate) user_name: String,
    pub(crate) tags: Vec<String>,
    /// The user is named by the token's key, and not by a service.
    pub(crate) names_key: bool,
}

/// A place among the connections of an account, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Account>);

impl Scope {
    pub(crate) fn new(account: Arc<Account>, user: &str, grants: Option<Arc<Grants>>) -> Scope {
        Scope::with(account, Rights { user: user.into(), grants, lease: None })
    }

    /// One for as long and as much as a token says.
    #[cfg(feature = "jwt")]
    pub(crate) fn leased(
        account: Arc<Account>,
        user: &str,
        grants: Option<Arc<Grants>>,
        lease: Lease,
    ) -> Scope {
        Scope::with(account, Rights { user: user.into(), grants, lease: Some(Arc::new(lease)) })
    }

    fn with(account: Arc<Account>, rights: Rights) -> Scope {
        let scope = Scope { account, rights: RwLock::new(rights), answers: OnceLock::new() };
        scope.forget_requests();
        scope
    }

    /// The same for one more connection.
    pub(crate) fn for_connection(&self) -> Arc<Scope> {
        Arc::new(Scope::with(self.account.clone(), self.rights()))
    }

    /// Takes over what another one allows, and to whom. Routes that were found before are void, and
    /// requests that wait for an answer are forgotten (LIFE-005).
    pub(super) fn follow(&self, other: &Scope) {
        let rights = other.rights();
        *self.rights.write().unwrap_or_else(PoisonError::into_inner) = rights;
        self.forget_requests();
        self.account.forget_routes();
    }

    /// Begins anew with the requests that may be answered, as each reload does (LIFE-005).
    pub(crate) fn forget_requests(&self) {
        let Some(answers) = self.grants().and_then(|grants| grants.answers()) else { return };
        match self.answers.get() {
            Some(before) => *lock(before) = answers,
            None => drop(self.answers.set(Mutex::new(answers))),
        }
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The user's name or public key; empty where nobody had to log in.
    pub(crate) fn user(&self) -> Arc<str> {
        self.rights.read().unwrap_or_else(PoisonError::into_inner).user.clone()
    }

    pub(crate) fn grants(&self) -> Option<Arc<Grants>> {
        self.rights.read().unwrap_or_else(PoisonError::into_inner).grants.clone()
    }

    pub(crate) fn lease(&self) -> Option<Arc<Lease>> {
        self.rights.read().unwrap_or_else(PoisonError::into_inner).lease.clone()
    }

    fn rights(&self) -> Rights {
        self.rights.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether messages to this subject are kept from it, whatever it has subscribed to.
    pub(super) fn hides(&self, subject: &[u8]) -> bool {
        self.grants().is_some_and(|grants| grants.hides(subject))
    }

    /// Whether an answer is allowed; it is counted.
    pub(super) fn answer(&self, subject: &[u8]) -> bool {
        self.grants().is_some_and(|grants| grants.allow_answers())
            && self.answers.get().is_some_and(|it| lock(it).give(subject, Instant::now()))
    }

    /// Where a request's reply subject has to be written down as soon as it is delivered: not for
    /// those who may publish there anyway.
    pub(super) fn notebook(&self, reply: &[u8]) -> Option<&Mutex<Answers>> {
        let answers = self.answers.get().filter(|_| !reply.is_empty())?;
        let needed = self.grants().is_some_and(|it| it.allow_answers() && !it.may_publish(reply));
        needed.then_some(answers)
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
