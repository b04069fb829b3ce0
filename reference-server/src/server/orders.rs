//! What users of the system account may do to a server (SYS-006, SYS-007).

use std::sync::{
    OnceLock,
    mpsc::{SyncSender, TrySendError},
};

use tokio::sync::mpsc;

use super::{Server, Shared};
use crate::{
    ledger::Reason,
    outbox::{Ending, Ring},
    protocol::Info,
};

/// A request that the configuration be read again, for whoever runs the server.
#[derive(Debug)]
pub struct ReloadRequest(SyncSender<Result<(), String>>);

/// Who takes them, if anybody does.
pub(super) type ReloadRequests = OnceLock<mpsc::Sender<ReloadRequest>>;

/// Requests that may wait for one another.
const RELOADS_MAX: usize = 16;

impl ReloadRequest {
    /// Says what came of it.
    pub fn answer(self, outcome: Result<(), String>) {
        match self.0.try_send(outcome) {
            // Who asked has stopped waiting.
            Ok(()) | Err(TrySendError::Disconnected(_) | TrySendError::Full(_)) => {}
        }
    }
}

impl Server {
    /// Users of the system account may ask for a reload (`$SYS.REQ.SERVER.<id>.RELOAD`, SYS-007).
    /// Whoever knows where the configuration comes from takes their requests here, once, and
    /// answers each; until then they are refused. A second call gets none.
    pub fn reload_requests(&self) -> mpsc::Receiver<ReloadRequest> {
        let (requests, taken) = mpsc::channel(RELOADS_MAX);
        // The first one keeps them.
        let _ = self.shared.reloads.set(requests);
        taken
    }
}

impl Shared {
    /// Closes the connection with this number; false if there is none.
    pub(crate) fn kick(&self, cid: u64) -> bool {
        let Some(client) = self.clients().get(&cid).cloned() else { return false };
        client.ledger.ends(Reason::KICKED);
        client.outbox.end(Ending::Flush);
        true
    }

    /// Tells the connection with this number to go elsewhere; false if there is none.
    pub(crate) fn send_lame_duck_info(&self, cid: u64) -> bool {
        let Some(client) = self.clients().get(&cid).cloned() else { return false };
        let info = Info {
            client_id: cid,
            client_ip: client.label.ip(),
            lame_duck: true,
            ..(*self.terms.borrow().greeting).clone()
        };
        match client.outbox.append(|out| info.encode(out)) {
            Ring::Overflow => client.outbox.end(Ending::Cut),
            Ring::Due | Ring::No => client.outbox.ring(),
        }
        true
    }

    /// Hands a request for a reload to whoever takes them; false if that is nobody.
    pub(crate) fn ask_for_reload(&self, outcome: SyncSender<Result<(), String>>) -> bool {
        let Some(requests) = self.reloads.get() else { return false };
        requests.try_send(ReloadRequest(outcome)).is_ok()
    }
}
