//! The block `auth_callout` (AUTH-035).

use super::{
    Problem,
    block::{Field, Table, put, setting},
};
use crate::AuthCallout;

const CALLOUT: &Table<AuthCallout> = &[
    setting(&["issuer"], |callout, it| put(&mut callout.issuer, it.text())),
    setting(&["account", "acc"], |callout, it| put(&mut callout.account, it.text())),
    setting(&["auth_users", "users"], |callout, it| put(&mut callout.auth_users, it.texts())),
    setting(&["allowed_accounts"], |callout, it| put(&mut callout.allowed_accounts, it.texts())),
    setting(&["xkey", "key"], |callout, it| put(&mut callout.xkey, it.text().map(Some))),
];

/// Reads the block. What it says is judged with the rest, but shown in its line.
pub(super) fn read(it: Field<'_>) -> Result<AuthCallout, Problem> {
    let mut callout = AuthCallout { auth_users: Vec::new(), ..AuthCallout::new("", "") };
    let before = it.problems();
    it.block(CALLOUT, &mut callout)?;
    match crate::auth::callout_problem(&callout) {
        Some(words) if it.problems() == before => Err(it.problem(words)),
        _ => Ok(callout),
    }
}
