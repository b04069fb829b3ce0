//! How often a correct server would be accused by a tally.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::scenario::{Bound, Counted, Kind, Ordering, Problem, Statement, Tally, block};

/// A tally may accuse a correct server this often.
const FALSE_ALARM_MAX: f64 = 1e-9;

pub(super) fn tallies(statements: &[Statement]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for statement in statements {
        match &statement.kind {
            Kind::Tally(tally) => problems.extend(judge(tally, statement)),
            kind => problems.extend(tallies(block(kind))),
        }
    }
    problems
}

fn judge(tally: &Tally, statement: &Statement) -> Option<Problem> {
    let chance: f64 = tally.bounds.iter().map(|bound| false_alarm(tally, bound)).sum();
    (chance > FALSE_ALARM_MAX).then(|| {
        let label = format!("it would accuse a correct server with a chance of {chance:.1e}");
        Problem::new(statement.span.clone(), "a tally that cries wolf", label)
            .advise("ask for more messages or wider bounds: below one in a billion is wanted")
    })
}

/// The chance that a fair choice breaks a bound.
fn false_alarm(tally: &Tally, bound: &Bound) -> f64 {
    let chances = chances(tally);
    let tail = |chance: f64, count: u64| {
        let Ok(distribution) = Binomial::new(chance, count) else { return 1.0 };
        match bound.ordering {
            Ordering::AtMost => distribution.sf(bound.value),
            _ => bound.value.checked_sub(1).map_or(0.0, |below| distribution.cdf(below)),
        }
    };
    match &bound.of {
        Counted::Each => chances.iter().map(|chance| tail(*chance, tally.count)).sum(),
        Counted::Peer(peer) => {
            let at = tally.peers.iter().position(|other| other.value == peer.value);
            at.map_or(1.0, |at| tail(chances[at], tally.count))
        }
        // Two neighbours go to the same member, whichever it is.
        Counted::Repeats => {
            let same = chances.iter().map(|chance| chance * chance).sum();
            tail(same, tally.count.saturating_sub(1))
        }
    }
}

fn chances(tally: &Tally) -> Vec<f64> {
    let shares = match tally.shares.is_empty() {
        true => vec![1; tally.peers.len()],
        false => tally.shares.clone(),
    };
    let total: f64 = shares.iter().map(|share| *share as f64).sum();
    shares.iter().map(|share| *share as f64 / total).collect()
}

#[cfg(test)]
mod tests {
    use crate::scenario::parse;

    fn problems(bound: &str) -> usize {
        let text = format!(
            "title: t\nspec: X\nlevel: MUST\n\na, b, c connect\n\
            tally a, b, c: 900 of MSG q 1 #\\r\\n<n>\n  {bound}\n"
        );
        super::tallies(&parse("t", &text).unwrap().body).len()
    }

    #[test]
    fn bounds_are_judged_by_their_tails() {
        // The standard deviation is 14.1: six of them are wide enough, five are not.
        assert_eq!(problems("each >= 210"), 0);
        assert_eq!(problems("each >= 240"), 1);
        assert_eq!(problems("each <= 390"), 0);
        assert_eq!(problems("each <= 370"), 1);
        assert_eq!(problems("repeats >= 200"), 0);
        assert_eq!(problems("repeats >= 290"), 1);
    }
}
