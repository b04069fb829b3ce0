//! Compression of messages (RFC 7692), each for itself (WS-011).

use std::{cell::RefCell, io::IoSlice};

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::Violation;

/// What ends a flushed stream; it is left out on the way.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// So many bytes are made at a time; what has not been taken waits in its compressed form.
const STEP_BYTES: usize = 16 << 10;

thread_local! {
    /// Some hundred kilobytes; as messages know nothing of each other, one a thread will do.
    static COMPRESSOR: RefCell<Compress> =
        RefCell::new(Compress::new(Compression::fast(), false));
}

/// Compresses all pieces as one message.
pub(super) fn deflate(pieces: &[IoSlice<'_>]) -> Vec<u8> {
    let mut packed = Vec::new();
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        for piece in pieces {
            feed(compressor, piece, FlushCompress::None, &mut packed);
        }
        feed(compressor, &[], FlushCompress::Sync, &mut packed);
    });
    if packed.ends_with(&TAIL) {
        packed.truncate(packed.len() - TAIL.len());
    }
    packed
}

fn feed(compressor: &mut Compress, mut piece: &[u8], flush: FlushCompress, packed: &mut Vec<u8>) {
    loop {
        packed.reserve(256 + piece.len() / 2);
        let before = compressor.total_in();
        let stuck = compressor.compress_vec(piece, packed, flush).is_err();
        let used = usize::try_from(compressor.total_in() - before).unwrap_or(piece.len());
        piece = &piece[used..];
        // All is out once there is room left; an error means that there was nothing to do.
        if stuck || (piece.is_empty() && packed.len() < packed.capacity()) {
            return;
        }
    }
}

/// Takes compressed messages apart, a step at a time.
#[derive(Default)]
pub(super) struct Inflater {
    /// Made for the first message: it takes 40 KiB.
    stream: Option<Decompress>,
    packed: BytesMut,
    /// The last step filled its room, so there may be more where that came from.
    more: bool,
    /// The end of the message is in `packed`.
    last: bool,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("packed", &self.packed.len()).finish_non_exhaustive()
    }
}

impl Inflater {
    /// Adds a part of a message.
    pub(super) fn feed(&mut self, part: BytesMut, last: bool) {
        match self.packed.is_empty() {
            true => self.packed = part,
            false => self.packed.unsplit(part),
        }
        if last {
            self.packed.extend_from_slice(&TAIL);
            self.last = true;
        }
    }

    /// Whether there is something to [`inflate`](Inflater::inflate).
    pub(super) fn is_busy(&self) -> bool {
        self.more || self.last || !self.packed.is_empty()
    }

    /// Does a step.
    ///
    /// # Errors
    /// What is not compressed as it should be.
    pub(super) fn inflate(&mut self, out: &mut BytesMut) -> Result<(), Violation> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let (mut room, before) = (vec![0; STEP_BYTES], (stream.total_in(), stream.total_out()));
        let status = stream
            .decompress(&self.packed, &mut room, FlushDecompress::Sync)
            .map_err(|_| Violation::Compression)?;
        let count = |now: u64, before| usize::try_from(now - before).unwrap_or_default();
        let (used, made) =
            (count(stream.total_in(), before.0), count(stream.total_out(), before.1));
        self.packed.advance(used);
        out.extend_from_slice(&room[..made]);
        self.more = made == STEP_BYTES;
        if status == Status::StreamEnd {
            // The block said that it was the last; what follows is the tail that we added.
            (self.more, self.packed) = (false, BytesMut::new());
        } else if !self.more && !self.packed.is_empty() {
            return Err(Violation::Compression);
        }
        if self.last && !self.more && self.packed.is_empty() {
            self.last = false;
            stream.reset(false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(inflater: &mut Inflater, packed: &[u8], part: usize) -> Vec<u8> {
        let mut out = BytesMut::new();
        let count = packed.len().div_ceil(part);
        for (at, part) in packed.chunks(part).enumerate() {
            inflater.feed(BytesMut::from(part), at + 1 == count);
            while inflater.is_busy() {
                inflater.inflate(&mut out).unwrap();
            }
        }
        out.to_vec()
    }

    #[test]
    fn what_was_compressed_comes_back_however_it_is_cut() {
        let noise: Vec<u8> = (0..200_000).map(|_| rand::random()).collect();
        let text = b"PUB subject 5\r\nhello\r\n".repeat(10_000);
        let mut inflater = Inflater::default();
        for plain in [&b"x"[..], &noise, &text, &[0; STEP_BYTES], &[0; STEP_BYTES * 2]] {
            let (one, two) = plain.split_at(plain.len() / 3);
            let packed = deflate(&[IoSlice::new(one), IoSlice::new(two)]);
            for part in [1, 7, 4096, usize::MAX] {
                assert!(inflated(&mut inflater, &packed, part) == plain, "{}", plain.len());
            }
        }
        assert!(deflate(&[IoSlice::new(&text)]).len() < text.len() / 10);
    }

    #[test]
    fn a_step_makes_no_more_than_its_room() {
        let packed = deflate(&[IoSlice::new(&vec![0; 10 << 20])]);
        let (mut inflater, mut out) = (Inflater::default(), BytesMut::new());
        inflater.feed(BytesMut::from(&packed[..]), true);
        inflater.inflate(&mut out).unwrap();
        assert_eq!(out.len(), STEP_BYTES);
    }

    #[test]
    fn what_is_not_compressed_is_a_violation() {
        let (mut inflater, mut out) = (Inflater::default(), BytesMut::new());
        inflater.feed(BytesMut::from(&b"\xff\xff\xff\xff"[..]), true);
        assert_eq!(inflater.inflate(&mut out), Err(Violation::Compression));
    }
}
