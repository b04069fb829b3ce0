//! One direction of a connection: what waits to be written, and what the network does to it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// More than this does not wait in a direction: who writes faster is not read.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// What is wrong with one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) delay: Duration,
    pub(super) stalled: bool,
    pub(super) lossy: bool,
    /// After how many bytes more connections are cut.
    pub(super) truncate: Option<u64>,
    /// How often that was said: each time connections count anew.
    pub(super) truncations: u64,
}

/// One direction: what waits, and until when.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) line: Line,
    pub(super) waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Bytes that may still pass.
    pub(super) allowance: Option<u64>,
    /// The source has ended; the end is handed on behind what waits.
    pub(super) ended: bool,
    /// The end was handed on; what comes now is dropped.
    pub(super) shut: bool,
    /// Takes all there is, however much waits.
    pub(super) hoards: bool,
}

impl Pipe {
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() && !self.line.lossy && !self.ended && !self.shut {
            self.bytes += bytes.len();
            self.waiting.push_back((Instant::now() + self.line.delay, bytes));
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES_MAX || self.hoards
    }

    /// What may be written now.
    pub(super) fn due(&self) -> Option<&[u8]> {
        let (due, bytes) = self.waiting.front().filter(|_| !self.line.stalled)?;
        let most = self.allowance.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        (*due <= Instant::now()).then(|| &bytes[..bytes.len().min(most)])
    }

    /// When something is due that is not yet.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.front().filter(|_| !self.line.stalled).map(|(due, _)| *due)
    }

    /// So much was written; true if that is the end.
    pub(super) fn written(&mut self, count: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(count);
        if let Some((_, front)) = self.waiting.front_mut() {
            match count < front.len() {
                true => drop(front.drain(..count)),
                false => drop(self.waiting.pop_front()),
            }
        }
        self.allowance = self.allowance.map(|left| left.saturating_sub(count as u64));
        self.allowance == Some(0)
    }

    pub(super) fn set(&mut self, line: Line) {
        if line.truncations != self.line.truncations {
            self.allowance = line.truncate;
        }
        self.line = line;
    }

    pub(super) fn wants_shutdown(&self) -> bool {
        self.ended && !self.shut && self.waiting.is_empty() && !self.line.stalled
    }

    /// No more bytes, and the end.
    pub(super) fn drop_all(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
        self.ended = true;
    }
}
