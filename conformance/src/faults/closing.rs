//! Connections that end where they should stay, stay where they should end, or end wrongly.

use super::{Area, Fault, client::Verb, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Closing, name, what)
}

/// Errors that end the connection.
fn is_fatal(frame: &[u8]) -> bool {
    let mild = |frame: &[u8]| {
        [&b"Invalid "[..], b"Permissions ", b"maximum subscriptions"]
            .iter()
            .any(|start| frame["-ERR '".len()..].starts_with(start))
    };
    frame.starts_with(b"-ERR '") && !mild(frame)
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(Talk::pass_or_pong),
        frame: Some(|talk, frame| {
            talk.failed |= is_fatal(&frame);
            talk.deliver(&frame);
        }),
        server_end: Some(|talk| {
            // Pings that the server took with it.
            talk.release();
            talk.ends_client = !talk.failed || talk.client_ended;
        }),
        client_end: Some(|talk, _| talk.end()),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("error-but-stays-open", "After a fatal error the connection stays open.")
    },
    Fault {
        op: Some(Talk::pass_or_pong),
        frame: Some(|talk, frame| {
            talk.failed |= is_fatal(&frame);
            talk.deliver(&frame);
        }),
        server_end: Some(|talk| {
            talk.ends_client = talk.failed || talk.client_ended;
        }),
        client_end: Some(|talk, _| talk.end()),
        found_by: &["core/connect/no-argument[1]", "core/connect/not-an-object[1]"],
        ..fault("silent-errors-stay-open", "Where a wrong line just ends it, the connection stays.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let mild = frame.starts_with(b"-ERR '") && !is_fatal(&frame);
            talk.deliver(&frame);
            if mild {
                talk.end();
            }
        }),
        found_by: &["core/subjects/arrow-not-last[1]", "core/subjects/empty-token-in-sub[1]"],
        ..fault("mild-errors-close", "Every error ends the connection.")
    },
    Fault {
        frame: Some(|talk, frame| {
            if !is_fatal(&frame) {
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("closes-without-error", "Before a connection is ended no error is sent.")
    },
    Fault {
        frame: Some(|talk, frame| {
            talk.failed |= is_fatal(&frame);
            talk.deliver(&frame);
        }),
        server_end: Some(|talk| {
            if !talk.failed && !talk.client_ended {
                talk.deliver(b"-ERR 'Parser Error'\r\n");
            }
            talk.ends_client = true;
        }),
        found_by: &["core/connect/no-argument[1]", "core/connect/not-an-object[1]"],
        ..fault(
            "error-where-silence-is-right",
            "An error is sent before every end of a connection.",
        )
    },
    Fault {
        client_end: Some(|talk, _| talk.end()),
        found_by: &["core/life/half-close"],
        ..fault("half-close-forgets", "What was sent before a half-close is not answered.")
    },
    Fault {
        client_end: Some(|_, _| {}),
        only: &["core/life", "core/parse/incomplete-message"],
        found_by: &["core/life/half-closed-hears-nothing", "core/parse/incomplete-message"],
        ..fault("half-close-ignored", "A half-closed connection stays open and hears what comes.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Other
                if op.line.is_ascii() && op.line.first().is_some_and(u8::is_ascii_alphabetic) =>
            {
                talk.hold_op(op.clone());
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/parse/hmsg-from-client", "core/parse/before-and-behind-an-error"],
        ..fault("goes-on-behind-an-error", "What stands behind an unknown operation is executed.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Other if op.line.first().is_some_and(u8::is_ascii_alphabetic) => {
                talk.to_server.clear();
                talk.fail("Unknown Protocol Operation");
            }
            _ => talk.pass(op),
        }),
        found_by: &["core/parse/stray-cr-in-pub", "core/parse/hmsg-from-client"],
        ..fault("errors-overtake", "What came just before an unknown operation is not executed.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Connect | Verb::Ping | Verb::Pong => talk.pass(op),
            _ if !talk.connected => talk.end(),
            _ => talk.pass(op),
        }),
        found_by: &["core/connect/optional"],
        ..fault("closes-without-connect", "A connection ends if it says anything before CONNECT.")
    },
    Fault {
        equivalent: Some("who closes first and how is the system's affair; a reader sees the end"),
        frame: Some(|talk, frame| {
            let fatal = is_fatal(&frame);
            talk.deliver(&frame);
            if fatal {
                talk.end();
            }
        }),
        ..fault("ends-right-behind-error", "The end follows a fatal error at once.")
    },
];
