//! The limit that the system sets: bytes are copied from who speaks to who hears, never read.
//!
//! A client's first line says `RELAY speaks hears frame turns ack`: the group that it speaks to
//! and the one that it hears (or `-`), the length of its frames (1 if they may be cut anywhere),
//! whether the hearers of its group take turns, and after how many frames it wants a PONG (0:
//! never). The answer is PONG.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    error::{Result, Trying as _},
    serve,
};

const READ_BYTES: usize = 256 << 10;
/// Who has so much before it does not read, and is cut off, as brokers do.
const PENDING_BYTES: usize = 64 << 20;
const LISTENER: Token = Token(0);

/// Relays until the standard input is closed.
///
/// # Errors
/// It can't listen, or can't wait.
pub fn relay() -> Result<()> {
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let mut listener = TcpListener::bind(addr).trying("listening")?;
    let poll = Poll::new().trying("making an epoll")?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).trying("watching")?;
    serve::announce(listener.local_addr().trying("asking for the address")?)?;
    std::thread::spawn(|| {
        serve::wait_for_parent();
        std::process::exit(0);
    });
    Relay { poll, listener, peers: HashMap::new(), groups: HashMap::new(), last: 0 }.run()
}

struct Relay {
    poll: Poll,
    listener: TcpListener,
    peers: HashMap<usize, Peer>,
    groups: HashMap<usize, Group>,
    last: usize,
}

/// Who hears the same.
#[derive(Default)]
struct Group {
    hearers: Vec<usize>,
    turns: bool,
    next: usize,
}

struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    have: usize,
    output: Vec<u8>,
    written: usize,
    role: Option<Role>,
    /// Bytes since the last PONG.
    taken: usize,
    cut_off: bool,
}

#[derive(Debug, PartialEq)]
struct Role {
    speaks: Option<usize>,
    hears: Option<usize>,
    frame: usize,
    turns: bool,
    ack: usize,
}

impl Role {
    fn read(line: &[u8]) -> Option<Role> {
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.trim_end().strip_prefix("RELAY ")?.split(' ');
        let mut group = || match words.next() {
            Some("-") => Some(None),
            word => word?.parse().ok().map(Some),
        };
        let (speaks, hears) = (group()?, group()?);
        let mut number = || words.next()?.parse::<usize>().ok();
        let (frame, turns, ack) = (number()?.max(1), number()? != 0, number()?);
        Some(Role { speaks, hears, frame, turns, ack })
    }
}

impl Relay {
    fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                waited => waited.trying("waiting")?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let token = event.token().0;
                let mut alive = true;
                if event.is_writable() {
                    alive = self.peers.get_mut(&token).is_none_or(Peer::flush);
                }
                if alive && (event.is_readable() || event.is_read_closed()) {
                    alive = self.read(token);
                }
                if !alive {
                    self.forget(token);
                }
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            self.last += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(self.last), interest).trying("watching")?;
            // A delay only makes it slower.
            let _ = stream.set_nodelay(true);
            self.peers.insert(self.last, Peer::new(stream));
        }
        Ok(())
    }

    /// Reads all there is, and passes it on; whether the peer is still there.
    fn read(&mut self, token: usize) -> bool {
        while let Some(peer) = self.peers.get_mut(&token) {
            let asked = peer.input.len() - peer.have;
            match peer.stream.read(&mut peer.input[peer.have..]) {
                Ok(0) => return false,
                Ok(count) => {
                    peer.have += count;
                    if peer.role.is_none() && !self.greet(token) {
                        return false;
                    }
                    self.pass_on(token);
                    if count < asked {
                        return true;
                    }
                }
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Takes the role line off; false if it is none.
    fn greet(&mut self, token: usize) -> bool {
        let Some(peer) = self.peers.get_mut(&token) else { return false };
        let read = &peer.input[..peer.have];
        let Some(end) = read.iter().position(|byte| *byte == b'\n') else {
            return read.len() < 100;
        };
        let Some(role) = Role::read(&read[..end]) else { return false };
        if let Some(group) = role.hears {
            let group = self.groups.entry(group).or_default();
            group.hearers.push(token);
            group.turns |= role.turns;
        }
        peer.input.copy_within(end + 1..peer.have, 0);
        peer.have -= end + 1;
        if role.speaks.is_some() {
            peer.input.resize(READ_BYTES + role.frame, 0);
        }
        peer.role = Some(role);
        peer.send(b"PONG\r\n")
    }

    /// Hands whole frames to who hears them.
    fn pass_on(&mut self, token: usize) {
        let Some(peer) = self.peers.get_mut(&token) else { return };
        let Some(role) = &peer.role else { return };
        let whole = peer.have - peer.have % role.frame;
        let input = std::mem::take(&mut peer.input);
        if role.ack > 0 {
            peer.taken += whole;
            while peer.taken >= role.frame * role.ack {
                peer.taken -= role.frame * role.ack;
                peer.output.extend_from_slice(b"PONG\r\n");
            }
            peer.flush();
        } else if let Some(group) = role.speaks.and_then(|group| self.groups.get_mut(&group)) {
            let count = group.hearers.len().max(1);
            let one = group.next % count;
            group.next += 1;
            let chosen = if group.turns { one..one + 1 } else { 0..count };
            for hearer in group.hearers.get(chosen).unwrap_or_default() {
                if let Some(hearer) = self.peers.get_mut(hearer) {
                    hearer.send(&input[..whole]);
                }
            }
        }
        if let Some(peer) = self.peers.get_mut(&token) {
            peer.input = input;
            peer.input.copy_within(whole..peer.have, 0);
            peer.have -= whole;
        }
    }

    fn forget(&mut self, token: usize) {
        self.peers.remove(&token);
        for group in self.groups.values_mut() {
            group.hearers.retain(|hearer| *hearer != token);
        }
        self.groups.retain(|_, group| !group.hearers.is_empty());
    }
}

impl Peer {
    fn new(stream: TcpStream) -> Peer {
        let input = vec![0; 256];
        let output = Vec::new();
        Peer { stream, input, have: 0, output, written: 0, role: None, taken: 0, cut_off: false }
    }

    /// Writes at once what can be written; the rest waits.
    fn send(&mut self, bytes: &[u8]) -> bool {
        if self.output.len() - self.written > PENDING_BYTES {
            self.cut_off();
        }
        if self.cut_off {
            return false;
        }
        let mut sent = 0;
        if self.output.is_empty() {
            sent = self.stream.write(bytes).unwrap_or(0);
        }
        self.output.extend_from_slice(&bytes[sent..]);
        // What was cut short is tried again: with luck there is room; else the system will say so.
        self.output.is_empty() || self.flush()
    }

    /// The system then says that it is closed, and it is forgotten.
    fn cut_off(&mut self) {
        self.cut_off = true;
        self.output = Vec::new();
        self.written = 0;
        // If it is closed already, so much the better.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Whether the peer is still there.
    fn flush(&mut self) -> bool {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        self.output.clear();
        self.written = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read() {
        let role = Role::read(b"RELAY 3 - 40 1 0\r").unwrap();
        let expected = Role { speaks: Some(3), hears: None, frame: 40, turns: true, ack: 0 };
        assert_eq!(role, expected);
        assert_eq!(Role::read(b"RELAY x - 40 1 0\r"), None);
        assert_eq!(Role::read(b"CONNECT {}\r"), None);
    }
}
