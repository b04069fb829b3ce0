//! Messages that overtake each other.

use super::{Area, Fault, frame::Delivery, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Order, name, what)
}

/// Changes the places of two messages that follow each other, if they are such a pair.
fn swap(talk: &mut Talk, message: &Delivery, is_pair: fn(&Delivery, &Delivery) -> bool) {
    let held = talk.held.pop();
    let before = held.as_deref().and_then(Delivery::parse);
    match (before, held) {
        (Some(before), Some(held)) if is_pair(&before, message) => {
            talk.deliver(&message.bytes());
            talk.deliver(&held);
            talk.wake = None;
        }
        (_, held) => {
            talk.deliver(&held.unwrap_or_default());
            talk.hold(message.bytes());
        }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        delivery: Some(|talk, message| swap(talk, &message, |_, _| true)),
        found_by: &["core/delivery/reply", "core/parse/empty-payload"],
        ..fault("swap-neighbours", "Messages that follow each other closely change places.")
    },
    Fault {
        delivery: Some(|talk, message| {
            swap(talk, &message, |a, b| a.sid == b.sid && a.subject == b.subject);
        }),
        found_by: &["core/delivery/reply", "core/parse/empty-payload"],
        ..fault("swap-on-a-subject", "Neighbouring messages of one subject change places.")
    },
    Fault {
        delivery: Some(|talk, message| {
            swap(talk, &message, |a, b| a.sid == b.sid && a.subject != b.subject);
        }),
        found_by: &["core/request/two-outstanding", "core/delivery/order"],
        ..fault(
            "swap-across-subjects",
            "Order holds for each subject alone, not across those of a subscription.",
        )
    },
    Fault {
        delivery: Some(|talk, message| {
            swap(talk, &message, |a, b| a.sid != b.sid && a.subject != b.subject);
        }),
        found_by: &["core/delivery/order-across-subscriptions", "core/sub/twenty-thousand"],
        ..fault(
            "swap-across-subscriptions",
            "Order holds for each subscription alone, not across those of a connection.",
        )
    },
    Fault {
        delivery: Some(|talk, message| {
            talk.count += 1;
            match talk.count % 50 == 0 {
                true => talk.hold(message.bytes()),
                false => talk.deliver(&message.bytes()),
            }
        }),
        found_by: &["core/delivery/order-across-subscriptions", "core/delivery/order"],
        ..fault("every-fiftieth-late", "Every fiftieth message comes behind later ones.")
    },
];
