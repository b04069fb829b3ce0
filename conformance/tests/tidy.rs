//! The shape of the repository: what `CONTRIBUTING.md` asks for, as a test. The exceptions are
//! those of today; the lists may only become shorter, and their numbers smaller.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

/// Longer files, and how long they may be.
const LONG_FILES: &[(&str, usize)] = &[];

/// Longer functions, as `file:name`, and how long they may be.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

const MEMBERS: &[&str] = &["reference-server", "conformance", "benches"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file: its path below the root, and its text.
fn rust_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for member in MEMBERS {
        collect(&root().join(member), member, &mut files);
    }
    assert!(files.len() > 50, "the repository is there");
    files
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let (path, name) =
            (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            collect(&path, &name, files);
        } else if name.ends_with(".rs") {
            files.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

/// What is longer than allowed, and exceptions that are none any more.
fn too_long(lengths: &[(String, usize)], max: usize, exceptions: &[(&str, usize)]) -> Vec<String> {
    let exceptions: BTreeMap<&str, usize> = exceptions.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, length) in lengths {
        let allowed = exceptions.get(name.as_str()).copied().unwrap_or(max);
        if *length > allowed {
            wrong.push(format!("{name} has {length} lines, more than {allowed}"));
        }
    }
    for (name, _) in exceptions {
        if !lengths.iter().any(|(other, length)| other == name && *length > max) {
            wrong.push(format!("{name} is no exception any more: take it off the list"));
        }
    }
    wrong
}

/// The functions of a text as rustfmt indents them: name, and lines from `fn` to the closing brace.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let words: Vec<&str> = code.split(' ').collect();
        let is_qualifier =
            |word: &&str| matches!(*word, "async" | "const") || word.starts_with("pub");
        let start = words.iter().take_while(|word| is_qualifier(word)).count();
        let Some(["fn", name, ..]) = words.get(start..) else { continue };
        let name = name.split(['(', '<']).next().unwrap_or_default();
        let closing = format!("{}}}", &line[..indent]);
        let ends = |line: &&&str| **line == closing || line.trim_end().ends_with("{}");
        let is_over = code.ends_with(['}', ';']);
        let length = match lines[at..].iter().position(|line| ends(&line)) {
            Some(end) if !is_over => end + 1,
            _ => 1,
        };
        found.push((name, length));
    }
    found
}

#[test]
fn files_are_short() {
    let files = rust_files();
    let lengths: Vec<_> =
        files.iter().map(|(name, text)| (name.clone(), text.lines().count())).collect();
    let wrong = too_long(&lengths, FILE_LINES_MAX, LONG_FILES);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn functions_fit_on_a_screen() {
    let mut lengths = Vec::new();
    for (file, text) in rust_files() {
        for (name, length) in functions(&text) {
            lengths.push((format!("{file}:{name}"), length));
        }
    }
    assert!(lengths.len() > 500, "functions are found");
    let wrong = too_long(&lengths, FUNCTION_LINES_MAX, LONG_FUNCTIONS);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn lines_are_short() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files() {
        for (at, line) in text.lines().enumerate() {
            let chars = line.chars().count();
            if chars > LINE_CHARS_MAX {
                wrong.push(format!("{file}:{} has {chars} columns", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let mut wrong = Vec::new();
    for member in MEMBERS {
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let mut is_dependency = false;
        let mut count = 0;
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('[') {
                is_dependency = line.ends_with("dependencies]");
            } else if is_dependency && line.contains('=') {
                count += 1;
                if line.split_once(" # ").is_none_or(|(_, reason)| reason.trim().is_empty()) {
                    wrong.push(format!("{member}/Cargo.toml:{} does not say what for", at + 1));
                }
            }
        }
        assert!(count > 1, "{member} has dependencies");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn these_tests_can_fail() {
    let body = "        let a = 1;\n".repeat(80);
    let text = format!(
        "impl A {{
    pub(crate) async fn long<T>(&self)
    where
        T: B,
    {{
{body}    }}

    fn short(&self) -> usize {{
        1
    }}
}}

trait C {{
    fn one(&self);
    fn two(&self) {{}}
}}
"
    );
    let expected = [("long", 85), ("short", 3), ("one", 1), ("two", 1)];
    assert_eq!(functions(&text), expected);
    let lengths = [("a".to_owned(), 8), ("b".to_owned(), 8), ("c".to_owned(), 12)];
    let exceptions = [("b", 7), ("c", 12), ("gone", 9)];
    assert_eq!(
        too_long(&lengths, 10, &exceptions),
        [
            "b has 8 lines, more than 7",
            "b is no exception any more: take it off the list",
            "gone is no exception any more: take it off the list",
        ]
    );
}
