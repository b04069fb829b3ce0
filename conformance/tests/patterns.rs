//! Expected frames against bytes: what is compared, what is bound, and that nothing passes which
//! only looks alike.

#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use nats_conformance::{
    pattern::{Bound, NoValue, Pattern, Scope, finds},
    scenario::{Kind, Template, parse},
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn scope() -> Scope {
    let mut scope = Scope::new(ChaCha8Rng::seed_from_u64(1));
    scope.bind("word", Bound::Bytes(b"foo".to_vec()));
    scope.bind("three", Bound::Bytes(b"3".to_vec()));
    scope.bind("dotted", Bound::Bytes(b"a.b*".to_vec()));
    let info = serde_json::json!({"max": 5, "list": [{"a": "x"}], "text": "t", "on": true});
    scope.bind("info", Bound::Json(info));
    scope
}

/// A frame as it is written behind `alice<`, its payload on the next line.
fn template(written: &str) -> Template {
    let lines: String = written.split('\n').map(|line| format!("alice< {line}\n")).collect();
    let text = format!("title: t\nspec: X\nlevel: MUST\n\nalice connects\n{lines}");
    let problems = |problems| panic!("{written}: {problems:?}");
    match parse("t", &text).unwrap_or_else(problems).body.remove(1).kind {
        Kind::Expect(expectation) => expectation.frame,
        other => panic!("{other:?}"),
    }
}

fn matches(written: &str, frame: &[u8]) -> bool {
    let mut scope = scope();
    Pattern::new(&template(written), &mut scope).unwrap().matches(frame, &mut scope)
}

#[test]
fn frames_are_compared_whole() {
    for (written, frame) in [
        ("PONG", "PONG\r\n"),
        ("MSG a 1 2\nhi", "MSG a 1 2\r\nhi\r\n"),
        ("MSG a 1 0\n", "MSG a 1 0\r\n\r\n"),
        ("MSG <word> 1 <three>\nabc", "MSG foo 1 3\r\nabc\r\n"),
        ("MSG <dotted> 1 1\nx", "MSG a.b* 1 1\r\nx\r\n"),
        ("MSG a 1 <three + 2>\nabcde", "MSG a 1 5\r\nabcde\r\n"),
        ("MSG a 1 <info.max - 4>\nx", "MSG a 1 1\r\nx\r\n"),
        ("MSG <info.list[0].a> 1 1\nx", "MSG x 1 1\r\nx\r\n"),
        ("MSG <info.on> 1 1\nx", "MSG true 1 1\r\nx\r\n"),
        ("MSG a 1 #\n<\"ab\" x three>", "MSG a 1 6\r\nababab\r\n"),
        ("MSG <_> <_> #\n<...>", "MSG a.b 1 4\r\na\r\nb\r\n"),
        ("MSG a 1 #\n<...>", "MSG a 1 0\r\n\r\n"),
        (
            "HMSG a 1 # #\nNATS/1.0\\r\\nA: b\\r\\n\\r\\nxy",
            "HMSG a 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nxy\r\n",
        ),
        ("INFO <i:json>", "INFO {\"a\":[1]}\r\n"),
        ("MSG a 1 #\n<x:/[0-9]+|none/>", "MSG a 1 4\r\nnone\r\n"),
        ("MSG a 1 #\n<x:/(a)(b)?(?P<c>c)/>", "MSG a 1 2\r\nac\r\n"),
        ("MSG a 1 #\n<x:/[(]\\(/>", "MSG a 1 2\r\n((\r\n"),
    ] {
        assert!(matches(written, frame.as_bytes()), "{written:?} and {frame:?}");
    }
}

#[test]
fn what_only_looks_alike_is_another_frame() {
    for (written, frame) in [
        ("PONG", "PONG\r\nPONG\r\n"),
        ("PONG", "PONG\n"),
        ("PONG", "pong\r\n"),
        ("PONG", "xPONG\r\n"),
        ("MSG a.b 1 2\nhi", "MSG a+b 1 2\r\nhi\r\n"),
        ("MSG a 1 2\nhi", "MSG a 1 2\r\nhi\r\n\r\n"),
        ("MSG a 1 2\nhi", "MSG a 1 2\r\nho\r\n"),
        ("MSG <dotted> 1 1\nx", "MSG axbb 1 1\r\nx\r\n"),
        ("MSG <word> 1 1\nx", "MSG food 1 1\r\nx\r\n"),
        ("MSG <_> 1 1\nx", "MSG a b 1 1\r\nx\r\n"),
        ("MSG <_> 1 1\nx", "MSG  1 1\r\nx\r\n"),
        ("MSG a 1 #\nab", "MSG a 1 02\r\nab\r\n"),
        ("MSG a 1 #\n<...>", "MSG a 1 3\r\nab\r\n"),
        ("MSG a 1 #\n<\"ab\" x three>", "MSG a 1 4\r\nabab\r\n"),
        ("HMSG a 1 # #\nNATS/1.0\\r\\n\\r\\nxy", "HMSG a 1 14 14\r\nNATS/1.0\r\n\r\nxy\r\n"),
        ("HMSG a 1 # #\nNATS/1.0\\r\\n\\r\\nxy", "HMSG a 1 11 14\r\nNATS/1.0\r\n\r\nxy\r\n"),
        ("INFO <i:json>", "INFO {\"a\":}\r\n"),
        ("INFO <i:json>", "INFO {} {}\r\n"),
        ("MSG a 1 #\n<x:/[0-9]+/>", "MSG a 1 3\r\n12a\r\n"),
        ("MSG a 1 #\n<x:/1|2/>", "MSG a 1 2\r\n12\r\n"),
    ] {
        assert!(!matches(written, frame.as_bytes()), "{written:?} and {frame:?}");
    }
}

#[test]
fn names_are_bound_at_first_sight_and_compared_later() {
    let mut scope = scope();
    let pattern = Pattern::new(&template("MSG <subject> <sid> <reply> #\n<x:/.(b*)/>"), &mut scope);
    assert!(pattern.unwrap().matches(b"MSG s 1 r.1 3\r\nabb\r\n", &mut scope));
    for (name, value) in [("subject", "s"), ("sid", "1"), ("reply", "r.1"), ("x", "abb")] {
        assert_eq!(scope.get(name), Some(&Bound::Bytes(value.into())), "{name}");
    }
    let mut again = |written: &str, frame: &[u8]| {
        Pattern::new(&template(written), &mut scope).unwrap().matches(frame, &mut scope)
    };
    assert!(again("MSG <reply> <sid> 1\nx", b"MSG r.1 1 1\r\nx\r\n"));
    assert!(!again("MSG <reply> <sid> 1\nx", b"MSG r.2 1 1\r\nx\r\n"));
}

#[test]
fn a_name_twice_in_a_frame_is_one_value() {
    assert!(matches("MSG <s> <s> 1\nx", b"MSG a a 1\r\nx\r\n"));
    assert!(!matches("MSG <s> <s> 1\nx", b"MSG a b 1\r\nx\r\n"));
    assert!(matches("MSG <_> <_> 1\nx", b"MSG a b 1\r\nx\r\n"));
}

#[test]
fn nothing_is_bound_by_another_frame() {
    let mut scope = scope();
    let pattern = Pattern::new(&template("MSG <subject> 1 #\nx"), &mut scope).unwrap();
    assert!(!pattern.matches(b"MSG a 1 1\r\ny\r\n", &mut scope));
    assert!(!pattern.matches(b"MSG a 1 9\r\nx\r\n", &mut scope));
    assert_eq!(scope.get("subject"), None);
    let pattern = Pattern::new(&template("INFO <_:json>"), &mut scope).unwrap();
    assert!(pattern.matches(b"INFO {}\r\n", &mut scope));
    assert_eq!(scope.get("_"), None);
}

#[test]
fn what_has_no_value_is_said() {
    let error = |written: &str| Pattern::new(&template(written), &mut scope()).unwrap_err();
    let missing = |path: &str| NoValue::Missing(path.to_owned());
    assert_eq!(error("MSG <info.none> 1 1\nx"), missing("info.none"));
    assert_eq!(error("MSG <info.list[7].a> 1 1\nx"), missing("info.list[7].a"));
    assert_eq!(error("MSG <word.part> 1 1\nx"), missing("word.part"));
    assert_eq!(error("MSG <nobody.at> 1 1\nx"), NoValue::Unbound("nobody".to_owned()));
    let number = NoValue::NotANumber("word".to_owned(), "\"foo\"".to_owned());
    assert_eq!(error("MSG a 1 <word + 1>\nx"), number);
    assert_eq!(error("MSG a 1 1\n<\"a\" x three - 4>"), NoValue::Range(-1));
    assert_eq!(error("MSG a 1 1\n<\"a\" x 99999999999>"), NoValue::Range(99_999_999_999));
}

#[test]
fn large_payloads_are_compared_to_the_last_byte() {
    let written = "MSG a 1 #\n<\"x\" x 8000000>";
    let mut frame = b"MSG a 1 8000000\r\n".to_vec();
    frame.extend(vec![b'x'; 8_000_000]);
    frame.extend(b"\r\n");
    assert!(matches(written, &frame));
    let last = frame.len() - 3;
    frame[last] = b'y';
    assert!(!matches(written, &frame));
}

/// Regular expressions that could upset ours: each is one, but means only what stands in it.
#[test]
fn hostile_expressions_stay_in_their_place() {
    for (regex, payload, is) in [
        ("(?i)abc", "ABC", true),
        ("(?i)abc", "ABCX", false),
        ("a|b", "b", true),
        ("^a$", "a", false), // within a frame there is no such place
        ("[)]", ")", true),
        ("\\)", ")", true),
        ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        ("(?P<g>x)(?P<h>y)", "xy", true),
        ("(?s).*", "a\nb", true),
        ("", "", true),
    ] {
        let written = format!("MSG a 1 #\n<x:/{regex}/>");
        let frame = format!("MSG a 1 {}\r\n{payload}\r\n", payload.len());
        assert_eq!(matches(&written, frame.as_bytes()), is, "{regex} and {payload}");
    }
}

#[test]
fn expressions_that_cannot_be_compiled_are_refused_by_the_reader() {
    for regex in
        ["(", "a)(b", "[", "a{9999}{9999}", "(?x) # open", "\\p{Greek}", "(?P<n>a)(?P<n>b)"]
    {
        for line in [format!("alice< <x:/{regex}/>"), format!("check x ~ /{regex}/")] {
            let text = format!("title: t\nspec: X\nlevel: MUST\n\nalice connects\n{line}\n");
            let problems = parse("t", &text).map(drop).unwrap_err();
            assert_eq!(problems[0].title, "not a regular expression", "{line}");
        }
    }
    assert!(matches!(finds("(", b""), Err(NoValue::Regex(_))));
}

#[test]
fn checks_look_anywhere_in_a_value() {
    assert_eq!(finds("b+", b"abbc"), Ok(true));
    assert_eq!(finds("^b+$", b"abbc"), Ok(false));
    assert_eq!(finds("(?i)^2\\.15", b"2.15.1"), Ok(true));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Literal text matches itself and nothing that differs in a byte.
    #[test]
    fn literals_match_themselves_alone(
        payload in prop::collection::vec(any::<u8>(), 1..40),
        at in any::<prop::sample::Index>(),
        other in any::<u8>(),
    ) {
        let escaped: String = payload.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let written = format!("MSG a 1 {}\n{escaped}", payload.len());
        let line = format!("MSG a 1 {}\r\n", payload.len());
        let frame = [line.as_bytes(), &payload, b"\r\n"].concat();
        prop_assert!(matches(&written, &frame));
        let mut changed = frame.clone();
        changed[at.index(frame.len())] = other;
        prop_assert_eq!(matches(&written, &changed), changed == frame);
    }
}
