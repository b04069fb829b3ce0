//! Who publishes, and who comes and goes.

use std::{sync::atomic::Ordering, thread, time::Duration};

use rand::RngExt as _;

use crate::{Soak, client::Client};

/// Messages that a publisher is ahead of the slowest reader at most: no reader that reads may
/// ever be the slow one.
const AHEAD_MAX: usize = 2_000;
const BATCH: usize = 100;
/// So that the machine is busy with the broker, not with this program.
const PAUSE: Duration = Duration::from_millis(2);

/// Publishes its numbers until it is over; answers how many.
pub(crate) fn publish(soak: &Soak, publisher: usize) -> usize {
    let mut client = Client::connect(soak.addr);
    let filling = "x".repeat(300);
    let mut number = 0;
    while !soak.is_over() {
        let slowest = soak.tallies.iter().filter_map(|tally| tally.position(publisher)).min();
        if slowest.is_none_or(|slowest| number < slowest + AHEAD_MAX) {
            let mut batch = String::new();
            for number in number..number + BATCH {
                let place = number % 10;
                let payload = format!("{publisher} {place} {number} {filling}");
                let size = payload.len();
                batch += &format!("PUB soak.{publisher}.{place} {size}\r\n{payload}\r\n");
            }
            client.send(batch.as_bytes());
            client.fence();
            number += BATCH;
        }
        thread::sleep(PAUSE);
    }
    number
}

/// Connections that come, subscribe, and go without a word.
pub(crate) fn connect(soak: &Soak) {
    while !soak.is_over() {
        let mut client = Client::connect(soak.addr);
        client.send(b"SUB soak.> 1\r\nSUB churn.* q 2\r\nPUB churn.a 2\r\nhi\r\n");
        client.fence();
        soak.connects.fetch_add(1, Ordering::Relaxed);
        drop(client);
        thread::sleep(PAUSE);
    }
}

/// A connection whose subscriptions come and go.
pub(crate) fn subscribe(soak: &Soak) {
    let mut client = Client::connect(soak.addr);
    while !soak.is_over() {
        let sid: u32 = rand::rng().random_range(0..1_000);
        client.send(
            format!("SUB soak.*.{} {sid}\r\nSUB churn.{sid} {sid}b\r\n", sid % 10).as_bytes(),
        );
        client.fence();
        client.send(format!("UNSUB {sid}\r\nUNSUB {sid}b\r\n").as_bytes());
        client.fence();
        soak.subscribes.fetch_add(2, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
}

/// Readers that stop, one after the other, until they are cut off.
pub(crate) fn stop_reading(soak: &Soak) {
    while !soak.is_over() {
        let mut client = Client::connect(soak.addr);
        client.send(b"SUB soak.> 1\r\n");
        // What is said to a connection that is no more is refused in the end.
        while !soak.is_over() {
            if client.try_send(b"PING\r\n").is_err() {
                soak.cuts.fetch_add(1, Ordering::Relaxed);
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
