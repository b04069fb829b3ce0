//! A login that goes on under other options, or does not.

use std::sync::Arc;

use super::{Login, ServerBounds, Side};
use crate::{
    auth::{Authenticator, Review, Verdict},
    protocol::{Credentials, encode},
    router::{Scope, Seat, Subscription},
    server::Terms,
    session::{Broker, Close, SUBSCRIPTION_VIOLATION},
    subject,
    transport::Kind,
};

impl Side {
    /// The server has been told other options; who offered `credentials` may have to go.
    pub(in super::super) fn follow(
        &mut self,
        terms: &Terms,
        credentials: &Credentials,
    ) -> Result<(), Close> {
        let own = std::mem::replace(&mut self.info, (*terms.greeting).clone());
        (self.info.client_id, self.info.client_ip) = (own.client_id, own.client_ip);
        (self.info.nonce, self.info.lame_duck) = (own.nonce, own.lame_duck);
        self.info.tls_required = own.tls_required;
        self.info.tls_verify = own.tls_verify;
        self.info.tls_available = own.tls_available;
        if self.peer.kind == Kind::WebSocket {
            (self.info.host, self.info.port) = (own.host, own.port);
        }
        self.server_bounds = ServerBounds::new(&terms.config);
        self.limit();
        let authenticator = terms.authenticator.at(self.peer.kind);
        self.info.auth_required = authenticator.asks();
        if Arc::ptr_eq(authenticator, &self.authenticator) {
            self.publisher.scope().forget_requests();
            return Ok(());
        }
        let before = std::mem::replace(&mut self.authenticator, authenticator.clone());
        let stays = match self.is_admitted() {
            true => self.review(&before, credentials),
            false => self.wait_on(credentials),
        };
        if stays.is_err() {
            // While `before` is held: the reload waits for that.
            self.client.unsubscribe_all();
        }
        stays
    }

    /// The login is judged again (LIFE-004, LIFE-009).
    fn review(&mut self, before: &Authenticator, offer: &Credentials) -> Result<(), Close> {
        let offer = self.peer.cookies.complete(offer);
        self.find_proxy(&offer)?;
        let (nonce, scope) = (self.info.nonce.as_deref(), self.publisher.scope());
        match self.authenticator.review(before, scope, &self.offer(&offer, nonce)) {
            Review::Gone => Err(Close::Silently("the user is gone")),
            Review::Revoked => Err(Close::Told("User Authentication Revoked")),
            Review::Judged(Verdict::Refused) => Err(self.refuse()),
            Review::Judged(Verdict::NeedsProxy) => Err(self.refuse_without_proxy()),
            Review::Judged(Verdict::Admitted(scope)) => self.stay(&scope),
            Review::Judged(Verdict::Later(check)) => {
                self.put_off(check, Login::Again);
                Ok(())
            }
        }
    }

    /// Nobody has logged in yet: that is no longer waited for where no login is wanted, and goes
    /// on where one was wanted before.
    fn wait_on(&mut self, offer: &Credentials) -> Result<(), Close> {
        let offer = self.peer.cookies.complete(offer);
        match self.authenticator.judge(&self.offer(&offer, None)) {
            Verdict::Admitted(scope) if !self.authenticator.is_required() => self.admit(scope),
            Verdict::Refused => Err(self.refuse()),
            _ => Ok(()),
        }
    }

    /// The same login goes on, with what this scope allows (LIFE-005).
    pub(super) fn stay(&mut self, scope: &Scope) -> Result<(), Close> {
        let account = scope.account();
        if account.is_crowded() {
            self.stand_up();
            let Some(seat) = Seat::take(account) else { return Err(self.crowded()) };
            self.seat = Some(seat);
        }
        self.publisher.follow(scope);
        self.client.import_again();
        self.limit();
        self.cancel_forbidden(scope);
        let count = self.client.subscription_count();
        match self.bounds.max_subscriptions.is_some_and(|max| count > max) {
            true => Err(self.subscribed_out()),
            false => Ok(()),
        }
    }

    /// Ends the subscriptions that are no longer allowed, and says so.
    fn cancel_forbidden(&mut self, scope: &Scope) {
        let Some(grants) = scope.grants() else { return };
        let allowed = |it: &Subscription| grants.may_subscribe(it.pattern(), it.queue());
        for ended in self.client.keep(allowed) {
            let named = ended.queue().filter(|_| self.names_queues).map(subject::quoted);
            let queue = named.map_or(String::new(), |queue| format!(" using queue \"{queue}\""));
            let what = format!(
                "\"{}\"{queue} (sid \"{}\")",
                subject::quoted(ended.pattern()),
                String::from_utf8_lossy(ended.sid())
            );
            log::info!("Removed sub {what} for User {:?} - not authorized", scope.user());
            let mut line = Vec::new();
            encode::error(&mut line, &format!("{SUBSCRIPTION_VIOLATION} {what}"));
            self.send(&line);
        }
    }
}
