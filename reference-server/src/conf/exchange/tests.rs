//! Blocks as users write them; what is refused was refused by 2.15.1 in the same words.

use crate::{Config, Export, Import, ResponseType, SubjectMapping};
use std::time::Duration;

fn refused(text: &str) -> String {
    let error = Config::default().merge(text).unwrap_err().to_string();
    // Without places, which are tested elsewhere.
    let heads = error.lines().filter(|line| !line.starts_with(' '));
    heads.map(|line| line.splitn(3, ':').nth(2).unwrap().trim()).collect::<Vec<_>>().join(" | ")
}

#[test]
fn exports_imports_and_mappings_are_read_in_all_their_forms() {
    let mut config = Config::default();
    let warnings = config
        .merge(
            r#"mappings { one: uno }
            accounts {
              A {
                exports: [
                  {stream: "pub.>"}, {stream: "priv.*", accounts: [K]}
                  {service: "s", response: stream, threshold: "5s"}
                  {service: "t.*", account_token_position: 2, latency: m}
                ]
              }
              K {
                imports: [
                  {stream: {account: A, subject: "pub.a.*"}, to: "local.$1"}
                  {stream: {account: A, subject: "priv.x"}, prefix: from}
                  {service: {account: A, subject: s}, to: t, share: true}
                ]
                mappings {
                  "a.*": "b.$1"
                  x: [{destination: y, weight: 40%}, {dest: z, weight: 10, cluster: c}]
                  q: {destination: r, weight: 100}
                }
              }
            }"#,
        )
        .unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.auth.mappings, [SubjectMapping::new("one", "uno")]);
    let [a, k] = &*config.auth.accounts else { panic!("not two accounts") };
    let many = Export::service("s").answered(ResponseType::Stream, Duration::from_secs(5));
    let mut token = Export::service("t.*").timed(100, "m");
    token.account_token_position = 2;
    let only = Export::stream("priv.*").only_for("K");
    assert_eq!(a.exports, [Export::stream("pub.>"), only, many, token]);
    assert_eq!(
        k.imports,
        [
            Import::stream("A", "pub.a.*").to("local.$1"),
            Import::stream("A", "priv.x").prefix("from"),
            Import::service("A", "s").to("t").share(),
        ]
    );
    let mut shared = SubjectMapping::of("x").to("y", 40).to("z", 10);
    shared.destinations[1].cluster = Some("c".to_owned());
    assert_eq!(
        k.mappings,
        [SubjectMapping::new("a.*", "b.$1"), shared, SubjectMapping::new("q", "r")]
    );
}

#[test]
fn what_does_not_fit_together_is_told_where_it_stands() {
    let text = "accounts {\n  A { exports: [ {stream: \"x.>\"} ] }\n  K { imports: [\n    \
                {stream: {account: A, subject: \"y\"}}\n  ] }\n}";
    let error = Config::default().merge(text).unwrap_err().to_string();
    assert!(error.starts_with("4:5: Error adding stream import \"y\": "), "{error}");
}

const LATENCY_RANGE: &str = "bad sampling percentage, should be 1-100";

/// Exports of A, imports of K, and what is said of them (ACC-012).
const WRONG: &[(&str, &str, &str)] = &[
    (
        r#"{stream: "x.>"}"#,
        r#"{stream: {account: A, subject: y}}"#,
        r#"Error adding stream import "y": stream import not authorized"#,
    ),
    (
        r#"{service: x}"#,
        r#"{service: {account: A, subject: y}}"#,
        r#"Error adding service import "y": service import not authorized"#,
    ),
    (
        r#"{service: x, accounts: [L]}"#,
        r#"{service: {account: A, subject: x}}"#,
        r#"Error adding service import "x": service import not authorized"#,
    ),
    ("", r#"{stream: {account: Z, subject: y}}"#, r#""Z" account not defined for stream import"#),
    ("{stream: x, accounts: [Q]}", "", r#""Q" account not defined for stream export"#),
    (
        r#"{stream: "x.*"}"#,
        r#"{stream: {account: A, subject: "x.*"}, to: y}"#,
        concat!(
            r#"Error adding stream import "x.*": failed to create mapping transform for stream "#,
            r#"import subject from "x.*" to "y": invalid mapping destination: not using all of "#,
            r#"the token wildcard(s) in y"#
        ),
    ),
    (
        r#"{service: "x.*.*"}"#,
        r#"{service: {account: A, subject: "x.*.*"}, to: "y.$2"}"#,
        concat!(
            r#"Error adding service import "x.*.*": failed to create mapping transform for "#,
            r#"service import subject from "y.$2" to "x.*.*": invalid mapping destination: "#,
            r#"not using all of the token wildcard(s) in y.$2"#
        ),
    ),
    (
        r#"{stream: "x.*"}"#,
        concat!(
            r#"{stream: {account: A, subject: "x.*"}}, "#,
            r#"{stream: {account: A, subject: "x.*"}, to: "q.$1"}"#
        ),
        r#"Error adding stream import "x.*": stream import already exists"#,
    ),
    (
        "{service: x}",
        concat!(
            "{service: {account: A, subject: x}, to: h}, ",
            "{service: {account: A, subject: x}, to: h}"
        ),
        concat!(
            r#"Duplicate service import subject "h", previously used in import for account "A", "#,
            r#"subject "x""#
        ),
    ),
    (
        "{service: x}",
        r#"{service: {account: A, subject: x}, to: "y.."}"#,
        r#"Error adding service import "x": sublist: invalid subject"#,
    ),
    (
        r#"{stream: "x.*", account_token_position: 1}"#,
        "",
        r#"Error adding stream export "x.*": sublist: invalid subject"#,
    ),
    (
        r#"{stream: "x.*", account_token_position: 2}"#,
        r#"{stream: {account: A, subject: "x.L"}}"#,
        r#"Error adding stream import "x.L": stream import not authorized"#,
    ),
    (
        r#"{stream: "x.*"}"#,
        r#"{stream: {account: A, subject: "x.*"}, prefix: "a.*"}"#,
        concat!(
            r#"Error adding stream import "x.*": "#,
            "stream import prefix can not contain wildcard tokens"
        ),
    ),
    ("{service: x, response: many}", "", r#"Unknown response type: "many""#),
    ("{stream: x, response: stream}", "", "Detected response directive on non-service"),
    (
        "{service: x, threshold: q}",
        "",
        r#"Expected response threshold to be a parseable time duration, got "q""#,
    ),
    ("{service: x, latency: {sampling: 0, subject: y}}", "", LATENCY_RANGE),
    ("{service: x, latency: {sampling: \"101%\", subject: y}}", "", LATENCY_RANGE),
    ("{service: x, latency: {sampling: 5}}", "", "Latency subject required, but missing"),
    ("{service: x, latency: {sampling: Headers, subject: y}}", "", ""),
    (
        "{service: x, latency: \"y.*\"}",
        "",
        concat!(
            r#"Error adding service latency sampling for "x" on subject "y.*": "#,
            "invalid publish subject"
        ),
    ),
    ("{stream: x, latency: y}", "", "Detected latency directive on non-service"),
    ("{service: x, latency: {sampling: 50%, subject: y}}", "", ""),
    ("x", "", "Export Items should be a map with type entry, got string"),
    ("{stream: x}", "{stream: {account: A}}", "Expect an account name and a subject"),
    ("{stream: x}", "{stream: A}", "Stream entry should be an account map, got string"),
    ("{stream: \"x.*\"}", "{stream: {account: A, subject: \"x.*\"}, to: \"z.*\"}", ""),
    ("{stream: \"x.*\", account_token_position: 2}", "{stream: {account: A, subject: x.K}}", ""),
];

#[test]
fn wrong_exports_and_imports_are_refused_in_the_words_of_nats_server() {
    for (exports, imports, words) in WRONG.iter().copied() {
        let text = format!(
            "accounts {{ A {{ exports: [{exports}] }}\n K {{ imports: [{imports}] }}\n L {{}} }}"
        );
        match words {
            "" => drop(Config::default().merge(&text).unwrap()),
            words => assert_eq!(refused(&text), words, "{text}"),
        }
    }
    let words = "Imports should be an array, got map[string]interface {} | \
                 Exports should be an array, got map[string]interface {}";
    assert_eq!(refused("accounts { A { imports: {}, exports: {} } }"), words);
}

#[test]
fn imports_that_lead_back_are_refused() {
    let streams = "accounts {
        A { exports: [{stream: \">\"}], imports: [{stream: {account: K, subject: h}}] }
        K { exports: [{stream: \">\"}], imports: [{stream: {account: A, subject: h}}] } }";
    assert_eq!(refused(streams), "Error adding stream import \"h\": import forms a cycle");
    let services = "accounts {
        A { exports: [{service: \">\"}], imports: [{service: {account: K, subject: h}}] }
        K { exports: [{service: \">\"}], imports: [{service: {account: L, subject: h}}] }
        L { exports: [{service: h}], imports: [{service: {account: A, subject: h}}] } }";
    assert_eq!(refused(services), "Error adding service import \"h\": import forms a cycle");
}

#[test]
fn wrong_mappings_are_refused_in_the_words_of_nats_server() {
    // ACC-019
    for (mapping, words) in [
        ("a: [{destination: b}]", r#"Missing weight for mapping destination "b""#),
        ("a: [{destination: b, weight: x}]", r#"Invalid weight "x" for mapping destination"#),
        ("a: [{destination: b, weight: 101}]", "Invalid weight 101 for mapping destination"),
        ("a: [b]", "Expected an entry for the mapping destination"),
        (
            "a: [{destination: b, weight: 60}, {destination: c, weight: 60}]",
            r#"Error adding mapping for "a" : total weight needs to be <= 100"#,
        ),
        (
            "a: b..c",
            concat!(
                r#"Error adding mapping for "a" to "b..c" : "#,
                "invalid mapping destination: invalid transform"
            ),
        ),
        ("\"a..b\": c", r#"Subject "a..b" is not a valid subject"#),
    ] {
        assert_eq!(refused(&format!("mappings {{ {mapping} }}")), words, "{mapping}");
        assert_eq!(refused(&format!("accounts {{ A {{ maps {{ {mapping} }} }} }}")), words);
    }
}
