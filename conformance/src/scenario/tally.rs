//! The lines below `tally`.

use super::{Bound, Counted, Ordering, Problem, Tally, line::Line};

/// Reads a bound, or the shares.
pub(super) fn bound(line: Line<'_>, tally: &mut Tally) -> Result<(), Problem> {
    let wrong = |label: &str| Problem::new(line.span(), "a bound that can't be read", label);
    let words: Vec<&str> = line.text.split_whitespace().collect();
    match words[..] {
        ["shares", shares] => {
            let shares: Result<Vec<u64>, _> = shares.split(':').map(str::parse).collect();
            tally.shares = shares.map_err(|_| wrong("expected numbers such as `3:1`"))?;
            if tally.shares.len() != tally.peers.len() || tally.shares.contains(&0) {
                return Err(wrong("expected one number above 0 for each peer"));
            }
        }
        [of, sign, value] => {
            let value: u64 = value.parse().map_err(|_| wrong("expected a number at the end"))?;
            let ordering = match sign {
                ">=" => Ordering::AtLeast,
                "<=" => Ordering::AtMost,
                _ => return Err(wrong("expected `>=` or `<=`")),
            };
            let of = match of {
                "each" => Counted::Each,
                "repeats" if tally.number.is_none() => {
                    return Err(wrong("repeats need the number `<n>` in the frame"));
                }
                "repeats" => Counted::Repeats,
                name => match tally.peers.iter().find(|peer| peer.value == name) {
                    Some(peer) => Counted::Peer(peer.clone()),
                    None => return Err(wrong("expected `each`, `repeats`, or one of the peers")),
                },
            };
            tally.bounds.push(Bound { of, ordering, value, span: line.span() });
        }
        _ => {
            return Err(wrong(
                "expected `each >= 200`, `a <= 700`, `repeats >= 100`, `shares 3:1`",
            ));
        }
    }
    Ok(())
}
