//! What changes something (SYS-006, SYS-007).

use std::{sync::mpsc, time::Duration};

use super::{desk::Desk, options, requests::Answer};

/// A reload that takes longer is not waited for.
const RELOAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Closes a connection; an order that can't be read has no answer.
pub(super) fn kick(desk: &Desk, payload: &[u8]) -> Option<Answer> {
    let cid = cid(payload)?;
    Some(match desk.shared.kick(cid) {
        true => Answer::Done,
        false => Answer::Refused("no such client or leafnode id".to_owned()),
    })
}

/// Tells one client to go elsewhere; it stays connected.
pub(super) fn send_lame_duck_info(desk: &Desk, payload: &[u8]) -> Option<Answer> {
    let cid = cid(payload)?;
    Some(match desk.shared.send_lame_duck_info(cid) {
        true => Answer::Done,
        false => Answer::Refused("no such client id".to_owned()),
    })
}

/// Has whoever runs the server read its configuration again.
pub(super) fn reload(desk: &Desk) -> Answer {
    let (outcome, answer) = mpsc::sync_channel(1);
    if !desk.shared.ask_for_reload(outcome) {
        let words = "can only reload config when a file is provided using -c or --config";
        return Answer::Refused(words.to_owned());
    }
    match answer.recv_timeout(RELOAD_TIME_MAX) {
        Ok(Ok(())) => Answer::Done,
        Ok(Err(words)) => Answer::Refused(words),
        Err(_) => Answer::Refused("the reload takes too long".to_owned()),
    }
}

/// The connection that is meant; 0 if none is named.
fn cid(payload: &[u8]) -> Option<u64> {
    let fields = options::object("KickClientReq", payload).ok().filter(|_| !payload.is_empty())?;
    fields.get("cid").map_or(Some(0), serde_json::Value::as_u64)
}
