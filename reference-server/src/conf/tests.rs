#![allow(clippy::unwrap_used, reason = "a test may stop where something is not there")]

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::{
    block::{Table, put, setting, unsupported},
    value::Source,
    *,
};

fn merged(text: &str) -> Config {
    let mut config = Config::default();
    config.merge(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    config
}

fn refused(text: &str) -> String {
    Config::default().merge(text).unwrap_err().to_string()
}

/// Reads with an environment of this one variable.
fn with_variable(value: &str, text: &str) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let environment = |name: &str| (name == "FROM_OUTSIDE").then(|| value.to_owned());
    config.merge_source(Source { file: None, text: text.to_owned() }, &environment)?;
    Ok(config)
}

fn name(text: &str) -> String {
    merged(&format!("server_name: {text}")).server_name.unwrap()
}

#[test]
fn every_form_of_an_entry_is_accepted() {
    // CONF-001
    for text in [
        "port: 1",
        "port=1",
        "port 1",
        "PORT: 1",
        "\"port\": 1",
        "'port': 1",
        "port\n1",
        "debug: true; port: 1",
        "debug: true, port: 1",
        "debug: true\r\nport: 1\r\n",
        "{\"debug\": true, \"port\": 1,}",
        "{\n\tport: 1\n}\n",
        "port: 1}",
        "port: 2\nPort: 1",
    ] {
        assert_eq!(merged(text).port, 1, "{text}");
    }
    for text in ["a {\n}", "a = {}", "a: {b: [\n1\n2\n], c: {d: 1}}", "a\n{\n}", "a{}", "a [1,2]"] {
        let error = refused(&format!("{text}\nport: 1"));
        assert!(error.starts_with("1:1: unknown field \"a\""), "{text}: {error}");
    }
}

#[test]
fn what_is_not_an_entry_is_refused_in_its_place() {
    // CONF-001, CONF-008, CONF-017, CONF-018
    for (text, words) in [
        ("port: 1 debug: true", "1:9: Expected a top-level value to end with a new line"),
        ("a { b: 1 c: 2 }", "1:10: Expected a map value terminator \",\""),
        ("a: [b c]", "1:7: Expected an array value terminator \",\""),
        ("a: [,b]", "1:5: Unexpected array value terminator ','"),
        ("a: [b,,c]", "1:7: Unexpected array value terminator ','"),
        ("a:\n1", "1:3: Expected value but found new line"),
        ("port:: 1", "1:8: Expected a top-level value to end"),
        ("\n a: {", "2:5: Unexpected EOF processing map"),
        ("a: \"b", "1:4: Unexpected EOF"),
        ("a: 3-secret", "1:4: All ISO8601 dates must be in full Zulu form"),
        ("a: \"\\q\"", "1:4: Invalid escape character 'q'"),
        ("a: \"\\xZZ\"", "1:4: Expected two hexadecimal digits after '\\x', but got 'ZZ'"),
        ("a: -x", "1:4: Expected a digit but got 'x'"),
        ("a: .x", "1:4: Floats must start with a digit"),
        ("a: 1.5s", "1:4: '1.5s' is no number"),
        ("port: 4222# c", "1:13: Expected a top-level value to end"),
        ("\"a\"", "1:4: Expected value but found the end"),
        ("a: 99999999999999999999", "1:4: integer '99999999999999999999' is out of the range"),
        ("; a: 1", "1:6: Expected a top-level"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(words), "{text}: {error}");
    }
}

#[test]
fn a_comment_may_stand_between_but_not_in_a_word() {
    // CONF-002, CONF-018
    let text = "# c\nserver_name: ab#cd // c\n// c\nport: 1 # c\nhost: \"h\"# c\n";
    let config = merged(text);
    assert_eq!((config.server_name.as_deref(), config.port), (Some("ab#cd"), 1));
    assert_eq!(name("ab//cd"), "ab//cd");
}

#[test]
fn strings_have_their_forms() {
    // CONF-003
    for (text, value) in [
        (r#""a\tb\x41\"c\\d""#, "a\tbA\"c\\d"),
        (r"'a\tb'", r"a\tb"),
        (r"a\tb", "a\tb"),
        ("ab\"cd", "ab\"cd"),
        ("ab:cd", "ab:cd"),
        ("3secret", "3secret"),
        ("300ms", "300ms"),
        ("1.2.3.4:55", "1.2.3.4:55"),
        ("x$Y", "x$Y"),
        ("\"$Y\"", "$Y"),
        ("$2a$11$hash/hash.", "$2a$11$hash/hash."),
        ("(\na b\n)\n", "\na b\n"),
        ("\"\\xc3\\xa9\"", "é"),
        ("1kbi", "1kbi"),
    ] {
        // Not every one of them is a name without blanks.
        let read = merged(&format!("client_advertise: {text}")).client_advertise.unwrap();
        assert_eq!(read, value, "{text}");
    }
    for text in ["12", "3m", "yes", "1.5", "2020-01-02T03:04:05Z", "[a]", "{}"] {
        let error = refused(&format!("server_name: {text}"));
        assert!(error.starts_with("1:14: expected a string, not a"), "{text}: {error}");
    }
}

#[test]
fn sizes_take_units() {
    // CONF-004
    for (text, bytes) in [
        ("1k", 1000),
        ("1kb", 1024),
        ("1KB", 1024),
        ("1kib", 1024),
        ("1MB", 1 << 20),
        ("1mi", 1 << 20),
        ("2g", 2_000_000_000),
        ("1e", 1_000_000_000_000_000_000),
    ] {
        assert_eq!(merged(&format!("max_pending: {text}")).max_pending_bytes, bytes, "{text}");
    }
    for text in ["'1MB'", "0x10", "+5", "1_000", "true", "1.5", "-2"] {
        assert!(refused(&format!("max_pending: {text}")).starts_with("1:14: "), "{text}");
    }
    assert!(refused("max_payload: 3GB").contains("max_payload value is too big"));
}

#[test]
fn durations_are_strings_and_bare_integers_seconds() {
    // CONF-005, CONF-012
    for (text, duration) in [
        ("30s", Duration::from_secs(30)),
        ("\"1m30s\"", Duration::from_secs(90)),
        ("\"1.5s\"", Duration::from_millis(1500)),
        ("1m", Duration::from_secs(1_000_000)),
        ("\"2h\"", Duration::from_secs(7200)),
        ("500us", Duration::from_micros(500)),
    ] {
        assert_eq!(merged(&format!("ping_interval: {text}")).ping_interval, duration, "{text}");
    }
    let warnings = Config::default().merge("ping_interval: 90").unwrap();
    assert!(warnings[0].is_error_in_check);
    assert!(warnings[0].text.contains("ping_interval should be converted to a duration"));
    assert!(refused("ping_interval: \"abc\"").contains("time: invalid duration \"abc\""));
    assert!(refused("ping_interval: \"30\"").contains("missing unit in duration \"30\""));
    assert!(refused("ping_interval: 1.5").contains("not a float"));
    assert!(refused("ping_interval: \"-1s\"").contains("negative"));
    assert!(refused("lame_duck_duration: 5s").contains("minimum is 30 seconds"));
}

#[test]
fn booleans_have_six_names_and_no_quotes() {
    // CONF-006
    for (text, value) in [
        ("true", true),
        ("YES", true),
        ("On", true),
        ("false", false),
        ("no", false),
        ("off", false),
    ] {
        assert_eq!(merged(&format!("debug: {text}")).program.debug, value, "{text}");
    }
    assert!(refused("debug: 1").contains("expected a boolean, not an integer"));
    assert!(refused("debug: \"true\"").contains("write it without quotes"));
}

#[test]
fn a_variable_is_an_earlier_key_or_the_environment() {
    // CONF-009
    assert_eq!(merged("TK: secret\nserver_name: $TK").server_name.as_deref(), Some("secret"));
    assert_eq!(merged("PORT_OF_OURS: 12\nport: $PORT_OF_OURS").port, 12);
    assert!(refused("TK: a").starts_with("1:1: unknown field \"TK\""));
    for text in ["port: $TK\nTK: 1", "a { TK: 1 }\nport: $TK", "port: ${TK}"] {
        assert!(refused(text).contains("can not be found"), "{text}");
    }
    let outside = |value| with_variable(value, "server_name: $FROM_OUTSIDE");
    assert_eq!(outside("it").unwrap().server_name.as_deref(), Some("it"));
    assert_eq!(with_variable("42", "port: $FROM_OUTSIDE").unwrap().port, 42);
    let ours = with_variable("42", "FROM_OUTSIDE: 43, port: $FROM_OUTSIDE").unwrap();
    assert_eq!(ours.port, 43);
    assert!(outside("$FROM_OUTSIDE").unwrap_err().to_string().contains("reference cycle for"));
    assert!(outside("a\nb: 1").unwrap_err().to_string().contains("is not one value"));
}

#[test]
fn variables_that_hold_one_another_have_an_end() {
    let mut text = "v0: [1,1]\n".to_owned();
    for n in 1..60 {
        text += &format!("v{n}: [$v{}, $v{}]\n", n - 1, n - 1);
    }
    assert!(refused(&text).contains("variables of this file hold too much"));
}

#[test]
fn an_included_file_stands_beside_the_one_that_includes_it() {
    // CONF-010
    let folder = std::env::temp_dir().join(format!("conf-include-{}", std::process::id()));
    fs::create_dir_all(folder.join("sub")).unwrap();
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    write("main.conf", "include sub/one.conf; INCLUDE './sub/one.conf'\nserver_name: $TK");
    write("sub/one.conf", "include \"two.conf\"\nTK: from_one");
    write("sub/two.conf", "port: 22");
    write("missing.conf", "port: 1\ninclude nofile.conf");
    write("cycle.conf", "include sub/back.conf");
    write("sub/back.conf", "include ../cycle.conf");
    write("bad.conf", "include sub/bad.conf");
    write("sub/bad.conf", "\ncolour: red");
    write("list.conf", "include [a]");
    let read = |file: &str| {
        let mut config = Config::default();
        config.merge_file(&folder.join(file)).map(|_| config)
    };
    let error = |file: &str| read(file).unwrap_err().to_string();
    let config = read("main.conf").unwrap();
    assert_eq!((config.port, config.server_name.as_deref()), (22, Some("from_one")));
    assert!(error("missing.conf").contains("missing.conf:2:1: error parsing include file 'nofile"));
    assert!(error("missing.conf").contains("nofile.conf: no such file or directory"));
    assert!(error("cycle.conf").contains("error parsing include file '../cycle.conf'"));
    assert!(error("bad.conf").contains("sub/bad.conf:2:1: unknown field \"colour\""));
    assert!(error("list.conf").contains("Expected include value"));
    assert!(error("nofile.conf").contains("nofile.conf: no such file or directory"));
    fs::remove_dir_all(&folder).unwrap();
    assert!(refused("include /dev/zero").contains("not a file"));
    assert!(refused("include: x").contains("unknown field \"include\""));
}

#[test]
fn all_mistakes_are_told_with_place_and_advice() {
    // CONF-011
    assert_eq!(
        refused("\nmax_paylod: 1\n  port: huge"),
        "2:1: unknown field \"max_paylod\"\n    max_paylod: 1\n    \
         ^ did you mean \"max_payload\"?\n\
         3:9: expected an integer, not a string\n      port: huge\n            \
         ^ write it without quotes"
    );
    assert!(refused("cluster { name: c }").contains("not supported by this server"));
    assert!(refused("listen: abc").contains("could not parse address string \"abc\""));
    assert!(refused("listen: a:b").contains("could not parse port \"b\""));
    assert!(refused("server_name: \"a b\"").contains("server name cannot contain spaces"));
    let mut config = Config::default();
    assert!(config.merge("port: 1\ncolour: red").is_err());
    assert_eq!(config, Config::default(), "nothing of a file with mistakes is taken over");
}

#[derive(Debug, Default, PartialEq)]
struct Person {
    name: String,
    friends: Vec<Person>,
}

const PERSON: &Table<Person> = &[
    setting(&["name"], |person, it| put(&mut person.name, it.text())),
    setting(&["friends"], |person, it| {
        for element in it.elements()? {
            let mut friend = Person::default();
            element.block(PERSON, &mut friend)?;
            person.friends.push(friend);
        }
        Ok(())
    }),
    setting(&["known"], |person, it| {
        for entry in it.named()? {
            match entry.flag() {
                Ok(_) => {
                    person.friends.push(Person { name: entry.name.into(), ..Person::default() })
                }
                Err(problem) => entry.report(problem),
            }
        }
        Ok(())
    }),
    unsupported(&["pets"]),
];

#[test]
fn blocks_stand_in_one_another_and_tell_all_mistakes() {
    let read = |text: &str| {
        let source = Source { file: None, text: text.to_owned() };
        let (mut person, findings) = (Person::default(), Findings::default());
        let map = syntax::read(source, &|_| None).unwrap();
        block::read(&map, "", PERSON, &mut person, &findings).unwrap();
        (person, findings.into_parts().0)
    };
    let (ann, problems) = read("name: ann, friends: [{name: bob}\n{name: eve}], known {A: yes}");
    let names: Vec<&str> = ann.friends.iter().map(|friend| friend.name.as_str()).collect();
    assert_eq!((problems, names), (vec![], vec!["bob", "eve", "A"]));
    let (_, problems) = read("friends: [{nmae: bob}, {name: 1}]\npets: 1\nknown {A: 1, B: x}");
    let places: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(1, 12), (1, 31), (2, 1), (3, 11), (3, 17)]);
}

#[test]
fn addresses_have_their_forms() {
    for (text, host, port) in [
        ("0.0.0.0:4444", "0.0.0.0", 4444),
        ("4222", "127.0.0.1", 4222),
        ("\":4222\"", "127.0.0.1", 4222),
        ("\"[::1]:4333\"", "::1", 4333),
        ("127.0.0.1:-1", "127.0.0.1", 0),
        ("localhost:1", "localhost", 1),
    ] {
        let config = merged(&format!("listen: {text}"));
        assert_eq!((config.host.as_str(), config.port), (host, port), "{text}");
    }
}

#[test]
fn harmless_options_are_warned_of() {
    let warnings = Config::default().merge("prof_port: 1234\nconnect_error_reports: 1").unwrap();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].to_string().starts_with("1:1: \"prof_port\" has no effect here"));
    assert!(!warnings[0].is_error_in_check);
}

#[test]
fn jetstream_is_accepted_where_it_is_switched_off() {
    let refusal = |text: &str| Config::default().merge(text).err().map(|error| error.to_string());
    let unsupported = "\"jetstream\" of nats-server is not supported by this server";
    for (value, words) in [
        ("false", ""),
        ("off", ""),
        ("disabled", ""),
        ("Disable", ""),
        ("true", unsupported),
        ("enabled", unsupported),
        ("{ max_mem: 1 }", unsupported),
        ("\"false\"", "Expected 'enabled' or 'disabled' for string value, got 'false'"),
    ] {
        for text in
            [format!("jetstream: {value}"), format!("accounts {{ A {{ jetstream: {value} }} }}")]
        {
            match (words, refusal(&text)) {
                ("", refusal) => assert_eq!(refusal, None, "{text}"),
                (words, refusal) => assert!(refusal.unwrap().contains(words), "{text}"),
            }
        }
    }
    assert_eq!(refusal("jetstream { enabled: false, store_dir: x }"), None);
    assert!(refusal("jetstream { enabled: true }").is_some());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ab:={}\\[\\],;#/'\"()$\\\\\n\t -0-9.kx]{0,60}") {
        let _ = Config::default().merge(&text);
    }

    #[test]
    fn no_letters_make_it_panic(
        text in "\\PC{0,40}",
        port in "(port|debug|listen|a) ?[:=]? ?\\PC*",
    ) {
        let _ = Config::default().merge(&text);
        let _ = Config::default().merge(&port);
    }

    #[test]
    fn a_quoted_string_comes_back(text in "\\PC{0,20}") {
        let escaped: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        let read = merged(&format!("host: \"{escaped}\"")).host;
        prop_assert_eq!(read, text);
    }
}
