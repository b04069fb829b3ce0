//! Frames of RFC 6455: the few bytes before each payload.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

const FINAL: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;
/// The longest payload of a control frame.
const CONTROL_BYTES_MAX: u64 = 125;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) last: bool,
    pub(super) compressed: bool,
    /// Bytes of the payload.
    pub(super) length: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// What no client may send; the words are nats-server's (WS-008).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Violation {
    #[error("mask bit missing")]
    NotMasked,
    #[error("reserved bits set")]
    ReservedBits,
    #[error("unknown opcode {0}")]
    UnknownOpcode(u8),
    #[error("control frame length bigger than maximum allowed of {CONTROL_BYTES_MAX} bytes")]
    LongControl,
    #[error("control frame does not have final bit set")]
    FragmentedControl,
    #[error("new message started before final frame for previous message was received")]
    MessageInMessage,
    #[error("invalid continuation frame")]
    NoMessage,
    #[error("invalid frame length")]
    Length,
    #[error("invalid close frame")]
    Close,
    #[error("invalid utf8 body in close frame")]
    CloseText,
    #[error("message can't be decompressed")]
    Compression,
}

impl Violation {
    /// The code of the close that answers it.
    pub(super) fn code(self) -> u16 {
        match self {
            Violation::CloseText => 1007,
            _ => 1002,
        }
    }
}

impl Opcode {
    fn read(bits: u8) -> Result<Opcode, Violation> {
        Ok(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return Err(Violation::UnknownOpcode(bits)),
        })
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

impl Header {
    /// Reads a header, and how long it is itself; none if there is more to come.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(usize, Header)>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = Opcode::read(first & 0x0f)?;
        if first & RESERVED != 0 {
            return Err(Violation::ReservedBits);
        }
        let (mut used, length) = match second & 0x7f {
            126 => match rest.first_chunk() {
                Some(length) => (4, u64::from(u16::from_be_bytes(*length))),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(length) => (10, u64::from_be_bytes(*length)),
                None => return Ok(None),
            },
            length => (2, u64::from(length)),
        };
        if length > i64::MAX as u64 {
            return Err(Violation::Length);
        }
        let last = first & FINAL != 0;
        if opcode.is_control() && length > CONTROL_BYTES_MAX {
            return Err(Violation::LongControl);
        }
        if opcode.is_control() && !last {
            return Err(Violation::FragmentedControl);
        }
        let mut mask = None;
        if second & MASKED != 0 {
            mask = bytes[used..].first_chunk().copied();
            if mask.is_none() {
                return Ok(None);
            }
            used += 4;
        }
        let compressed = first & COMPRESSED != 0;
        Ok(Some((used, Header { opcode, last, compressed, length, mask })))
    }

    /// Writes the header of a frame of ours, which has no mask.
    pub(super) fn write(self, out: &mut BytesMut) {
        let mut first = self.opcode as u8;
        if self.last {
            first |= FINAL;
        }
        if self.compressed {
            first |= COMPRESSED;
        }
        out.put_u8(first);
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length @ ..126), _) => out.put_u8(length),
            (_, Ok(length)) => {
                out.put_u8(126);
                out.put_u16(length);
            }
            _ => {
                out.put_u8(127);
                out.put_u64(self.length);
            }
        }
    }
}

/// Writes a control frame.
pub(super) fn control(out: &mut BytesMut, opcode: Opcode, payload: &[u8]) {
    let length = payload.len() as u64;
    Header { opcode, last: true, compressed: false, length, mask: None }.write(out);
    out.extend_from_slice(payload);
}

/// Takes the mask from a part of a payload that begins at this offset.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut mask = mask;
    mask.rotate_left((offset % 4) as usize);
    // Eight at a time: the compiler makes wide instructions of it.
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().unwrap_or_default());
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Some(chunk) = chunk.first_chunk_mut() {
            *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_lengths_come_back() {
        for length in [0, 125, 126, 65_535, 65_536, 1 << 40] {
            let header = Header {
                opcode: Opcode::Binary,
                last: true,
                compressed: length == 126,
                length,
                mask: None,
            };
            let mut bytes = BytesMut::new();
            header.write(&mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(Header::read(&bytes[..cut]), Ok(None));
            }
            assert_eq!(Header::read(&bytes), Ok(Some((bytes.len(), header))));
        }
    }

    #[test]
    fn what_no_client_may_send_is_told_apart() {
        for (bytes, violation) in [
            (&[0x83, 0x80][..], Violation::UnknownOpcode(3)),
            (&[0xa2, 0x80], Violation::ReservedBits),
            (&[0x09, 0x80], Violation::FragmentedControl),
            (&[0x89, 0xfe, 0, 126], Violation::LongControl),
            (&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::Length),
        ] {
            assert_eq!(Header::read(bytes), Err(violation));
        }
    }

    #[test]
    fn a_mask_goes_on_where_it_was() {
        let plain: Vec<u8> = (0..100).collect();
        let mask = [1, 2, 4, 128];
        let mut whole = plain.clone();
        unmask(&mut whole, mask, 0);
        assert_eq!(whole[..5], [1, 3, 6, 131, 5]);
        for cut in 0..plain.len() {
            let mut parts = whole.clone();
            unmask(&mut parts[..cut], mask, 0);
            unmask(&mut parts[cut..], mask, cut as u64);
            assert_eq!(parts, plain);
        }
    }
}
