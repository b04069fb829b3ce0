//! One case against one server: the story is told line by line. All waiting is here and in
//! `fence`.

mod check;
mod control;
mod cut;
mod entrance;
mod expect;
mod fence;
mod outside;
mod tally;
mod tls;

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

pub use self::cut::Cut;
use self::cut::cut;
use crate::{
    pattern::{Bound, NoValue, Scope},
    peer::{Inbox, Incoming, Peer},
    scenario::{Act, Case, Kind, Span, Statement, Template, Version, Who},
    stage::Stage,
    transcript::{Event, EventKind, Transcript},
    wire::{Frame, shown},
};

/// How stories are told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Feeds all randomness.
    pub seed: u64,
    /// How long anything may take that is not timed by the story.
    pub timeout: Duration,
    /// How what is sent is cut into pieces.
    pub cut: Cut,
    /// The release the target claims to be like.
    pub version: Version,
    /// Merged into every CONNECT: credentials of a running server.
    pub credentials: Map<String, Value>,
}

/// Why a story is not true of the server, or could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The statement.
    pub span: Span,
    /// In one line.
    pub message: String,
    /// What was expected, if it can be shown.
    pub expected: Option<String>,
    /// What came instead.
    pub got: Option<String>,
    /// Other frames that wait: name and frame.
    pub waiting: Vec<(String, String)>,
    /// It is the harness or the scenario that failed, not the server.
    pub is_error: bool,
}

/// How a story ended.
#[derive(Debug)]
pub struct Told {
    /// What went wrong, if anything.
    pub failure: Option<Failure>,
    /// Everything that went over the wire.
    pub events: Vec<Event>,
    /// From the first connection to the last check.
    pub duration: Duration,
}

/// Tells the story of a case to the server on the stage.
pub async fn tell(case: &Case, stage: &mut Stage, settings: &Settings) -> Told {
    let started = Instant::now();
    let mut story = Story::new(case, stage, settings);
    let mut result = story.block(&case.scenario.body).await;
    if result.is_ok() {
        result = story.end().await;
    }
    let failure = result.err().map(|mut failure| {
        failure.waiting = story.waiting();
        failure
    });
    Told { failure, events: story.transcript.events(), duration: started.elapsed() }
}

struct Story<'a> {
    case: &'a Case,
    stage: &'a mut Stage,
    settings: &'a Settings,
    scope: Scope,
    /// Feeds random cuts.
    chance: ChaCha8Rng,
    peers: BTreeMap<String, usize>,
    connections: Vec<Peer>,
    inbox: Inbox,
    arrivals: mpsc::UnboundedReceiver<(usize, Incoming)>,
    transcript: Transcript,
    /// Within a timed block: when it must be done; nothing is fenced then.
    until: Option<Instant>,
    /// The statement that is being told.
    span: Span,
}

type Result<T> = std::result::Result<T, Failure>;

impl<'a> Story<'a> {
    fn new(case: &'a Case, stage: &'a mut Stage, settings: &'a Settings) -> Story<'a> {
        let (inbox, arrivals) = mpsc::unbounded_channel();
        let seed = settings.seed ^ fnv(case.id.as_bytes());
        let mut scope = Scope::new(ChaCha8Rng::seed_from_u64(seed));
        scope.bind("server", control::place(stage.listens_on(), stage.process_id()));
        for (name, value) in stage.fixtures().names() {
            scope.bind(name, value.clone());
        }
        for (name, cell) in row(case) {
            scope.bind(name, Bound::Cell(cell.clone()));
        }
        Story {
            case,
            stage,
            settings,
            scope,
            chance: ChaCha8Rng::seed_from_u64(seed.rotate_left(32)),
            peers: BTreeMap::new(),
            connections: Vec::new(),
            inbox,
            arrivals,
            transcript: Transcript::new(),
            until: None,
            span: 0..0,
        }
    }

    async fn block(&mut self, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            self.span = statement.span.clone();
            Box::pin(self.statement(&statement.kind)).await?;
        }
        Ok(())
    }

    /// The block once for each number; names that are bound inside belong to one turn.
    async fn repeat(
        &mut self,
        name: &str,
        numbers: RangeInclusive<i64>,
        body: &[Statement],
    ) -> Result<()> {
        for number in numbers {
            let names = self.scope.names();
            self.scope.bind(name, Bound::Bytes(number.to_string().into_bytes()));
            self.block(body).await?;
            self.scope.keep(&names);
        }
        Ok(())
    }

    async fn statement(&mut self, kind: &Kind) -> Result<()> {
        match kind {
            Kind::Caption(_) => Ok(()),
            Kind::Dial(peers, port) => self.dials(peers, port.as_ref()).await,
            Kind::Refused(peers) => self.refused(peers).await,
            Kind::Tls(tls) => self.tls(tls).await,
            Kind::Upgrade(upgrade) => self.upgrade(upgrade).await,
            Kind::Page(page) => self.page(page).await,
            Kind::Run(run) => self.run(run).await,
            Kind::Logs(words) => self.logs(words).await,
            Kind::HasNotLogged(words) => self.has_not_logged(words),
            Kind::Control(control) => self.control(control).await,
            Kind::Connect(peers, options) => {
                for peer in peers {
                    self.connect(&peer.value, options.as_ref()).await?;
                }
                Ok(())
            }
            Kind::Send { to: peers, text, finished } => {
                for peer in peers {
                    let id = self.peer(&peer.value)?;
                    self.send(id, text, *finished).await?;
                }
                Ok(())
            }
            Kind::Expect(expectation) => self.expect(expectation).await,
            Kind::AnyOrder(expectations) => self.in_any_order(expectations).await,
            Kind::Quiet(who) => self.quiet(who).await,
            Kind::Closed(peers, code) => {
                for peer in peers {
                    let id = self.peer(&peer.value)?;
                    self.closed(id).await?;
                    self.closed_with(id, *code)?;
                }
                Ok(())
            }
            Kind::Act(peers, act) => {
                for peer in peers {
                    let id = self.peer(&peer.value)?;
                    self.act(id, *act).await;
                }
                Ok(())
            }
            Kind::Table { body, .. } => self.block(body).await,
            Kind::Loop { name, from, to, body } => {
                let from = self.known(|scope| scope.number(from))?;
                let to = self.known(|scope| scope.number(to))?;
                self.repeat(&name.value, from..=to, body).await
            }
            Kind::Let(name, template) => {
                let bytes = self.known(|scope| scope.writes(template))?.concat();
                self.scope.bind(&name.value, Bound::Bytes(bytes));
                Ok(())
            }
            Kind::Check(check) => self.check(check),
            Kind::Since(version, body) if self.settings.version.at_least(version) => {
                self.block(body).await
            }
            Kind::Until(version, body) if self.settings.version.at_most(version) => {
                self.block(body).await
            }
            Kind::Since(..) | Kind::Until(..) => Ok(()),
            Kind::Tally(tally) => self.tally(tally).await,
            Kind::Timed { from, to, body } => self.timed(*from, *to, body).await,
            Kind::Wait(time, _) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
        }
    }

    async fn send(&mut self, id: usize, template: &Template, finished: bool) -> Result<()> {
        let writes = self.known(|scope| scope.writes(template))?;
        let whole = writes.concat();
        let peer = &mut self.connections[id];
        let pings = peer.pings_in(&whole);
        peer.owed_pongs += pings;
        peer.pings += pings;
        let pieces = cut(&writes, self.settings.cut, &mut self.chance);
        peer.send(&pieces, finished, EventKind::Sent).await;
        Ok(())
    }

    async fn act(&mut self, id: usize, act: Act) {
        let peer = &mut self.connections[id];
        match act {
            Act::Close => peer.close(false).await,
            Act::Reset => peer.close(true).await,
            Act::HalfClose => peer.half_close().await,
            Act::StopReading => peer.read(false),
            Act::ReadOn => peer.read(true),
        }
    }

    async fn timed(&mut self, from: Duration, to: Duration, body: &[Statement]) -> Result<()> {
        let started = Instant::now();
        let span = self.span.clone();
        let outer = self.until.replace(started + to);
        let result = self.block(body).await;
        self.until = outer;
        result?;
        let taken = started.elapsed();
        if taken < from {
            self.span = span;
            let message = format!("it took {taken:.1?}, which is sooner than {from:?}");
            return Err(self.failure(message));
        }
        Ok(())
    }

    /// The connection with this name.
    fn peer(&self, name: &str) -> Result<usize> {
        let missing = || self.error(format!("{name} is not connected"));
        self.peers.get(name).copied().ok_or_else(missing)
    }

    /// What only a mistake of the scenario makes fail.
    fn known<T>(
        &mut self,
        of: impl FnOnce(&mut Scope) -> std::result::Result<T, NoValue>,
    ) -> Result<T> {
        of(&mut self.scope).map_err(|error| self.error(error.to_string()))
    }

    fn failure(&self, message: String) -> Failure {
        let span = self.span.clone();
        Failure { span, message, expected: None, got: None, waiting: Vec::new(), is_error: false }
    }

    fn error(&self, message: String) -> Failure {
        Failure { is_error: true, ..self.failure(message) }
    }

    fn unexpected(&self, expected: &str, got: &[u8]) -> Failure {
        let message = "another frame came".to_owned();
        let expected = Some(expected.to_owned());
        Failure { expected, got: Some(shown(got)), ..self.failure(message) }
    }

    /// Frames nobody has expected so far, for the report.
    fn waiting(&mut self) -> Vec<(String, String)> {
        self.take_arrivals();
        let manual_infos = self.case.scenario.header.manual_infos;
        let peers = self.connections.iter().filter(|peer| !peer.left);
        let frames = peers.flat_map(|peer| peer.frames.iter().map(move |frame| (peer, frame)));
        frames
            .filter(|(_, frame)| manual_infos || frame.verb() != b"INFO")
            .map(|(peer, frame)| (peer.name.clone(), shown(&frame.0)))
            .take(8)
            .collect()
    }
}

/// The names and cells of the case's row.
fn row(case: &Case) -> Vec<(&str, &Template)> {
    for statement in &case.scenario.body {
        if let (Kind::Table { names, rows, .. }, Some(row)) = (&statement.kind, case.row)
            && let Some(row) = rows.get(row)
        {
            return names.iter().map(|name| name.value.as_str()).zip(&row.cells).collect();
        }
    }
    Vec::new()
}

/// FNV-1a: the same number on every machine, unlike the standard library's hashes.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
