//! The harness's reader of server frames: any cut gives the same frames and the same error, no byte
//! is lost, and nothing is taken before it is complete.

use nats_conformance::wire::{self, Frame};

/// Frames of a stream that comes in such pieces, its error, and what is left.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<String>, Vec<u8>) {
    let (mut buffer, mut frames, mut error) = (Vec::new(), Vec::new(), None);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while error.is_none() {
            match wire::next(&mut buffer) {
                Ok(Some(Frame(bytes))) => frames.push(bytes),
                Ok(None) => break,
                Err(what) => error = Some(what.to_string()),
            }
        }
    }
    (frames, error, buffer)
}

/// The first byte is the size of the pieces.
pub(crate) fn check(data: &[u8]) {
    let [size, stream @ ..] = data else { return };
    let size = usize::from(*size).max(1);
    let whole = read(std::iter::once(stream));
    assert_eq!(read(stream.chunks(1)), whole, "bytewise");
    assert_eq!(read(stream.chunks(size)), whole, "in pieces of {size}");
    let (frames, _, left) = whole;
    assert_eq!([frames.concat(), left].concat(), stream, "a byte is lost");
    for frame in frames {
        let mut cut = frame[..frame.len() - 1].to_vec();
        assert!(!matches!(wire::next(&mut cut), Ok(Some(_))), "taken too early");
        let _ = wire::shown(&frame);
    }
}
