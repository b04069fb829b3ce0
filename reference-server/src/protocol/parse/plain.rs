//! The quick way through the parser for publications as nearly everybody writes them.

use super::{Head, Parser, State, number};
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
        let used = bytes.len() - left.len();
        let rest = arguments.get(subject.len()..used - (bytes.len() - arguments.len()));
        Some((used, Publish { subject, reply, header, size, body, rest }))
    }
}

impl Head {
    /// What stands behind the subject, if it is written as usual: a delivery may end like that.
    pub(super) fn rest<'a>(&self, arguments: &'a [u8]) -> Option<&'a [u8]> {
        let mut at = self.subject.end;
        let digits = self.header.as_ref().map(|(_, digits)| digits);
        for word in [self.reply.as_ref(), digits, Some(&self.size)].into_iter().flatten() {
            if arguments.get(at..word.start) != Some(b" ") {
                return None;
            }
            at = word.end;
        }
        let is_usual = arguments.get(at..self.body.start) == Some(b"\r\n");
        arguments.get(self.subject.end..self.body.end + 2).filter(|_| is_usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ClientOp, Limits};

    fn parser() -> Parser {
        let mut parser = Parser::new(Limits { max_payload_bytes: 64, max_control_line_bytes: 20 });
        parser.allow_headers(true);
        parser
    }

    /// All but the body.
    fn words(parser: &Parser, stream: &str) -> Option<String> {
        let (used, it) = parser.plain_publication(stream.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = it.header.map(|(length, digits)| format!("{length}={}", text(digits)));
        assert_eq!(used, stream.len() - "PING".len(), "{stream:?}");
        assert_eq!(it.body, vec![b'x'; it.body.len()], "{stream:?}");
        Some(format!(
            "{} {:?} {header:?} {}={}",
            text(it.subject),
            it.reply.map(text),
            text(it.size),
            it.body.len()
        ))
    }

    fn with_payload(line: &str, bytes: usize) -> String {
        format!("{line}\r\n{}\r\nPING", "x".repeat(bytes))
    }

    #[test]
    fn what_is_written_as_usual_goes_the_quick_way_once_it_is_there() {
        for (line, bytes, expected) in [
            ("PUB a 1", 1, "a None None 1=1"),
            ("PUB a.b r.s 00", 0, "a.b Some(\"r.s\") None 00=0"),
            ("PUB a 64", 64, "a None None 64=64"),
            ("PUB 1.longest.control 1", 1, "1.longest.control None None 1=1"),
            ("HPUB a 4 5", 5, "a None Some(\"4=4\") 5=5"),
            ("HPUB a r 64 64", 64, "a Some(\"r\") Some(\"64=64\") 64=64"),
        ] {
            let stream = with_payload(line, bytes);
            assert_eq!(words(&parser(), &stream).as_deref(), Some(expected), "{line}");
            for end in 0..stream.len() - "PING".len() {
                let found = parser().plain_publication(&stream.as_bytes()[..end]);
                assert_eq!(found.map(|(used, _)| used), None, "{:?}", &stream[..end]);
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_goes_the_other_way() {
        for (line, bytes) in [
            ("pub a 1", 1),
            ("PUB\ta 1", 1),
            ("PUB  a 1", 1),
            ("PUB a  1", 1),
            ("PUB a\t1", 1),
            ("PUB a 1 ", 1),
            ("PUB a 1\n", 1),
            ("PUB a", 0),
            ("PUB 1", 1),
            ("PUB a b c 1", 1),
            ("PUB a b c d 1", 1),
            ("PUB a x", 0),
            ("PUB a r x", 0),
            ("PUB a 65", 65),
            ("PUB a.control.line.of.21 0", 0),
            ("PUB a 1", 2),
            ("HPUB a 1", 1),
            ("HPUB a b c 1 1", 1),
            ("HPUB a 6 5", 5),
            ("HPUB a x 5", 5),
        ] {
            assert_eq!(words(&parser(), &with_payload(line, bytes)), None, "{line}");
        }
    }

    #[test]
    fn what_stands_behind_the_subject_is_known_whatever_way_it_went() {
        for (stream, expected) in [
            ("PUB a 2\r\nxx\r\nPING", Some(" 2\r\nxx\r\n")),
            ("pub \ta r 02\r\nxx\r\nPING", Some(" r 02\r\nxx\r\n")),
            ("HPUB a r 1 2\r\nxx\r\nPING", Some(" r 1 2\r\nxx\r\n")),
            ("PUB a  2\r\nxx\r\nPING", None),
            ("PUB a\t2\r\nxx\r\nPING", None),
            ("PUB a r\t2\r\nxx\r\nPING", None),
            ("PUB a 2 \r\nxx\r\nPING", None),
            ("PUB a 2\nxx\r\nPING", None),
            ("HPUB a 1  2\r\nxx\r\nPING", None),
        ] {
            for arrived in 1..stream.len() - "PING".len() {
                let (mut parser, stream) = (parser(), stream.as_bytes());
                let (used, op) = parser.next(&stream[..arrived]).unwrap();
                assert_eq!(op, None);
                let Ok((_, Some(ClientOp::Publish(it)))) = parser.next(&stream[used..]) else {
                    panic!("no publication")
                };
                assert_eq!(it.rest, expected.map(str::as_bytes), "after {arrived} bytes");
            }
        }
    }

    #[test]
    fn a_parser_in_another_mood_goes_the_other_way() {
        let (publication, with_header) =
            (with_payload("PUB a 1", 1), with_payload("HPUB a 0 1", 1));
        let mut pedantic = parser();
        pedantic.announce(true);
        assert_eq!(words(&pedantic, &publication), None);
        let mut plain = parser();
        plain.allow_headers(false);
        assert_eq!(words(&plain, &with_header), None);
        assert!(words(&plain, &publication).is_some());
        let mut busy = parser();
        assert!(busy.next(b"PUB a 64\r\n").is_ok());
        assert_eq!(words(&busy, &publication), None);
    }
}
