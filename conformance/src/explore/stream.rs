//! One connection's bytes, sent to a server at once, and what comes of them.
//!
//! The connection ends its side behind its last byte. The server executes what it understood, says
//! its last words and ends the other side (CORE-LIFE-001): so the end of the stream is the fence,
//! also where bytes are missing. A witness hears what was published.

use std::{fmt, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::wire::{self, shown};

/// What one connection sends, line by line.
pub type Lines = Vec<Vec<u8>>;

/// What came of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Frames to the sender, without INFO. Messages that follow each other are sorted: the order
    /// of copies is free.
    pub answers: Vec<Vec<u8>>,
    /// Messages to the witness, in order.
    pub witness: Vec<Vec<u8>>,
}

/// Why nothing could be heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Deaf {
    /// The connection could not be made or used.
    #[error("no connection: {0}")]
    Connection(String),
    /// The server sent what no server sends.
    #[error("it sent {0}")]
    Malformed(String),
    /// The server did neither answer nor close.
    #[error("it did not come to an end")]
    Endless,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, frames) in [("answer", &self.answers), ("witness", &self.witness)] {
            for frame in frames {
                writeln!(f, "  {name:<8} {}", shown(frame))?;
            }
        }
        Ok(())
    }
}

/// How long the next piece of a stream is kept back, so that the server reads the one before alone.
const BETWEEN_PIECES: Duration = Duration::from_micros(200);

/// The witness listens from here on; a second CONNECT changes nothing.
const LISTEN: &[u8] = b"CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB > 1\r\nPING\r\n";

/// Sends streams to one server, one after the other, and hears what comes of them.
#[derive(Debug)]
pub struct Ear {
    addr: SocketAddr,
    deadline: Duration,
    /// Subscribed to everything while a stream is sent; stays for the next one as long as all is
    /// well.
    witness: Option<Socket>,
}

impl Ear {
    /// Nothing is connected yet.
    pub fn new(addr: SocketAddr, deadline: Duration) -> Ear {
        Ear { addr, deadline, witness: None }
    }

    /// Sends the pieces, each a write of its own.
    ///
    /// # Errors
    /// A server that can't be reached, or does not speak.
    pub async fn hear(&mut self, pieces: &[&[u8]]) -> Result<Heard, Deaf> {
        // Left out where anything goes wrong: the next one starts anew.
        let witness = self.witness.take();
        let hearing = async {
            let mut witness = match witness {
                Some(witness) => witness,
                None => Socket::open(self.addr).await?,
            };
            witness.write(LISTEN).await?;
            witness.read(Until::Pong).await?;
            let mut sender = Socket::open(self.addr).await?;
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    sleep(BETWEEN_PIECES).await;
                }
                // The server may have ended the conversation before its last byte.
                let _ = sender.stream.write_all(piece).await;
            }
            let _ = sender.stream.shutdown().await;
            let answers = in_order(sender.read(Until::End).await?);
            witness.write(b"UNSUB 1\r\nPING\r\n").await?;
            let published = witness.read(Until::Pong).await?;
            Ok((Heard { answers, witness: published }, witness))
        };
        let (heard, witness) =
            timeout(self.deadline, hearing).await.unwrap_or(Err(Deaf::Endless))?;
        self.witness = Some(witness);
        Ok(heard)
    }
}

/// Messages in a row are sorted.
fn in_order(mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    // Said once more by nats-server if one of its reads ends within the payload.
    frames.dedup_by(|a, b| a == b && a.starts_with(b"-ERR 'Invalid Publish Subject'"));
    frames.chunk_by_mut(|a, b| is_message(a) && is_message(b)).for_each(<[_]>::sort);
    frames
}

/// Whether the order among such frames is free.
pub(super) fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b"MSG ") || frame.starts_with(b"HMSG ")
}

/// Where the reading ends.
#[derive(PartialEq)]
enum Until {
    Pong,
    End,
}

#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Socket {
    async fn open(addr: SocketAddr) -> Result<Socket, Deaf> {
        let stream = TcpStream::connect(addr).await.map_err(broken)?;
        // Pieces are to arrive as they are.
        stream.set_nodelay(true).map_err(broken)?;
        Ok(Socket { stream, buffer: Vec::new() })
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Deaf> {
        self.stream.write_all(bytes).await.map_err(broken)
    }

    /// Frames but INFO. The server's PINGs are answered only where nobody counts what is sent.
    async fn read(&mut self, until: Until) -> Result<Vec<Vec<u8>>, Deaf> {
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = wire::next(&mut self.buffer)
                .map_err(|malformed| Deaf::Malformed(malformed.to_string()))?
            {
                match frame.verb() {
                    b"PING" if until == Until::Pong => self.write(b"PONG\r\n").await?,
                    b"INFO" | b"PING" => {}
                    b"PONG" if until == Until::Pong => return Ok(frames),
                    _ => frames.push(frame.0),
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                // A reset is an end as well.
                Ok(0) | Err(_) if until == Until::End => return Ok(frames),
                Ok(0) => return Err(Deaf::Connection("the witness was closed".to_owned())),
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

fn broken(error: std::io::Error) -> Deaf {
    Deaf::Connection(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::in_order;

    /// Copies of a row have no order; answers and rows have.
    #[test]
    fn only_messages_in_a_row_are_sorted() {
        let frames = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let double = "-ERR 'Invalid Publish Subject'\r\n";
        let came: Vec<Vec<u8>> =
            frames(&["MSG b", "MSG a", "+OK", "+OK", double, double, "HMSG a"]);
        let sorted: Vec<Vec<u8>> = frames(&["MSG a", "MSG b", "+OK", "+OK", double, "HMSG a"]);
        assert_eq!(in_order(came), sorted);
    }
}
