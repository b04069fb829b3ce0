//! Readers that are stricter or laxer than the protocol, or can't put pieces together.

use super::{
    Area, Fault,
    client::{Op, Verb},
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Parsing, name, what)
}

fn is_known(op: &Op) -> bool {
    op.verb != Verb::Other
}

/// What stands behind the verb and its blank.
fn rest(op: &Op) -> &[u8] {
    let verb = op.line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(op.line.len());
    op.line[verb..].trim_ascii_start()
}

fn has_args(op: &Op) -> bool {
    matches!(op.verb, Verb::Sub | Verb::Unsub | Verb::Pub | Verb::Hpub)
}

const LINE_MAX: usize = 4096;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| {
            let lower = op.line.iter().take_while(|byte| byte.is_ascii_alphabetic());
            let wrong = is_known(op) && lower.clone().any(u8::is_ascii_lowercase);
            talk.unknown_if(op, wrong);
        }),
        found_by: &["core/connect/separators[5]", "core/info/from-client[3]"],
        ..fault("verbs-with-case", "Verbs are known in capitals only.")
    },
    Fault {
        op: Some(|talk, op| talk.unknown_if(op, has_args(op) && op.line.contains(&b'\t'))),
        found_by: &["core/parse/blanks[2]", "core/parse/trailing-blanks"],
        ..fault("no-tabs", "A tab does not separate words.")
    },
    Fault {
        op: Some(|talk, op| talk.unknown_if(op, is_known(op) && op.end == b"\n")),
        found_by: &["core/parse/bare-lf"],
        ..fault("no-bare-lf", "A line that ends in LF alone is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let blanks = rest(op).windows(2).any(|pair| pair == b"  ");
            talk.unknown_if(op, has_args(op) && blanks);
        }),
        found_by: &["core/parse/publish-arguments[5]", "core/parse/blanks[1]"],
        ..fault("single-blanks-only", "Several blanks in a row are refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let blanks = op.line.last().is_some_and(|byte| b" \t".contains(byte));
            talk.unknown_if(op, has_args(op) && blanks && op.args().len() > 1);
        }),
        found_by: &["core/parse/publish-arguments[5]", "core/parse/trailing-blanks"],
        ..fault("no-blanks-at-the-end", "Blanks before the line end are refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let wrong = rest(op).len() >= LINE_MAX && has_args(op);
            talk.fail_if(op, wrong, "maximum control line exceeded");
        }),
        found_by: &["core/parse/control-line-limit"],
        ..fault("line-limit-one-less", "A line that is just long enough is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let long = rest(op).len() > LINE_MAX && has_args(op);
            talk.swallow_if(op, long);
        }),
        found_by: &["core/parse/control-line-over-limit[1]"],
        ..fault("long-lines-ignored", "A line that is too long is passed over.")
    },
    Fault {
        frame: Some(|talk, frame| {
            if frame != b"-ERR 'maximum control line exceeded'\r\n" {
                talk.deliver(&frame);
            }
        }),
        found_by: &[
            "core/parse/control-line-configured[1]",
            "core/parse/control-line-over-limit[1]",
        ],
        ..fault("long-lines-close-silently", "A line that is too long ends without a word.")
    },
    Fault {
        op: Some(|talk, op| {
            let cut = op.seams.iter().any(|seam| *seam < op.line.len());
            talk.swallow_if(op, cut && is_known(op));
        }),
        found_by: &["core/parse/pipelined", "core/parse/cut-once[1]"],
        ..fault("lines-in-one-piece", "A line that comes in several pieces is lost.")
    },
    Fault {
        op: Some(|talk, op| {
            let between = op.seams.contains(&(op.line.len() + 1)) && op.end.len() == 2;
            talk.swallow_if(op, between && is_known(op));
        }),
        found_by: &["core/parse/byte-by-byte", "core/parse/cut-once[4]"],
        ..fault("cr-and-lf-in-one-piece", "A line is lost if its CR and LF come apart.")
    },
    Fault {
        op: Some(|talk, op| {
            if op.verb != Verb::Other || !op.line.is_empty() {
                talk.pass(op);
            }
        }),
        found_by: &["core/parse/hmsg-from-client", "core/parse/empty-line[1]"],
        ..fault("empty-lines-ignored", "Empty lines are passed over.")
    },
    Fault {
        op: Some(|talk, op| {
            let blank = op.line.first().is_some_and(|byte| b" \t".contains(byte));
            match op.verb == Verb::Other && blank {
                true => talk.say(&[op.line.trim_ascii_start(), &op.end].concat()),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/parse/leading-blanks[1]"],
        ..fault("leading-blanks-accepted", "Blanks before a verb are passed over.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, op.verb == Verb::Other && !op.line.is_empty())),
        found_by: &["core/parse/err-from-client", "core/parse/hmsg-from-client"],
        ..fault("unknown-verbs-ignored", "An unknown operation is passed over.")
    },
    Fault {
        op: Some(|talk, op| {
            let held = !talk.memory.is_empty();
            match op.verb == Verb::Other && (held || op.end.is_empty()) {
                true => {
                    let bytes = op.bytes();
                    talk.memory.extend_from_slice(&bytes);
                    if !op.end.is_empty() {
                        let line = std::mem::take(&mut talk.memory);
                        talk.say(&line);
                    }
                }
                false => talk.pass(op),
            }
        }),
        only: &["core/parse/unknown-verb", "core/parse/endless-line"],
        found_by: &["core/parse/unknown-verb[10]", "core/parse/endless-line"],
        ..fault("waits-for-line-ends", "A wrong line is refused once it has ended, not before.")
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args();
            let wrong = op.verb == Verb::Ping && (!args.is_empty() || op.line.len() > 4);
            talk.unknown_if(op, wrong);
        }),
        found_by: &["core/parse/behind-ping[2]"],
        ..fault("ping-alone", "PING with anything behind it is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let verbs: [&[u8]; 6] = [b"MSG ", b"HMSG ", b"RMSG ", b"RS+ ", b"LS+ ", b"A+ "];
            let from_server = verbs.iter().any(|verb| op.line.starts_with(verb));
            talk.swallow_if(op, op.verb == Verb::Other && from_server);
        }),
        found_by: &["core/parse/hmsg-from-client", "core/parse/server-verbs[1]"],
        ..fault("server-verbs-accepted", "Verbs that only servers use are passed over.")
    },
    Fault {
        op: Some(|talk, op| talk.unknown_if(op, op.verb == Verb::Ignored)),
        found_by: &["core/info/from-client[1]", "core/parse/ok-from-client[1]"],
        ..fault("info-and-ok-refused", "INFO and +OK from a client are unknown operations.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.swallow_if(op, op.verb == Verb::Ignored && op.line.starts_with(b"I"))
        }),
        found_by: &["core/info/from-client-broken[1]"],
        ..fault("info-never-read", "INFO from a client is passed over, whatever it holds.")
    },
    Fault {
        op: Some(|talk, op| {
            let errors = op.verb == Verb::Other && op.line.starts_with(b"-ERR");
            talk.swallow_if(op, errors);
        }),
        found_by: &["core/parse/err-from-client", "core/parse/err-without-text"],
        ..fault("client-errors-ignored", "A client that sends -ERR is passed over.")
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args();
            match (op.verb, args.len()) {
                (Verb::Sub, 4..) => talk.pass(&op.with(&args[..3])),
                (Verb::Unsub, 3..) => talk.pass(&op.with(&args[..2])),
                (Verb::Sub | Verb::Unsub, 0) | (Verb::Sub, 1) => talk.swallow(),
                _ => talk.pass(op),
            }
        }),
        found_by: &["core/parse/subscribe-arguments[1]"],
        ..fault(
            "argument-counts-unchecked",
            "SUB and UNSUB with too many or few words are no error.",
        )
    },
    Fault {
        op: Some(|talk, op| {
            let args = op.args().len();
            talk.swallow_if(op, op.verb == Verb::Pub && !(2..=3).contains(&args));
        }),
        found_by: &["core/parse/publish-arguments[1]"],
        ..fault("pub-arguments-unchecked", "PUB with too many or few words is passed over.")
    },
    Fault {
        op: Some(|talk, op| {
            let verbs: [&[u8]; 4] = [b"PUBS", b"SUB", b"PUBfoo", b"UNSUB"];
            let glued = verbs.iter().any(|verb| op.line.starts_with(verb));
            talk.swallow_if(op, op.verb == Verb::Other && glued);
        }),
        found_by: &["core/parse/unknown-verb[2]", "core/parse/verb-without-blank[1]"],
        ..fault(
            "verbs-without-blank",
            "SUB, UNSUB and PUB without a blank behind them are no error.",
        )
    },
    Fault {
        op: Some(|talk, op| talk.unknown_if(op, is_known(op) && op.line.contains(&b'\r'))),
        found_by: &["core/parse/stray-cr-in-pub", "core/parse/stray-cr"],
        ..fault("stray-cr-refused", "A stray CR in a line is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            let other = |byte: &u8| matches!(byte, 0 | 0x0b | 0x0c);
            talk.unknown_if(op, has_args(op) && op.line.iter().any(other));
        }),
        found_by: &["core/parse/other-whitespace[1]"],
        ..fault("control-characters-refused", "Control characters in a subject are refused.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.unknown_if(op, op.verb == Verb::Other && op.line.starts_with(b"HMSG"));
        }),
        found_by: &["core/parse/hmsg-from-client"],
        ..fault("hmsg-unknown", "HMSG from a client is an unknown operation.")
    },
];
