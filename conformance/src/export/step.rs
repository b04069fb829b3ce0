//! The statements of a story as data.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::{Text, Value};

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
        /// Another port than the one for clients.
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<Value>,
    },
    /// Nobody answers who tries to connect, or the connection ends without a frame.
    Refused {
        /// Who tries.
        peers: Vec<String>,
    },
    /// The client's half of the change to TLS.
    Tls {
        /// Who changes.
        peers: Vec<String>,
        /// The certificate that is shown, if one is: `client` is signed by the server's authority,
        /// `stranger` by somebody else, `expired` is too old.
        #[serde(skip_serializing_if = "Option::is_none")]
        certificate: Option<String>,
        /// The only version of TLS that the client speaks, if it keeps to one.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// False: the server must not let it come about.
        succeeds: bool,
    },
    /// The client's half of the change to a WebSocket: a request, its answer; from then on what is
    /// sent and comes stands in binary messages, wherever they begin and end.
    Upgrade {
        /// Who changes.
        peers: Vec<String>,
        /// What is asked for; `/` without it.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<Text>,
        /// Headers of the request, one a line, besides the usual ones or in their place.
        #[serde(skip_serializing_if = "Option::is_none")]
        headers: Option<Text>,
        /// The name of the answer, JSON with `status` and `headers`, whose names are small.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// The status that must come instead of the change.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<u16>,
    },
    /// A page is asked for by GET, again and again until the steps hold.
    Page {
        /// Its name: JSON with `status`, `headers` and `body`, which is JSON if it can be.
        name: String,
        /// Where.
        port: Value,
        /// With its query.
        path: Text,
        /// By HTTPS.
        tls: bool,
        /// What is said of it.
        steps: Vec<Step>,
    },
    /// The server's program is run with these arguments, and ends.
    Run {
        /// The name of what came of it: JSON with `code`, `out` and `err`.
        name: String,
        /// Separated by blanks.
        arguments: Text,
        /// What stands in a file whose path is the value of `config`.
        #[serde(skip_serializing_if = "Option::is_none")]
        config: Option<Text>,
    },
    /// A line of the server's log holds this, or will.
    Logs {
        /// The words.
        text: Text,
    },
    /// No line of the server's log holds this so far.
    HasNotLogged {
        /// The words.
        text: Text,
    },
    /// Something happens to the server itself.
    Server {
        /// What.
        #[serde(flatten)]
        control: Control,
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
        /// The code of the close frame of a WebSocket.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
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

/// What happens to the server; `control` names it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum Control {
    /// It reloads with another configuration (SIGHUP).
    Reload {
        /// The configuration, instead of the one before.
        config: Text,
    },
    /// It is to reload with a configuration that it refuses, and goes on with the one it has.
    RefuseReload {
        /// The configuration that is refused.
        config: Text,
    },
    /// It enters lame duck mode (SIGUSR2).
    LameDuck,
    /// It shuts down (SIGTERM).
    ShutDown,
    /// Another server of the same kind starts.
    Join {
        /// With this configuration.
        config: Text,
    },
    /// The other server shuts down.
    Leave,
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
    /// It is a text, or JSON as text, with this in it.
    Contains {
        /// The words.
        words: Text,
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
