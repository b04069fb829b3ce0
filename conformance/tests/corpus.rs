//! What the fuzzer found worth keeping, once more: each input of `ci/fuzz/corpus` must hold.
//! `ci/fuzz.sh` finds new ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where something is not there"
)]

use std::{fs, path::Path};

#[path = "../../ci/fuzz/checks/mod.rs"]
mod checks;

fn replay(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut count = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        let held = std::panic::catch_unwind(|| check(&data));
        assert!(held.is_ok(), "{} does not hold any more, see above", path.display());
        count += 1;
    }
    assert!(count >= 20, "{}: only {count} inputs", folder.display());
}

#[test]
fn parser() {
    replay("parser", checks::parser::check);
}

#[test]
fn connect() {
    replay("connect", checks::connect::check);
}

#[test]
fn index() {
    replay("index", checks::index::check);
}

#[test]
fn configuration() {
    replay("configuration", checks::configuration::check);
}

#[test]
fn scenario() {
    replay("scenario", checks::scenario::check);
}

#[test]
fn frames() {
    replay("frames", checks::frames::check);
}
