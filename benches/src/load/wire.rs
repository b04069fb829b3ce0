//! A connection of the generator: opened with patience, driven without.

use std::{
    io::{self, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream as BlockingStream},
    time::Duration,
};

use mio::{Interest, Registry, Token, net::TcpStream};

use super::frames::{Dialect, Expected};
use crate::error::{Error, Result, Trying as _};

/// A server that says nothing for so long is not there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Read at most so much at a time.
const READ_BYTES: usize = 256 << 10;

/// What every client says first.
pub(super) const CONNECT: &str = concat!(
    r#"CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1,"#,
    r#""echo":true,"headers":true,"no_responders":true}"#,
    "\r\n"
);

/// Connects, says what is to be said at first, and waits until it has been understood.
pub(crate) fn open(addr: SocketAddr, dialect: Dialect, opening: &str) -> Result<BlockingStream> {
    let stream = BlockingStream::connect(addr).trying(format!("connecting to {addr}"))?;
    stream.set_nodelay(true).trying("setting TCP_NODELAY")?;
    stream.set_read_timeout(Some(PATIENCE)).trying("setting a time limit")?;
    let mut lines = BufReader::new(&stream);
    if dialect == Dialect::Nats {
        let info = line(addr, &mut lines)?;
        if !info.starts_with("INFO ") {
            return Err(talk(addr, format!("expected INFO, got '{}'", info.trim_end())));
        }
    }
    let said = match dialect {
        Dialect::Nats => format!("{CONNECT}{opening}PING\r\n"),
        Dialect::Relay => opening.to_owned(),
    };
    (&stream).write_all(said.as_bytes()).trying(format!("writing to {addr}"))?;
    await_answer(addr, &stream, &mut lines)?;
    drop(lines);
    Ok(stream)
}

/// Reads until PONG; INFO may come before.
pub(crate) fn await_pong(addr: SocketAddr, stream: &BlockingStream) -> Result<()> {
    await_answer(addr, stream, &mut BufReader::new(stream))
}

fn await_answer(
    addr: SocketAddr,
    mut stream: &BlockingStream,
    lines: &mut impl io::BufRead,
) -> Result<()> {
    loop {
        let answer = line(addr, lines)?;
        match answer.trim_end() {
            "PONG" => return Ok(()),
            "PING" => stream.write_all(b"PONG\r\n").trying(format!("writing to {addr}"))?,
            text if text.starts_with("INFO ") => {}
            text => return Err(talk(addr, format!("expected PONG, got '{text}'"))),
        }
    }
}

/// Reads a line; the end of the stream is an error.
pub(crate) fn line(addr: SocketAddr, lines: &mut impl io::BufRead) -> Result<String> {
    let mut line = String::new();
    let count = lines.read_line(&mut line).trying(format!("reading from {addr}"))?;
    if count == 0 {
        return Err(talk(addr, "the connection was closed".into()));
    }
    Ok(line)
}

fn talk(addr: SocketAddr, why: String) -> Error {
    Error::Talk { name: addr.to_string(), why }
}

/// What came that is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// All that was sent before its PING has been taken.
    Pong,
    /// The server wants to know whether we live.
    Ping,
    /// INFO; it says nothing that matters here.
    Other,
}

/// A non-blocking connection with its buffers.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    written: usize,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// There may be room to write.
    pub(crate) writable: bool,
}

impl Wire {
    /// Takes an open connection over; frames may have so many bytes.
    pub(crate) fn new(
        stream: BlockingStream,
        frame: usize,
        registry: &Registry,
        token: usize,
    ) -> Result<Wire> {
        stream.set_nonblocking(true).trying("making a socket non-blocking")?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(token), interest).trying("watching a socket")?;
        Ok(Wire {
            stream,
            input: vec![0; READ_BYTES + 2 * frame],
            start: 0,
            end: 0,
            output: Vec::new(),
            written: 0,
            readable: true,
            writable: true,
        })
    }

    /// Notes what the system says.
    pub(crate) fn ready(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable();
    }

    /// Reads once; whether anything came.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        self.make_room();
        let room = (self.input.len() - self.end).min(READ_BYTES);
        match self.stream.read(&mut self.input[self.end..self.end + room]) {
            Ok(0) => {
                self.readable = false;
                Err(self.gone("it closed the connection".into()))
            }
            Ok(count) => {
                // Less than was asked for: the socket is empty, and will say so when it isn't.
                self.readable = count == room;
                self.end += count;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(self.gone(format!("reading from it: {error}"))),
        }
    }

    fn make_room(&mut self) {
        let waiting = self.end - self.start;
        if waiting == 0 {
            (self.start, self.end) = (0, 0);
        } else if waiting <= 4096 || self.input.len() - self.end < READ_BYTES {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, waiting);
        }
    }

    /// Takes off all that is whole. `message` answers whether to go on.
    pub(crate) fn take(
        &mut self,
        expected: Option<&Expected>,
        mut message: impl FnMut(&[u8], u32, u64),
        mut control: impl FnMut(Control),
    ) -> Result<()> {
        while self.start < self.end {
            let rest = &self.input[self.start..self.end];
            if let (b'M' | b'H', Some(expected)) = (rest[0], expected) {
                let size = expected.frame();
                let Some(frame) = rest.get(..size) else { break };
                let Some((publisher, number)) = expected.stamp(frame) else {
                    return Err(self.gone(wrong(frame)));
                };
                message(frame, publisher, number);
                self.start += size;
                continue;
            }
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let which = match &rest[..length] {
                b"PONG\r" => Control::Pong,
                b"PING\r" => Control::Ping,
                line if line.starts_with(b"INFO ") => Control::Other,
                line if line.starts_with(b"-ERR ") => return Err(self.gone("it complained".into())),
                line => return Err(self.gone(wrong(line))),
            };
            if which == Control::Ping {
                self.output.extend_from_slice(b"PONG\r\n");
            }
            control(which);
            self.start += length + 1;
        }
        Ok(())
    }

    /// To be written when [`flush`](Wire::flush) is called.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Writes what waits; whether nothing waits any more.
    pub(crate) fn flush(&mut self) -> Result<bool> {
        while self.written < self.output.len() && self.writable {
            self.written += write(&mut self.stream, &self.output[self.written..])
                .map_err(|error| self.gone(format!("writing to it: {error}")))?
                .unwrap_or_else(|| {
                    self.writable = false;
                    0
                });
        }
        let done = self.written == self.output.len();
        if done {
            self.output.clear();
            self.written = 0;
        }
        Ok(done)
    }

    /// Writes these bytes, past what waits; how many.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match write(&mut self.stream, bytes) {
            Ok(Some(count)) => Ok(count),
            Ok(None) => {
                self.writable = false;
                Ok(0)
            }
            Err(error) => Err(self.gone(format!("writing to it: {error}"))),
        }
    }

    fn gone(&self, why: String) -> Error {
        // A server says why it hangs up, if anyone reads it.
        let rest = &self.input[self.start..self.end];
        let last = rest.windows(5).position(|window| window == b"-ERR ");
        let said = last.map_or(String::new(), |at| {
            let line = rest[at..].split(|byte| *byte == b'\r').next().unwrap_or_default();
            format!("; it said: {}", String::from_utf8_lossy(line))
        });
        Error::Talk { name: "the server".into(), why: format!("{why}{said}") }
    }
}

/// Writes once; none when there is no room.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Option<usize>> {
    match stream.write(bytes) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}

fn wrong(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(100)];
    format!("these bytes should not have come: '{}'", shown.escape_ascii())
}
