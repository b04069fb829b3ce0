//! Bytes of the protocol become frames.

use std::io::IoSlice;

use bytes::BytesMut;

use super::{
    deflate,
    frame::{Header, Opcode},
};

/// Browsers get no larger frames (WS-009).
const SMALL_FRAME_BYTES: usize = 4096;
/// What is no larger than this is not compressed.
const COMPRESSED_FROM_BYTES: usize = 64;

/// How messages to this client are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing {
    pub(super) in_small_frames: bool,
    pub(super) compressed: bool,
}

impl Outgoing {
    /// Makes one message of all pieces; several for a browser, if it would be a large one.
    pub(super) fn encode(self, pieces: &[IoSlice<'_>], out: &mut BytesMut) {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let max = if self.in_small_frames { SMALL_FRAME_BYTES } else { usize::MAX };
        let header = |length: usize| Header {
            opcode: Opcode::Binary,
            last: true,
            compressed: false,
            length: length as u64,
            mask: None,
        };
        if self.compressed && total > COMPRESSED_FROM_BYTES {
            let packed = deflate::deflate(pieces);
            let count = packed.len().div_ceil(max);
            for (at, part) in packed.chunks(max).enumerate() {
                let (first, last) = (at == 0, at + 1 == count);
                let opcode = if first { Opcode::Binary } else { Opcode::Continuation };
                Header { opcode, last, compressed: first, ..header(part.len()) }.write(out);
                out.extend_from_slice(part);
            }
            return;
        }
        if total == 0 {
            return;
        }
        let mut left_in_frame = 0;
        let mut left = total;
        for piece in pieces {
            let mut piece: &[u8] = piece;
            while !piece.is_empty() {
                if left_in_frame == 0 {
                    left_in_frame = left.min(max);
                    header(left_in_frame).write(out);
                }
                let (now, later) = piece.split_at(piece.len().min(left_in_frame));
                out.extend_from_slice(now);
                left_in_frame -= now.len();
                left -= now.len();
                piece = later;
            }
        }
    }
}
