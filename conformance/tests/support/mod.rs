//! The built program as a user meets it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// How a command ended, and what it said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `nats-conformance` with these arguments in the root of the repository.
pub(crate) fn conformance(arguments: &[&str]) -> Said {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nats-conformance"));
    said(command.args(arguments).current_dir(root))
}

/// Runs a command, away from a terminal.
pub(crate) fn said(command: &mut Command) -> Said {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    Said { code: done.status.code().unwrap(), out, err }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
