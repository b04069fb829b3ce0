//! The quick way through the parser for publications as nearly everybody writes them.

use super::{Parser, State, number};
use crate::protocol::Publish;

impl Parser {
    /// What a busy connection sends most: a PUB or HPUB that is there as a whole, in capitals, with
    /// single blanks, and within all limits. None is for [`step`](Parser::step) to look at, which
    /// would find the same, in twice the time.
    #[inline]
    pub(super) fn plain_publication<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Publish<'a>)> {
        let (lengths, arguments) = match bytes {
            [b'P', b'U', b'B', b' ', rest @ ..] => (1, rest),
            [b'H', b'P', b'U', b'B', b' ', rest @ ..] if self.headers => (2, rest),
            _ => return None,
        };
        if self.announces || !matches!(self.state, State::Start) {
            return None;
        }
        // Where the words end. A loop over few bytes is quicker than any search.
        let (mut ends, mut count) = ([0; 4], 0);
        for (at, byte) in arguments.iter().enumerate() {
            match byte {
                b' ' | b'\r' if count < ends.len() => {
                    ends[count] = at;
                    count += 1;
                    if *byte == b'\r' {
                        break;
                    }
                }
                b' ' | b'\r' | b'\t' | b'\n' => return None,
                _ => {}
            }
        }
        let line_bytes = *ends.get(count.checked_sub(1)?)?;
        if !(lengths + 1..=lengths + 2).contains(&count)
            || line_bytes > self.limits.max_control_line_bytes
        {
            return None;
        }
        let word = |nth: usize| {
            let start = if nth == 0 { 0 } else { ends[nth - 1] + 1 };
            arguments.get(start..ends[nth]).filter(|word| !word.is_empty())
        };
        let (subject, size) = (word(0)?, word(count - 1)?);
        let reply = if count == lengths + 2 { Some(word(1)?) } else { None };
        let total = number(size).filter(|total| *total <= self.limits.max_payload_bytes)?;
        let header = match lengths {
            2 => {
                let digits = word(count - 2)?;
                Some((number(digits).filter(|length| *length <= total)?, digits))
            }
            _ => None,
        };
        let Some([b'\n', rest @ ..]) = arguments.get(line_bytes + 1..) else { return None };
        let (body, [b'\r', b'\n', left @ ..]) = rest.split_at_checked(total)? else { return None };
        let message = Publish { subject, reply, header, size, body };
        Some((bytes.len() - left.len(), message))
    }
}
