//! However a stream of client bytes is cut, the parser makes the same operations of it.

use nats_reference_server::protocol::{ClientOp, Limits, Parser};
use proptest::prelude::*;

const LIMITS: Limits = Limits { max_payload_bytes: 64, max_control_line_bytes: 48 };

/// What a stream comes to: every operation, and the error that ended it, if one did.
fn parsed(pieces: &[&[u8]]) -> Vec<String> {
    let mut parser = Parser::new(LIMITS);
    parser.allow_headers(true);
    let mut waiting = Vec::new();
    let mut seen = Vec::new();
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            match parser.next(&waiting) {
                Ok((used, op)) => {
                    let more = op.is_some();
                    seen.extend(op.map(|op| format!("{op:?}")));
                    waiting.drain(..used);
                    if !more {
                        break;
                    }
                }
                Err(error) => {
                    seen.push(format!("error: {error}"));
                    return seen;
                }
            }
        }
    }
    seen
}

fn every_byte(stream: &[u8]) -> Vec<String> {
    parsed(&stream.chunks(1).collect::<Vec<_>>())
}

#[test]
fn every_operation_survives_every_cut() {
    let stream: &[u8] =
        b"CONNECT{\"verbose\":false}\r\nSUB a.* q 1\r\nsub\tb  2 \r\nPUB a.b r 5\r\n\
        he\r\nl\r\nHPUB a 4 6\r\nabcdef\r\nPUB z 0\r\n\r\nUNSUB 1 3\nUNSUB 2\r\nPINGxyz\r\nPONG\r\n\
        +OK\r\nINFO {}\r\nHMSG a 1 2 2\r\n\r\n-ERR 'x'\r\nPUB late";
    let whole = parsed(&[stream]);
    assert_eq!(whole.len(), 14, "{whole:#?}");
    for at in 0..stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(parsed(&[head, tail]), whole, "cut at {at}");
    }
    assert_eq!(every_byte(stream), whole);
}

#[test]
fn words_are_where_they_belong() {
    let mut parser = Parser::new(LIMITS);
    let (used, op) = parser.next(b"PUB \t s  r\t005 \t\r\nhello\r\nPING").unwrap();
    let Some(ClientOp::Publish(message)) = op else { panic!("{op:?}") };
    assert_eq!((message.subject, message.reply), (&b"s"[..], Some(&b"r"[..])));
    assert_eq!((message.size, message.body), (&b"005"[..], &b"hello"[..]));
    assert_eq!(used, 25);
}

#[test]
fn tabs_part_words_even_of_what_is_written_as_usual_otherwise() {
    let (reply, none) = (Some(&b"b"[..]), None);
    for (line, expected) in [
        (&b"PUB a\tb 1\r\nx\r\n"[..], reply),
        (b"PUB a b\t1\r\nx\r\n", reply),
        (b"PUB a\t1\r\nx\r\n", none),
        (b"PUB a 1\nx\r\n", none),
    ] {
        let mut parser = Parser::new(LIMITS);
        let (used, op) = parser.next(line).unwrap();
        let Some(ClientOp::Publish(message)) = op else { panic!("{op:?}") };
        assert_eq!((message.subject, message.reply, used), (&b"a"[..], expected, line.len()));
    }
}

#[test]
fn operations_are_shown_as_they_were_written() {
    let stream = b"SUB a.* q 1\r\nUNSUB 1 3\r\nUNSUB 1\r\nPUB a r 1\r\nx\r\nHPUB a 4 4\r\nabcd\r\n\
        CONNECT {\"pass\":\"secret\"}\r\nPING\r\n";
    let mut parser = Parser::new(LIMITS);
    parser.allow_headers(true);
    let (mut at, mut shown) = (0, Vec::new());
    while let Ok((used, Some(op))) = parser.next(&stream[at..]) {
        shown.push(op.to_string());
        at += used;
    }
    assert_eq!(
        shown,
        ["SUB a.* q 1", "UNSUB 1 3", "UNSUB 1", "PUB a r 1", "HPUB a 4 4", "CONNECT {...}", "PING"]
    );
}

#[test]
fn a_subject_is_announced_before_its_payload_if_that_is_asked_for() {
    let mut parser = Parser::new(LIMITS);
    parser.announce(true);
    let stream = b"PUB a..b 2\r\nhi\r\n";
    let (used, op) = parser.next(&stream[..12]).unwrap();
    assert_eq!(op, Some(ClientOp::Announce { subject: b"a..b" }));
    let (more, op) = parser.next(&stream[used..]).unwrap();
    assert!(matches!(op, Some(ClientOp::Publish(message)) if message.body == b"hi"), "{op:?}");
    assert_eq!(used + more, stream.len());
}

#[test]
fn a_stray_cr_costs_the_line_its_last_byte() {
    assert_eq!(parsed(&[b"UNSUB 1\r23\n"]), parsed(&[b"UNSUB 1 2\n"]));
    assert_eq!(parsed(&[b"CONNECT\r{}\n"]).len(), 1);
}

#[test]
fn errors_come_at_the_first_impossible_byte() {
    for (bytes, error) in [
        ("X", "Unknown Protocol Operation"),
        ("PUBS", "Unknown Protocol Operation"),
        ("PUX", "Unknown Protocol Operation"),
        ("SUB\r", "Unknown Protocol Operation"),
        (" ", "Unknown Protocol Operation"),
        ("-ERR\r", "Unknown Protocol Operation"),
        ("M", "Unknown Protocol Operation"),
        ("PUB a 2\r\nabc", "Unknown Protocol Operation"),
        ("PUB a 2\r\nab\rc", "Unknown Protocol Operation"),
        ("PUB a 2\r\nab\n", "Unknown Protocol Operation"),
        ("PUB a 65\r\n", "Maximum Payload Violation"),
        ("HPUB a 1 65\r\n", "Maximum Payload Violation"),
        ("PUB a 999999999\r\n", "Maximum Payload Violation"),
        ("PUB a 1000000000\r\n", "malformed arguments"),
        ("PUB a -1\r\n", "malformed arguments"),
        ("PUB a\r\n", "malformed arguments"),
        ("PUB a b c 1\r\n", "malformed arguments"),
        ("PUB a 1\r\r\n", "malformed arguments"),
        ("HPUB a 2 1\r\n", "malformed arguments"),
        ("HPUB a 1\r\n", "malformed arguments"),
        ("SUB a\r\n", "malformed arguments"),
        ("SUB a b 1 c\r\n", "malformed arguments"),
        ("UNSUB \r\n", "malformed arguments"),
        ("UNSUB 1 2 3\r\n", "malformed arguments"),
    ] {
        let whole = parsed(&[bytes.as_bytes()]);
        assert_eq!(whole, [format!("error: {error}")], "{bytes:?}");
        assert_eq!(every_byte(bytes.as_bytes()), whole, "{bytes:?} byte by byte");
        let shorter = &bytes.as_bytes()[..bytes.len() - 1];
        assert_eq!(every_byte(shorter), [""; 0], "{bytes:?} without its last byte");
    }
}

#[test]
fn the_control_line_limit_counts_arguments_and_does_not_wait_for_the_line_end() {
    let line = |length: usize| format!("SUB {} 1", "s".repeat(length - 2));
    assert_eq!(parsed(&[format!("{}\r\n", line(48)).as_bytes()]).len(), 1);
    let error = ["error: maximum control line exceeded"];
    assert_eq!(parsed(&[format!("{}\r\n", line(49)).as_bytes()]), error);
    assert_eq!(every_byte(line(49).as_bytes()), error);
    assert_eq!(every_byte(format!("{}\r", line(48)).as_bytes()), [""; 0]);
}

#[test]
fn what_counts_for_nothing_is_not_kept() {
    let mut parser = Parser::new(LIMITS);
    let blanks = vec![b' '; 10_000];
    assert_eq!(parser.next(b"SUB "), Ok((4, None)));
    assert_eq!(parser.next(&blanks), Ok((10_000, None)));
    assert!(matches!(parser.next(b"a 1\r\n"), Ok((5, Some(ClientOp::Subscribe { .. })))));
    assert_eq!(parser.next(b"PING"), Ok((4, None)));
    assert_eq!(parser.next(&blanks), Ok((10_000, None)));
    assert_eq!(parser.next(b"\n"), Ok((1, Some(ClientOp::Ping))));
}

/// Lines that are likely to be understood, or nearly.
#[test]
fn what_completes_a_payload_is_known_as_soon_as_its_line_is() {
    for (stream, behind_line) in [
        (&b"PUB a\t5\r\nhe"[..], 7),
        (b"HPUB a 4 10\r\n", 12),
        (b"PUB a\t0\r\n", 2),
        (b"PUB a 5", 0),
        (b"PING\r\n", 0),
    ] {
        let mut parser = Parser::new(LIMITS);
        parser.allow_headers(true);
        let (used, _) = parser.next(stream).unwrap();
        let shown = String::from_utf8_lossy(stream);
        if behind_line == 0 {
            assert_eq!(parser.wanted(), 0, "{shown}");
        } else {
            let line = stream.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            assert_eq!(used + parser.wanted(), line + behind_line, "{shown}");
        }
    }
}

#[test]
fn the_largest_payload_is_taken_however_it_is_written() {
    for blank in [" ", "\t", "  "] {
        let stream = format!("PUB a{blank}64\r\n{}\r\nPONG\r\n", "x".repeat(64));
        let seen = parsed(&[stream.as_bytes()]);
        assert!(seen.len() == 2 && seen[0].starts_with("Publish") && seen[1] == "Pong", "{seen:?}");
    }
}

#[test]
fn a_publication_without_subject_is_malformed() {
    for stream in ["PUB 5\r\n", "PUB\t5\r\n", "HPUB 5 5\r\n", "HPUB 5\r\n", "HPUB\t5 5\r\n"] {
        let seen = every_byte(stream.as_bytes());
        assert_eq!(seen, ["error: malformed arguments"], "{stream:?}");
    }
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = "[a-c.*>]{1,6}";
    let size = prop_oneof![Just(String::new()), "[0-9]{1,3}", "[-+x0-9]{1,10}"];
    let verb = "(PUB|HPUB|SUB|UNSUB|PING|PONG|CONNECT|INFO|HMSG|\\+OK|-ERR|sub|Pub|X)";
    (verb, word, word, size, "[ -~\r\n]{0,12}").prop_map(|(verb, a, b, size, rest)| {
        format!("{verb} {a} {b} {size}\r\n{rest}\r\n").into_bytes()
    })
}

proptest! {
    #[test]
    fn random_streams_survive_random_cuts(
        lines in prop::collection::vec(
            prop_oneof![line(), prop::collection::vec(any::<u8>(), 0..30)],
            0..8,
        ),
        cuts in prop::collection::vec(1usize..40, 1..40),
    ) {
        let stream = lines.concat();
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        prop_assert_eq!(parsed(&pieces), parsed(&[&stream]));
    }
}
