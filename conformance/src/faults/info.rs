//! INFO: keys that are missing, wrong, or of another type, and greetings out of place.

use serde_json::{Map, Value};

use super::{Area, Fault, talk::Talk};

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Info, name, what)
}

/// INFO with other fields.
fn with_fields(talk: &mut Talk, frame: &[u8], change: impl Fn(&Talk, &mut Map<String, Value>)) {
    match talk.info.clone() {
        Value::Object(mut fields) if frame.starts_with(b"INFO ") => {
            change(talk, &mut fields);
            talk.deliver(format!("INFO {} \r\n", Value::Object(fields)).as_bytes());
        }
        _ => talk.deliver(frame),
    }
}

fn without(talk: &mut Talk, frame: &[u8], name: &str) {
    with_fields(talk, frame, |_, fields| drop(fields.remove(name)));
}

fn with(talk: &mut Talk, frame: &[u8], name: &str, value: impl Into<Value> + Clone) {
    with_fields(talk, frame, |_, fields| {
        drop(fields.insert(name.to_owned(), value.clone().into()))
    });
}

fn is_info(frame: &[u8]) -> bool {
    frame.starts_with(b"INFO ")
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        frame: Some(|talk, frame| without(talk, &frame, "server_id")),
        found_by: &["core/info/configured-name", "core/info/default-name"],
        ..fault("info-without-server-id", "INFO has no server_id.")
    },
    Fault {
        frame: Some(|talk, frame| without(talk, &frame, "max_payload")),
        found_by: &["core/info/types", "core/info/second-info"],
        ..fault("info-without-max-payload", "INFO has no max_payload.")
    },
    Fault {
        frame: Some(|talk, frame| without(talk, &frame, "version")),
        found_by: &["core/info/types", "core/info/greeting"],
        ..fault("info-without-version", "INFO has no version.")
    },
    Fault {
        frame: Some(|talk, frame| without(talk, &frame, "client_id")),
        found_by: &["core/info/identity", "core/info/types"],
        ..fault("info-without-client-id", "INFO has no client_id.")
    },
    Fault {
        frame: Some(|talk, frame| {
            with_fields(talk, &frame, |_, fields| {
                let port = fields.get("port").map(ToString::to_string).unwrap_or_default();
                fields.insert("port".to_owned(), port.into());
            });
        }),
        found_by: &["core/info/greeting", "core/info/types"],
        ..fault("info-port-as-text", "The port in INFO is a text.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "headers", 1)),
        found_by: &["core/info/headers-off", "core/info/types"],
        ..fault("info-headers-as-number", "The word on headers in INFO is a number.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "headers", false)),
        found_by: &["core/info/headers-on"],
        ..fault("info-headers-false", "INFO says that there are no headers, though there are.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "headers", true)),
        found_by: &["core/info/headers-off"],
        ..fault("info-headers-true", "INFO says that there are headers, also where there are none.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "proto", 0)),
        found_by: &["core/info/types", "core/info/greeting"],
        ..fault("info-proto-zero", "INFO announces protocol 0.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let half = talk.max_payload().unwrap_or(0) / 2;
            with(talk, &frame, "max_payload", half);
        }),
        found_by: &["core/info/max-payload", "core/info/max-payload-default"],
        ..fault("info-max-payload-wrong", "INFO tells half of what a payload may have.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "max_payload", 1 << 20)),
        found_by: &["core/info/max-payload"],
        ..fault("info-max-payload-fixed", "INFO tells a mebibyte, whatever is configured.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "client_id", 1)),
        found_by: &["core/info/identity"],
        ..fault("info-client-id-repeated", "All connections have the same client_id.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "client_ip", "0.0.0.0")),
        found_by: &["core/info/greeting"],
        ..fault("info-client-ip-wrong", "The client_ip in INFO is not where the client comes from.")
    },
    Fault {
        frame: Some(|talk, frame| {
            with_fields(talk, &frame, |talk, fields| {
                let id = format!("N{:A>55}", ["B", "C", "D", "E"][talk.id as usize % 4]);
                fields.insert("server_id".to_owned(), id.into());
            });
        }),
        found_by: &["core/info/default-name", "core/info/identity"],
        ..fault("info-server-id-changes", "Each connection is told another server_id.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "server_name", "nats")),
        found_by: &["core/info/configured-name", "core/info/long-line"],
        ..fault("info-name-fixed", "The server always has the same name.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "host", "0.0.0.0")),
        found_by: &["core/info/advertised-address", "core/info/listen-address"],
        ..fault("info-host-wrong", "The host in INFO is not the one that is listened on.")
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "auth_required", false)),
        found_by: &["core/info/no-auth"],
        ..fault(
            "info-auth-required-false",
            "INFO has auth_required, false, where it should have none.",
        )
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "tls_required", false)),
        found_by: &["core/info/no-auth"],
        ..fault(
            "info-tls-required-false",
            "INFO has tls_required, false, where it should have none.",
        )
    },
    Fault {
        frame: Some(|talk, frame| with(talk, &frame, "nonce", "AAAAAAAAAAAAAAA")),
        found_by: &["core/info/no-auth"],
        ..fault("info-always-nonce", "INFO has a nonce, though nobody could sign it.")
    },
    Fault {
        frame: Some(|talk, frame| match is_info(&frame) {
            true => {
                let line = frame.strip_suffix(b"\r\n").unwrap_or(&frame);
                talk.deliver(&[line, b"\n"].concat());
            }
            false => talk.deliver(&frame),
        }),
        found_by: &[
            "core/connect/names-without-case[3]",
            "core/connect/no-responders-with-headers",
        ],
        ..fault("info-bare-lf", "The line of INFO ends in LF alone.")
    },
    Fault {
        frame: Some(|talk, frame| match is_info(&frame) {
            true => talk.deliver(&frame[..frame.len().min(1022)]),
            false => talk.deliver(&frame),
        }),
        op: Some(|talk, op| {
            talk.release();
            talk.pass(op);
        }),
        only: &["core/info"],
        found_by: &["core/info/long-line"],
        ..fault("info-cut-at-1-kib", "Of a long INFO the first 1022 bytes are sent.")
    },
    Fault {
        frame: Some(|talk, frame| match is_info(&frame) {
            true => talk.deliver(&[b"info", &frame[4..]].concat()),
            false => talk.deliver(&frame),
        }),
        found_by: &[
            "core/connect/names-without-case[3]",
            "core/connect/no-responders-with-headers",
        ],
        ..fault("info-in-lower-case", "The verb of INFO is in lower case.")
    },
    Fault {
        frame: Some(|talk, frame| match is_info(&frame) && talk.last_op.is_none() {
            true => talk.held.push(frame),
            false => talk.deliver(&frame),
        }),
        op: Some(|talk, op| {
            talk.release();
            talk.pass(op);
        }),
        only: &["core/info/greeting", "core/info/identity", "core/ping/before-connect"],
        found_by: &["core/info/greeting"],
        ..fault("info-when-spoken-to", "The greeting comes once the client has said something.")
    },
    Fault {
        frame: Some(|talk, frame| match is_info(&frame) && talk.connected {
            true => {}
            false => talk.deliver(&frame),
        }),
        found_by: &["core/info/second-info"],
        ..fault("second-info-missing", "No second INFO follows CONNECT.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let again = frame == b"PONG\r\n" && talk.connected;
            talk.deliver(&frame);
            if again {
                talk.deliver(format!("INFO {} \r\n", talk.info).as_bytes());
            }
        }),
        found_by: &["core/info/protocol-0", "core/info/second-info"],
        ..fault("info-with-every-pong", "Every PONG is followed by an INFO.")
    },
    Fault {
        frame: Some(|talk, frame| {
            let second = is_info(&frame) && talk.connected;
            if second {
                with(talk, &frame, "client_id", 999_999);
            } else {
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/info/second-info"],
        ..fault("second-info-differs", "The second INFO tells another client_id.")
    },
    Fault {
        equivalent: Some("a reader must take a blank before CR LF, and none as well"),
        frame: Some(|talk, frame| match frame.strip_suffix(b" \r\n") {
            Some(line) if is_info(line) => talk.deliver(&[line, b"\r\n"].concat()),
            _ => talk.deliver(&frame),
        }),
        ..fault("info-without-last-blank", "INFO has no blank before its CR LF.")
    },
    Fault {
        equivalent: Some("clients must ignore fields they do not know"),
        frame: Some(|talk, frame| with(talk, &frame, "x_flavour", "mint")),
        ..fault("info-with-unknown-field", "INFO has a field that no client knows.")
    },
];
