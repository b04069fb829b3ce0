//! Permissions of a scoped signing key, with the names of whom it has signed put in.

use super::{AccountClaims, Claims, PermissionClaims, UserClaims};
use crate::is_valid_pattern;

/// Subjects that an entry may become, as for nats-server: tags multiply.
const SUBJECTS_MAX: usize = 4096;

/// Whose names are put in.
struct Names<'a> {
    user: &'a Claims<UserClaims>,
    account: &'a Claims<AccountClaims>,
}

/// What the template allows this user; none if it can't be meant (AUTH-030).
pub(crate) fn expand(
    template: &PermissionClaims,
    user: &Claims<UserClaims>,
    account: &Claims<AccountClaims>,
) -> Option<PermissionClaims> {
    let names = Names { user, account };
    let mut permissions = template.clone();
    for side in [&mut permissions.r#pub, &mut permissions.sub] {
        let restricted = !side.allow.is_empty();
        side.allow = names.expand_all(&side.allow, false)?;
        side.deny = names.expand_all(&side.deny, true)?;
        if restricted && side.allow.is_empty() {
            // Of all that was allowed nothing is left; an empty list would allow everything.
            side.deny.push(">".to_owned());
        }
    }
    Some(permissions)
}

impl Names<'_> {
    /// Entries that come to nothing are left out of what is allowed; of what is denied none may.
    fn expand_all(&self, entries: &[String], strict: bool) -> Option<Vec<String>> {
        if !entries.iter().any(|entry| place(entry).is_some()) {
            return Some(entries.to_vec());
        }
        let mut subjects = Vec::new();
        for entry in entries {
            let made = self.expand(entry)?;
            let all = made.len();
            let valid = made.into_iter().filter(|it| is_valid_pattern(it.as_bytes()));
            let before = subjects.len();
            subjects.extend(valid);
            let some_are_missing = subjects.len() - before < all || all == 0;
            if strict && some_are_missing || subjects.len() > SUBJECTS_MAX {
                return None;
            }
        }
        Some(subjects)
    }

    /// All that an entry becomes: a tag may have several values, or none. What stands in an entry
    /// twice has the same value in both places, and what is put in is not looked at again.
    fn expand(&self, entry: &str) -> Option<Vec<String>> {
        let (mut parts, mut variables, mut rest) = (Vec::new(), Vec::new(), entry);
        while let Some((start, end)) = place(rest) {
            let variable = &rest[start..end];
            let known = variables.iter().position(|it| *it == variable);
            let index = known.unwrap_or(variables.len());
            if known.is_none() {
                variables.push(variable);
            }
            parts.push((&rest[..start], index));
            rest = &rest[end..];
        }
        let mut choices = vec![Vec::new()];
        for variable in &variables {
            let values = self.values(variable[2..variable.len() - 2].trim())?;
            if choices.len() * values.len() > SUBJECTS_MAX {
                return None;
            }
            let with_one_more = |choice: &Vec<String>| {
                let choice = choice.clone();
                let more =
                    move |value: &String| [&choice[..], std::slice::from_ref(value)].concat();
                values.iter().map(more).collect::<Vec<_>>()
            };
            choices = choices.iter().flat_map(with_one_more).collect();
        }
        let subject = |choice: &Vec<String>| {
            let filled = parts.iter().map(|(text, index)| format!("{text}{}", choice[*index]));
            filled.collect::<String>() + rest
        };
        Some(choices.iter().map(subject).collect())
    }

    fn values(&self, operation: &str) -> Option<Vec<String>> {
        let Names { user, account } = self;
        let one = |text: &str| Some(vec![text.to_owned()]);
        let operation_lower = operation.to_ascii_lowercase();
        match operation_lower.as_str() {
            "name()" => return one(&user.name),
            "subject()" => return one(&user.subject),
            "account-name()" => return one(&account.name),
            "account-subject()" => return one(&user.nats.issuer_account),
            _ => {}
        }
        let tag = operation_lower.strip_suffix(')')?;
        let (tag, tags) = match tag.strip_prefix("account-tag(") {
            Some(tag) => (tag, &account.nats.tags),
            None => (tag.strip_prefix("tag(")?, &user.nats.tags),
        };
        let value = |it: &String| {
            let (name, value) = it.split_once(':')?;
            (name == tag).then(|| value.to_owned())
        };
        Some(tags.iter().filter_map(value).collect())
    }
}

/// Where the first `{{…}}` stands.
fn place(entry: &str) -> Option<(usize, usize)> {
    let start = entry.find("{{")?;
    let end = entry[start..].find("}}")?;
    Some((start, start + end + 2))
}
