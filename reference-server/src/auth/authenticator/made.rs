//! From options to the judge.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{
    Authenticator, Guest, HASHES_MAX, Identity,
    accounts::{configured, made_up_name},
};
use crate::{
    Config, Profile,
    auth::{
        Auth, Credential, Grants, Secret,
        callout::{self, Asker, Callout},
        trust::Trust,
    },
    router::{Account, Arrangement, Scope},
    server::ServerIdentity,
};

/// What the judges of all entrances share.
#[derive(Debug, Clone)]
struct Common {
    profile: Profile,
    accounts: Vec<Arc<Account>>,
    system: Option<Arc<Account>>,
    server: Arc<ServerIdentity>,
    trust: Option<Arc<Trust>>,
    timeout: Duration,
    callout: Option<Arc<Callout>>,
}

impl Authenticator {
    pub(super) fn with_accounts_of(
        config: &Config,
        before: &[Arc<Account>],
        server: Arc<ServerIdentity>,
    ) -> Authenticator {
        let auth = &config.auth;
        let asker = Asker::new(config, &server);
        let trust = Trust::new(&auth.operator_mode, before, config.profile, &asker).map(Arc::new);
        let mut accounts = configured(auth, before);
        accounts.extend(trust.iter().flat_map(|trust| trust.accounts()).cloned());
        let system = match &trust {
            Some(trust) => trust.system_account(),
            None => auth.system(),
        };
        let system = accounts.iter().find(|it| Some(it.name()) == system).cloned();
        let options = trust.as_ref().map_or(&auth.accounts[..], |trust| trust.options());
        let arrangement = Arrangement::new(&accounts, options, config, &server.name);
        let callout = auth.callout.as_ref();
        let callout = callout.and_then(|it| Callout::new(it, &accounts, asker)).map(Arc::new);
        let (profile, timeout) = (config.profile, config.login_timeout());
        let common = Common { profile, accounts, system, server, trust, timeout, callout };
        let all = Authenticator::by(auth, common.clone());
        let own = config.websocket.as_ref().and_then(|it| Some((it, it.auth(auth)?)));
        let websocket = own.map(|(websocket, auth)| {
            let own = Authenticator::by(&auth, common);
            let silent_guest = match config.profile.websocket_guests_must_connect() {
                true => all.silent_guest.clone(),
                false => own.silent_guest.clone(),
            };
            let always_asks = websocket.replaces_logins();
            Arc::new(Authenticator { silent_guest, always_asks, ..own })
        });
        Authenticator { websocket, _arrangement: Some(arrangement), ..all }
    }

    fn by(auth: &Auth, common: Common) -> Authenticator {
        let Common { profile, accounts, system, server, trust, timeout, callout } = common;
        let mut by_name = HashMap::new();
        let mut by_nkey = HashMap::new();
        for (account, user, permissions) in auth.users() {
            let Some(account) = accounts.iter().find(|found| found.name() == account) else {
                continue;
            };
            let asked = callout.as_ref().filter(|it| it.is_in(account));
            let permissions = match asked {
                Some(_) => Some(Cow::Owned(callout::within(permissions.cloned()))),
                None => permissions.map(Cow::Borrowed),
            };
            let grants = permissions.map(|it| Arc::new(Grants::new(&it, profile)));
            let identity = |password: &Secret| {
                Arc::new(Identity {
                    password: password.clone(),
                    connection_types: user.connection_types.clone(),
                    proxy_required: user.proxy_required,
                    scope: Arc::new(Scope::new(account.clone(), user.name(), grants)),
                })
            };
            match &user.credential {
                Credential::Password { name, password } => {
                    by_name.insert(name.clone(), identity(password))
                }
                Credential::Nkey(key) => by_nkey.insert(key.clone(), identity(&Secret::default())),
            };
        }
        let [guest, silent_guest] = guests(auth, &accounts[0], &by_name, &by_nkey);
        let anybody = Identity {
            password: auth.token.clone().unwrap_or_default(),
            connection_types: Vec::new(),
            proxy_required: auth.proxy_required,
            scope: Arc::new(Scope::new(accounts[0].clone(), "", None)),
        };
        Authenticator {
            required: auth.is_required(),
            always_asks: false,
            by_token: auth.token.is_some(),
            by_name,
            by_nkey,
            anybody: Arc::new(anybody),
            silent_guest,
            judges_silent: profile.judges_silent_guests(),
            guest,
            timeout: auth.timeout.unwrap_or(timeout),
            websocket: None,
            _arrangement: None,
            server,
            system,
            accounts,
            trust,
            callout,
            proxies: auth.trusted_proxies.clone(),
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            lifeline: OnceLock::new(),
        }
    }
}

/// Who those are that bring nothing, and who those are that do not even send CONNECT: nobody who
/// is known by a key (AUTH-011).
fn guests(
    auth: &Auth,
    open: &Arc<Account>,
    by_name: &HashMap<String, Arc<Identity>>,
    by_nkey: &HashMap<String, Arc<Identity>>,
) -> [Option<Guest>; 2] {
    let Some(name) = &auth.no_auth_user else {
        let scope = || Arc::new(Scope::new(open.clone(), &made_up_name(), None));
        let guest = auth.is_system_only().then(|| Guest::BesideSystem(scope()));
        return [guest.clone(), guest];
    };
    let guest = |users: &HashMap<_, _>| users.get(name).cloned().map(Guest::NoAuthUser);
    [guest(by_name).or_else(|| guest(by_nkey)), guest(by_name)]
}
