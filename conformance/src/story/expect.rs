//! Frames that must come, in order or in any order, and streams that must end.

use super::{Failure, Frame, Result, Story, shown};
use crate::{
    pattern::Pattern,
    scenario::{Expectation, From},
    story::fence::{Patience, Waited},
};

impl Story<'_> {
    pub(super) async fn expect(&mut self, expectation: &Expectation) -> Result<()> {
        self.span = expectation.span.clone();
        match &expectation.from {
            From::Each(peers) => {
                for peer in peers {
                    let id = self.peer(&peer.value)?;
                    let pattern = self.known(|scope| Pattern::new(&expectation.frame, scope))?;
                    self.expect_of(&[id], &pattern).await?;
                }
                Ok(())
            }
            From::OneOf(peers) => {
                let ids: Vec<usize> =
                    peers.iter().map(|peer| self.peer(&peer.value)).collect::<Result<_>>()?;
                let pattern = self.known(|scope| Pattern::new(&expectation.frame, scope))?;
                self.expect_of(&ids, &pattern).await
            }
        }
    }

    /// Waits until the first frame of one of the peers is as expected. If there is only one peer,
    /// any other frame is a failure at once.
    async fn expect_of(&mut self, ids: &[usize], pattern: &Pattern) -> Result<()> {
        let mut patience = Patience::new();
        loop {
            self.take_arrivals();
            for id in ids {
                self.pass_over_infos(*id, pattern);
                let Some(frame) = self.first(*id, &patience).cloned() else { continue };
                if pattern.matches(&frame.0, &mut self.scope) {
                    self.consume(*id);
                    return Ok(());
                }
                if let [_] = ids {
                    return Err(self.unexpected(pattern.text(), &frame.0));
                }
            }
            self.still_there(ids, pattern.text())?;
            if let Waited::Nothing(why) = self.wait(ids, &mut patience).await? {
                let heads = ids.iter().find_map(|id| self.connections[*id].frames.front());
                let got = match (heads, ids) {
                    (None, _) => why.to_owned(),
                    (Some(frame), [_]) => format!("behind the fence's PONG: {}", shown(&frame.0)),
                    (Some(frame), _) => shown(&frame.0),
                };
                let names: Vec<&str> =
                    ids.iter().map(|id| self.connections[*id].name.as_str()).collect();
                let message = format!("a frame did not come to {}", names.join(" or "));
                let expected = Some(pattern.text().to_owned());
                return Err(Failure { expected, got: Some(got), ..self.failure(message) });
            }
        }
    }

    /// The next frame, whatever it is; for greetings.
    pub(super) async fn next_frame(&mut self, id: usize, expected: &str) -> Result<Frame> {
        loop {
            self.take_arrivals();
            let peer = &mut self.connections[id];
            if let Some(frame) = peer.frames.pop_front() {
                return Ok(frame);
            }
            self.still_there(&[id], expected)?;
            let until = std::time::Instant::now() + self.settings.timeout;
            let arrival = tokio::time::timeout_at(until.into(), self.arrivals.recv()).await;
            let Ok(Some((from, incoming))) = arrival else {
                let message = "the server did not answer".to_owned();
                let expected = Some(expected.to_owned());
                let got = Some("nothing before the deadline".to_owned());
                return Err(Failure { expected, got, ..self.failure(message) });
            };
            self.arrived(from, incoming);
        }
    }

    pub(super) async fn in_any_order(&mut self, expectations: &[Expectation]) -> Result<()> {
        let mut open: Vec<(Vec<usize>, &Expectation)> = Vec::new();
        for expectation in expectations {
            match &expectation.from {
                From::Each(peers) => {
                    for peer in peers {
                        open.push((vec![self.peer(&peer.value)?], expectation));
                    }
                }
                From::OneOf(peers) => {
                    let ids = peers.iter().map(|peer| self.peer(&peer.value));
                    open.push((ids.collect::<Result<_>>()?, expectation));
                }
            }
        }
        let mut patience = Patience::new();
        while !open.is_empty() {
            self.take_arrivals();
            if self.take_any(&mut open, &patience)? {
                patience = Patience::new();
                continue;
            }
            let mut ids: Vec<usize> = open.iter().flat_map(|(ids, _)| ids.clone()).collect();
            ids.sort_unstable();
            ids.dedup();
            let expectation = open[0].1;
            self.span = expectation.span.clone();
            let pattern = self.known(|scope| Pattern::new(&expectation.frame, scope))?;
            self.still_there(&ids, pattern.text())?;
            if let Waited::Nothing(why) = self.wait(&ids, &mut patience).await? {
                let message = format!("{} frame(s) did not come", open.len());
                let expected = Some(pattern.text().to_owned());
                return Err(Failure {
                    expected,
                    got: Some(why.to_owned()),
                    ..self.failure(message)
                });
            }
        }
        Ok(())
    }

    /// Takes one frame that is among those expected; a first frame that is not is a failure.
    fn take_any(
        &mut self,
        open: &mut Vec<(Vec<usize>, &Expectation)>,
        patience: &Patience,
    ) -> Result<bool> {
        let mut ids: Vec<usize> = open.iter().flat_map(|(ids, _)| ids.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let mut texts = Vec::new();
            for at in 0..open.len() {
                let (from, expectation) = &open[at];
                if !from.contains(&id) {
                    continue;
                }
                let pattern = self.known(|scope| Pattern::new(&expectation.frame, scope))?;
                self.pass_over_infos(id, &pattern);
                let Some(frame) = self.first(id, patience).cloned() else { break };
                if pattern.matches(&frame.0, &mut self.scope) {
                    open.remove(at);
                    self.consume(id);
                    return Ok(true);
                }
                texts.push(pattern.text().to_owned());
            }
            if let Some(frame) = self.first(id, patience).cloned() {
                let alone = open.iter().all(|(from, _)| !from.contains(&id) || from.len() == 1);
                if alone {
                    return Err(self.unexpected(&texts.join(" or "), &frame.0));
                }
            }
        }
        Ok(false)
    }

    /// The first frame that counts: what came behind the PONG of a fence came too late.
    pub(super) fn first(&self, id: usize, patience: &Patience) -> Option<&Frame> {
        let peer = &self.connections[id];
        peer.frames.front().filter(|_| !patience.is_proven() || peer.fenced_frames > 0)
    }

    /// Takes the first frame away.
    pub(super) fn consume(&mut self, id: usize) {
        let peer = &mut self.connections[id];
        peer.fenced_frames = peer.fenced_frames.saturating_sub(1);
        if let Some(frame) = peer.frames.pop_front()
            && frame.0 == b"PONG\r\n"
        {
            peer.owed_pongs = peer.owed_pongs.saturating_sub(1);
        }
    }

    /// INFOs that nobody expects are passed over, unless the header says otherwise.
    pub(super) fn pass_over_infos(&mut self, id: usize, pattern: &Pattern) {
        if self.case.scenario.header.manual_infos || pattern.text().starts_with("INFO") {
            return;
        }
        let peer = &mut self.connections[id];
        while peer.frames.front().is_some_and(|frame| frame.verb() == b"INFO") {
            peer.frames.pop_front();
            peer.fenced_frames = peer.fenced_frames.saturating_sub(1);
        }
    }

    /// Fails if nothing can come any more.
    pub(super) fn still_there(&self, ids: &[usize], expected: &str) -> Result<()> {
        for id in ids {
            let peer = &self.connections[*id];
            if peer.frames.is_empty()
                && let Some(malformed) = &peer.malformed
            {
                let message = format!("{} got bytes that are no frame", peer.name);
                let got = Some(malformed.to_string());
                let expected = Some(expected.to_owned());
                return Err(Failure { expected, got, ..self.failure(message) });
            }
        }
        if ids
            .iter()
            .all(|id| self.connections[*id].ended && self.connections[*id].frames.is_empty())
        {
            let message = "the server closed the connection".to_owned();
            let got = Some("the end of the stream".to_owned());
            return Err(Failure {
                expected: Some(expected.to_owned()),
                got,
                ..self.failure(message)
            });
        }
        Ok(())
    }

    /// The end of the stream, and nothing before it.
    pub(super) async fn closed(&mut self, id: usize) -> Result<()> {
        let mut patience = Patience::new();
        loop {
            self.take_arrivals();
            let manual_infos = self.case.scenario.header.manual_infos;
            let peer = &self.connections[id];
            let left = peer.frames.iter().find(|frame| manual_infos || frame.verb() != b"INFO");
            if let Some(frame) = left {
                return Err(self.unexpected("the end of the stream", &frame.0));
            }
            if peer.ended && peer.malformed.is_none() {
                return Ok(());
            }
            self.still_there(&[id], "the end of the stream")?;
            if let Waited::Nothing(_) = self.wait(&[id], &mut patience).await? {
                let name = &self.connections[id].name;
                let message = format!("the connection of {name} is still open");
                let expected = Some("the end of the stream".to_owned());
                return Err(Failure { expected, ..self.failure(message) });
            }
        }
    }
}
