//! Proof by PING and PONG. PONG goes the same way as messages do, so what has not come before the
//! PONG does not come: silence is proven by a fence, never by waiting.

use std::time::{Duration, Instant};

use super::{Failure, Frame, Incoming, Result, Story, Who, shown};
use crate::{transcript::EventKind, wire};

/// How long a frame is waited for before a fence asks whether it is coming at all.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the server may take to close its side at the end of a story. Not required of it, so
/// running out of it is no failure.
const GOODBYE: Duration = Duration::from_millis(500);

/// What waiting for a frame came to.
pub(super) enum Waited {
    /// Something arrived.
    Arrived,
    /// A fence has proven that nothing will, or the time is up.
    Nothing(&'static str),
}

/// How far one wait has got.
pub(super) struct Patience {
    started: Instant,
    proven: bool,
}

impl Patience {
    pub(super) fn new() -> Patience {
        Patience { started: Instant::now(), proven: false }
    }

    /// Whether a fence has been put behind everything that may still count.
    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }
}

impl Story<'_> {
    /// Takes everything that has arrived, without waiting.
    pub(super) fn take_arrivals(&mut self) {
        while let Ok((id, incoming)) = self.arrivals.try_recv() {
            self.arrived(id, incoming);
        }
    }

    pub(super) fn arrived(&mut self, id: usize, incoming: Incoming) {
        let peer = &mut self.connections[id];
        match incoming {
            Incoming::Frame(frame) => {
                peer.pongs += usize::from(frame.0 == b"PONG\r\n");
                if frame.verb() == b"INFO" && !peer.greeted {
                    peer.greeted = true;
                    let info = wire::info_of(&frame);
                    peer.must_log_in = info["auth_required"] == true;
                    peer.must_start_tls = info["tls_required"] == true && !peer.speaks_tls();
                }
                peer.frames.push_back(frame);
            }
            Incoming::Malformed(malformed) => peer.malformed = Some(malformed),
            Incoming::End => peer.ended = true,
        }
    }

    /// Waits for the next arrival from anybody.
    async fn arrival(&mut self, until: Instant) -> bool {
        match tokio::time::timeout_at(until.into(), self.arrivals.recv()).await {
            Ok(Some((id, incoming))) => {
                self.arrived(id, incoming);
                true
            }
            _ => false,
        }
    }

    /// Waits until something arrives, or is proven not to come to any of these.
    pub(super) async fn wait(&mut self, ids: &[usize], patience: &mut Patience) -> Result<Waited> {
        if let Some(until) = self.until {
            return Ok(match self.arrival(until).await {
                true => Waited::Arrived,
                false => Waited::Nothing("nothing within the time of the block"),
            });
        }
        if patience.proven {
            return Ok(Waited::Nothing(
                "nothing: the fence came back with no other frame before it",
            ));
        }
        let deadline = patience.started + self.settings.timeout;
        let provable = ids.iter().all(|id| self.connections[*id].can_fence())
            && self.connections.iter().all(|peer| !peer.is_mid_line() || peer.left || peer.ended);
        let until = match provable {
            true => deadline.min(Instant::now() + PATIENCE),
            false => deadline,
        };
        if self.arrival(until).await {
            return Ok(Waited::Arrived);
        }
        if !provable || Instant::now() >= deadline {
            return Ok(Waited::Nothing("nothing before the deadline"));
        }
        patience.proven = true;
        self.fence_senders(ids).await?;
        for id in ids {
            self.fence(*id).await?;
        }
        // What came before the PONGs has arrived now.
        Ok(Waited::Arrived)
    }

    /// Fences everyone who has sent something that no fence has followed. Then come `next`; one
    /// alone among them needs no fence before her own, and what came between the two would count.
    pub(super) async fn fence_senders(&mut self, next: &[usize]) -> Result<()> {
        self.take_arrivals();
        for id in (0..self.connections.len()).filter(|id| next != [*id]) {
            if self.connections[id].unfenced {
                self.fence(id).await?;
            }
        }
        Ok(())
    }

    /// PING, and everything that comes up to its PONG. Connections that end meanwhile are no
    /// failure here: whoever looks at them will see it.
    pub(super) async fn fence(&mut self, id: usize) -> Result<()> {
        self.take_arrivals();
        let until = Instant::now() + self.settings.timeout;
        while self.connections[id].awaits_greeting() && self.arrival(until).await {}
        if !self.connections[id].can_fence() {
            return Ok(());
        }
        let is_pong = |frame: &Frame| frame.0 == b"PONG\r\n";
        let peer = &mut self.connections[id];
        // PONGs that the story has not looked at come first.
        let before = peer.frames.iter().filter(|frame| is_pong(frame)).count();
        let wanted = before.max(peer.owed_pongs);
        peer.pings += 1;
        peer.unfenced = false;
        peer.fenced_frames = usize::MAX;
        peer.send(&[b"PING\r\n"], true, EventKind::Fence).await;
        loop {
            let peer = &mut self.connections[id];
            let mut pongs = peer.frames.iter().enumerate().filter(|(_, frame)| is_pong(frame));
            if let Some((at, _)) = pongs.nth(wanted) {
                peer.frames.remove(at);
                peer.fenced_frames = at;
                return Ok(());
            }
            if peer.ended || peer.malformed.is_some() {
                return Ok(());
            }
            if !self.arrival(until).await {
                let name = &self.connections[id].name;
                let message = format!("{name} sent PING and got no PONG");
                return Err(Failure { expected: Some("PONG".to_owned()), ..self.failure(message) });
            }
        }
    }

    /// Proves that no frame is left.
    pub(super) async fn quiet(&mut self, who: &Who) -> Result<()> {
        let ids: Vec<usize> = match who {
            Who::Peers(peers) => {
                peers.iter().map(|peer| self.peer(&peer.value)).collect::<Result<_>>()?
            }
            Who::Everyone => self.open(),
        };
        self.fence_senders(&ids).await?;
        for id in &ids {
            self.fence(*id).await?;
        }
        for id in ids {
            self.is_empty(id, matches!(who, Who::Peers(_)))?;
        }
        Ok(())
    }

    /// Connections that the story has not left.
    fn open(&self) -> Vec<usize> {
        let all = 0..self.connections.len();
        all.filter(|id| !self.connections[*id].left && !self.connections[*id].stalled).collect()
    }

    /// Fails if a frame is left, or, where it must be open, the connection has ended.
    fn is_empty(&mut self, id: usize, must_be_open: bool) -> Result<()> {
        let manual_infos = self.case.scenario.header.manual_infos;
        let peer = &self.connections[id];
        let left = peer.frames.iter().find(|frame| manual_infos || frame.verb() != b"INFO");
        if let Some(frame) = left {
            let got = Some(shown(&frame.0));
            let message = format!("{} got a frame that nobody asked for", peer.name);
            let expected = Some("no frame".to_owned());
            return Err(Failure { expected, got, ..self.failure(message) });
        }
        if let Some(malformed) = &peer.malformed {
            return Err(self.failure(format!("{} got {malformed}", peer.name)));
        }
        if peer.ended && must_be_open {
            let message = format!("the server closed the connection of {}", peer.name);
            return Err(self.failure(message));
        }
        Ok(())
    }

    /// The unwritten last line: nobody is left with a frame that no line asked for. The streams
    /// are read to their end, where every PING must have had one PONG.
    pub(super) async fn end(&mut self) -> Result<()> {
        self.quiet(&Who::Everyone).await?;
        let ids: Vec<usize> =
            self.open().into_iter().filter(|id| self.connections[*id].can_fence()).collect();
        for id in &ids {
            self.connections[*id].half_close().await;
        }
        let until = Instant::now() + GOODBYE;
        while ids.iter().any(|id| !self.connections[*id].ended) && self.arrival(until).await {}
        for id in ids {
            self.is_empty(id, false)?;
            let peer = &self.connections[id];
            if peer.ended && peer.pongs > peer.pings {
                let message = format!(
                    "{} sent {} times PING and got {} times PONG",
                    peer.name, peer.pings, peer.pongs
                );
                return Err(self.failure(message));
            }
        }
        Ok(())
    }
}
