//! The judge's own reader of server frames. It knows four things: a line ends with CR LF; MSG and
//! HMSG carry as many bytes as their last number says, then CR LF; INFO carries JSON; the rest is
//! one line. It tolerates nothing, because clients differ in what they tolerate.

use thiserror::Error;

/// Longest line that a server may send; INFO of a large cluster is far shorter.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Longest payload; nats-server refuses to be configured for more than 64 MiB.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// One whole frame as it came, its last CR LF included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Frame(pub Vec<u8>);

/// Bytes that no server should send.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A line that ends in LF alone, or holds a stray CR.
    #[error("a line that does not end in CR LF: {0}")]
    LineEnd(String),
    /// A line that starts with no known word.
    #[error("a frame that no server sends: {0}")]
    Verb(String),
    /// Words that are too few, too many, or not separated by single blanks.
    #[error("{0} with the wrong words: {1}")]
    Words(&'static str, String),
    /// A size that is no plain number, or one that can't be.
    #[error("{0} with a size that can't be read: {1}")]
    Size(&'static str, String),
    /// A payload not followed by CR LF.
    #[error("a payload that does not end where its size says: {0}")]
    PayloadEnd(String),
    /// INFO without a JSON object.
    #[error("INFO without a JSON object: {0}")]
    Info(String),
    /// The server ended its stream where no frame ends.
    #[error("a stream that ends within a frame: {0}")]
    Unfinished(String),
    /// An endless line.
    #[error("a line without an end: {0}")]
    Endless(String),
}

impl Frame {
    /// The first word.
    pub fn verb(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| matches!(byte, b' ' | b'\r'));
        &self.0[..end.unwrap_or(self.0.len())]
    }
}

/// Takes the first frame off the front of `buffer`; nothing if it is not complete.
///
/// # Errors
/// Bytes that no server should send; nothing behind them can be trusted.
pub fn next(buffer: &mut Vec<u8>) -> Result<Option<Frame>, Malformed> {
    let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
        return match buffer.len() > LINE_BYTES_MAX {
            true => Err(Malformed::Endless(shown(&buffer[..80]))),
            false => Ok(None),
        };
    };
    let line = match buffer[..end].strip_suffix(b"\r") {
        Some(line) if !line.contains(&b'\r') || line.starts_with(b"MSG ") => line,
        Some(line) if line.starts_with(b"HMSG ") => line,
        _ => return Err(Malformed::LineEnd(shown(&buffer[..end + 1]))),
    };
    let length = end + 1 + payload(line)?;
    if buffer.len() < length {
        return Ok(None);
    }
    if length > end + 1 && !buffer[..length].ends_with(b"\r\n") {
        return Err(Malformed::PayloadEnd(shown(&buffer[..length])));
    }
    let rest = buffer.split_off(length);
    Ok(Some(Frame(std::mem::replace(buffer, rest))))
}

/// Bytes that follow the line: a payload and its CR LF, or nothing.
fn payload(line: &[u8]) -> Result<usize, Malformed> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let single = words.iter().all(|word| !word.is_empty());
    match words[0] {
        b"MSG" => match words[..] {
            // The system account's messages have a reply subject that is empty (SYS-005).
            [_, subject, sid, b"", size] if ![subject, sid].contains(&&b""[..]) => {
                Ok(number("MSG", size, line)? + 2)
            }
            [_, _, _, size] | [_, _, _, _, size] if single => Ok(number("MSG", size, line)? + 2),
            _ => Err(Malformed::Words("MSG", shown(line))),
        },
        b"HMSG" => match words[..] {
            [_, _, _, header, size] | [_, _, _, _, header, size] if single => {
                let total = number("HMSG", size, line)?;
                match number("HMSG", header, line)? <= total {
                    true => Ok(total + 2),
                    false => Err(Malformed::Size("HMSG", shown(line))),
                }
            }
            _ => Err(Malformed::Words("HMSG", shown(line))),
        },
        b"INFO" => {
            let json = line.strip_prefix(b"INFO ").unwrap_or_default();
            match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(json) {
                Ok(_) => Ok(0),
                Err(_) => Err(Malformed::Info(shown(line))),
            }
        }
        b"+OK" | b"PING" | b"PONG" => match words.len() {
            1 => Ok(0),
            _ => Err(Malformed::Verb(shown(line))),
        },
        b"-ERR" => {
            let text = line.strip_prefix(b"-ERR '").and_then(|text| text.strip_suffix(b"'"));
            text.map(|_| 0).ok_or_else(|| Malformed::Words("-ERR", shown(line)))
        }
        _ => Err(Malformed::Verb(shown(line))),
    }
}

fn number(verb: &'static str, digits: &[u8], line: &[u8]) -> Result<usize, Malformed> {
    let wrong = || Malformed::Size(verb, shown(line));
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    if number > PAYLOAD_BYTES_MAX { Err(wrong()) } else { Ok(number) }
}

/// The JSON of an INFO frame; null for any other.
pub fn info_of(frame: &Frame) -> serde_json::Value {
    let json = frame.0.strip_prefix(b"INFO ").unwrap_or_default();
    serde_json::from_slice(json).unwrap_or_default()
}

/// Bytes as people read them, long ones cut short.
pub fn shown(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 300;
    let mut text = String::new();
    for chunk in bytes[..bytes.len().min(SHOWN_MAX)].utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\0' => text.push_str("\\0"),
                '\\' => text.push_str("\\\\"),
                letter if letter.is_control() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(letter)));
                }
                letter => text.push(letter),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    if bytes.len() > SHOWN_MAX {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(mut bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut frames = Vec::new();
        while let Some(Frame(frame)) = next(&mut bytes)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn frames_are_what_their_sizes_say() {
        let stream = b"INFO {\"a\":1} \r\nMSG a 1 2\r\n\r\n\r\nHMSG a 1 r 2 3\r\nabc\r\n\
            +OK\r\n-ERR 'x'\r\nPI";
        let frames = all(stream.to_vec()).unwrap();
        assert_eq!(frames.len(), 5);
        assert_eq!(frames[1], b"MSG a 1 2\r\n\r\n\r\n");
        assert_eq!(frames.concat(), stream[..stream.len() - 2]);
    }

    #[test]
    fn nothing_is_tolerated() {
        for bytes in [
            "PONG\n",
            "pong\r\n",
            "PONG \r\n",
            "PONG\r\r\n",
            "OK\r\n",
            "\r\n",
            "MSG a 1\r\n",
            "MSG  a 1 2\r\n",
            "MSG a 1 2 \r\n",
            "MSG a b c d 1\r\n",
            "MSG a 1 +2\r\n",
            "MSG a 1 -2\r\n",
            "MSG a 1 0000000002\r\n",
            "MSG a 1 2\r\nabc\r\n",
            "HMSG a 1 5 2\r\n",
            "HMSG a 1 2\r\n",
            "INFO \r\n",
            "INFO []\r\n",
            "INFO {\r\n",
            "-ERR x\r\n",
            "-ERR\r\n",
            "+OK x\r\n",
        ] {
            assert!(all(bytes.as_bytes().to_vec()).is_err(), "{bytes:?}");
        }
        assert!(all(vec![b'x'; LINE_BYTES_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_frames(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..6),
            at in any::<prop::sample::Index>(),
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| {
                [format!("MSG s 1 {}\r\n", payload.len()).as_bytes(), payload, b"\r\n"].concat()
            }).collect();
            let cut = at.index(stream.len());
            let mut buffer = stream[..cut].to_vec();
            let mut frames = Vec::new();
            while let Some(frame) = next(&mut buffer).unwrap() {
                frames.push(frame.0);
            }
            buffer.extend_from_slice(&stream[cut..]);
            while let Some(frame) = next(&mut buffer).unwrap() {
                frames.push(frame.0);
            }
            prop_assert_eq!(&frames, &all(stream.clone()).unwrap());
            prop_assert_eq!(frames.concat(), stream);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(bytes);
        }
    }
}
