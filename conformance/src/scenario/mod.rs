//! A scenario as a tree, with places. The language is described in `scenarios/FORMAT.md`.
//!
//! `parse` turns text into a [`Scenario`] or a list of problems with excerpts,
//! `lint` finds what can be parsed but can't be meant, and
//! `cases` expands the rows of a table into the cases that are run and reported.

pub mod cases;
mod check;
mod config;
mod control;
mod deed;
pub mod format;
mod header;
mod keys;
mod level;
mod line;
mod needs;
mod outside;
pub mod parse;
pub mod problem;
mod tally;
mod template;
mod version;
mod words;

pub use cases::{Case, cases};
pub use control::{CERTIFICATES, Control, Tls, VERSIONS};
pub use format::format;
pub use keys::{Key, Role};
pub use level::Level;
pub(crate) use needs::block;
pub use outside::{Page, Run, Upgrade};
pub use parse::parse;
pub use problem::{Problem, render};
pub use version::Version;

use std::{ops::Range, time::Duration};

/// Where something stands: a range of bytes in the scenario's text.
pub type Span = Range<usize>;

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

/// One story between named peers and a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The file's path below `scenarios/`, without its ending: `core/sub/max`.
    pub id: String,
    /// The text as it was read; spans point into it.
    pub text: String,
    /// What stands above the first blank line.
    pub header: Header,
    /// The story.
    pub body: Vec<Statement>,
}

/// What stands above the first blank line.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// One sentence that is true of a correct server.
    pub title: Spanned<String>,
    /// Clause ids, the main one first.
    pub spec: Vec<Spanned<String>>,
    /// What a broken promise means.
    pub level: Level,
    /// First release the story is true of.
    pub since: Option<Version>,
    /// Last release the story is true of; `2.11` includes every 2.11.x.
    pub until: Option<Version>,
    /// Words to select by.
    pub tags: Vec<String>,
    /// Capabilities the target must have: those written, and those that the story shows to need.
    pub needs: Vec<Spanned<String>>,
    /// Configuration fragment, its indentation removed.
    pub config: Option<Template>,
    /// Key pairs, and the tokens that say whose they are.
    pub keys: Vec<Key>,
    /// Server PINGs are frames that the story must expect.
    pub manual_pings: bool,
    /// Later INFOs are frames that the story must expect.
    pub manual_infos: bool,
}

/// One line of the story, with its block.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The whole statement line, without its block.
    pub span: Span,
    /// What it says.
    pub kind: Kind,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `# text` alone on its line.
    Caption(String),
    /// `alice dials`, `alice dials ports.route`.
    Dial(Vec<Peer>, Option<Spanned<Expr>>),
    /// `alice is refused`.
    Refused(Vec<Peer>),
    /// `alice starts tls`, `alice fails tls as stranger`.
    Tls(Tls),
    /// `alice upgrades`, `alice fails to upgrade with 403`.
    Upgrade(Upgrade),
    /// `page varz from ports.http /varz` and its block.
    Page(Page),
    /// `run said with --version`.
    Run(Run),
    /// `the server logs [INF] Server is ready`: a part of a line.
    Logs(Template),
    /// `the server has not logged secret`: no line so far holds it.
    HasNotLogged(Template),
    /// `the server reloads`, `another server joins` and the like.
    Control(Control),
    /// `alice connects {json}`; the JSON text may hold placeholders.
    Connect(Vec<Peer>, Option<Template>),
    /// `alice> text`.
    Send {
        /// Each of them.
        to: Vec<Peer>,
        /// With the CR LF that ends it, if it is finished.
        text: Template,
        /// False if it ended in `\`.
        finished: bool,
    },
    /// `alice< text`, payload line included: one whole frame.
    Expect(Expectation),
    /// `alice is quiet`.
    Quiet(Who),
    /// `alice is closed`, `alice is closed with 1008`.
    Closed(Vec<Peer>, Option<u16>),
    /// `alice closes`, `half-closes`, `resets`, `stops reading`, `reads on`.
    Act(Vec<Peer>, Act),
    /// `in any order` and its frames.
    AnyOrder(Vec<Expectation>),
    /// `for a, b in`, its rows, and its block. At most one a scenario, not inside another block.
    Table {
        /// The columns' names.
        names: Vec<Spanned<String>>,
        /// One template for each column.
        rows: Vec<Row>,
        /// What is said of each row.
        body: Vec<Statement>,
    },
    /// `for n in 1..9` and its block; both ends included.
    Loop {
        /// The counter.
        name: Spanned<String>,
        /// First value.
        from: Expr,
        /// Last value.
        to: Expr,
        /// What is repeated.
        body: Vec<Statement>,
    },
    /// `let x = text`.
    Let(Spanned<String>, Template),
    /// `check path OP value`.
    Check(Check),
    /// `since 2.12` and its block.
    Since(Version, Vec<Statement>),
    /// `until 2.11` and its block.
    Until(Version, Vec<Statement>),
    /// `tally …` and its bounds.
    Tally(Tally),
    /// `within 3s` (`from` is zero) or `between 450ms and 2s`, and the block.
    Timed {
        /// The block may not be done sooner.
        from: Duration,
        /// The block must be done by then.
        to: Duration,
        /// What takes that long.
        body: Vec<Statement>,
    },
    /// `wait 2s because …`.
    Wait(Duration, String),
}

/// A named connection.
pub type Peer = Spanned<String>;

/// Of whom a silence is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    /// All open connections.
    Everyone,
    /// These.
    Peers(Vec<Peer>),
}

/// What we do to a connection ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Close both directions.
    Close,
    /// Send FIN, go on reading.
    HalfClose,
    /// Close with a TCP reset.
    Reset,
    /// Let what arrives pile up in the socket.
    StopReading,
    /// Read again.
    ReadOn,
}

/// A frame that must come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// From whom.
    pub from: From,
    /// The whole frame, every CR LF included.
    pub frame: Template,
    /// All its lines.
    pub span: Span,
}

/// From whom a frame must come.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// `a,b<`: one from each.
    Each(Vec<Peer>),
    /// `a|b<`: one in all.
    OneOf(Vec<Peer>),
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The row's place.
    pub span: Span,
    /// One for each column.
    pub cells: Vec<Template>,
}

/// Text with placeholders, to be sent or to be matched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    /// In order.
    pub parts: Vec<Part>,
    /// Where it was written.
    pub span: Span,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// These bytes, escapes already resolved.
    Bytes(Vec<u8>),
    /// `\|`: what follows is a write of its own.
    Cut,
    /// `<x>`, `<x.path>`, `<x + 1>`. In an expected frame a plain name not yet bound is bound to
    /// one word.
    Value(Spanned<Expr>),
    /// `<"ab" x 300>`.
    Repeat(Vec<u8>, Spanned<Expr>),
    /// `<nuid>`.
    Nuid,
    /// `<ann signs info.nonce>`: a signature in base64.
    Signature {
        /// Whose key signs.
        by: Spanned<String>,
        /// What is signed.
        of: Spanned<Expr>,
        /// The standard alphabet with padding, not the one for URLs without it.
        padded: bool,
    },
    /// `<_>`.
    AnyWord,
    /// `<...>`.
    AnyBytes,
    /// `<x:json>`.
    Json(Spanned<String>),
    /// `<x:/re/>`; `_` binds nothing.
    Regex(Spanned<String>, String),
    /// `#`: size of the payload that follows the line's CR LF, without the CR LF that ends it.
    Size,
    /// The first `#` of `# #`: size of the header block, its empty line included.
    HeaderSize,
}

/// A number or a value by name.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `300`.
    Number(i64),
    /// `x`, or `info.max_payload`: a name and the path of JSON members behind it.
    Path(String, Vec<Step>),
    /// `x + 1`, `x - 1`.
    Sum(Box<Expr>, i64),
}

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.member`.
    Member(String),
    /// `[0]`.
    Index(usize),
}

/// `check path OP value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is looked at.
    pub left: Spanned<Expr>,
    /// How.
    pub test: Test,
}

/// How a value is checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Compared with text or JSON (`true`, `"text"`, `5`, `[1]`); numbers as numbers.
    Compare(Ordering, Template),
    /// `contains text`.
    Contains(Template),
    /// `~ /re/`.
    Matches(String),
    /// There is such a member.
    Exists,
    /// There is no such member.
    Missing,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// `=`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    More,
    /// `>=`.
    AtLeast,
}

/// `tally a, b: 900 of FRAME`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Who collects.
    pub peers: Vec<Peer>,
    /// How many frames in all.
    pub count: u64,
    /// Each of them; with `<n>` (a name not bound before) numbered from 1 to `count`.
    pub frame: Template,
    /// The name of the number, if the frame has one.
    pub number: Option<String>,
    /// `shares 3:1`: relative chances in the order of the peers; equal if empty.
    pub shares: Vec<u64>,
    /// What must hold of the counts.
    pub bounds: Vec<Bound>,
}

/// A bound of a tally.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// What is counted.
    pub of: Counted,
    /// `AtLeast` or `AtMost`.
    pub ordering: Ordering,
    /// The number.
    pub value: u64,
    /// The line.
    pub span: Span,
}

/// What a bound of a tally counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// `each`: every peer's frames.
    Each,
    /// One peer's frames.
    Peer(Peer),
    /// Neighbouring numbers that went to the same peer.
    Repeats,
}
