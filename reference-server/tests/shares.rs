//! Each member of a queue group gets its share, and which one is chosen does not depend on which
//! one was chosen before (CORE-QUEUE-001): a chi-squared test of both.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

mod support;

use std::collections::BTreeMap;

use nats_reference_server::Server;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use support::Client;

/// Messages to one group. Each cell of the largest test expects 128 of them, so that the
/// statistic's distribution is as good as its limit's.
const MESSAGES: usize = 16_384;

/// How seldom one test may refuse a server whose choice is uniform. There are 42 of them, so all
/// together do so less than once in a billion runs, even were the limit ten times off.
const FALSE_ALARM: f64 = 1e-12;

/// The chance of counts that are at least so uneven, if all cells are alike.
fn chance(counts: &[usize]) -> f64 {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let statistic: f64 =
        counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    ChiSquared::new(counts.len() as f64 - 1.0).unwrap().sf(statistic)
}

/// The chances of the members' shares, and of what follows what: pairs that do not overlap.
fn chances(chosen: &[usize], members: usize) -> [f64; 2] {
    let (mut shares, mut pairs) = (vec![0; members], vec![0; members * members]);
    chosen.iter().for_each(|member| shares[*member] += 1);
    for pair in chosen.chunks_exact(2) {
        pairs[pair[0] * members + pair[1]] += 1;
    }
    [chance(&shares), chance(&pairs)]
}

/// Which member got each message; the members are spread over so many connections.
fn chosen(members: usize, connections: usize) -> Vec<usize> {
    let server = Server::builder().start_blocking().unwrap();
    let mut ears: Vec<Client> = (0..connections).map(|_| Client::connect(server.addr())).collect();
    for member in 0..members {
        ears[member % connections].send(format!("SUB job group {member}\r\n").as_bytes());
    }
    ears.iter_mut().for_each(|ear| assert_eq!(ear.fence(), []));
    let mut publisher = Client::connect(server.addr());
    let lines = |number: usize| {
        let payload = number.to_string();
        format!("PUB job {}\r\n{payload}\r\n", payload.len())
    };
    publisher.send((0..MESSAGES).map(lines).collect::<String>().as_bytes());
    publisher.fence();
    let messages = ears.iter_mut().flat_map(Client::fence);
    let by_number: BTreeMap<usize, usize> = messages
        .map(|message| (message.payload.parse().unwrap(), message.sid.parse().unwrap()))
        .collect();
    assert_eq!(by_number.len(), MESSAGES, "each message reaches one member");
    by_number.into_values().collect()
}

#[test]
fn every_member_has_its_share_and_none_has_a_turn() {
    for members in 2..=8 {
        for connections in [1, 2, members] {
            let chosen = chosen(members, connections);
            for (what, chance) in ["shares", "pairs"].iter().zip(chances(&chosen, members)) {
                assert!(
                    chance > FALSE_ALARM,
                    "{what} of {members} members on {connections} connections: {chance:e}"
                );
            }
        }
    }
}

/// What the test is for, it sees: rotation, and a member that is favoured by a tenth.
#[test]
fn what_is_not_uniform_is_refused() {
    for members in 2..=8 {
        let rotation: Vec<usize> = (0..MESSAGES).map(|number| number % members).collect();
        assert!(chances(&rotation, members)[1] < FALSE_ALARM, "{members}");
        let favoured: Vec<usize> = (0..MESSAGES)
            .map(|number| match number % 10 {
                0 => 0,
                _ => number / 10 * 7 % members,
            })
            .collect();
        assert!(chances(&favoured, members)[0] < FALSE_ALARM, "{members}");
    }
    assert!(chance(&[100, 100, 100]) > 0.99);
}
