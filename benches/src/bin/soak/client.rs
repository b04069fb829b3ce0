//! A connection of the plainest kind.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut client = Client { reader: BufReader::new(stream) };
        client.send(b"CONNECT {\"verbose\":false}\r\n");
        client.fence();
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// PING, and what comes until its PONG is thrown away.
    pub(crate) fn fence(&mut self) {
        self.send(b"PING\r\n");
        while self.payload().is_some() {}
    }

    /// The payload of the next message; none if it is a PONG, or the end.
    pub(crate) fn payload(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).ok()?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["MSG", .., size] => {
                    let mut payload = vec![0; size.parse::<usize>().ok()? + 2];
                    self.reader.read_exact(&mut payload).ok()?;
                    return Some(String::from_utf8_lossy(&payload).trim_end().to_owned());
                }
                ["INFO", ..] => {}
                ["PING"] => self.try_send(b"PONG\r\n").ok()?,
                _ => return None,
            }
        }
    }
}
