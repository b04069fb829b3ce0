//! PONG at the wrong time, too often, or not at all. Clients rest their flush on it.

use super::{Area, Fault, client::Verb};

const PONG: &[u8] = b"PONG\r\n";

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault::new(Area::Pong, name, what)
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        frame: Some(|talk, frame| match frame == PONG {
            true => {
                talk.deliver(&frame);
                talk.release();
            }
            false if frame.starts_with(b"MSG ") => {
                talk.release();
                talk.hold(frame);
            }
            false => {
                talk.release();
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/life/eager-client", "core/parse/bare-lf"],
        ..fault("pong-before-messages", "PONG overtakes the message that it should follow.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Ping {
                talk.deliver(PONG);
            }
        }),
        frame: Some(|talk, frame| {
            if frame != PONG {
                talk.deliver(&frame);
            }
        }),
        found_by: &["core/verbose/ping", "core/verbose/pipelined"],
        ..fault("pong-at-once", "PING is answered as soon as it comes, whatever stands before it.")
    },
    Fault {
        frame: Some(|talk, frame| match frame == PONG {
            true => {
                talk.release();
                talk.hold(frame);
            }
            false => {
                talk.deliver(&frame);
                talk.release();
            }
        }),
        found_by: &["core/info/from-client[1]", "core/life/half-closed-hears-nothing"],
        ..fault("pong-behind-later-messages", "A message that comes later overtakes a PONG.")
    },
    Fault {
        frame: Some(|talk, frame| {
            talk.count += u64::from(frame == PONG);
            if frame != PONG || talk.count % 20 != 0 {
                talk.deliver(&frame);
            }
        }),
        only: &["core/ping", "core/sub", "core/verbose"],
        found_by: &["core/ping/pong"],
        ..fault("every-twentieth-pong-missing", "Every twentieth PING is not answered.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            talk.count += u64::from(op.verb == Verb::Ping);
        }),
        frame: Some(|talk, frame| {
            // Many PINGs that are read together are answered together.
            let many = frame == PONG && talk.count > 1;
            if frame == PONG {
                talk.count -= talk.count.min(1);
            }
            if !many {
                talk.deliver(&frame);
            }
        }),
        only: &["core/ping"],
        found_by: &["core/ping/pong", "core/ping/fence"],
        ..fault("one-pong-for-many", "PINGs that come together get one PONG.")
    },
    Fault {
        frame: Some(|talk, frame| match frame == PONG {
            true => talk.deliver(&frame.repeat(2)),
            false => talk.deliver(&frame),
        }),
        found_by: &[
            "core/connect/names-without-case[3]",
            "core/connect/no-responders-with-headers",
        ],
        ..fault("pong-twice", "Every PING gets two PONGs.")
    },
    Fault {
        frame: Some(|talk, frame| {
            talk.deliver(&frame);
            if frame == PONG && talk.connected && talk.is_verbose() {
                talk.deliver(b"+OK\r\n");
            }
        }),
        found_by: &["core/connect/in-pieces", "core/connect/last-of-equal-names[1]"],
        ..fault("ping-acknowledged", "In verbose mode PING gets +OK as well.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.pass(op);
            if op.verb == Verb::Pong && talk.options.get("verbose") == Some(&true.into()) {
                talk.deliver(b"+OK\r\n");
            }
        }),
        found_by: &["core/verbose/ping"],
        ..fault("pong-acknowledged", "In verbose mode PONG gets +OK.")
    },
    Fault {
        op: Some(|talk, op| {
            talk.count += u64::from(op.verb == Verb::Pong);
            talk.fail_if(op, talk.count > 4, "Unknown Protocol Operation")
        }),
        found_by: &["core/ping/unasked-pong"],
        ..fault("unasked-pong-refused", "PONGs that nobody asked for end the connection.")
    },
    Fault {
        frame: Some(|talk, frame| match frame == PONG && !talk.connected {
            true => {}
            false => talk.deliver(&frame),
        }),
        only: &["core/ping/before-connect", "core/life/eager-client"],
        found_by: &["core/ping/before-connect"],
        ..fault("no-pong-before-connect", "PING before CONNECT is not answered.")
    },
    Fault {
        equivalent: Some("nothing says how fast PONG must be"),
        frame: Some(|talk, frame| match frame == PONG {
            true => talk.hold(frame),
            false => {
                talk.release();
                talk.deliver(&frame);
            }
        }),
        ..fault("pong-after-a-while", "PONG takes fifteen milliseconds, and comes in its place.")
    },
];
