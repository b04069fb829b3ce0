//! Logins that are judged again.

use std::sync::Arc;

use super::{Authenticator, Offer, Verdict, refused};
use crate::router::Scope;

/// What a reload means for somebody who is logged in (LIFE-004, LIFE-009).
#[derive(Debug)]
pub(crate) enum Review {
    /// The login is judged like a new one.
    Judged(Verdict),
    /// The user is gone, or belongs to another account.
    Gone,
    /// The account has taken back the user's token (AUTH-030).
    Revoked,
}

impl Authenticator {
    /// Judges a login again that was accepted `before`, and led to this scope.
    pub(crate) fn review(
        &self,
        before: &Authenticator,
        scope: &Scope,
        offer: &Offer<'_>,
    ) -> Review {
        if let Some(trust) = &self.trust {
            return match trust.judge(offer) {
                Ok(Verdict::Admitted(new)) if !Arc::ptr_eq(new.account(), scope.account()) => {
                    Review::Gone
                }
                // Nobody is asked twice about one connection, as there.
                Ok(Verdict::Later(_)) => Review::Judged(Verdict::Refused),
                Ok(verdict) => Review::Judged(verdict),
                Err(refusal) if refusal.is_revocation() => Review::Revoked,
                Err(refusal) => Review::Judged(refused(offer, &refusal)),
            };
        }
        if let Some(callout) = &self.callout
            && !callout.spares(&self.with_guest(offer.credentials))
            && !callout.is_apart(scope.account())
        {
            return Review::Gone;
        }
        let peer = offer.peer;
        let (old, new) = (before.user(offer.credentials), self.user(offer.credentials));
        match (old, new) {
            (Some(_), None) => return Review::Gone,
            (_, Some(user)) if !Arc::ptr_eq(user.scope.account(), scope.account()) => {
                return Review::Gone;
            }
            // Its hash has been computed before, unless it was let in without.
            (Some(old), Some(new))
                if new.password.is_bcrypt()
                    && old.password == new.password
                    && new.takes(peer.kind.into())
                    && !new.lacks_proxy(offer)
                    && !before.by_token
                    && !self.by_token =>
            {
                return Review::Judged(Verdict::Admitted(new.scope.for_connection()));
            }
            _ => {}
        }
        match self.judge(offer) {
            Verdict::Admitted(new) if !Arc::ptr_eq(new.account(), scope.account()) => Review::Gone,
            verdict => Review::Judged(verdict),
        }
    }
}
