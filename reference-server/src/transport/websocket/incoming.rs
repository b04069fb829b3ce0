//! Bytes of frames become bytes of the protocol.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

use super::{
    deflate::Inflater,
    frame::{self, Header, Opcode, Violation},
};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Something to [`take`](Incoming::take), or a frame without anything.
    Data,
    Ping(Bytes),
    /// With code and text, if it has any.
    Close(Option<(u16, String)>),
    /// There is no more in the input.
    Nothing,
}

/// Where in the frames we are. No message is held as a whole.
#[derive(Debug)]
pub(super) struct Incoming {
    masked: bool,
    /// Present if compression was agreed on.
    inflater: Option<Inflater>,
    /// As it came.
    input: BytesMut,
    /// The frame that has begun.
    frame: Option<Begun>,
    /// A message has begun, and whether it is compressed.
    message: Option<bool>,
    /// Ready to be taken.
    ready: BytesMut,
}

#[derive(Debug)]
struct Begun {
    header: Header,
    /// Bytes of the payload that have been seen.
    seen: u64,
}

impl Incoming {
    pub(super) fn new(masked: bool, compressed: bool) -> Incoming {
        Incoming {
            masked,
            inflater: compressed.then(Inflater::default),
            input: BytesMut::new(),
            frame: None,
            message: None,
            ready: BytesMut::new(),
        }
    }

    /// Where bytes from the socket belong.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Nothing more comes for the time being: gives back room that is not in use.
    pub(super) fn rest(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }

    /// Moves what is ready; false if nothing is.
    pub(super) fn take(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let taken = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..taken]);
        self.ready.advance(taken);
        taken > 0 || buffer.remaining() == 0
    }

    /// Looks at what comes next in the input.
    ///
    /// # Errors
    /// What no client may send; nothing that follows can be understood.
    pub(super) fn next(&mut self) -> Result<Event, Violation> {
        if let Some(inflater) = &mut self.inflater
            && inflater.is_busy()
        {
            inflater.inflate(&mut self.ready)?;
            return Ok(Event::Data);
        }
        let Some(frame) = &mut self.frame else { return self.begin() };
        let Header { opcode, length, mask, last, .. } = frame.header;
        let left = length - frame.seen;
        if opcode.is_control() && (self.input.len() as u64) < left {
            return Ok(Event::Nothing);
        }
        let now = usize::try_from(left).map_or(self.input.len(), |left| left.min(self.input.len()));
        if now == 0 && left > 0 {
            return Ok(Event::Nothing);
        }
        let mut payload = self.input.split_to(now);
        if let Some(mask) = mask {
            frame::unmask(&mut payload, mask, frame.seen);
        }
        frame.seen += now as u64;
        let done = frame.seen == length;
        if done {
            self.frame = None;
        }
        match opcode {
            Opcode::Ping => return Ok(Event::Ping(payload.freeze())),
            Opcode::Pong => return Ok(Event::Data),
            Opcode::Close => return close(&payload).map(Event::Close),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
        }
        match (&mut self.inflater, self.message) {
            (Some(inflater), Some(true)) => inflater.feed(payload, done && last),
            _ if self.ready.is_empty() => self.ready = payload,
            _ => self.ready.unsplit(payload),
        }
        if done && last {
            self.message = None;
        }
        Ok(Event::Data)
    }

    /// Begins a frame.
    fn begin(&mut self) -> Result<Event, Violation> {
        let Some((used, header)) = Header::read(&self.input)? else { return Ok(Event::Nothing) };
        if self.masked && header.mask.is_none() {
            return Err(Violation::NotMasked);
        }
        let may_be_compressed = self.inflater.is_some() && self.message.is_none();
        match header.opcode {
            Opcode::Text | Opcode::Binary if self.message.is_some() => {
                return Err(Violation::MessageInMessage);
            }
            Opcode::Continuation if self.message.is_none() || header.compressed => {
                return Err(Violation::NoMessage);
            }
            opcode if header.compressed && (opcode.is_control() || !may_be_compressed) => {
                return Err(Violation::ReservedBits);
            }
            Opcode::Text | Opcode::Binary => self.message = Some(header.compressed),
            _ => {}
        }
        self.input.advance(used);
        self.frame = Some(Begun { header, seen: 0 });
        Ok(Event::Data)
    }
}

fn close(payload: &[u8]) -> Result<Option<(u16, String)>, Violation> {
    match payload {
        [] => Ok(None),
        [_] => Err(Violation::Close),
        [high, low, text @ ..] => {
            let text = std::str::from_utf8(text).map_err(|_| Violation::CloseText)?;
            Ok(Some((u16::from_be_bytes([*high, *low]), text.to_owned())))
        }
    }
}
