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
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Allowed>,
}

#[derive(Serialize)]
struct Allowed {
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Subjects>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<Subjects>,
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
    let account = scope.account().name().to_owned();
    UserInfo {
        user: scope.user().to_string(),
        account_name: (server.profile() >= Profile::V2_12).then(|| {
            scope.lease().map_or_else(|| account.clone(), |lease| lease.account_name.clone())
        }),
        account,
        permissions: scope.grants().map(|grants| Allowed::of(grants.permissions())),
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
    fn of(permission: &SubjectPermission) -> Option<Subjects> {
        let SubjectPermission { allow, deny } = permission.clone();
        (!allow.is_empty() || !deny.is_empty()).then_some(Subjects { allow, deny })
    }
}
