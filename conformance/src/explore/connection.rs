//! A connection of a story.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Options,
    teller::{Difference, Result},
};
use crate::wire::{self, Frame};

/// A socket, and the frames that came.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    pub(super) frames: VecDeque<Vec<u8>>,
    deadline: Duration,
    pub(super) probe: usize,
    /// Pedantic errors that came in a row, beyond those asked for so far.
    pub(super) repeats: usize,
}

impl Connection {
    pub(super) async fn open(
        addr: SocketAddr,
        options: &Options,
        deadline: Duration,
    ) -> Result<Connection> {
        let stream = TcpStream::connect(addr)
            .await
            .map_err(|error| Difference::new(0, format!("no connection: {error}")))?;
        // Latency only.
        let _ = stream.set_nodelay(true);
        let (buffer, frames) = (Vec::new(), VecDeque::new());
        let mut connection = Connection { stream, buffer, frames, deadline, probe: 0, repeats: 0 };
        let connect = connect_json(options);
        connection.send(format!("CONNECT {connect}\r\n").as_bytes()).await;
        connection.fence(0).await?;
        connection.frames.clear();
        Ok(connection)
    }

    /// A door that has been shut is no failure: what is expected may have come before.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// PING, and everything up to its PONG.
    pub(super) async fn fence(&mut self, op: usize) -> Result<()> {
        self.send(b"PING\r\n").await;
        loop {
            let Some(frame) = self.frame(op).await? else {
                return Err(Difference::new(op, "the server closed a connection"));
            };
            if frame == b"PONG\r\n" {
                return Ok(());
            }
            self.frames.push_back(frame);
        }
    }

    pub(super) async fn read_to_end(&mut self, op: usize) -> Result<()> {
        while let Some(frame) = self.frame(op).await? {
            self.frames.push_back(frame);
        }
        Ok(())
    }

    pub(super) async fn close(&mut self, to_the_end: bool) -> Result<()> {
        // The other side may have gone first.
        let _ = self.stream.shutdown().await;
        if to_the_end { self.read_to_end(0).await } else { Ok(()) }
    }

    /// The next frame that is not the server's own business; none at the end of the stream.
    async fn frame(&mut self, op: usize) -> Result<Option<Vec<u8>>> {
        loop {
            match wire::next(&mut self.buffer) {
                Ok(Some(frame)) if frame.verb() == b"INFO" => continue,
                Ok(Some(frame)) if frame.0 == b"PING\r\n" => {
                    self.send(b"PONG\r\n").await;
                    continue;
                }
                Ok(Some(Frame(frame))) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(malformed) => return Err(Difference::new(op, malformed.to_string())),
            }
            match timeout(self.deadline, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(1..)) => {}
                // A reset is an end as well.
                Ok(Ok(0) | Err(_)) => return Ok(None),
                Err(_) => return Err(Difference::new(op, "the server did not answer")),
            }
        }
    }
}

/// What CONNECT says.
pub(super) fn connect_json(options: &Options) -> serde_json::Value {
    json!({
        "verbose": options.verbose, "pedantic": options.pedantic, "echo": options.echo,
        "headers": options.headers, "no_responders": options.no_responders, "protocol": 1,
    })
}
