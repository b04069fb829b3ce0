//! The broker as one client's session sees it.

mod review;

use std::{fmt, sync::Arc, time::Duration};

use super::{
    bounds::{Bounds, ServerBounds},
    names::{Names, introduction},
};
use crate::{
    auth::{Authenticator, Check, Distrusted, Offer, Verdict},
    ledger::{Identity, Reason},
    protocol::{ConnectOptions, Credentials, Info, Publish},
    router::{Client, Publisher, Scope, Seat},
    server::Terms,
    session::{AUTHORIZATION_VIOLATION, Broker, Close, LogIn},
    system::Herald,
    transport::Peer,
};

/// A client before its first byte of the protocol.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) client: Arc<Client>,
    /// What the connection is greeted with.
    pub(crate) info: Info,
    pub(crate) peer: Arc<Peer>,
    /// What held when it came.
    pub(crate) terms: Terms,
    pub(crate) herald: Herald,
}

#[cfg(any(test, feature = "bench"))]
impl Newcomer {
    /// One that came from nowhere, to a server of these terms that nobody listens to.
    pub(crate) fn without_socket(client: Arc<Client>, terms: Terms) -> Box<Newcomer> {
        let herald = Herald::new(&terms, "").0;
        Box::new(Newcomer { client, info: Info::default(), peer: Arc::default(), terms, herald })
    }
}

/// What a login that takes long is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Login {
    /// CONNECT asks for it.
    #[default]
    New,
    /// The client has not sent CONNECT.
    Silent,
    /// A reload has it judged again.
    Again,
}

/// A client, and all that it is to the broker.
pub(super) struct Side {
    pub(super) client: Arc<Client>,
    pub(super) publisher: Publisher,
    pub(super) info: Info,
    pub(super) peer: Arc<Peer>,
    /// CONNECT has come and the early first PING is to be scheduled.
    pub(super) first_ping: bool,
    /// The client said that it expects INFO at any time.
    pub(super) takes_info: bool,
    authenticator: Arc<Authenticator>,
    herald: Herald,
    /// The key of the trusted proxy that it came through.
    proxy: Option<String>,
    /// A login whose verdict takes long.
    check: Option<Check>,
    checks: Login,
    /// Among the connections of its account; none before the login.
    seat: Option<Seat>,
    pub(super) bounds: Bounds,
    /// The server's own, where an account or a user has smaller ones.
    server_bounds: ServerBounds,
    /// Who the client says it is, for the log.
    names: Names,
    /// Of cancelled subscriptions, too.
    names_queues: bool,
}

impl Side {
    pub(super) fn new(newcomer: Newcomer) -> Side {
        let Newcomer { client, info, peer, terms, herald } = newcomer;
        let Terms { config, authenticator, .. } = terms;
        let authenticator = authenticator.at(peer.kind).clone();
        client.ledger.comes_by(&peer);
        let anybody = authenticator.anybody();
        let seat = (!authenticator.is_required()).then(|| Seat::take(anybody.account())).flatten();
        let server_bounds = ServerBounds::new(&config);
        Side {
            client,
            publisher: Publisher::new(anybody),
            info,
            peer,
            first_ping: false,
            takes_info: false,
            authenticator,
            herald,
            proxy: None,
            check: None,
            checks: Login::New,
            seat,
            bounds: server_bounds.alone(),
            server_bounds,
            names: Names::default(),
            names_queues: config.profile.names_queue_of_cancelled(),
        }
    }

    /// Says why the connection ends; the first to say so is right.
    pub(super) fn ends(&self, reason: Reason) {
        self.client.ledger.ends(reason);
        self.peer.ends(reason);
    }

    /// Sends INFO before anything else, unless that has been done.
    pub(super) fn greet(&mut self) {
        if self.peer.greeted {
            return;
        }
        let mut line = Vec::new();
        self.info.encode(&mut line);
        self.send(&line);
        self.publisher.ring();
    }

    /// Whether anything but CONNECT is served.
    pub(super) fn is_admitted(&self) -> bool {
        self.seat.is_some()
    }

    /// Serves a client that has not sent CONNECT, unless that is not to be.
    pub(super) fn admit_without_connect(&mut self) -> Result<LogIn, Close> {
        let nothing = Credentials::default();
        let nothing = self.peer.cookies.complete(&nothing);
        let offer = self.offer(&nothing, self.info.nonce.as_deref());
        let verdict = self.authenticator.judge_silent(&offer);
        self.follow_verdict(verdict, Login::Silent)
    }

    fn follow_verdict(&mut self, verdict: Verdict, of: Login) -> Result<LogIn, Close> {
        match verdict {
            Verdict::Admitted(scope) => self.admit(scope).map(|()| LogIn::Done),
            Verdict::Refused => Err(self.refuse()),
            Verdict::NeedsProxy => Err(self.refuse_without_proxy()),
            Verdict::Later(check) => Ok(self.put_off(check, of)),
        }
    }

    /// The verdict takes a while.
    fn put_off(&mut self, check: Check, what: Login) -> LogIn {
        if let Some(key) = check.shown_key() {
            self.names.shows(key);
        }
        (self.check, self.checks) = (Some(check), what);
        LogIn::Later
    }

    /// The login that has to be checked before anything else is handled.
    pub(super) fn take_check(&mut self) -> Option<Check> {
        self.check.take()
    }

    /// The login has been checked. Answers what it was.
    pub(super) fn checked(&mut self, scope: Option<Arc<Scope>>) -> Result<Login, Close> {
        let scope = scope.ok_or_else(|| self.refuse())?;
        let what = std::mem::take(&mut self.checks);
        match what {
            Login::Again => self.stay(&scope)?,
            Login::New | Login::Silent => self.admit(scope)?,
        }
        Ok(what)
    }

    pub(super) fn login_timeout(&self) -> Duration {
        self.authenticator.timeout()
    }

    /// Largest payload of this client.
    pub(super) fn max_payload_bytes(&self) -> usize {
        self.info.max_payload
    }

    /// Gives its place in the account to others.
    pub(super) fn stand_up(&mut self) {
        self.seat = None;
    }

    fn admit(&mut self, scope: Arc<Scope>) -> Result<(), Close> {
        let account = scope.account();
        if !self.seat.as_ref().is_some_and(|seat| seat.is_in(account)) {
            let Some(seat) = Seat::take(account) else { return Err(self.crowded()) };
            self.seat = Some(seat);
        }
        self.publisher.enter(scope);
        self.limit();
        match self.bounds.max_subscriptions {
            // As with nats-server it is for a token that says nothing of it.
            Some(0) => Err(self.subscribed_out()),
            _ => Ok(()),
        }
    }

    fn limit(&mut self) {
        self.bounds = self.server_bounds.within(self.publisher.scope());
        self.info.max_payload = self.bounds.max_payload_bytes;
    }

    fn offer<'a>(&'a self, credentials: &'a Credentials, nonce: Option<&'a str>) -> Offer<'a> {
        let (peer, client_ip) = (&*self.peer, self.info.client_ip.as_str());
        let client_id = self.info.client_id;
        let proxied = self.proxy.is_some();
        Offer { credentials, nonce, peer, proxied, client_ip, client_id, options: None }
    }

    /// Finds out whether it came through a trusted proxy.
    fn find_proxy(&mut self, credentials: &Credentials) -> Result<(), Close> {
        let found = self.authenticator.proxy(credentials, self.info.nonce.as_deref());
        let found = found.map(Option::<&String>::cloned);
        match (&self.proxy, found) {
            // Nobody is trusted any more.
            (Some(_), Ok(None)) | (_, Err(Distrusted)) => Err(self.distrust()),
            (_, Ok(proxy)) => {
                self.proxy = proxy;
                Ok(())
            }
        }
    }

    fn distrust(&self) -> Close {
        log::debug!("{} - proxy is not trusted", self.client.label);
        self.ends(Reason::PROXY_DISTRUSTED);
        self.refuse()
    }

    fn refuse_without_proxy(&self) -> Close {
        log::debug!("{} - proxy connection required", self.client.label);
        self.ends(Reason::PROXY_REQUIRED);
        self.refuse()
    }

    /// Who the client is, besides what it says.
    fn identity(&self, said: Identity) -> Identity {
        let scope = self.publisher.scope();
        let (account, user, lease) = (scope.account().name(), scope.user(), scope.lease());
        // For a key of the configuration the account vouches.
        let own = self.authenticator.is_key(&user).then(|| account.to_owned());
        Identity {
            account: Some(account.to_owned()),
            issuer: lease.as_ref().map(|lease| lease.issuer.clone()).or(own),
            account_name: lease.as_ref().map(|lease| lease.account_name.clone()),
            tags: lease.map_or_else(Vec::new, |lease| lease.tags.clone()),
            user: Some(user.to_string()).filter(|user| !user.is_empty()),
            proxy: self.proxy.clone(),
            ..said
        }
    }

    fn subscribed_out(&self) -> Close {
        let text = "maximum subscriptions exceeded";
        self.log_error(format_args!("{text}"));
        Close::Told(text)
    }

    fn crowded(&self) -> Close {
        let text = "maximum account active connections exceeded";
        self.log_error(format_args!("{text}"));
        Close::Told(text)
    }

    fn refuse(&self) -> Close {
        self.log_refusal();
        Close::Told(AUTHORIZATION_VIOLATION)
    }

    /// Tells the log who could not log in, never with what (AUTH-023).
    fn log_refusal(&self) {
        log::error!("{} - authentication error{}", self.client.label.place(), self.names.logged());
    }
}

impl Broker for Side {
    fn send(&mut self, bytes: &[u8]) {
        self.publisher.send(&self.client, bytes);
    }

    fn log_in(&mut self, options: &ConnectOptions) -> Result<LogIn, Close> {
        let credentials = self.peer.cookies.complete(&options.credentials);
        self.client.label.connects(options);
        self.names = Names::of(&credentials);
        if !self.is_admitted() {
            let identity =
                Identity { account: None, user: self.names.shown(), ..introduction(options) };
            self.client.ledger.introduce(identity);
        }
        self.find_proxy(&credentials)?;
        let nonce = self.info.nonce.as_deref();
        let offer = Offer { options: Some(options), ..self.offer(&credentials, nonce) };
        let verdict = self.authenticator.judge(&offer);
        self.follow_verdict(verdict, Login::New)
    }

    fn connected(&mut self, options: &ConnectOptions, first: bool) {
        self.client.set_options(options.echo, options.headers);
        let identity = self.identity(introduction(options));
        self.client.ledger.introduce(identity);
        self.herald.connected(&self.client);
        self.first_ping |= first;
        self.takes_info = options.protocol == 1;
    }

    fn send_info(&mut self) {
        let account = self.publisher.scope().account();
        let system = self.authenticator.system_account();
        let info = Info {
            connect_info: true,
            remote_account: Some(account.name().to_owned()),
            account_is_system: system.is_some_and(|system| Arc::ptr_eq(system, account)),
            auth_required: self.authenticator.is_required(),
            nonce: None,
            ..self.info.clone()
        };
        let mut line = Vec::new();
        info.encode(&mut line);
        self.send(&line);
    }

    fn is_subscribed_out(&self) -> bool {
        let max = self.bounds.max_subscriptions;
        max.is_some_and(|max| self.client.subscription_count() >= max)
    }

    fn map(&self, subject: &[u8]) -> Option<Vec<u8>> {
        self.publisher.map(subject)
    }

    fn may_publish(&mut self, subject: &[u8]) -> bool {
        self.publisher.may_publish(subject)
    }

    fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool {
        self.publisher.may_subscribe(pattern, queue)
    }

    fn log_error(&self, text: fmt::Arguments<'_>) {
        let scope = self.publisher.scope();
        let label = &self.client.label;
        let (account, user, lease) = (scope.account().name(), scope.user(), scope.lease());
        let user = match lease {
            _ if !label.is_named() || user.is_empty() => String::new(),
            Some(lease) => {
                let kind = if lease.names_key { "jwt" } else { "user" };
                let named = Some(&lease.account_name).filter(|name| *name != account);
                let name = named.map_or_else(String::new, |name| format!("/{name}"));
                format!(" - \"{account}{name}/{kind}:{user}\"")
            }
            None => {
                let kind = if self.authenticator.is_key(&user) { "nkey" } else { "user" };
                format!(" - \"{account}/{kind}:{user}\"")
            }
        };
        log::error!("{label}{user} - {text}");
    }

    fn is_subscribed(&self, sid: &[u8]) -> bool {
        self.client.is_subscribed(sid)
    }

    fn subscribe(&mut self, pattern: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
        self.client.subscribe(self.publisher.scope(), pattern, queue, sid);
    }

    fn unsubscribe(&mut self, sid: &[u8], max: u64) {
        self.client.unsubscribe(sid, max);
    }

    fn unsubscribe_all(&mut self) {
        self.client.unsubscribe_all();
    }

    fn publish(&mut self, message: &Publish<'_>) -> bool {
        self.publisher.publish(&self.client, message)
    }

    fn no_responders(&mut self, message: &Publish<'_>, reply: &[u8], names_subject: bool) {
        let name = names_subject.then_some(message.subject);
        self.publisher.no_responders(&self.client, reply, name);
    }
}
