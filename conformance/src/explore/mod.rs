//! Random stories against a model of core NATS. Scenarios show what somebody thought of; this finds
//! what nobody did.
//!
//! A [`Story`] is a list of operations of several connections. [`model`] says what a correct server
//! may answer, [`teller`] tells the story to a server and compares, and a story that does not hold
//! is made as short as it can be (proptest does that) and printed as a scenario ([`print()`]).

mod connection;
pub mod differential;
pub mod model;
mod print;
mod random;
pub mod teller;

pub use print::print;
pub use random::stories;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Handle;

use crate::scenario::Version;

/// What the connections of a story do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// How each connects.
    pub peers: Vec<Options>,
    /// What they do. Operations of one connection that follow each other are sent as one write.
    pub ops: Vec<Op>,
}

/// What CONNECT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Own messages come back.
    pub echo: bool,
    /// Headers are understood.
    pub headers: bool,
    /// Lonely requests are answered; only together with headers.
    pub no_responders: bool,
    /// Commands are acknowledged.
    pub verbose: bool,
    /// Published subjects are checked.
    pub pedantic: bool,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Whose.
    pub peer: usize,
    /// What.
    pub act: Act,
}

/// What a connection does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// SUB.
    Subscribe {
        /// May be invalid.
        pattern: String,
        /// The queue group.
        queue: Option<String>,
        /// The subscription's name.
        sid: u8,
    },
    /// UNSUB, with or without a maximum.
    Unsubscribe {
        /// May be unknown.
        sid: u8,
        /// Deliveries counted from SUB.
        max: Option<u8>,
    },
    /// PUB, or HPUB if there is a header block.
    Publish {
        /// May be one that nobody can listen to.
        subject: String,
        /// Where answers go.
        reply: Option<String>,
        /// The header block, its empty line included.
        header: Option<Vec<u8>>,
        /// What follows it.
        payload: Vec<u8>,
    },
    /// Everything up to here is proven before the next operation is sent.
    Flush,
    /// A line that is no protocol.
    Malformed(&'static Malformed),
    /// The connection is closed and opened again.
    Reconnect,
}

/// A line that ends the connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is sent, the line end included.
    pub bytes: &'static str,
    /// What is said before the close, if anything is.
    pub error: Option<&'static str>,
}

/// Lines that are no protocol, and what the server says to them (CORE-PARSE-008, 024, 025, 031).
pub const MALFORMED: &[Malformed] = &[
    Malformed { bytes: "X\r\n", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUBX a 1\r\n", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUB a 1\r\nxyz", error: Some("Unknown Protocol Operation") },
    Malformed { bytes: "PUB a\r\n", error: None },
    Malformed { bytes: "PUB a -1\r\n", error: None },
    Malformed { bytes: "PUB a b c 1\r\n", error: None },
    Malformed { bytes: "SUB a\r\n", error: None },
    Malformed { bytes: "SUB a b 1 c\r\n", error: None },
    Malformed { bytes: "UNSUB \r\n", error: None },
    Malformed { bytes: "-ERR 'x'\r\n", error: None },
    Malformed { bytes: "CONNECT {\r\n", error: None },
];

/// How long and from which number.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Feeds all randomness.
    pub seed: u64,
    /// Operations of a story, at most.
    pub ops_max: usize,
    /// Stories, at most.
    pub stories_max: u64,
    /// When to stop, whatever else is said.
    pub until: Option<Instant>,
    /// How long a server may take for an answer.
    pub timeout: Duration,
}

/// What was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Stories that held.
    pub stories: u64,
    /// Their operations.
    pub ops: u64,
}

/// A story that does not hold, as short as it could be made.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The story.
    pub story: Story,
    /// Why it does not hold.
    pub why: teller::Difference,
    /// The number of the story, counted from 1.
    pub number: u64,
}

/// Tells random stories to the server at `addr` until one does not hold or the limits are reached;
/// `progress` hears of every story that held. Call it where blocking is allowed, not on a runtime's
/// worker.
///
/// # Errors
/// The first story that does not hold, made as short as it could be.
pub fn explore(
    handle: &Handle,
    addr: SocketAddr,
    release: &Version,
    limits: &Limits,
    mut progress: impl FnMut(Told),
) -> Result<Told, Box<Broken>> {
    let mut told = Told::default();
    let strategy = stories(limits.ops_max);
    while told.stories < limits.stories_max
        && limits.until.is_none_or(|until| Instant::now() < until)
    {
        let number = told.stories + 1;
        let mut runner = runner(limits.seed, number);
        let tell =
            |story: &Story| handle.block_on(teller::tell(story, addr, release, limits.timeout));
        let ops = std::cell::Cell::new(0);
        let result = runner.run(&strategy, |story| {
            ops.set(story.ops.len());
            tell(&story).map_err(|difference| TestCaseError::fail(difference.to_string()))
        });
        if let Err(TestError::Fail(_, story)) = result {
            // Told once more, for the whole difference; a story that holds now failed by chance.
            let why = tell(&story).err().unwrap_or_else(teller::Difference::gone);
            return Err(Box::new(Broken { story, why, number }));
        }
        told.stories += 1;
        told.ops += ops.get() as u64;
        progress(told);
    }
    Ok(told)
}

/// One story's source of chance: the same for the same seed and number, on every machine.
fn runner(seed: u64, number: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
