//! CONNECT: options that are ignored, misread, or refused.

use serde_json::{Map, Value};

use super::{
    Area, Fault,
    client::{Op, Verb},
    talk::Talk,
};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Connect, name, what)
}

/// CONNECT with other options; what can't be read passes as it is.
fn with_options(talk: &mut Talk, op: &Op, change: impl Fn(&mut Map<String, Value>)) {
    match (op.verb, serde_json::from_slice(op.json())) {
        (Verb::Connect, Ok(Value::Object(mut options))) => {
            change(&mut options);
            talk.say(format!("CONNECT {}\r\n", Value::Object(options)).as_bytes());
        }
        _ => talk.pass(op),
    }
}

/// Ends the connection where the options are so.
fn refuse_if(talk: &mut Talk, op: &Op, wrong: fn(&Map<String, Value>) -> bool) {
    match (op.verb, serde_json::from_slice(op.json())) {
        (Verb::Connect, Ok(Value::Object(options))) if wrong(&options) => talk.refuse_silently(),
        _ => talk.pass(op),
    }
}

/// Options that a server of the core protocol knows.
const KNOWN: &[&str] = &[
    "verbose",
    "pedantic",
    "tls_required",
    "auth_token",
    "user",
    "pass",
    "name",
    "lang",
    "version",
    "protocol",
    "echo",
    "sig",
    "jwt",
    "nkey",
    "headers",
    "no_responders",
    "account",
    "new_account",
];

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        op: Some(|talk, op| with_options(talk, op, |options| drop(options.remove("echo")))),
        found_by: &["core/connect/echo", "core/sub/echo-does-not-count"],
        ..fault("echo-ignored", "A client hears itself though it said that it does not want to.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("echo".into(), false.into())));
        }),
        found_by: &["core/connect/free-text[1]", "core/connect/quiet"],
        ..fault("never-echo", "No client hears its own messages.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("verbose".into(), false.into())));
        }),
        found_by: &["core/connect/in-pieces", "core/connect/separators[4]"],
        ..fault("verbose-ignored", "Nothing is acknowledged, also in verbose mode.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                options.entry("verbose").or_insert(Value::Bool(false));
            });
        }),
        found_by: &["core/connect/verbose-by-default[1]"],
        ..fault("quiet-by-default", "Without a word about it nothing is acknowledged.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("verbose".into(), true.into())));
        }),
        found_by: &[
            "core/connect/names-without-case[3]",
            "core/connect/no-responders-with-headers",
        ],
        ..fault("always-verbose", "Everything is acknowledged, whatever the client said.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("pedantic".into(), false.into())));
        }),
        found_by: &["core/connect/pedantic-by-default[1]", "core/subjects/pedantic-publish[3]"],
        ..fault("pedantic-ignored", "Subjects are not checked in pedantic mode.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("pedantic".into(), true.into())));
        }),
        found_by: &["core/connect/not-pedantic", "core/subjects/gateway-prefix"],
        ..fault("always-pedantic", "Subjects are checked, whatever the client said.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.remove("no_responders")));
        }),
        found_by: &[
            "core/info/headers-off-no-responders",
            "core/connect/no-responders-without-headers[1]",
        ],
        ..fault("no-responders-ignored", "The wish to know when nobody listens is ignored.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("headers".into(), true.into())));
        }),
        found_by: &["core/connect/wrong-types[22]", "core/connect/headers-by-default[1]"],
        ..fault("headers-for-everybody", "Clients get headers that did not ask for them.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                options.remove("no_responders");
                options.insert("headers".into(), false.into());
            });
        }),
        found_by: &["core/connect/wrong-types[22]", "core/verbose/each-command"],
        ..fault("headers-ignored", "The wish for headers is ignored.")
    },
    Fault {
        op: Some(|talk, op| talk.swallow_if(op, op.verb == Verb::Connect && talk.connected)),
        found_by: &["core/connect/repeated", "core/connect/repeated-subscriptions"],
        ..fault("second-connect-ignored", "A second CONNECT changes nothing.")
    },
    Fault {
        op: Some(|talk, op| talk.silent_if(op, op.verb == Verb::Connect && talk.connected)),
        found_by: &["core/connect/repeated", "core/verbose/each-command"],
        ..fault("second-connect-closes", "A second CONNECT ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            let again = talk.connected;
            with_options(talk, op, |options| {
                if again {
                    options.entry("verbose").or_insert(Value::Bool(true));
                    options.entry("pedantic").or_insert(Value::Bool(true));
                }
            });
        }),
        found_by: &["core/connect/repeated"],
        ..fault("second-connect-resets", "What a second CONNECT leaves out gets its default again.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                options.retain(|name, _| !name.bytes().any(|byte| byte.is_ascii_uppercase()));
            });
        }),
        found_by: &["core/connect/names-without-case[1]"],
        ..fault("options-with-case", "The names of options are compared with regard to case.")
    },
    Fault {
        op: Some(|talk, op| {
            refuse_if(talk, op, |options| {
                options.keys().any(|name| !KNOWN.contains(&name.to_lowercase().as_str()))
            });
        }),
        found_by: &["core/connect/unknown-options[1]"],
        ..fault("unknown-options-refused", "An option that the server does not know ends it.")
    },
    Fault {
        op: Some(|talk, op| {
            refuse_if(talk, op, |options| options.values().any(Value::is_null));
        }),
        found_by: &["core/connect/null-option", "core/connect/headers-by-default[3]"],
        ..fault("null-options-refused", "An option that is null ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                options.retain(|name, value| match name.as_str() {
                    "verbose" | "pedantic" | "headers" | "echo" => value.is_boolean(),
                    "protocol" => value.is_u64(),
                    _ => value.is_string() || name.contains('_'),
                });
            });
        }),
        found_by: &["core/connect/wrong-types[5]", "core/connect/names-without-case[1]"],
        ..fault("wrong-types-ignored", "An option of the wrong type counts as not given.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| drop(options.insert("protocol".into(), 1.into())));
        }),
        found_by: &["core/connect/wrong-types[10]", "core/info/protocol-0"],
        ..fault("protocol-ignored", "Any protocol is taken for protocol 1.")
    },
    Fault {
        op: Some(|talk, op| {
            refuse_if(talk, op, |options| options.get("protocol") == Some(&0.into()));
        }),
        found_by: &["core/connect/protocols[1]", "core/info/protocol-0[1]"],
        ..fault("old-clients-refused", "A client of protocol 0 is refused.")
    },
    Fault {
        op: Some(|talk, op| {
            refuse_if(talk, op, |options| {
                options.get("name").and_then(Value::as_str).is_some_and(|name| name.len() > 256)
            });
        }),
        found_by: &["core/connect/free-text[2]"],
        ..fault("long-names-refused", "A name of more than 256 bytes ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                if ["user", "auth_token", "jwt"].iter().any(|name| options.contains_key(*name)) {
                    options.insert("account".into(), "refuse".into());
                }
            });
        }),
        found_by: &["core/connect/credentials-ignored[1]"],
        ..fault("credentials-refused", "Credentials that nobody asked for are a violation.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                options.remove("account");
                options.remove("new_account");
            });
        }),
        found_by: &["core/connect/obsolete-options[1]"],
        ..fault("obsolete-options-accepted", "The obsolete account options are ignored.")
    },
    Fault {
        op: Some(|talk, op| {
            refuse_if(talk, op, |options| options.get("tls_required") == Some(&true.into()));
        }),
        found_by: &["core/connect/tls-required-ignored"],
        ..fault("tls-wish-refused", "A client's wish for TLS ends the connection.")
    },
    Fault {
        op: Some(|talk, op| {
            let read = serde_json::from_slice::<Value>(op.json());
            match op.verb == Verb::Connect && !op.json().is_empty() && read.is_err() {
                true => talk.say(b"CONNECT {\"verbose\":false}\r\n"),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/connect/not-json[2]", "core/connect/no-argument[2]"],
        ..fault("broken-json-accepted", "CONNECT with broken JSON counts as an empty object.")
    },
    Fault {
        op: Some(|talk, op| match op.verb == Verb::Connect && op.json().trim_ascii().is_empty() {
            true => talk.say(b"CONNECT {}\r\n"),
            false => talk.pass(op),
        }),
        found_by: &["core/connect/no-argument[1]"],
        ..fault("bare-connect-accepted", "CONNECT without an argument counts as an empty object.")
    },
    Fault {
        op: Some(|talk, op| {
            let read = serde_json::from_slice::<Value>(op.json());
            match op.verb == Verb::Connect && read.is_ok_and(|value| !value.is_object()) {
                true => talk.say(b"CONNECT {\"verbose\":false}\r\n"),
                false => talk.pass(op),
            }
        }),
        found_by: &["core/connect/not-an-object[1]", "core/connect/null"],
        ..fault("any-json-accepted", "CONNECT with JSON that is no object counts as an empty one.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.silent_if(op, op.verb == Verb::Connect && !op.json().starts_with(b" {"))
        }),
        found_by: &["core/connect/separators[1]", "core/connect/null"],
        ..fault("connect-wants-one-blank", "CONNECT wants one blank before its JSON.")
    },
    Fault {
        op: Some(|talk, op| match op.verb {
            Verb::Sub | Verb::Pub if !talk.connected => talk.fail("Authorization Violation"),
            _ => talk.pass(op),
        }),
        found_by: &["core/connect/optional"],
        ..fault("connect-required", "Without CONNECT everything else is a violation.")
    },
    Fault {
        op: Some(|talk, op| {
            with_options(talk, op, |options| {
                let lacks = options.get("headers") != Some(&true.into());
                if lacks {
                    options.remove("no_responders");
                }
            });
        }),
        found_by: &["core/connect/no-responders-without-headers[1]"],
        ..fault(
            "no-responders-without-headers",
            "The wish to know when nobody listens is accepted, and ignored, without headers.",
        )
    },
];
