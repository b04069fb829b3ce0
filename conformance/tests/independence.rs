//! The judge is independent: it uses nothing of the broker, so a bug that both had could not hide.

#![allow(clippy::expect_used, reason = "a test may stop where something is not there")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn without_the_embedded_target_the_broker_is_no_dependency() {
    let tree = |features: &[&str]| {
        let cargo = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "-p",
                "nats-conformance",
                "-e",
                "normal",
                "--prefix",
                "none",
            ])
            .args(features)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        String::from_utf8_lossy(&cargo.stdout).into_owned()
    };
    assert!(!tree(&["--no-default-features"]).contains("nats-reference-server"));
    // The test can fail: with the target there is the dependency.
    assert!(tree(&[]).contains("nats-reference-server"));
}

#[test]
fn one_file_names_the_broker() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut naming = Vec::new();
    visit(&source, &mut |path, text| {
        // An example in the documentation is no code of the judge.
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if code.into_iter().any(|line| line.contains("nats_reference_server")) {
            naming.push(path.strip_prefix(&source).map(Path::to_owned).expect("below src"));
        }
    });
    assert_eq!(naming, [PathBuf::from("target/embedded.rs")]);
}

fn visit(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => visit(&path, look),
            false => look(&path, &fs::read_to_string(&path).expect("a text")),
        }
    }
}
