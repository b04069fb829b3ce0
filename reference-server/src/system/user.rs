//! Who asks, and what it may do (AUTH-036).

use serde::Serialize;

use crate::{Permissions, Profile, SubjectPermission, router::Scope, server::Overview};

/// The answer to `$SYS.REQ.USER.INFO`.
#[derive(Serialize)]
pub(super) struct UserInfo {
    user: String,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<String>,
    /// How the user's token calls it, or the one that was shown before a service was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Allowed>,
    /// Nanoseconds that the login still holds, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

#[derive(Serialize)]
struct Allowed {
    publish: Subjects,
    subscribe: Subjects,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<Answers>,
}

#[derive(Serialize)]
struct Subjects {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

/// How often, and for how many nanoseconds.
#[derive(Serialize)]
struct Answers {
    max: i64,
    ttl: i64,
}

pub(super) fn info(server: &Overview<'_>, scope: &Scope) -> UserInfo {
    let (account, lease) = (scope.account().name().to_owned(), scope.lease());
    let tells_names = server.profile() >= Profile::V2_12;
    let account_name = lease.as_ref().map_or(&account, |lease| &lease.account_name);
    let user_name = lease.as_ref().map(|lease| lease.user_name.clone());
    let ends = lease.as_ref().and_then(|lease| lease.ends);
    let left = ends.and_then(|(at, _)| at.duration_since(server.now).ok());
    UserInfo {
        user: scope.user().to_string(),
        account_name: tells_names.then(|| account_name.clone()),
        account,
        user_name: user_name.filter(|name| tells_names && !name.is_empty()),
        permissions: scope.grants().map(|grants| Allowed::of(grants.permissions())),
        expires: left.map(|left| left.as_secs() * 1_000_000_000).filter(|left| *left > 0),
    }
}

impl Allowed {
    fn of(permissions: &Permissions) -> Allowed {
        let Permissions { publish, subscribe, responses } = permissions;
        Allowed {
            publish: Subjects::of(publish),
            subscribe: Subjects::of(subscribe),
            responses: responses.map(|it| Answers {
                max: it.max.map_or(-1, i64::from),
                ttl: i64::try_from(it.expires.as_nanos()).unwrap_or(i64::MAX),
            }),
        }
    }
}

impl Subjects {
    fn of(permission: &SubjectPermission) -> Subjects {
        let SubjectPermission { allow, deny } = permission.clone();
        Subjects { allow, deny }
    }
}
