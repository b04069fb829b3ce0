//! A server's frame as faults see it: words and bytes, kept as they came unless changed.

/// MSG or HMSG, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) subject: Vec<u8>,
    pub(super) sid: Vec<u8>,
    pub(super) reply: Option<Vec<u8>>,
    /// The length of the header block as digits, if it is HMSG.
    pub(super) header: Option<Vec<u8>>,
    /// The total size as digits.
    pub(super) size: Vec<u8>,
    /// Header block and payload, without the last CR LF.
    pub(super) body: Vec<u8>,
}

impl Delivery {
    /// Of a whole frame; nothing if it is another one.
    pub(super) fn parse(frame: &[u8]) -> Option<Delivery> {
        let end = frame.iter().position(|byte| *byte == b'\n')?;
        let line = frame[..end].strip_suffix(b"\r")?;
        let body = frame[end + 1..].strip_suffix(b"\r\n")?.to_vec();
        let words: Vec<Vec<u8>> = line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
        let (subject, sid, reply, header, size) = match words.as_slice() {
            [verb, subject, sid, size] if verb == b"MSG" => (subject, sid, None, None, size),
            [verb, subject, sid, reply, size] if verb == b"MSG" => {
                (subject, sid, Some(reply), None, size)
            }
            [verb, subject, sid, header, size] if verb == b"HMSG" => {
                (subject, sid, None, Some(header), size)
            }
            [verb, subject, sid, reply, header, size] if verb == b"HMSG" => {
                (subject, sid, Some(reply), Some(header), size)
            }
            _ => return None,
        };
        Some(Delivery {
            subject: subject.clone(),
            sid: sid.clone(),
            reply: reply.cloned(),
            header: header.cloned(),
            size: size.clone(),
            body,
        })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut words: Vec<&[u8]> = vec![if self.header.is_some() { b"HMSG" } else { b"MSG" }];
        words.extend([&self.subject[..], &self.sid]);
        words.extend(self.reply.as_deref());
        words.extend(self.header.as_deref());
        words.push(&self.size);
        [&words.join(&b' ')[..], b"\r\n", &self.body, b"\r\n"].concat()
    }

    /// The same with another body, and the size of that.
    pub(super) fn with_body(mut self, body: Vec<u8>) -> Delivery {
        self.size = body.len().to_string().into_bytes();
        self.body = body;
        self
    }

    /// Header block and payload.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let digits = self.header.as_deref().map(String::from_utf8_lossy);
        let length = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        self.body.split_at(self.body.len().min(length))
    }

    /// The same with another header block.
    pub(super) fn with_header(self, header: &[u8]) -> Delivery {
        let body = [header, self.parts().1].concat();
        let header = Some(header.len().to_string().into_bytes());
        Delivery { header, ..self.with_body(body) }
    }

    /// The server's own answer to a request that nobody listens to.
    pub(super) fn is_status(&self) -> bool {
        self.header.is_some() && self.body.starts_with(b"NATS/1.0 503\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_written_as_it_was_read() {
        for frame in [
            &b"MSG a 1 002\r\n\r\n\r\n"[..],
            b"MSG a 1 r 0\r\n\r\n",
            b"HMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\n",
            b"HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
        ] {
            assert_eq!(Delivery::parse(frame).unwrap().bytes(), frame);
        }
        assert_eq!(Delivery::parse(b"PONG\r\n"), None);
        let plain = Delivery::parse(b"MSG a 1 1\r\nx\r\n").unwrap();
        assert_eq!(plain.clone().with_body(b"abc".to_vec()).bytes(), b"MSG a 1 3\r\nabc\r\n");
        assert_eq!(plain.with_header(b"NATS").bytes(), b"HMSG a 1 4 5\r\nNATSx\r\n");
    }
}
