//! What tokens say, by their kinds. A limit below zero is none.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use ipnet::IpNet;
use jiff::{Timestamp, civil::Time, tz::TimeZone};
use nkeys::KeyPairType;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{
    Claims, Kind,
    exchange::{ExportClaims, ImportClaims, MappingClaims},
};
use crate::{ConnectionType, Permissions, Responses, SubjectPermission};

const UNLIMITED: i64 = -1;

/// What an operator says of itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OperatorClaims {
    /// Keys that may sign in its place.
    pub(crate) signing_keys: Vec<String>,
    /// Only those may sign accounts.
    pub(crate) strict_signing_key_usage: bool,
    pub(crate) system_account: String,
    /// A release below which a server may not trust it.
    pub(crate) assert_server_version: String,
}

/// What an operator says of an account.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccountClaims {
    pub(crate) limits: AccountLimitClaims,
    pub(crate) signing_keys: Vec<SigningKey>,
    /// Users, or `*`, whose tokens count no more if they were issued up to this time.
    pub(crate) revocations: HashMap<String, i64>,
    pub(crate) default_permissions: PermissionClaims,
    pub(crate) tags: Vec<String>,
    pub(crate) imports: Vec<ImportClaims>,
    pub(crate) exports: Vec<ExportClaims>,
    pub(crate) mappings: MappingClaims,
    pub(crate) authorization: ServiceClaims,
}

/// What an account says of the service that judges its users (AUTH-038).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceClaims {
    /// Users who are judged by their tokens alone; without any there is no service.
    pub(crate) auth_users: Vec<String>,
    /// Accounts where users may be besides, or `*` for all.
    pub(crate) allowed_accounts: Vec<String>,
    /// The service's public curve key.
    pub(crate) xkey: String,
}

/// What a service says of somebody (AUTH-035).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseClaims {
    pub(crate) jwt: String,
    pub(crate) error: String,
    /// Whose signing key has issued it.
    pub(crate) issuer_account: String,
}

/// The limits of an account that this server knows.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccountLimitClaims {
    pub(crate) subs: i64,
    pub(crate) payload: i64,
    conn: i64,
    pub(crate) disallow_bearer: bool,
}

/// A key that may sign users in an account's place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum SigningKey {
    /// Without conditions.
    Plain(String),
    /// All whom it signs may do what the template says.
    Scoped {
        kind: ScopeKind,
        key: String,
        #[serde(default = "UserLimits::unlimited")]
        template: Box<UserLimits>,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeKind {
    UserScope,
}

/// What an account says of a user.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserClaims {
    #[serde(flatten)]
    pub(crate) limits: UserLimits,
    /// Whose signing key has issued it.
    pub(crate) issuer_account: String,
    pub(crate) tags: Vec<String>,
}

/// What a user may do, and from where and when.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserLimits {
    #[serde(flatten)]
    pub(crate) permissions: PermissionClaims,
    pub(crate) subs: i64,
    pub(crate) payload: i64,
    pub(crate) data: i64,
    #[serde(deserialize_with = "networks")]
    pub(crate) src: Vec<String>,
    pub(crate) times: Vec<TimeRange>,
    pub(crate) times_location: String,
    /// It counts without a signature.
    pub(crate) bearer_token: bool,
    pub(crate) proxy_required: bool,
    pub(crate) allowed_connection_types: Vec<String>,
}

/// From one time of day to another one, which may be on the next day.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TimeRange {
    start: String,
    end: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PermissionClaims {
    pub(crate) r#pub: SubjectClaims,
    pub(crate) sub: SubjectClaims,
    pub(crate) resp: Option<AnswerClaims>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SubjectClaims {
    pub(crate) allow: Vec<String>,
    pub(crate) deny: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AnswerClaims {
    max: i64,
    /// In nanoseconds.
    ttl: i64,
}

impl Kind for OperatorClaims {
    const NAME: &'static str = "operator";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Operator];

    fn unlimited(_: &mut Map<String, Value>) {}
}

impl Kind for AccountClaims {
    const NAME: &'static str = "account";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Account, KeyPairType::Operator];

    fn unlimited(nats: &mut Map<String, Value>) {
        let limits = nats.entry("limits").or_insert_with(|| Value::Object(Map::new()));
        if let Some(limits) = limits.as_object_mut() {
            fill(limits, &["subs", "payload", "conn"]);
        }
    }
}

impl Kind for UserClaims {
    const NAME: &'static str = "user";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Account];

    fn unlimited(nats: &mut Map<String, Value>) {
        fill(nats, &["subs", "payload", "data"]);
    }
}

impl Claims<UserClaims> {
    /// The account that the user belongs to.
    pub(crate) fn account(&self) -> &str {
        match self.nats.issuer_account.as_str() {
            "" => &self.issuer,
            account => account,
        }
    }
}

impl Kind for ResponseClaims {
    const NAME: &'static str = "authorization_response";
    const ISSUERS: &'static [KeyPairType] = &[KeyPairType::Account];

    fn unlimited(_: &mut Map<String, Value>) {}
}

fn fill(limits: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        limits.entry(*name).or_insert(UNLIMITED.into());
    }
}

fn limit(limit: i64) -> Option<usize> {
    usize::try_from(limit).ok()
}

impl AccountLimitClaims {
    pub(crate) fn limits(&self) -> crate::AccountLimits {
        crate::AccountLimits {
            max_connections: limit(self.conn),
            max_subscriptions: limit(self.subs),
            max_payload_bytes: limit(self.payload),
        }
    }
}

impl SigningKey {
    pub(crate) fn key(&self) -> &str {
        match self {
            SigningKey::Plain(key) | SigningKey::Scoped { key, .. } => key,
        }
    }
}

impl UserLimits {
    /// What a template says where it says nothing.
    fn unlimited() -> Box<UserLimits> {
        Box::new(UserLimits {
            subs: UNLIMITED,
            payload: UNLIMITED,
            data: UNLIMITED,
            ..UserLimits::default()
        })
    }

    pub(crate) fn max_subscriptions(&self) -> Option<usize> {
        limit(self.subs)
    }

    pub(crate) fn max_payload_bytes(&self) -> Option<usize> {
        limit(self.payload)
    }

    /// The ways to be connected; none where only unknown ones are named, which is no way at all.
    pub(crate) fn connection_types(&self) -> Option<Vec<ConnectionType>> {
        let named = &self.allowed_connection_types;
        let known: Vec<_> = named.iter().filter_map(|name| ConnectionType::parse(name)).collect();
        (named.is_empty() || !known.is_empty()).then_some(known)
    }

    /// Whether it may come from this address.
    pub(crate) fn admits(&self, address: &str) -> bool {
        let address = address.parse::<IpAddr>();
        let holds = |net: &String| match (net.parse::<IpNet>(), &address) {
            (Ok(net), Ok(address)) => net.contains(address),
            _ => false,
        };
        self.src.is_empty() || self.src.iter().any(holds)
    }

    /// How long it may still be connected, at this time of the day: `None` is not now,
    /// `Some(None)` is as long as it likes.
    pub(crate) fn time_left(&self, now: Timestamp) -> Option<Option<Duration>> {
        if self.times.is_empty() {
            return Some(None);
        }
        let now = self.time_zone()?.to_datetime(now).time();
        self.times.iter().filter_map(|range| range.time_left(now)).max().map(Some)
    }

    fn time_zone(&self) -> Option<TimeZone> {
        match self.times_location.as_str() {
            "" => Some(TimeZone::system()),
            name => TimeZone::get(name).ok(),
        }
    }

    /// What can't be meant; a token that says such a thing counts for nothing.
    pub(crate) fn is_sound(&self) -> bool {
        self.src.iter().all(|net| net.parse::<IpNet>().is_ok())
            && self.times.iter().all(|range| range.bounds().is_some())
            && self.time_zone().is_some()
    }
}

impl TimeRange {
    fn bounds(&self) -> Option<(Time, Time)> {
        let time = |text: &str| Time::strptime("%H:%M:%S", text).ok();
        Some((time(&self.start)?, time(&self.end)?))
    }

    fn time_left(&self, now: Time) -> Option<Duration> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let since_midnight = |time: Time| {
            let passed = time.duration_since(Time::midnight());
            Duration::try_from(passed).unwrap_or_default()
        };
        let (start, end) = self.bounds()?;
        let (start, end, now) = (since_midnight(start), since_midnight(end), since_midnight(now));
        match start <= end {
            true if start < now && now < end => Some(end - now),
            false if now < end => Some(end - now),
            false if start < now => Some(end + DAY - now),
            _ => None,
        }
    }
}

impl PermissionClaims {
    /// None if nothing is said, so that the account's defaults hold.
    pub(crate) fn permissions(&self) -> Option<Permissions> {
        let side = |it: &SubjectClaims| SubjectPermission {
            allow: it.allow.clone(),
            deny: it.deny.clone(),
        };
        let permissions = Permissions {
            publish: side(&self.r#pub),
            subscribe: side(&self.sub),
            responses: self.resp.as_ref().map(AnswerClaims::responses),
        };
        (permissions != Permissions::default()).then_some(permissions)
    }
}

impl AnswerClaims {
    /// Zero stands for the default, less for no limit.
    fn responses(&self) -> Responses {
        let default = Responses::default();
        Responses {
            max: match self.max {
                0 => default.max,
                max => u32::try_from(max).ok(),
            },
            expires: match self.ttl {
                0 => default.expires,
                ttl => Duration::from_nanos(u64::try_from(ttl).unwrap_or(0)),
            },
        }
    }
}

/// A list, or one text with commas.
fn networks<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Networks {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Networks::deserialize(json)? {
        Networks::List(list) => list,
        Networks::Text(text) => text.split(',').map(|net| net.trim().to_owned()).collect(),
    })
}
