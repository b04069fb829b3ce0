//! A digest of what a configuration says, whatever its layout (CONF-014): SHA-256 of the values as
//! compact JSON with sorted keys, written as Go does, and a line end.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::value::{Kind, Value};

/// The digest of a configuration and what it includes, as nats-server logs it: `sha256:` and 64
/// hexadecimal digits.
pub(super) fn of(map: &Value) -> String {
    let mut json = String::new();
    write(map, &mut json);
    json.push('\n');
    let digest = Sha256::digest(json);
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn write(value: &Value, json: &mut String) {
    match &value.kind {
        Kind::Flag(flag) => json.push_str(&flag.to_string()),
        Kind::Integer(number) => json.push_str(&number.to_string()),
        Kind::Float(number) => json.push_str(&number.to_string()),
        Kind::Text(text) | Kind::Date(text) => write_text(text, json),
        Kind::List(values) => {
            let separate = |json: &mut String, at| json.push_str(if at == 0 { "[" } else { "," });
            for (at, value) in values.iter().enumerate() {
                separate(json, at);
                write(value, json);
            }
            json.push_str(if values.is_empty() { "[]" } else { "]" });
        }
        Kind::Map(entries) => {
            let pairs = entries.iter().map(|entry| (&entry.key, &entry.value));
            let sorted: BTreeMap<_, _> = pairs.collect();
            json.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                json.push_str(if at == 0 { "" } else { "," });
                write_text(key, json);
                json.push(':');
                write(value, json);
            }
            json.push('}');
        }
    }
}

/// Go writes some letters as numbers that need not be.
fn write_text(text: &str, json: &mut String) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                json.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => json.push(letter),
        }
    }
    json.push('"');
}
