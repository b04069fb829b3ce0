//! The same to two servers, malformed lines too: what comes must be the same.
//!
//! Every other tale is a stream of bytes of one connection, which needs no model. The others are
//! stories of several connections. There the servers may choose: which member of a group gets a
//! message, in which order copies come. So each is compared with the model, which follows what was
//! chosen. What the model allows both is no difference; neither is what it allows none of them, if
//! they do the same.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;
use regex::bytes::Regex;

use super::{
    Explored, Limits, Op, Story, Told, count, drive,
    noise::streams,
    print, print_stream,
    random::stories,
    stream::{Deaf, Ear, Heard, Lines},
    teller::{self, Difference},
};
use crate::{scenario::Version, wire::shown};

/// Lines of a stream, at most: few streams get further than to their third mistake.
const LINES_MAX: usize = 12;

/// What is told to both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tale {
    /// The bytes of one connection.
    Stream(Lines),
    /// What several connections do.
    Story(Story),
}

impl Tale {
    /// All that is sent.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Tale::Stream(lines) => lines.concat(),
            Tale::Story(story) => story.ops.iter().flat_map(Op::bytes).collect(),
        }
    }
}

/// What two servers made of a tale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differing {
    /// What was heard of a stream.
    Stream(Box<[Result<Heard, Deaf>; 2]>),
    /// Where they left the model, if they did.
    Story(Box<[Result<(), Difference>; 2]>),
}

impl Differing {
    fn is_one(&self) -> bool {
        match self {
            Differing::Stream(both) => both[0] == both[1],
            Differing::Story(both) => both[0] == both[1],
        }
    }

    /// What came of the tale on the first server (0) or the second one (1), for people.
    pub fn said(&self, server: usize) -> String {
        fn text<T: fmt::Display, E: fmt::Display>(said: &Result<T, E>) -> String {
            match said {
                Ok(heard) => heard.to_string(),
                Err(error) => format!("  {error}\n"),
            }
        }
        match self {
            Differing::Stream(both) => text(&both[server]),
            Differing::Story(both) => {
                text(&both[server].as_ref().map(|()| "  as the model says\n"))
            }
        }
    }
}

/// A difference that is known and explained.
#[derive(Debug)]
pub struct Explained {
    /// Found in the bytes that are sent.
    pub sent: Regex,
    /// Why the servers differ there.
    pub reason: String,
    /// How many tales differed and were explained by it.
    pub used: AtomicU64,
}

/// The two servers of one job, and their doubles: a server forgets a connection a moment after its
/// end, and stories listen to who is there. So streams should have servers of their own.
#[derive(Debug, Clone, Copy)]
pub struct Servers {
    /// Which hear the stories.
    pub stories: [SocketAddr; 2],
    /// Which get the streams; may be the same, if there are no others.
    pub streams: [SocketAddr; 2],
}

/// How a job tells its tales to them.
struct Pair {
    stories: [SocketAddr; 2],
    ears: [Ear; 2],
}

impl Pair {
    async fn tell(&mut self, tale: &Tale, release: &Version, limits: &Limits) -> Differing {
        let [a, b] = self.stories;
        match tale {
            Tale::Stream(lines) => {
                let bytes = lines.concat();
                let whole = [&bytes[..]];
                let [one, other] = &mut self.ears;
                let (one, other) = tokio::join!(one.hear(&whole), other.hear(&whole));
                Differing::Stream(Box::new([one, other]))
            }
            Tale::Story(story) => {
                let tell = |addr| teller::tell(story, addr, release, limits.timeout);
                let (one, other) = tokio::join!(tell(a), tell(b));
                Differing::Story(Box::new([one, other]))
            }
        }
    }
}

/// Tells random tales to pairs of servers, a pair for each job, until one makes a difference
/// that is not explained, or the limits are reached. The model is that of the first server's
/// release. Call it where blocking is allowed, not on a runtime's worker.
///
/// # Errors
/// The system has no more threads or sockets for us.
pub fn compare(
    servers: &[Servers],
    release: &Version,
    explained: &[Explained],
    limits: &Limits,
    progress: impl FnMut(&Told) + Send,
) -> io::Result<Explored<Tale, Differing>> {
    let ready = |servers: &Servers| Pair {
        stories: servers.stories,
        ears: servers.streams.map(|addr| Ear::new(addr, limits.timeout)),
    };
    let tell = async |pair: &mut Pair, tale: &Tale| {
        let differing = pair.tell(tale, release, limits).await;
        if differing.is_one() {
            return Ok(());
        }
        let bytes = tale.bytes();
        match explained.iter().find(|known| known.sent.is_match(&bytes)) {
            Some(known) => {
                known.used.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            None => Err(differing),
        }
    };
    let pairs = servers.iter().map(ready).collect();
    drive::drive(limits, pairs, |number| tales(number, limits.ops_max), tell, counted, progress)
}

fn tales(number: u64, ops_max: usize) -> BoxedStrategy<Tale> {
    match number % 2 {
        1 => streams(ops_max.min(LINES_MAX)).prop_map(Tale::Stream).boxed(),
        _ => stories(ops_max).prop_map(Tale::Story).boxed(),
    }
}

fn counted(tale: &Tale, told: &mut Told) {
    match tale {
        Tale::Stream(lines) => {
            told.ops += lines.len() as u64;
            told.connections += 1;
            *told.kinds.entry("line of bytes").or_default() += lines.len() as u64;
        }
        Tale::Story(story) => count(story, told),
    }
}

/// What is sent, for people.
impl fmt::Display for Tale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tale::Stream(lines) => {
                lines.iter().try_for_each(|line| writeln!(f, "  sent     {}", shown(line)))
            }
            Tale::Story(story) => story.ops.iter().try_for_each(|op| {
                writeln!(f, "  {:<8} {}", teller::name(op.peer), shown(&op.bytes()))
            }),
        }
    }
}

/// A tale as a scenario that tells the two servers apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The scenario.
    pub text: String,
    /// The server that it holds on: the first one (0), wherever that does what can be expected.
    pub holds_on: Option<usize>,
}

/// What one of the servers does, as a scenario that does not hold on the other one. `title` is told
/// which one that is.
pub fn telling(
    tale: &Tale,
    differing: &Differing,
    release: &Version,
    title: impl Fn(Option<usize>) -> String,
) -> Option<Telling> {
    match (tale, differing) {
        (Tale::Stream(lines), Differing::Stream(both)) => {
            let (holds_on, heard) =
                both.iter().enumerate().find_map(|(at, said)| Some((at, said.as_ref().ok()?)))?;
            let text = print_stream(lines, heard, &title(Some(holds_on)));
            Some(Telling { text, holds_on: Some(holds_on) })
        }
        (Tale::Story(story), Differing::Story(both)) => {
            let holds_on = both.iter().position(Result::is_ok);
            let text = print(story, release, &title(holds_on));
            Some(Telling { text, holds_on })
        }
        _ => None,
    }
}
