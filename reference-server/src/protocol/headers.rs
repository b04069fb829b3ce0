//! What stands in a header block. The server relays blocks unread (CORE-HDR-012); this is for the
//! few that it acts on.

/// What every block begins with.
const VERSION: &[u8] = b"NATS/1.0";
const NEW_LINE: &[u8] = b"\r\n";

/// Names and values, without the blanks around values; `None` where a line is no field. A block
/// that does not begin with a version has none.
pub(crate) fn fields(block: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let rest = block.strip_prefix(VERSION).and_then(|rest| cut(rest)).map(|(_, rest)| rest);
    let mut rest = rest.unwrap_or_default();
    std::iter::from_fn(move || {
        let (line, behind) = cut(rest)?;
        rest = behind;
        (!line.is_empty()).then(|| field(line))
    })
}

/// A line, and what stands behind it.
fn cut(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = block.windows(NEW_LINE.len()).position(|two| two == NEW_LINE)?;
    Some((&block[..end], &block[end + NEW_LINE.len()..]))
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    Some((name, value.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_to_its_end_or_to_what_is_no_field() {
        type Fields<'a> = Vec<Option<(&'a [u8], &'a [u8])>>;
        let read = |block: &'static str| fields(block.as_bytes()).collect::<Fields<'_>>();
        let field =
            |name: &'static str, value: &'static str| Some((name.as_bytes(), value.as_bytes()));
        assert_eq!(
            read("NATS/1.0 503\r\na: 1\r\nb:\t2 x \r\na:\r\n\r\nc: 3\r\n"),
            [field("a", "1"), field("b", "2 x"), field("a", "")]
        );
        assert_eq!(read("NATS/1.0\r\na: 1\r\nb\r\n\r\n"), [field("a", "1"), None]);
        assert_eq!(read("NATS/1.0\r\na: 1\r\nb: 2"), [field("a", "1")]);
        assert_eq!(read("HTTP/1.1\r\na: 1\r\n\r\n"), []);
        assert_eq!(read(""), []);
    }
}
