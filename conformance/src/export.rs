//! The scenarios as plain data, for programs that are not written in Rust or judge in another way.
//!
//! A case is what is run and reported: of a table's rows each has its own steps, with its cells
//! put in. The types here mirror the tree of [`scenario`](crate::scenario) and are the schema that
//! stands in `conformance/schema/export.schema.json`.

mod text;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

use crate::{
    clauses::Register,
    report::json::line_of,
    scenario::{self as tree, Kind, Spanned, Statement},
};
use text::Cells;
pub use text::{Bytes, Part, PathStep, Text, Value};

/// Goes up with every change that a reader could stumble over.
pub const SCHEMA: u32 = 1;

/// Scenarios of the conformance suite for NATS servers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Goes up with every change that a reader could stumble over.
    pub schema: u32,
    /// The version of the program that wrote this.
    pub harness_version: String,
    /// Sorted by id, a table's rows in their order.
    pub cases: Vec<Case>,
}

/// What is run and reported.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `core/sub/max`, or `core/sub/max[2]` for the second row of a table.
    pub id: String,
    /// The file's path below `scenarios/`, without its ending.
    pub scenario: String,
    /// One sentence that is true of a correct server.
    pub title: String,
    /// The row, for cases of a table; its cells are put into the steps already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
    /// The clauses it shows, the main one first.
    pub clauses: Vec<Clause>,
    /// What a broken promise means.
    pub level: Level,
    /// First release of nats-server the case is true of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last release of nats-server the case is true of; `2.11` includes every 2.11.x.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Words to select by.
    pub tags: Vec<String>,
    /// Capabilities that the server must have.
    pub needs: Vec<String>,
    /// A fragment of nats-server's configuration that the server must run with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The server's PINGs are frames that the steps expect; else they are answered and passed over.
    pub manual_pings: bool,
    /// INFOs behind the first are frames that the steps expect; else they are passed over.
    pub manual_infos: bool,
    /// The story. At its end every open connection is quiet.
    pub steps: Vec<Step>,
}

/// A row of a table.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Counted from 1.
    pub number: usize,
    /// As it was written.
    pub text: String,
    /// By the names of the columns. A value that still names a column means this.
    pub cells: BTreeMap<String, Text>,
}

/// A promise of the register of clauses.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Stable: `CORE-SUB-012`.
    pub id: String,
    /// The promise in one sentence, if the register has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The part of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Where it is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The force of a requirement.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Broken is a failure.
    Must,
    /// Broken is a warning.
    Should,
    /// Broken is information.
    May,
}

/// One statement of the story.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// The line of the scenario, counted from 1.
    pub line: usize,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

/// What a statement says; `do` names it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum What {
    /// A remark for people.
    Caption {
        /// Its words.
        text: String,
    },
    /// Opens connections, and nothing more.
    Dial {
        /// Their names; a name that is connected already is closed first.
        peers: Vec<String>,
    },
    /// Opens connections, reads INFO, sends CONNECT and PING, reads PONG.
    Connect {
        /// Their names; a name that is connected already is closed first.
        peers: Vec<String>,
        /// JSON whose members go into CONNECT, over the usual ones: `verbose` and `pedantic`
        /// false, `headers` true, `protocol` 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        options: Option<Text>,
    },
    /// Sends bytes to the server, from each of the peers.
    Send {
        /// Who sends.
        peers: Vec<String>,
        /// The bytes.
        text: Text,
        /// False: the line goes on in a later step, so no PING may be sent between.
        finished: bool,
    },
    /// The next frame is exactly this.
    Expect(Frame),
    /// All these frames come next, in any order.
    InAnyOrder {
        /// The frames.
        frames: Vec<Frame>,
    },
    /// No frame is left: proven by PING and PONG of everyone who has sent something, then theirs.
    Quiet {
        /// Of these; without it, of every open connection.
        #[serde(skip_serializing_if = "Option::is_none")]
        peers: Option<Vec<String>>,
    },
    /// The server ends the stream, and no frame is left before its end.
    Closed {
        /// Whose.
        peers: Vec<String>,
    },
    /// What is done to connections from our side.
    Act {
        /// Whose.
        peers: Vec<String>,
        /// What.
        act: Act,
    },
    /// The steps once for each number.
    Loop {
        /// The name of the number.
        name: String,
        /// The first.
        from: Value,
        /// The last.
        to: Value,
        /// What is repeated; names that are bound inside belong to one turn.
        steps: Vec<Step>,
    },
    /// A name for bytes.
    Let {
        /// The name.
        name: String,
        /// The bytes.
        text: Text,
    },
    /// Something is true of a value.
    Check {
        /// The value.
        value: Value,
        /// What is true of it.
        #[serde(flatten)]
        test: Test,
    },
    /// The steps are for this and later releases of nats-server.
    Since {
        /// The release.
        release: String,
        /// The steps.
        steps: Vec<Step>,
    },
    /// The steps are for this and earlier releases of nats-server.
    Until {
        /// The release.
        release: String,
        /// The steps.
        steps: Vec<Step>,
    },
    /// The peers together get so many frames; how they are shared out is left to chance.
    Tally(Tally),
    /// The steps take a time within bounds; no PING may be sent.
    Timed {
        /// Not less, in milliseconds.
        from_ms: u64,
        /// Not more, in milliseconds.
        to_ms: u64,
        /// What takes so long.
        steps: Vec<Step>,
    },
    /// Time passes.
    Wait {
        /// In milliseconds.
        ms: u64,
        /// Why nothing else would do.
        because: String,
    },
}

/// A whole frame that a server sends.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Frame {
    /// From whom.
    pub peers: Vec<String>,
    /// True: it comes from exactly one of the peers. False: one from each.
    pub one_of: bool,
    /// The frame, every CR LF included. A plain value whose name is not bound yet is one word,
    /// and is bound to it.
    pub frame: Text,
}

/// What we do to a connection ourselves.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Close both directions.
    Close,
    /// End our sending, and go on reading.
    HalfClose,
    /// Close with a TCP reset.
    Reset,
    /// Let what arrives pile up.
    StopReading,
    /// Read again.
    ReadOn,
}

/// What is true of a value; `test` names it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "test", rename_all = "kebab-case")]
pub enum Test {
    /// It compares so; numbers as numbers, JSON as JSON, else as text.
    Compare {
        /// `=`, `!=`, `<`, `<=`, `>` or `>=`.
        sign: Sign,
        /// With this.
        with: Text,
    },
    /// It matches a regular expression.
    Matches {
        /// The expression.
        pattern: String,
    },
    /// It is there.
    Exists,
    /// It is not there.
    Missing,
}

/// A comparison.
#[derive(Debug, Serialize, JsonSchema)]
pub enum Sign {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// More.
    #[serde(rename = ">")]
    More,
    /// More or equal.
    #[serde(rename = ">=")]
    AtLeast,
}

/// Frames that chance shares out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tally {
    /// Who gets them.
    pub peers: Vec<String>,
    /// How many in all.
    pub count: u64,
    /// Each of them.
    pub frame: Text,
    /// The name in the frame that is a number: each from 1 to `count` comes once, rising for each
    /// peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Relative chances in the order of the peers; equal if empty.
    pub shares: Vec<u64>,
    /// What holds of the counts.
    pub bounds: Vec<Bound>,
}

/// A bound of a tally.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// `each` peer's frames, one `peer`'s, or `repeats`: neighbouring numbers of the same peer.
    pub of: Counted,
    /// Whose, if of one peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// `<=` or `>=`.
    pub sign: Sign,
    /// The bound.
    pub value: u64,
}

/// What a bound of a tally counts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Every peer's frames.
    Each,
    /// One peer's frames.
    Peer,
    /// Neighbouring numbers that went to the same peer.
    Repeats,
}

impl Export {
    /// These cases.
    pub fn new(cases: &[tree::Case], register: &Register) -> Export {
        Export {
            schema: SCHEMA,
            harness_version: env!("CARGO_PKG_VERSION").to_owned(),
            cases: cases.iter().map(|one| case(one, register)).collect(),
        }
    }

    /// The JSON schema of this, as it stands in `conformance/schema/`.
    ///
    /// # Errors
    /// What the JSON writer says.
    pub fn schema() -> Result<String, serde_json::Error> {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<Export>();
        Ok(serde_json::to_string_pretty(&schema)? + "\n")
    }
}

fn case(case: &tree::Case, register: &Register) -> Case {
    let (scenario, header) = (&*case.scenario, &case.scenario.header);
    let cells = Cells::new(case);
    let clause = |id: &Spanned<String>| {
        let known = register.find(&id.value);
        Clause {
            id: id.value.clone(),
            text: known.map(|clause| clause.text.clone()),
            section: known.map(|clause| clause.section.clone()),
            source: known.map(|clause| clause.source.clone()),
        }
    };
    let teller = Teller { source: &scenario.text, cells: &cells };
    Case {
        id: case.id.clone(),
        scenario: scenario.id.clone(),
        title: header.title.value.clone(),
        row: case.row.map(|row| Row {
            number: row + 1,
            text: case.row_text().unwrap_or_default().to_owned(),
            cells: cells.texts(),
        }),
        clauses: header.spec.iter().map(clause).collect(),
        level: match header.level {
            tree::Level::Must => Level::Must,
            tree::Level::Should => Level::Should,
            tree::Level::May => Level::May,
        },
        since: header.since.as_ref().map(ToString::to_string),
        until: header.until.as_ref().map(ToString::to_string),
        tags: header.tags.clone(),
        needs: names(&header.needs),
        config: header.config.clone(),
        manual_pings: header.manual_pings,
        manual_infos: header.manual_infos,
        steps: teller.steps(&scenario.body),
    }
}

/// Tells the statements of one case as data.
struct Teller<'a> {
    source: &'a str,
    cells: &'a Cells<'a>,
}

impl Teller<'_> {
    fn steps(&self, statements: &[Statement]) -> Vec<Step> {
        statements.iter().flat_map(|statement| self.step(statement)).collect()
    }

    /// A table is the steps of one of its rows; all else is one step.
    fn step(&self, statement: &Statement) -> Vec<Step> {
        let what = match &statement.kind {
            Kind::Table { names: _, rows: _, body } => return self.steps(body),
            Kind::Caption(text) => What::Caption { text: text.clone() },
            Kind::Dial(peers) => What::Dial { peers: names(peers) },
            Kind::Connect(peers, options) => What::Connect {
                peers: names(peers),
                options: options.as_ref().map(|options| self.cells.text(options)),
            },
            Kind::Send { to, text, finished } => {
                What::Send { peers: names(to), text: self.cells.text(text), finished: *finished }
            }
            Kind::Expect(expectation) => What::Expect(self.frame(expectation)),
            Kind::AnyOrder(expectations) => What::InAnyOrder {
                frames: expectations.iter().map(|one| self.frame(one)).collect(),
            },
            Kind::Quiet(tree::Who::Everyone) => What::Quiet { peers: None },
            Kind::Quiet(tree::Who::Peers(peers)) => What::Quiet { peers: Some(names(peers)) },
            Kind::Closed(peers) => What::Closed { peers: names(peers) },
            Kind::Act(peers, what) => What::Act { peers: names(peers), act: act(*what) },
            Kind::Loop { name, from, to, body } => What::Loop {
                name: name.value.clone(),
                from: self.cells.value(from),
                to: self.cells.value(to),
                steps: self.steps(body),
            },
            Kind::Let(name, text) => {
                What::Let { name: name.value.clone(), text: self.cells.text(text) }
            }
            Kind::Check(check) => What::Check {
                value: self.cells.value(&check.left.value),
                test: self.test(&check.test),
            },
            Kind::Since(release, body) => {
                What::Since { release: release.to_string(), steps: self.steps(body) }
            }
            Kind::Until(release, body) => {
                What::Until { release: release.to_string(), steps: self.steps(body) }
            }
            Kind::Tally(tally) => What::Tally(self.tally(tally)),
            Kind::Timed { from, to, body } => {
                What::Timed { from_ms: ms(*from), to_ms: ms(*to), steps: self.steps(body) }
            }
            Kind::Wait(time, because) => What::Wait { ms: ms(*time), because: because.clone() },
        };
        vec![Step { line: line_of(self.source, statement.span.start), what }]
    }

    fn frame(&self, expectation: &tree::Expectation) -> Frame {
        let (peers, one_of) = match &expectation.from {
            tree::From::Each(peers) => (peers, false),
            tree::From::OneOf(peers) => (peers, true),
        };
        Frame { peers: names(peers), one_of, frame: self.cells.text(&expectation.frame) }
    }

    fn test(&self, test: &tree::Test) -> Test {
        match test {
            tree::Test::Compare(ordering, with) => {
                Test::Compare { sign: sign(*ordering), with: self.cells.text(with) }
            }
            tree::Test::Matches(pattern) => Test::Matches { pattern: pattern.clone() },
            tree::Test::Exists => Test::Exists,
            tree::Test::Missing => Test::Missing,
        }
    }

    fn tally(&self, tally: &tree::Tally) -> Tally {
        let bound = |bound: &tree::Bound| {
            let (of, peer) = match &bound.of {
                tree::Counted::Each => (Counted::Each, None),
                tree::Counted::Peer(peer) => (Counted::Peer, Some(peer.value.clone())),
                tree::Counted::Repeats => (Counted::Repeats, None),
            };
            Bound { of, peer, sign: sign(bound.ordering), value: bound.value }
        };
        Tally {
            peers: names(&tally.peers),
            count: tally.count,
            frame: self.cells.text(&tally.frame),
            number: tally.number.clone(),
            shares: tally.shares.clone(),
            bounds: tally.bounds.iter().map(bound).collect(),
        }
    }
}

fn act(act: tree::Act) -> Act {
    match act {
        tree::Act::Close => Act::Close,
        tree::Act::HalfClose => Act::HalfClose,
        tree::Act::Reset => Act::Reset,
        tree::Act::StopReading => Act::StopReading,
        tree::Act::ReadOn => Act::ReadOn,
    }
}

fn sign(ordering: tree::Ordering) -> Sign {
    match ordering {
        tree::Ordering::Equal => Sign::Equal,
        tree::Ordering::NotEqual => Sign::NotEqual,
        tree::Ordering::Less => Sign::Less,
        tree::Ordering::AtMost => Sign::AtMost,
        tree::Ordering::More => Sign::More,
        tree::Ordering::AtLeast => Sign::AtLeast,
    }
}

fn names(spanned: &[Spanned<String>]) -> Vec<String> {
    spanned.iter().map(|name| name.value.clone()).collect()
}

fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
