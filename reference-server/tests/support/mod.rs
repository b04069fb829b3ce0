//! A connection of the plainest kind.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A delivered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) sid: String,
    pub(crate) payload: String,
}

pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        // Nothing takes that long, however busy the machine is.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut client = Client { reader: BufReader::new(stream) };
        client.send(b"CONNECT {\"verbose\":false}\r\n");
        assert_eq!(client.fence(), []);
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// PING, and the messages that come before its PONG.
    pub(crate) fn fence(&mut self) -> Vec<Message> {
        self.send(b"PING\r\n");
        std::iter::from_fn(|| self.message()).collect()
    }

    /// The next message; none if it is a PONG.
    pub(crate) fn message(&mut self) -> Option<Message> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["MSG", _, sid, size] => {
                    let mut payload = vec![0; size.parse::<usize>().unwrap() + 2];
                    self.reader.read_exact(&mut payload).unwrap();
                    let payload = String::from_utf8(payload).unwrap().trim_end().to_owned();
                    return Some(Message { sid: sid.to_owned(), payload });
                }
                ["PONG"] => return None,
                ["INFO", ..] => {}
                ["PING"] => self.send(b"PONG\r\n"),
                _ => panic!("{line:?}"),
            }
        }
    }
}
