//! In place of operator mode where the feature `jwt` is off.

use std::sync::Arc;

use super::{
    OperatorMode, Secret,
    authenticator::{Offer, Verdict},
    callout::Asker,
};
use crate::{AccountOptions, Profile, router::Account};

/// There is none.
#[derive(Debug)]
pub(super) enum Trust {}

/// Why a login is refused.
#[derive(Debug)]
pub(super) enum Refusal {}

pub(super) fn problem(_: &OperatorMode, _: Profile) -> Option<String> {
    Some(NOT_BUILT_IN.to_owned())
}

const NOT_BUILT_IN: &str = "operator mode needs the cargo feature `jwt`";

pub(super) fn operator_keys(mode: &OperatorMode) -> Vec<String> {
    mode.trusted_keys.clone()
}

pub(super) fn sentinel_problem(_: &Secret) -> Option<&'static str> {
    Some(NOT_BUILT_IN)
}

pub(crate) fn operator_problem(_: &str) -> Option<String> {
    Some(NOT_BUILT_IN.to_owned())
}

pub(crate) fn account_problem(_: &str) -> Option<String> {
    Some(NOT_BUILT_IN.to_owned())
}

impl Trust {
    pub(super) fn new(
        _: &OperatorMode,
        _: &[Arc<Account>],
        _: Profile,
        _: &Arc<Asker>,
    ) -> Option<Trust> {
        None
    }

    pub(super) fn system_account(&self) -> Option<&str> {
        match *self {}
    }

    pub(super) fn announce(&self) {
        match *self {}
    }

    pub(super) fn accounts(&self) -> std::slice::Iter<'_, Arc<Account>> {
        match *self {}
    }

    pub(super) fn options(&self) -> &[AccountOptions] {
        match *self {}
    }

    pub(super) fn judge(self: &Arc<Trust>, _: &Offer<'_>) -> Result<Verdict, Refusal> {
        match **self {}
    }
}

impl Refusal {
    pub(super) fn is_revocation(&self) -> bool {
        match *self {}
    }

    pub(super) fn is_for_lack_of_a_proxy(&self) -> bool {
        match *self {}
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}
