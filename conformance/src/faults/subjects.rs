//! Subjects that are taken though they are wrong, and refused though they are right.

use super::{
    Area, Fault,
    client::{Op, Verb},
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Subjects, name, what)
}

fn subject(op: &Op) -> Vec<u8> {
    op.args().first().map(|word| word.to_vec()).unwrap_or_default()
}

fn has_empty_token(subject: &[u8]) -> bool {
    subject.split(|byte| *byte == b'.').any(<[u8]>::is_empty)
}

fn is_wild(subject: &[u8]) -> bool {
    subject.split(|byte| *byte == b'.').any(|token| token == b"*" || token == b">")
}

/// The operation with another subject.
fn pass_as(talk: &mut Talk, op: &Op, subject: &[u8]) {
    let args = op.args();
    talk.pass(&op.with(&[&[subject], args.get(1..).unwrap_or_default()].concat()));
}

/// Drops errors that start so.
fn without_error(talk: &mut Talk, frame: &[u8], text: &str) {
    if !frame.starts_with(format!("-ERR '{text}").as_bytes()) {
        talk.deliver(frame);
    }
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Sub if has_empty_token(&subject(op)) => talk.swallow(),
            _ => talk.pass(op),
        }),
        found_by: &["core/parse/subscribe-arguments[3]", "core/subjects/empty-token-in-sub[1]"],
        ..fault("empty-tokens-accepted", "SUB with an empty token is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            let wrong = subject(op);
            let arrow = wrong.split(|byte| *byte == b'.').position(|token| token == b">");
            let last = wrong.split(|byte| *byte == b'.').count() - 1;
            match op.verb {
                Verb::Sub if arrow.is_some_and(|at| at < last) => talk.swallow(),
                _ => talk.pass(op),
            }
        }),
        found_by: &["core/subjects/arrow-not-last[1]", "core/subjects/empty-token-in-sub[7]"],
        ..fault("arrow-anywhere", "SUB with an arrow before the end is no error.")
    },
    Fault {
        op: Some(|talk, op| {
            let wrong = subject(op);
            match op.is_message() && has_empty_token(&wrong) {
                true => {
                    let tokens = wrong.split(|byte| *byte == b'.');
                    let right: Vec<&[u8]> = tokens.filter(|token| !token.is_empty()).collect();
                    match right.is_empty() {
                        true => talk.swallow(),
                        false => pass_as(talk, op, &right.join(&b'.')),
                    }
                }
                false => talk.pass(op),
            }
        }),
        found_by: &["core/headers/bad-lengths[14]", "core/parse/publish-arguments[4]"],
        ..fault("empty-tokens-dropped", "Empty tokens in a published subject are left out.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Sub if subject(op).iter().any(|byte| !byte.is_ascii()) => {
                talk.say(b"SUB . _none\r\n");
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/subjects/any-bytes[1]", "core/subjects/no-normalisation"],
        ..fault("ascii-subjects-only", "A subject with other than ASCII letters is invalid.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Sub
                if subject(op).iter().any(|byte| b"/,;:=\"<>$".contains(byte))
                    && !is_wild(&subject(op)) =>
            {
                talk.say(b"SUB . _none\r\n");
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/subjects/literal[11]", "core/subjects/wildcard-characters-in-tokens[2]"],
        ..fault("punctuation-refused", "A subject with punctuation other than dots is invalid.")
    },
    Fault {
        op: Some(|talk, op| {
            let text = String::from_utf8_lossy(&subject(op)).replace("e\u{301}", "é");
            let plain = String::from_utf8(subject(op)).is_ok_and(|subject| subject == text);
            match op.is_message() && !plain && std::str::from_utf8(&subject(op)).is_ok() {
                true => pass_as(talk, op, text.as_bytes()),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/subjects/any-bytes[3]", "core/subjects/no-normalisation"],
        ..fault("subjects-normalised", "Letters composed of two characters become one.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, op.is_message() && is_wild(&subject(op)))),
        found_by: &["core/connect/not-pedantic", "core/connect/pedantic-by-default[1]"],
        ..fault("published-wildcards-lost", "Messages to subjects with a wildcard are lost.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.fail_if(op, op.is_message() && is_wild(&subject(op)), "Invalid Publish Subject");
        }),
        found_by: &["core/connect/not-pedantic", "core/connect/pedantic-by-default[1]"],
        ..fault("published-wildcards-close", "Publishing to a wildcard ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            let wrong = is_wild(&subject(op)) || has_empty_token(&subject(op));
            talk.pass(op);
            if op.is_message() && wrong && talk.options.get("pedantic") == Some(&true.into()) {
                talk.count += 1;
            }
        }),
        frame: Some(|talk, frame| {
            let own = talk.count > 0 && frame.starts_with(b"-ERR 'Invalid Publish");
            talk.deliver(&frame);
            if own {
                talk.end();
            }
        }),
        found_by: &["core/connect/pedantic-by-default[2]", "core/subjects/pedantic-publish[3]"],
        ..fault("pedantic-errors-close", "In pedantic mode a bad subject ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            let pedantic = talk.options.get("pedantic") == Some(&true.into());
            match op.is_message() && pedantic && is_wild(&subject(op)) {
                // Without a body nobody gets it, but the error is the same.
                true => pass_as(talk, op, b".."),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/subjects/pedantic-delivers"],
        ..fault("pedantic-refuses", "A message that is refused as pedantic is not delivered.")
    },
    Fault {
        op: Some(|talk, op| match op.reply() {
            Some(reply) if is_wild(reply) || has_empty_token(reply) => talk.swallow(),
            _ => talk.pass(op),
        }),
        found_by: &[
            "core/subjects/replies-unchecked[1]",
            "core/subjects/nearly-reserved-replies[1]",
        ],
        ..fault(
            "replies-checked",
            "A message whose reply subject could not be published to is lost.",
        )
    },
    Fault {
        op: Some(|talk, op| match op.reply() {
            Some(reply) if reply.starts_with(b"_R_") || reply.starts_with(b"$JS.ACK") => {
                let args = op.args();
                talk.pass(&op.with(&[&[args[0], b"_reply"], &args[2..]].concat()));
            }
            _ => talk.pass(op),
        }),
        found_by: &[
            "core/subjects/nearly-reserved-replies[2]",
            "core/subjects/reserved-replies[1]",
        ],
        ..fault("reserved-replies-accepted", "Reply subjects of the server's own are accepted.")
    },
    Fault {
        op: Some(|talk, op| match op.reply() {
            Some(reply) if reply.starts_with(b"$JS") || reply.starts_with(b"_GR_") => {
                talk.say(b"PUB _none _R_.x 0\r\n\r\n");
            }
            _ => talk.pass(op),
        }),
        found_by: &[
            "core/subjects/nearly-reserved-replies[1]",
            "core/subjects/reserved-replies[3]",
        ],
        ..fault("reserved-replies-too-wide", "Reply subjects that only look reserved are refused.")
    },
    Fault {
        frame: Some(|talk, frame| {
            without_error(talk, &frame, "Permissions Violation for Publish to")
        }),
        found_by: &["core/subjects/nrg[1]", "core/subjects/gateway-prefix"],
        ..fault("reserved-subjects-accepted", "Publishing to a reserved subject is no error.")
    },
    Fault {
        op: Some(|talk, op| match op.subscription() {
            Some((subject, Some(b"_sys_"), sid)) => {
                talk.pass(&op.with(&[subject, b"_other_", sid]));
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/subjects/sys-queue"],
        ..fault("reserved-queue-accepted", "The reserved queue name _sys_ is accepted.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, subject(op).starts_with(b"$SYS"))),
        found_by: &["core/subjects/sys-is-ordinary", "core/subjects/arrow-covers-all[4]"],
        ..fault("sys-reserved", "Subjects that start with $SYS carry nothing.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Sub && (has_empty_token(&subject(op))) {
                pass_as(talk, op, b"_none");
            }
        }),
        found_by: &["core/verbose/error-instead", "core/subjects/refused-sub-leaves-no-trace"],
        ..fault("refused-sub-takes-its-sid", "The sid of a SUB that was refused counts as used.")
    },
];
