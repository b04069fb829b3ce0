//! What no client can see.

use std::sync::Weak;

use super::super::{Client, Publisher, Scope};
use crate::{
    Config,
    auth::Authenticator,
    protocol::{Info, Publish},
    server::{ServerIdentity, ServerKey},
};

use super::*;

const CONFIG: &str = r#"accounts {
    A {
      exports: [ {stream: "pub.>"}, {service: svc} ]
      imports: [ {stream: {account: K, subject: news}} ]
    }
    K {
      exports: [ {stream: news} ]
      imports: [
        {stream: {account: A, subject: "pub.>"}, prefix: from}
        {service: {account: A, subject: svc}}
      ]
    } }"#;

fn authenticator() -> Authenticator {
    let mut config = Config::default();
    config.merge(CONFIG).unwrap();
    let greeting = Info { server_name: "srv".into(), ..Info::default() };
    let server = ServerIdentity::new(&config, &greeting, ServerKey::new());
    Authenticator::new(&config, server)
}

/// A client of the nth account, behind `$G`.
fn client(authenticator: &Authenticator, nth: usize) -> (Arc<Client>, Arc<Scope>) {
    let account = authenticator.accounts()[nth].clone();
    (Arc::new(Client::new(nth as u64, 1 << 20)), Arc::new(Scope::new(account, "", None)))
}

fn message<'a>(subject: &'a [u8], reply: Option<&'a [u8]>) -> Publish<'a> {
    Publish { subject, reply, header: None, size: b"1", body: b"x", rest: None }
}

#[test]
fn accounts_that_hold_each_other_are_let_go_with_their_server() {
    let authenticator = authenticator();
    let accounts: Vec<Weak<Account>> =
        authenticator.accounts().iter().map(Arc::downgrade).collect();
    {
        let ((a, a_scope), (k, k_scope)) = (client(&authenticator, 1), client(&authenticator, 2));
        a.subscribe(&a_scope, b"svc", None, b"1");
        k.subscribe(&k_scope, b"from.>", None, b"1");
        // The service and the shadow come on top.
        assert_eq!((a_scope.account().subscriptions(), k_scope.account().subscriptions()), (2, 2));
        let mut publisher = Publisher::new(k_scope.clone());
        assert!(publisher.publish(&k, &message(b"svc", Some(b"r"))));
        assert_eq!(a_scope.account().subscriptions(), 2, "the one for answers is no client's");
        a.unsubscribe_all();
        k.unsubscribe_all();
        assert_eq!((a_scope.account().subscriptions(), k_scope.account().subscriptions()), (0, 1));
    }
    drop(authenticator);
    assert!(accounts.iter().all(|account| account.upgrade().is_none()));
}

#[test]
fn imports_that_are_gone_leave_nothing_behind_in_accounts_that_stay() {
    let before = authenticator();
    let (k, k_scope) = client(&before, 2);
    k.subscribe(&k_scope, b">", None, b"1");
    let subscriptions = |it: &Authenticator| -> Vec<usize> {
        it.accounts().iter().map(|account| account.subscriptions()).collect()
    };
    assert_eq!(subscriptions(&before), [0, 1, 2, 0]);
    let mut config = Config::default();
    config.merge("accounts { A {}, K {} }").unwrap();
    let after = before.reloaded(&config);
    k.import_again();
    drop(before);
    assert_eq!(subscriptions(&after), [0, 0, 1, 0]);
    let again = after.reloaded(&{
        let mut config = Config::default();
        config.merge(CONFIG).unwrap();
        config
    });
    k.import_again();
    drop(after);
    assert_eq!(subscriptions(&again), [0, 1, 2, 0]);
    k.unsubscribe_all();
    assert_eq!(subscriptions(&again), [0, 0, 1, 0]);
}
