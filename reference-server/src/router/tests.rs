//! What only an unlucky moment shows.

use super::*;
use crate::AccountLimits;

/// Between the last delivery and the forgetting, the receiver may have used the sid again.
#[test]
fn a_sid_is_free_as_soon_as_its_last_message_is_delivered() {
    let account = Arc::new(Account::new("A", AccountLimits::default(), false));
    let scope = Arc::new(Scope::new(account.clone(), "", None));
    let client = Arc::new(Client::new(1, 1 << 20));
    let mut publisher = Publisher::new(scope.clone());
    client.subscribe(&scope, b"old", None, b"1");
    let Some(old) = client.table().own.get(&b"1"[..]).map(|found| found.0.clone()) else {
        panic!("no subscription")
    };
    old.ended.store(true, Ordering::Relaxed);

    assert!(!client.is_subscribed(b"1"));
    let message =
        Publish { subject: b"old", reply: None, header: None, size: b"1", body: b"x", rest: None };
    assert!(!publisher.publish(&client, &message), "it is still in the index, but has ended");
    client.subscribe(&scope, b"new", None, b"1");
    assert!(client.is_subscribed(b"1"));
    assert_eq!(client.subscription_count(), 1);
    client.forget(&old);
    for (subject, reaches) in [(&b"new"[..], true), (b"old", false)] {
        let message =
            Publish { subject, reply: None, header: None, size: b"1", body: b"x", rest: None };
        assert_eq!(publisher.publish(&client, &message), reaches);
    }
    assert_eq!((account.subscriptions(), client.subscription_count()), (1, 1));
}

#[test]
fn sids_are_told_apart() {
    let account = Arc::new(Account::new("A", AccountLimits::default(), false));
    let scope = Arc::new(Scope::new(account.clone(), "", None));
    let client = Arc::new(Client::new(1, 1 << 20));
    for sid in 0..1000 {
        client.subscribe(&scope, b"a", None, sid.to_string().as_bytes());
    }
    assert_eq!((account.subscriptions(), client.subscription_count()), (1000, 1000));
    for sid in 0..1000 {
        client.unsubscribe(sid.to_string().as_bytes(), 0);
    }
    assert_eq!((account.subscriptions(), client.subscription_count()), (0, 0));
}

#[test]
fn an_account_has_as_many_seats_as_connections_may_be() {
    let limits = AccountLimits { max_connections: Some(2), ..AccountLimits::default() };
    let (account, other) =
        (Arc::new(Account::new("A", limits, false)), Arc::new(Account::new("B", limits, false)));
    let first = Seat::take(&account).unwrap();
    let second = Seat::take(&account).unwrap();
    assert!(first.is_in(&account) && !first.is_in(&other));
    assert!(Seat::take(&account).is_none() && !account.is_crowded());
    account.reload(AccountLimits { max_connections: Some(1), ..limits }, false);
    assert!(account.is_crowded());
    drop(second);
    assert!(!account.is_crowded() && Seat::take(&account).is_none());
    drop(first);
    assert!(Seat::take(&account).is_some());
}

#[tokio::test(start_paused = true)]
async fn who_makes_room_in_time_is_waited_for_again() {
    let account = Arc::new(Account::new("A", AccountLimits::default(), false));
    let scope = Arc::new(Scope::new(account, "", None));
    let (from, to) = (Arc::new(Client::new(0, 1000)), Arc::new(Client::new(1, 1000)));
    to.subscribe(&scope, b"a", None, b"1");
    let mut publisher = Publisher::new(scope);
    let body = &[b'x'; 800];
    let message =
        Publish { subject: b"a", reply: None, header: None, size: b"800", body, rest: None };
    assert!(publisher.publish(&from, &message));
    let eased = async {
        assert_eq!(publisher.ease().await, 1);
        assert!(!to.hopeless.load(Ordering::Relaxed));
    };
    let room = async {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        to.outbox.sent(800);
    };
    tokio::join!(eased, room);
}

/// Each of four full receivers would be waited for 5 ms.
#[tokio::test(start_paused = true)]
async fn a_publisher_waits_ten_milliseconds_at_most_behind_one_read() {
    let account = Arc::new(Account::new("A", AccountLimits::default(), false));
    let scope = Arc::new(Scope::new(account, "", None));
    let from = Arc::new(Client::new(0, 1000));
    let mut publisher = Publisher::new(scope.clone());
    let full: Vec<_> = (1..=4).map(|id| Arc::new(Client::new(id, 1000))).collect();
    for client in &full {
        client.subscribe(&scope, b"a", None, b"1");
    }
    let body = &[b'x'; 800];
    let message =
        Publish { subject: b"a", reply: None, header: None, size: b"800", body, rest: None };
    assert!(publisher.publish(&from, &message));
    publisher.ring();

    let began = tokio::time::Instant::now();
    assert_eq!(publisher.ease().await, 2);
    assert_eq!(began.elapsed().as_millis(), 10);
    let hopeless = full.iter().filter(|client| client.hopeless.load(Ordering::Relaxed)).count();
    assert_eq!(hopeless, 2);
}

/// Publishes what it gets in an account, to another subject.
#[derive(Debug)]
struct Relay(Arc<Account>, &'static [u8]);

impl Service for Relay {
    fn take(&self, message: &Publish<'_>, passage: &mut Passage<'_>) -> bool {
        passage.publish(&self.0, &Publish { subject: self.1, ..*message })
    }
}

#[test]
fn a_service_takes_messages_to_another_account_and_never_round_and_round() {
    let account = |name| Arc::new(Account::new(name, AccountLimits::default(), false));
    let (one, other) = (account("one"), account("other"));
    let scope = |account: &Arc<Account>| Arc::new(Scope::new(account.clone(), "", None));
    let (from, to) = (Arc::new(Client::new(1, 1 << 20)), Arc::new(Client::new(2, 1 << 20)));
    let mut publisher = Publisher::new(scope(&one));
    let mut publish = |subject| {
        let message =
            Publish { subject, reply: None, header: None, size: b"1", body: b"x", rest: None };
        publisher.publish(&from, &message)
    };
    let there = one.serve("a", Relay(other.clone(), b"b"));
    assert!(!publish(b"a"), "nobody listens");
    to.subscribe(&scope(&other), b"b", None, b"1");
    assert!(publish(b"a"));
    assert_eq!(to.outbox.traffic().0.msgs, 1);
    to.unsubscribe_all();
    let _back = other.serve("b", Relay(one.clone(), b"a"));
    assert!(!publish(b"a"));
    one.dismiss_service(&there);
    assert_eq!((one.subscriptions(), other.subscriptions()), (0, 0), "of clients, that is");
}
