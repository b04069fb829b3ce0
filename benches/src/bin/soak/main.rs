//! Hours of coming and going against a broker: nothing may be lost, doubled or out of order for
//! those who read, and the broker may not grow.

#![allow(clippy::unwrap_used, reason = "a measuring program stops where something is not there")]

mod client;
mod crowd;
mod tally;

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use client::Client;
use tally::Tally;

/// Publishers; each has its own numbers.
pub(crate) const PUBLISHERS: usize = 2;
const SAMPLE: Duration = Duration::from_secs(2);
const MIB: usize = 1 << 20;

/// Churns against a broker and verifies every delivery.
#[derive(Debug, Parser)]
struct Options {
    /// The broker's program; it is started with a bound of 2 MiB for what waits for a client.
    #[arg(long)]
    server: PathBuf,
    /// How long.
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// Where the figures go as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What all threads see.
#[derive(Debug)]
pub(crate) struct Soak {
    addr: SocketAddr,
    over: AtomicBool,
    /// What each plain reader, and the queue group, has got.
    tallies: Vec<Tally>,
    connects: AtomicUsize,
    subscribes: AtomicUsize,
    cuts: AtomicUsize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (mut child, addr) = match start(&options.server) {
        Ok(started) => started,
        Err(why) => {
            eprintln!("soak: {} does not start: {why}", options.server.display());
            return ExitCode::from(2);
        }
    };
    let patterns = ["soak.0.*", "soak.>", "*.*.7"].map(|pattern| Tally::new(pattern, None));
    let group = Tally::new("soak.*.*", Some("group"));
    let soak = Soak {
        addr,
        over: AtomicBool::new(false),
        tallies: patterns.into_iter().chain([group]).collect(),
        connects: AtomicUsize::new(0),
        subscribes: AtomicUsize::new(0),
        cuts: AtomicUsize::new(0),
    };
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let (published, samples) = soak.run(&child, length);
    let _ = child.kill();
    let _ = child.wait();
    let faults: Vec<String> =
        soak.tallies.iter().flat_map(|tally| tally.faults(&published)).collect();
    let (early, late) = (median(quarter(&samples, 1)), median(quarter(&samples, 3)));
    // A fifth and 8 MiB are what the allocator makes of the same load.
    let grows = late > early + early / 5 + 8 * MIB;
    let report = serde_json::json!({
        "command": format!("ci/soak.sh {}", options.minutes),
        "date": jiff::Timestamp::now().to_string(),
        "minutes": options.minutes,
        "published": published,
        "verified": soak.tallies.iter().map(Tally::received).sum::<usize>(),
        "connections": soak.connects.load(Ordering::Relaxed),
        "subscriptions": soak.subscribes.load(Ordering::Relaxed),
        "slow_readers_cut": soak.cuts.load(Ordering::Relaxed),
        "memory_second_quarter_bytes": early,
        "memory_last_quarter_bytes": late,
        "memory_grows": grows,
        "faults": faults,
    });
    println!("{report:#}");
    if let Some(path) = &options.json {
        fs::write(path, format!("{report:#}\n")).unwrap();
    }
    let nothing = published.contains(&0) || soak.cuts.load(Ordering::Relaxed) == 0;
    ExitCode::from(u8::from(grows || nothing || !faults.is_empty()))
}

impl Soak {
    /// Churns for so long; answers what was published, and samples of memory.
    fn run(&self, child: &Child, length: Duration) -> (Vec<usize>, Vec<usize>) {
        thread::scope(|scope| {
            let mut readers = Vec::new();
            for tally in &self.tallies {
                let members = if tally.is_group() { 3 } else { 1 };
                for _ in 0..members {
                    let client = tally.subscribe(self.addr);
                    readers.push(scope.spawn(move || tally.read(client)));
                }
            }
            scope.spawn(|| crowd::connect(self));
            scope.spawn(|| crowd::subscribe(self));
            scope.spawn(|| crowd::stop_reading(self));
            let publishers: Vec<_> =
                (0..PUBLISHERS).map(|at| scope.spawn(move || crowd::publish(self, at))).collect();
            let end = Instant::now() + length;
            let mut samples = Vec::new();
            // A reader that has stopped has found a fault; nothing more comes of waiting.
            while Instant::now() < end && !readers.iter().any(|reader| reader.is_finished()) {
                thread::sleep(SAMPLE);
                samples.push(memory_bytes(child));
            }
            self.over.store(true, Ordering::Relaxed);
            let published = publishers.into_iter().map(|found| found.join().unwrap()).collect();
            // Behind everything that was published: all publishers have their PONG.
            let mut last = Client::connect(self.addr);
            last.send(b"PUB end.of.7 3\r\nend\r\n");
            last.fence();
            (published, samples)
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// The second or the last quarter of the samples: by then all rooms have their size.
fn quarter(samples: &[usize], which: usize) -> &[usize] {
    &samples[samples.len() * which / 4..samples.len() * (which + 1) / 4]
}

fn median(samples: &[usize]) -> usize {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn memory_bytes(child: &Child) -> usize {
    let statm = fs::read_to_string(format!("/proc/{}/statm", child.id())).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn start(program: &PathBuf) -> Result<(Child, SocketAddr), Box<dyn Error>> {
    let config = std::env::temp_dir().join(format!("soak-{}.conf", std::process::id()));
    fs::write(&config, "max_pending: 2097152\n")?;
    let mut child = Command::new(program)
        .args(["-a", "127.0.0.1", "-p", "-1", "-c"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(child.stderr.take().ok_or("it has no log")?);
    let addr = loop {
        let mut line = String::new();
        if log.read_line(&mut line)? == 0 {
            return Err("it ended before it listened".into());
        }
        if let Some((_, addr)) = line.split_once("connections on ") {
            break addr.trim().parse()?;
        }
    };
    let _ = fs::remove_file(config);
    // Someone must go on reading, or the program would be stopped by its own log.
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Ok((child, addr))
}
