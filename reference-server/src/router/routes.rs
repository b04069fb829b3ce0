//! Where subjects lead, remembered by each publisher until any subscription changes.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use super::{Account, Subscription};
use crate::index::Matches;

/// Subjects whose route a connection remembers.
const ROUTES_MAX: usize = 16 << 10;

/// Bytes of a connection's remembered routes, subjects and pointers to receivers.
const ROUTED_BYTES_MAX: usize = 2 << 20;

/// Who is interested in a subject.
pub(super) type Route = Matches<Arc<Subscription>>;

/// The routes of one publisher.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: Vec<(Arc<[u8]>, Route)>,
    /// Where in `known` a subject is.
    places: HashMap<Arc<[u8]>, usize, RandomState>,
    /// The one used last. Most publishers use one subject many times in a row, and a comparison
    /// costs less than a hash does.
    recent: usize,
    bytes: usize,
    generation: u64,
}

impl Routes {
    /// The route of a subject as of now.
    pub(super) fn find(&mut self, account: &Account, subject: &[u8]) -> &Route {
        self.forget_old(account);
        let is_recent = self.known.get(self.recent).is_some_and(|(found, _)| **found == *subject);
        if !is_recent {
            self.recent = match self.places.get(subject) {
                Some(place) => *place,
                None => self.look_up(account, subject),
            };
        }
        &self.known[self.recent].1
    }

    /// Forgets what was found before the index has changed: a route that is not used any more must
    /// not keep alive who was there.
    pub(super) fn forget_old(&mut self, account: &Account) {
        let generation = account.generation();
        if generation != self.generation {
            self.forget();
            self.generation = generation;
        }
    }

    fn look_up(&mut self, account: &Account, subject: &[u8]) -> usize {
        if self.known.len() >= ROUTES_MAX || self.bytes >= ROUTED_BYTES_MAX {
            self.forget();
        }
        let route = account.matches(subject);
        self.bytes += subject.len() + route.size_bytes();
        let subject: Arc<[u8]> = subject.into();
        self.places.insert(subject.clone(), self.known.len());
        self.known.push((subject, route));
        self.known.len() - 1
    }

    fn forget(&mut self) {
        self.known.clear();
        self.places.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccountLimits,
        router::{Client, Scope},
    };

    fn account_with(pattern: &[u8]) -> Arc<Account> {
        let account = Arc::new(Account::new("A", AccountLimits::default(), false));
        let scope = Arc::new(Scope::new(account.clone(), "", None));
        Arc::new(Client::new(1, 1 << 20)).subscribe(&scope, pattern, None, b"1");
        account
    }

    #[test]
    fn subjects_have_an_end() {
        let (account, mut routes) = (account_with(b"*"), Routes::default());
        for nth in 0..ROUTES_MAX {
            let subject = nth.to_string();
            assert_eq!(routes.find(&account, subject.as_bytes()).plain.len(), 1);
            assert_eq!(routes.known.len(), nth + 1);
        }
        assert_eq!(ROUTES_MAX, 16_384);
        let one_more = routes.find(&account, b"one more");
        assert_eq!(one_more.plain.len(), 1);
        assert_eq!((routes.known.len(), routes.places.len()), (1, 1));
    }

    #[test]
    fn bytes_have_an_end() {
        let (account, mut routes) = (account_with(b">"), Routes::default());
        let each = 4096 + size_of::<Arc<Subscription>>();
        let fit = 2_097_152_usize.div_ceil(each);
        for nth in 0..fit {
            assert_eq!((routes.known.len(), routes.bytes), (nth, nth * each));
            routes.find(&account, format!("{nth:04096}").as_bytes());
        }
        routes.find(&account, b"one.more");
        assert_eq!((routes.known.len(), routes.bytes), (1, 8 + size_of::<Arc<Subscription>>()));
    }
}
