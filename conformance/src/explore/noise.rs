//! Streams of one connection by chance: right lines, nearly right ones, and noise.

use proptest::{collection::vec, prelude::*, sample::select};

use super::stream::Lines;

/// Streams of up to so many lines. None has two members of a group, of which a server may choose.
pub fn streams(lines_max: usize) -> impl Strategy<Value = Lines> {
    let line = prop_oneof![
        6 => right(),
        4 => (right(), vec(change(), 1..3)).prop_map(|(line, changes)| {
            changes.iter().fold(line, |line, change| change.apply(line))
        }),
        2 => noise(),
    ];
    vec(line, 1..=lines_max).prop_filter("one member is no choice", |lines| members(lines) < 2)
}

/// How many lines subscribe as a member of a group, or nearly.
fn members(lines: &Lines) -> usize {
    let is_member = |line: &&[u8]| {
        let words: Vec<&[u8]> = line
            .split(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
            .filter(|word| !word.is_empty())
            .collect();
        let at = words.iter().position(|word| word.to_ascii_uppercase().ends_with(b"SUB"));
        at.is_some_and(|at| words.len() > at + 3)
    };
    lines.concat().split(|byte| *byte == b'\n').filter(is_member).count()
}

fn right() -> impl Strategy<Value = Vec<u8>> {
    let subject = select(vec!["a", "b", "a.b", "a.b.c", "A", "a..b", ".a", "*", "a.*", "a.>", ">"]);
    let sid = select(vec!["1", "2", "x"]);
    let payload = select(vec!["", "x", "hello", "\r\n", "PING\r\n"]);
    let subject2 = subject.clone();
    let text = prop_oneof![
        3 => (subject.clone(), sid.clone())
            .prop_map(|(subject, sid)| format!("SUB {subject} {sid}\r\n")),
        2 => (sid, select(vec!["", " 1", " 2", " 0", " -1", " 1x"]))
            .prop_map(|(sid, max)| format!("UNSUB {sid}{max}\r\n")),
        5 => (subject.clone(), payload.clone()).prop_map(|(subject, payload)| {
            format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())
        }),
        2 => (subject.clone(), subject2, payload.clone()).prop_map(|(subject, reply, payload)| {
            format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())
        }),
        2 => (subject, payload).prop_map(|(subject, payload)| {
            let block = "NATS/1.0\r\nA: b\r\n\r\n";
            let total = block.len() + payload.len();
            format!("HPUB {subject} {} {total}\r\n{block}{payload}\r\n", block.len())
        }),
        4 => connect_json().prop_map(|json| format!("CONNECT {json}\r\n")),
        2 => select(vec!["PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n", "ping\r\n"])
            .prop_map(str::to_owned),
    ];
    text.prop_map(String::into_bytes)
}

fn connect_json() -> impl Strategy<Value = String> {
    let key = select(vec![
        "verbose",
        "pedantic",
        "echo",
        "headers",
        "no_responders",
        "protocol",
        "name",
        "lang",
        "VERBOSE",
        "unknown",
        "user",
        "pass",
        "auth_token",
        "tls_required",
        "account",
        "new_account",
        "version",
        "jwt",
        "nkey",
        "sig",
    ]);
    let value = select(vec!["true", "false", "0", "1", "2", "\"x\"", "\"\"", "null", "[]", "{}"]);
    vec((key, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

/// A change of one place of a line; the place is a share of its length.
#[derive(Debug, Clone)]
enum Change {
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Replace(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Double(prop::sample::Index),
}

impl Change {
    fn apply(&self, mut line: Vec<u8>) -> Vec<u8> {
        let at = |index: &prop::sample::Index| index.index(line.len().max(1)).min(line.len());
        match self {
            Change::Insert(index, byte) => line.insert(at(index), *byte),
            Change::Remove(index) if !line.is_empty() => drop(line.remove(at(index))),
            Change::Replace(index, byte) if !line.is_empty() => {
                let at = at(index);
                line[at] = *byte;
            }
            Change::Cut(index) => line.truncate(at(index)),
            Change::Double(index) => {
                let half = line[at(index)..].to_vec();
                line.extend(half);
            }
            Change::Remove(_) | Change::Replace(..) => {}
        }
        line
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let byte = || select(b" \t\r\n\0*>.,x09-+{}\":P\xff'_$".to_vec());
    prop_oneof![
        (index(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        index().prop_map(Change::Remove),
        (index(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        index().prop_map(Change::Cut),
        index().prop_map(Change::Double),
    ]
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = select(vec![
        "PUB",
        "SUB",
        "UNSUB",
        "HPUB",
        "PING",
        "PONG",
        "CONNECT",
        "INFO",
        "MSG",
        "HMSG",
        "+OK",
        "-ERR",
        "a",
        "1",
        "2",
        "99",
        "999999999",
        "1000000000",
        "0",
        "{}",
        "{",
        "'x'",
        " ",
        "  ",
        "\t",
        "\r\n",
        "\n",
        "\r",
        ".",
        "*",
        ">",
    ]);
    vec(word, 1..6).prop_map(|words| {
        let mut line = words.join(" ").into_bytes();
        line.extend_from_slice(b"\r\n");
        line
    })
}

#[cfg(test)]
mod tests {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    use super::*;

    /// Most lines name no group at all; a stream that would name two is not told.
    #[test]
    fn no_stream_leaves_a_choice() {
        let line = b"SUB a q 1\r\nsub b\tq  2\r\nPUB SUB 1\r\nSUB a 1\r\n1 2\r\n".to_vec();
        assert_eq!(members(&vec![line]), 2);
        let mut runner = TestRunner::deterministic();
        let mut found = 0;
        for _ in 0..2_000 {
            let lines = streams(12).new_tree(&mut runner).expect("a stream").current();
            let count = members(&lines);
            assert!(count < 2, "{lines:?}");
            found += count;
        }
        assert!(found > 0);
    }
}
