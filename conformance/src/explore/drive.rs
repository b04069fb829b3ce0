//! Tells random tales, several at a time, until one does not hold; that one is made as short as it
//! can be. Each tale has a number and comes of the seed and that number alone, and numbers are
//! given out in their order: so whatever runs beside it, the same seed finds the same tale.

use std::{
    collections::BTreeMap,
    io,
    panic::resume_unwind,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::runtime::Builder;

/// How often, and how long, a failing tale is told to make it shorter.
const STEPS_MAX: usize = 2_000;
const SHORTENING_MAX: Duration = Duration::from_secs(60);

/// Which tales are told, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Feeds all randomness.
    pub seed: u64,
    /// The number of the first tale.
    pub first: u64,
    /// Tales, at most.
    pub stories_max: u64,
    /// Operations of a tale, at most.
    pub ops_max: usize,
    /// When to stop, whatever else is said.
    pub until: Option<Instant>,
    /// How long a server may take for an answer.
    pub timeout: Duration,
}

/// What was told, and held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Tales.
    pub stories: u64,
    /// Their operations, or lines.
    pub ops: u64,
    /// Connections that were made for them; to one server, where there are two.
    pub connections: u64,
    /// How many operations, or tales, there were of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Explored<T, E> {
    /// What held.
    pub told: Told,
    /// What did not.
    pub found: Option<Found<T, E>>,
}

/// A tale that does not hold.
#[derive(Debug, Clone)]
pub struct Found<T, E> {
    /// The tale, as short as it could be made.
    pub tale: T,
    /// Why it does not hold.
    pub why: E,
    /// Its number, counted from 1.
    pub number: u64,
    /// Whether it failed when it was told once more. If not, it is as long as it was.
    pub again: bool,
}

/// The state that the jobs share.
struct Shared<T, E, P> {
    next: u64,
    explored: Explored<T, E>,
    progress: P,
}

/// Tells tales of `strategy`, which knows their numbers, one at a time with each of `workers`.
///
/// # Errors
/// The system has no more threads or sockets for us.
pub(super) fn drive<W: Send, S: Strategy, E: Send>(
    limits: &Limits,
    workers: Vec<W>,
    strategy: impl Fn(u64) -> S + Sync,
    tell: impl AsyncFn(&mut W, &S::Value) -> Result<(), E> + Sync,
    count: impl Fn(&S::Value, &mut Told) + Sync,
    progress: impl FnMut(&Told) + Send,
) -> io::Result<Explored<S::Value, E>>
where
    S::Value: Send,
{
    let explored = Explored { told: Told::default(), found: None };
    let shared = Mutex::new(Shared { next: limits.first, explored, progress });
    let work = |mut worker: W| -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        loop {
            let Some(number) = next(&mut lock(&shared), limits) else { return Ok(()) };
            let tree = strategy(number).new_tree(&mut runner(limits.seed, number));
            // Our strategies refuse next to nothing.
            let Ok(mut tree) = tree else { continue };
            let mut hold = |tale: &S::Value| runtime.block_on(tell(&mut worker, tale));
            let tale = tree.current();
            match hold(&tale) {
                Ok(()) => lock(&shared).held(|told| count(&tale, told)),
                Err(why) => {
                    let (tale, why, again) = shortest(&mut tree, why, hold);
                    lock(&shared).fell(Found { tale, why, number, again });
                }
            }
        }
    };
    thread::scope(|scope| {
        let jobs: Vec<_> = workers.into_iter().map(|worker| scope.spawn(|| work(worker))).collect();
        let done =
            jobs.into_iter().map(|job| job.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.collect::<io::Result<()>>()
    })?;
    Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).explored)
}

/// The number of the next tale, if there is one more to tell.
fn next<T, E, P>(shared: &mut Shared<T, E, P>, limits: &Limits) -> Option<u64> {
    let number = shared.next;
    let is_over = shared.explored.found.is_some()
        || number - limits.first >= limits.stories_max
        || limits.until.is_some_and(|until| Instant::now() >= until);
    (!is_over).then(|| {
        shared.next += 1;
        number
    })
}

impl<T, E, P: FnMut(&Told)> Shared<T, E, P> {
    fn held(&mut self, count: impl FnOnce(&mut Told)) {
        self.explored.told.stories += 1;
        count(&mut self.explored.told);
        (self.progress)(&self.explored.told);
    }

    /// Of several the first one counts, whichever of them was ready first.
    fn fell(&mut self, found: Found<T, E>) {
        if self.explored.found.as_ref().is_none_or(|other| found.number < other.number) {
            self.explored.found = Some(found);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a failing tale smaller as long as it goes on failing; tells it once more at the end, for
/// what fails by chance would send people the wrong way.
fn shortest<T: ValueTree, E>(
    tree: &mut T,
    why: E,
    mut hold: impl FnMut(&T::Value) -> Result<(), E>,
) -> (T::Value, E, bool) {
    let first = tree.current();
    let until = Instant::now() + SHORTENING_MAX;
    let mut smallest = tree.current();
    let mut moved = tree.simplify();
    let mut steps = 0;
    while moved && steps < STEPS_MAX && Instant::now() < until {
        steps += 1;
        moved = match hold(&tree.current()) {
            Err(_) => {
                smallest = tree.current();
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    match hold(&smallest) {
        Err(why) => (smallest, why, true),
        Ok(()) => (first, why, false),
    }
}

/// One tale's source of chance: the same for the same seed and number, on every machine.
fn runner(seed: u64, number: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn limits(stories_max: u64) -> Limits {
        let timeout = Duration::from_secs(1);
        Limits { seed: 1, first: 1, stories_max, ops_max: 1, until: None, timeout }
    }

    fn count(tale: &u32, told: &mut Told) {
        told.ops += u64::from(*tale);
    }

    #[test]
    fn what_fails_is_made_as_small_as_it_can_be() {
        let tell = async |_: &mut (), tale: &u32| if *tale < 900 { Ok(()) } else { Err(*tale) };
        let find = |jobs: usize| {
            drive(&limits(u64::MAX), vec![(); jobs], |_| 0..1_000_u32, tell, count, |_| {})
        };
        let explored = find(1).expect("a runtime");
        let found = explored.found.expect("one in ten fails");
        assert_eq!((found.tale, found.why, found.again), (900, 900, true));
        assert_eq!(explored.told.stories, found.number - 1);
        let several = find(4).expect("a runtime").found.expect("the same one");
        assert_eq!(several.number, found.number);
    }

    /// It is shown as it was, and said to be so.
    #[test]
    fn what_fails_once_is_not_made_smaller() {
        let times = AtomicU64::new(0);
        let tell = async |_: &mut (), tale: &u32| match times.fetch_add(1, Ordering::Relaxed) {
            2 => Err(*tale),
            _ => Ok(()),
        };
        let strategy = |number| (number as u32 * 10)..(number as u32 * 10 + 10);
        let explored =
            drive(&limits(9), vec![()], strategy, tell, count, |_| {}).expect("a runtime");
        let found = explored.found.expect("the third one");
        assert_eq!((found.number, found.again, found.tale / 10), (3, false, 3));
        assert_eq!((found.tale, explored.told.stories), (found.why, 2));
    }

    #[test]
    fn limits_are_kept() {
        let tell = async |_: &mut (), _: &u32| Ok::<_, ()>(());
        let mut heard = 0;
        let progress = |told: &Told| heard = told.stories;
        let explored = drive(&limits(50), vec![(); 3], |_| 0..9_u32, tell, count, progress);
        let told = explored.expect("a runtime").told;
        assert_eq!((told.stories, heard), (50, 50));
        let over = Limits { until: Some(Instant::now()), ..limits(50) };
        let explored = drive(&over, vec![()], |_| 0..9_u32, tell, count, |_| {});
        assert_eq!(explored.expect("a runtime").told, Told::default());
    }
}
