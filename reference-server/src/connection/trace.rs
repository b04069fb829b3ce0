//! What a trace shows of a conversation (LOG-004). Costs a look at the log level where there is
//! none.

use std::{borrow::Cow, collections::VecDeque};

use bytes::Bytes;
use log::{Level, log_enabled};

use crate::{protocol::ClientOp, router::Label};

/// Shows an operation that has come, and its payload.
#[inline]
pub(super) fn received(who: &Label, op: &ClientOp<'_>, payload_max: usize) {
    if !log_enabled!(Level::Trace) {
        return;
    }
    log::trace!("{who} - <<- [{op}]");
    if let ClientOp::Publish(message) = op {
        log::trace!("{who} - <<- MSG_PAYLOAD: [{:?}]", cut(message.body, payload_max));
    }
}

/// Shows what is about to be sent: whole operations, as nothing else is queued.
#[inline]
pub(super) fn sending(who: &Label, pieces: &VecDeque<Bytes>, payload_max: usize) {
    if !log_enabled!(Level::Trace) {
        return;
    }
    let bytes: Vec<u8> = pieces.iter().flatten().copied().collect();
    let mut rest = &bytes[..];
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]);
        rest = &rest[end + 2..];
        if line.starts_with("INFO ") {
            continue;
        }
        log::trace!("{who} - ->> [{}]", line.trim_end().replace('\'', ""));
        if line.starts_with("MSG ") || line.starts_with("HMSG ") {
            let size = line.rsplit(' ').next().and_then(|size| size.parse().ok());
            let size = size.unwrap_or(0).min(rest.len());
            log::trace!("{who} - ->> MSG_PAYLOAD: [{:?}]", cut(&rest[..size], payload_max));
            rest = rest.get(size + 2..).unwrap_or_default();
        }
    }
}

/// As much of a payload as is to be shown (LOG-005).
fn cut(payload: &[u8], max: usize) -> Cow<'_, str> {
    match max > 0 && payload.len() > max {
        true => Cow::Owned(format!("{}...", String::from_utf8_lossy(&payload[..max]))),
        false => String::from_utf8_lossy(payload),
    }
}
