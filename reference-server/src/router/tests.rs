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
    let Some(old) = client.table().get(&b"1"[..]).map(|found| found.0.clone()) else {
        panic!("no subscription")
    };
    old.ended.store(true, Ordering::Relaxed);

    assert!(!client.is_subscribed(b"1"));
    client.subscribe(&scope, b"new", None, b"1");
    client.forget(&old);
    for (subject, reaches) in [(&b"new"[..], true), (b"old", false)] {
        let message = Publish { subject, reply: None, header: None, size: b"1", body: b"x" };
        assert_eq!(publisher.publish(&client, &message), reaches);
    }
    assert_eq!((account.subscriptions(), client.subscription_count()), (1, 1));
}
