//! Two clients that do nothing wrong, and must not notice what others do.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::support::Client;

/// A message takes microseconds. This is far above what a busy machine makes of that, and far
/// below a server that is stuck.
pub(crate) const LATENCY_MAX: Duration = Duration::from_secs(10);
/// Time between two messages, so that the pair itself is no load.
const PAUSE: Duration = Duration::from_millis(2);

/// The pair, sending messages from one to the other until it is told to stop.
pub(crate) struct Pair {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Pair {
    /// Once this returns, the first message has been delivered.
    pub(crate) fn start(addr: SocketAddr) -> Pair {
        let stop = Arc::new(AtomicBool::new(false));
        let (running, is_running) = mpsc::channel();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let (mut ann, mut bob) = (Client::connect(addr), Client::connect(addr));
            bob.send(b"SUB pair 1\r\n");
            bob.fence();
            let mut latencies = vec![exchange(&mut ann, &mut bob, 0)];
            running.send(()).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                latencies.push(exchange(&mut ann, &mut bob, latencies.len()));
            }
            latencies
        });
        is_running.recv().unwrap();
        Pair { stop, thread }
    }

    /// Stops, prints how long messages took, and fails if one took too long.
    pub(crate) fn finish(self, meanwhile: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let mut latencies = self.thread.join().unwrap();
        latencies.sort_unstable();
        let count = latencies.len();
        let (p50, p99, max) =
            (latencies[count / 2], latencies[count * 99 / 100], latencies[count - 1]);
        println!("{meanwhile}: {count} messages, p50 {p50:?}, p99 {p99:?}, longest {max:?}");
        assert!(count > 1, "{meanwhile}: nothing was measured");
        assert!(max < LATENCY_MAX, "{meanwhile}: a message took {max:?}");
    }
}

fn exchange(ann: &mut Client, bob: &mut Client, number: usize) -> Duration {
    let number = number.to_string();
    let start = Instant::now();
    ann.send(format!("PUB pair {}\r\n{number}\r\n", number.len()).as_bytes());
    assert_eq!(bob.message().unwrap().payload, number);
    start.elapsed()
}
