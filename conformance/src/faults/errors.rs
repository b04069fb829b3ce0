//! Errors in other words, in another form, too often or not at all.

use super::{Area, Fault, client::Verb, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Errors, name, what)
}

/// Sends errors in another form, given their text.
fn reworded(talk: &mut Talk, frame: &[u8], change: impl Fn(&str) -> String) {
    let text = frame.strip_prefix(b"-ERR '").and_then(|text| text.strip_suffix(b"'\r\n"));
    match text {
        Some(text) => {
            let line = change(&String::from_utf8_lossy(text));
            talk.deliver(line.as_bytes());
        }
        None => talk.deliver(frame),
    }
}

/// Errors that do not end the connection.
fn is_mild(text: &str) -> bool {
    text.starts_with("Invalid ") || text.starts_with("Permissions ")
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |_| "-ERR 'Something Went Wrong'\r\n".to_owned());
        }),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("error-words", "Errors have other words.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| format!("-ERR '{}'\r\n", text.to_lowercase()));
        }),
        found_by: &["core/connect/obsolete-options[1]", "core/parse/size-too-large[1]"],
        ..fault("error-in-lower-case", "Errors are in lower case.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| {
                let mut text = text.to_owned();
                if let Some(first) = text.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                format!("-ERR '{text}'\r\n")
            });
        }),
        found_by: &["core/connect/unknown-protocols[1]", "core/info/headers-off-no-responders"],
        ..fault("error-capitalised", "Errors always start with a capital.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| match is_mild(text) {
                true => String::new(),
                false => format!("-ERR '{text}'\r\n"),
            });
        }),
        found_by: &["core/subjects/arrow-not-last[1]", "core/subjects/empty-token-in-sub[1]"],
        ..fault("mild-errors-missing", "What is refused without closing is refused silently.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| format!("-ERR '{text}'\r\n").repeat(2))
        }),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("errors-doubled", "Every error comes twice.")
    },
    Fault {
        frame: Some(|talk, frame| reworded(talk, &frame, |text| format!("-ERR '{text}\r\n"))),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("error-without-last-quote", "The closing quote of errors is missing.")
    },
    Fault {
        frame: Some(|talk, frame| reworded(talk, &frame, |text| format!("-ERR {text}\r\n"))),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("error-without-quotes", "Errors have no quotes.")
    },
    Fault {
        frame: Some(|talk, frame| reworded(talk, &frame, |text| format!("-ERR  '{text}'\r\n"))),
        found_by: &["core/connect/obsolete-options[1]", "core/connect/unknown-protocols[1]"],
        ..fault("error-with-two-blanks", "Two blanks stand before the text of an error.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| {
                let short = text.split(" for ").next().unwrap_or_default();
                format!("-ERR '{short}'\r\n")
            });
        }),
        found_by: &["core/subjects/nrg[1]", "core/subjects/gateway-prefix"],
        ..fault("permission-error-cut", "Permission errors do not say what for.")
    },
    Fault {
        frame: Some(|talk, frame| {
            reworded(talk, &frame, |text| {
                let too_long = text == "maximum control line exceeded";
                let text = if too_long { "Unknown Protocol Operation" } else { text };
                format!("-ERR '{text}'\r\n")
            });
        }),
        found_by: &[
            "core/parse/control-line-configured[1]",
            "core/parse/control-line-over-limit[1]",
        ],
        ..fault("long-line-is-unknown", "A line that is too long counts as an unknown operation.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let ok = frame == b"+OK\r\n";
            let mild = frame.starts_with(b"-ERR 'Invalid S");
            talk.deliver(&frame);
            if mild && !ok && talk.is_verbose() {
                talk.deliver(b"+OK\r\n");
            }
        }),
        found_by: &["core/verbose/error-instead"],
        ..fault("ok-behind-error", "In verbose mode a refused SUB is acknowledged as well.")
    },
    Fault {
        frame: Some(|talk, frame| {
            // The line that was wrong is not the last one that has come.
            let last = talk.last_op.as_ref().map(|op| op.verb);
            if !(frame.starts_with(b"-ERR 'Unknown") && last != Some(Verb::Other)) {
                talk.deliver(&frame);
            }
        }),
        only: &["core/life", "core/parse/before-and-behind-an-error"],
        found_by: &["core/life/error-before-close", "core/parse/before-and-behind-an-error"],
        ..fault("error-lost-in-a-flood", "An error is lost if more input was in flight.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let both = talk.memory == b"error";
            talk.memory = if frame.starts_with(b"-ERR") { b"error".to_vec() } else { Vec::new() };
            if !(both && frame == b"+OK\r\n") {
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/verbose/pedantic-gets-both"],
        ..fault("error-instead-of-ok", "A message with an error is not acknowledged.")
    },
];
