//! An imported service: requests go to another account, under their name there.

use std::{sync::Arc, time::SystemTime};

use super::{
    super::{Account, Passage, Service},
    info::{self, RequestInfo},
    latency::{Failure, Timed},
    responses::ResponseTerms,
};
use crate::{
    Export, ExportKind, Import, Latency, Profile, ResponseType,
    protocol::Publish,
    subject::transform::{Transform, numbered, reverse},
};

/// The way of requests from one account to another (ACC-007).
#[derive(Debug)]
pub(super) struct ServiceImport {
    pub(super) importer: Arc<Account>,
    pub(super) exporter: Arc<Account>,
    /// The name there, of the name here; none is the same.
    rename: Option<Transform>,
    terms: ResponseTerms,
    /// When it ends, if it does.
    until: Option<SystemTime>,
    /// The exporter is told who asks (ACC-010).
    share: bool,
    server_name: Arc<str>,
    /// Answers are timed (ACC-020).
    latency: Option<Latency>,
    /// The requester is told where nobody is there to answer (ACC-011).
    tells_of_nobody: bool,
}

/// Who asked, where a request goes from one account to the next.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    info: RequestInfo,
    share: bool,
}

impl ServiceImport {
    pub(super) fn new(
        (importer, exporter): (&Arc<Account>, &Arc<Account>),
        (import, export): (&Import, &Export),
        share: bool,
        server_name: &Arc<str>,
        profile: Profile,
    ) -> ServiceImport {
        let (responses, threshold) = match export.kind {
            ExportKind::Service { responses, threshold } => (responses, threshold),
            ExportKind::Stream => (ResponseType::Singleton, std::time::Duration::ZERO),
        };
        let local = import.local_subject();
        let renamed = local != import.subject;
        ServiceImport {
            importer: importer.clone(),
            exporter: exporter.clone(),
            rename: renamed.then(|| reverse(&import.subject, &numbered(&local)).ok()).flatten(),
            terms: ResponseTerms { responses, threshold, share },
            until: import.until,
            share,
            server_name: server_name.clone(),
            latency: export.latency.clone(),
            tells_of_nobody: profile.tells_of_nobody_across_accounts(),
        }
    }

    /// Who asks, as the next account is to see it.
    fn asked(&self, passage: &Passage<'_>) -> Asked {
        let Some(Asked { mut info, share }) = passage.asked.as_deref().cloned() else {
            let name = self.importer.name();
            let info =
                RequestInfo::of(passage.from(), name, self.share.then_some(&*self.server_name));
            return Asked { info, share: self.share };
        };
        info.comes_by(self.importer.name(), (!share && self.share).then_some(&*self.server_name));
        Asked { info, share: self.share }
    }
}

impl Service for ServiceImport {
    fn take(&self, message: &Publish<'_>, passage: &mut Passage<'_>) -> bool {
        if self.until.is_some_and(|until| until <= SystemTime::now()) {
            return false;
        }
        let renamed = self.rename.as_ref().map(|rename| rename.apply(message.subject));
        let subject = renamed.as_deref().unwrap_or(message.subject);
        let asked = self.asked(passage);
        let timed = self.latency.as_ref();
        let timed = timed.and_then(|it| Timed::begin(it, message, &asked.info, &self.server_name));
        let unasked = timed.as_ref().filter(|_| message.reply.is_none());
        if let Some(timed) = unasked {
            timed.failed(Failure::BadRequest, &self.exporter, passage);
        }
        let body = info::tell(message, &asked.info);
        let before = passage.asked.replace(Box::new(asked));
        let ways = (&self.importer, &self.exporter);
        let request = Publish { subject, ..body.message(message) };
        let delivered = forward(&request, ways, self.terms, timed.clone(), passage);
        passage.asked = before;
        if let Some(timed) = timed.filter(|_| !delivered && message.reply.is_some()) {
            timed.failed(Failure::Unavailable, &self.exporter, passage);
        }
        delivered || !self.tells_of_nobody
    }
}

/// Publishes a message that comes from one account in another one; what is answered comes back.
pub(super) fn forward(
    message: &Publish<'_>,
    (from, to): (&Arc<Account>, &Arc<Account>),
    terms: ResponseTerms,
    timed: Option<Box<Timed>>,
    passage: &mut Passage<'_>,
) -> bool {
    let mapped = to.mappings().and_then(|mappings| mappings.map(message.subject));
    let subject = mapped.as_deref().unwrap_or(message.subject);
    let Some(wanted) = message.reply else {
        return passage.publish(to, &Publish { subject, ..*message });
    };
    let responses = to.exchange.responses(to);
    let reply = responses.expect(from, wanted, terms, timed);
    let delivered =
        passage.publish(to, &Publish { subject, reply: Some(&reply), rest: None, ..*message });
    if !delivered {
        responses.forget(&reply);
    }
    delivered
}
