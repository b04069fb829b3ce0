//! What accounts have of each other.
//!
//! An imported stream is a [`Shadow`]: a client's subscription stands a second time, in the index
//! of the exporter, and what it gets there is delivered under its local subject. An imported
//! service is a [`Service`](super::Service) in the index of the importer. It publishes the request
//! in the exporter's account with another reply subject, at which [`Responses`] wait for the answer
//! (ACC-003, ACC-007).

mod info;
mod latency;
mod overdue;
mod responses;
mod sampling;
mod service;
mod shadow;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

#[cfg(feature = "monitoring")]
pub(crate) use self::responses::Unanswered;
use self::{overdue::Awaited, responses::Responses, service::ServiceImport, shadow::StreamImport};
pub(super) use self::{service::Asked, shadow::Shadow};
use super::{Account, Subscription};
use crate::{
    AccountOptions, Config, ImportKind,
    auth::GLOBAL_ACCOUNT,
    subject::{
        mapping::Mappings,
        transform::{numbered, pattern_of},
    },
};

/// An account's part in it; empty in most.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    now: RwLock<Arc<Terms>>,
    /// Of requests from other accounts; made with the first one.
    responses: Mutex<Option<Responding>>,
    /// Answers to its own timed requests.
    pub(super) awaited: Awaited,
}

/// What the configuration says of an account.
#[derive(Debug, Default)]
struct Terms {
    mappings: Option<Arc<Mappings>>,
    streams: Vec<Arc<StreamImport>>,
    services: Vec<Arc<Subscription>>,
}

/// The responses, and the subscription that hears them.
#[derive(Debug)]
struct Responding {
    responses: Arc<Responses>,
    hears: Arc<Subscription>,
}

/// What holds between all accounts of a server, until it is dropped.
#[derive(Debug)]
pub(crate) struct Arrangement(Vec<(Arc<Account>, Arc<Terms>)>);

impl Arrangement {
    /// Puts what `options` say of the accounts in the place of what held before. Takes options
    /// that have no problem.
    pub(crate) fn new(
        accounts: &[Arc<Account>],
        options: &[AccountOptions],
        config: &Config,
        server_name: &Arc<str>,
    ) -> Arrangement {
        let importing = Importing { accounts, options, config, server_name };
        let mut arranged = Vec::new();
        for account in accounts {
            let named = options.iter().find(|it| it.name == account.name());
            let mappings = match account.name() {
                GLOBAL_ACCOUNT => config.auth.mappings.as_slice(),
                _ => named.map_or(&[][..], |options| &options.mappings),
            };
            let mut terms =
                Terms { mappings: Mappings::new(mappings).map(Arc::new), ..Terms::default() };
            if let Some(options) = named {
                importing.import(account, options, &mut terms);
            }
            let terms = Arc::new(terms);
            account.exchange.replace(account, &terms);
            if !terms.is_empty() || !named.is_none_or(|it| it.exports.is_empty()) {
                arranged.push((account.clone(), terms));
            }
        }
        Arrangement(arranged)
    }
}

impl Drop for Arrangement {
    /// Accounts and what they have of each other hold each other.
    fn drop(&mut self) {
        for (account, terms) in &self.0 {
            account.exchange.withdraw(account, terms);
        }
    }
}

/// What imports are made of.
struct Importing<'a> {
    accounts: &'a [Arc<Account>],
    options: &'a [AccountOptions],
    config: &'a Config,
    server_name: &'a Arc<str>,
}

impl Importing<'_> {
    fn import(&self, account: &Arc<Account>, options: &AccountOptions, terms: &mut Terms) {
        for import in &options.imports {
            let exporter = self.accounts.iter().find(|it| it.name() == import.account);
            let exporting = self.options.iter().find(|it| it.name == import.account);
            let export = exporting.and_then(|it| it.export_for(import, account.name()));
            let (Some(exporter), Some(export)) = (exporter, export) else { continue };
            match import.kind {
                ImportKind::Stream => {
                    terms.streams.push(Arc::new(StreamImport::new(exporter.clone(), import)));
                }
                ImportKind::Service { share } => {
                    let service = ServiceImport::new(
                        (account, exporter),
                        (import, export),
                        share,
                        self.server_name,
                        self.config.profile,
                    );
                    let (local, _) = pattern_of(&numbered(&import.local_subject()));
                    terms.services.push(account.service(&local, service));
                }
            }
        }
    }
}

impl Terms {
    fn is_empty(&self) -> bool {
        self.mappings.is_none() && self.streams.is_empty() && self.services.is_empty()
    }
}

impl Exchange {
    fn replace(&self, account: &Account, terms: &Arc<Terms>) {
        let before = std::mem::replace(
            &mut *self.now.write().unwrap_or_else(PoisonError::into_inner),
            terms.clone(),
        );
        if before.services.is_empty() && terms.services.is_empty() {
            return;
        }
        account.change(|index| {
            for old in &before.services {
                index.remove(&old.pattern, None, old);
            }
            for new in &terms.services {
                index.insert(&new.pattern, None, new.clone());
            }
        });
    }

    fn withdraw(&self, account: &Account, terms: &Arc<Terms>) {
        if !Arc::ptr_eq(&self.terms(), terms) {
            return;
        }
        self.replace(account, &Arc::default());
        let responding = self.responses.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Responding { hears, .. }) = responding {
            account.dismiss_service(&hears);
        }
    }

    fn terms(&self) -> Arc<Terms> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where publications of the account's clients go instead, if anywhere.
    pub(super) fn mappings(&self) -> Option<Arc<Mappings>> {
        self.terms().mappings.clone()
    }

    /// Requests from other accounts that are still waiting for an answer.
    #[cfg(feature = "monitoring")]
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        let responding = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        let responses = responding.as_ref().map(|it| it.responses.clone());
        // A page of many is no reason to make a request wait.
        drop(responding);
        responses.map_or_else(Vec::new, |responses| responses.unanswered())
    }

    /// Where answers to requests from other accounts are waited for.
    fn responses(&self, account: &Arc<Account>) -> Arc<Responses> {
        let mut responding = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        let responding = responding.get_or_insert_with(|| {
            let responses = Arc::new(Responses::new(account));
            let hears = account.serve(responses.pattern(), responses.clone());
            Responding { responses, hears }
        });
        responding.responses.clone()
    }
}

#[cfg(test)]
mod tests;
