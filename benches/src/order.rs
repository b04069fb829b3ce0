//! In which order blocks are measured: so that whatever drifts hits all targets alike.

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// For each round the targets' numbers in their order: every odd round is the mirror of the round
/// before it (ABBA), and pairs of rounds are shuffled anew.
pub fn rounds(targets: usize, rounds: usize, random: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..targets).collect();
    (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                order.shuffle(random);
            } else {
                order.reverse();
            }
            order.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn each_target_is_as_often_early_as_late() {
        for targets in 1..5 {
            let order = rounds(targets, 20, &mut ChaCha8Rng::seed_from_u64(7));
            for target in 0..targets {
                let places: usize = order
                    .iter()
                    .map(|round| round.iter().position(|other| *other == target).unwrap())
                    .sum();
                assert_eq!(2 * places, 20 * (targets - 1), "of {targets}");
            }
        }
    }

    #[test]
    fn two_targets_are_abba_or_baab() {
        let order = rounds(2, 400, &mut ChaCha8Rng::seed_from_u64(7));
        assert!(order.chunks(2).all(|pair| pair[0][0] == pair[1][1] && pair[0][1] == pair[1][0]));
        let first = order.iter().step_by(2).filter(|round| round[0] == 0).count();
        assert!((60..140).contains(&first), "by chance, {first} of 200");
    }

    #[test]
    fn the_seed_decides() {
        let order = |seed| rounds(4, 10, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
