//! What is at the other end of a subscription.

use std::{fmt::Debug, sync::Arc};

use super::{Client, Passage, exchange::Shadow};
use crate::protocol::Publish;

/// Where the messages of a subscription go. As large as two pointers: there are millions.
#[derive(Debug)]
pub(crate) enum Receiver {
    /// To a connection.
    Client(Arc<Client>),
    /// To a connection of another account, which imports a stream from here.
    Shadow(Box<Shadow>),
    /// To a part of the server.
    Service(Box<Box<dyn Service>>),
}

const _: () = assert!(size_of::<Receiver>() == 2 * size_of::<usize>());

/// A part of the server that takes messages like a subscriber. It is called on the publisher's
/// task while no lock is held, and has to be done soon.
pub(crate) trait Service: Debug + Send + Sync {
    /// Takes a message; false if that led nowhere, so that its publisher may be told
    /// (CORE-REQ-003).
    fn take(&self, message: &Publish<'_>, passage: &mut Passage<'_>) -> bool;
}

impl Receiver {
    /// Whose outbox it is, if it is one.
    pub(super) fn client(&self) -> Option<&Arc<Client>> {
        match self {
            Receiver::Client(client) => Some(client),
            Receiver::Shadow(shadow) => Some(&shadow.client),
            Receiver::Service(_) => None,
        }
    }

    /// Whether it is this client.
    pub(super) fn is(&self, client: &Client) -> bool {
        self.client().is_some_and(|own| std::ptr::eq(&**own, client))
    }
}
