//! Options of requests: JSON in place of a page's query, with the same meanings (SYS-005).

use serde_json::{Map, Value};

use super::voice::Voice;
use crate::monitoring::Query;

/// What is asked for, read.
#[derive(Default)]
pub(super) struct Options {
    /// For the page.
    pub(super) query: Query,
    /// Which accounts; empty is all.
    pub(super) accounts: Vec<String>,
    /// Accounts without connections, too.
    pub(super) include_unused: bool,
    filter: Filter,
}

/// Which servers are meant.
#[derive(Default)]
struct Filter {
    name: String,
    cluster: String,
    host: String,
    domain: String,
    exact: bool,
    tags: Vec<String>,
}

/// The options of one request.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// As errors name it.
    name: &'static str,
    fields: &'static [Field],
}

/// Its name in JSON, what it has to be, and the parameter of the query that it stands for.
type Field = (&'static str, Kind, &'static str);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Flag,
    Integer,
    Texts,
    /// 0 open, 1 closed, 2 both.
    State,
    /// `subs=detail`.
    Details,
}

const NO_FIELDS: &[Field] = &[];
const PART: [Field; 2] = [("offset", Kind::Integer, "offset"), ("limit", Kind::Integer, "limit")];

const CONNZ: &[Field] = &[
    PART[0],
    PART[1],
    ("sort", Kind::Text, "sort"),
    ("auth", Kind::Flag, "auth"),
    ("subscriptions", Kind::Flag, "subs"),
    ("subscriptions_detail", Kind::Details, "subs"),
    ("cid", Kind::Integer, "cid"),
    ("mqtt_client", Kind::Text, "mqtt_client"),
    ("state", Kind::State, "state"),
    ("user", Kind::Text, "user"),
    ("acc", Kind::Text, "acc"),
    ("filter_subject", Kind::Text, "filter_subject"),
];

const SUBSZ: &[Field] = &[
    PART[0],
    PART[1],
    ("subscriptions", Kind::Flag, "subs"),
    ("account", Kind::Text, "acc"),
    ("test", Kind::Text, "test"),
];

const HEALTHZ: &[Field] = &[
    ("js-enabled", Kind::Flag, "js-enabled"),
    ("js-enabled-only", Kind::Flag, "js-enabled-only"),
    ("js-server-only", Kind::Flag, "js-server-only"),
    ("account", Kind::Text, "account"),
    ("stream", Kind::Text, "stream"),
    ("consumer", Kind::Text, "consumer"),
    ("details", Kind::Flag, "details"),
];

const STATZ: &[Field] =
    &[("accounts", Kind::Texts, "accounts"), ("include_unused", Kind::Flag, "unused")];

/// Those of every request.
const FILTER: &[Field] = &[
    ("server_name", Kind::Text, "server_name"),
    ("cluster", Kind::Text, "cluster"),
    ("host", Kind::Text, "host"),
    ("exact_match", Kind::Flag, "exact_match"),
    ("tags", Kind::Texts, "tags"),
    ("domain", Kind::Text, "domain"),
];

impl Form {
    pub(super) fn of(what: &str) -> Form {
        let (name, fields) = match what {
            "STATSZ" => ("StatszEventOptions", NO_FIELDS),
            "VARZ" => ("VarzEventOptions", NO_FIELDS),
            "CONNZ" => ("ConnzEventOptions", CONNZ),
            "SUBSZ" => ("SubszEventOptions", SUBSZ),
            "ROUTEZ" => ("RoutezEventOptions", NO_FIELDS),
            "GATEWAYZ" => ("GatewayzEventOptions", NO_FIELDS),
            "LEAFZ" => ("LeafzEventOptions", NO_FIELDS),
            "ACCOUNTZ" => ("AccountzEventOptions", &[("account", Kind::Text, "acc")][..]),
            "JSZ" => ("JszEventOptions", NO_FIELDS),
            "HEALTHZ" => ("HealthzEventOptions", HEALTHZ),
            "STATZ" => ("AccountStatzEventOptions", STATZ),
            _ => ("EventFilterOptions", NO_FIELDS),
        };
        Form { name, fields }
    }
}

impl Options {
    /// Whether this server is meant. Its cluster and domain have no names.
    pub(super) fn mean(&self, server: &Voice) -> bool {
        let Filter { name, cluster, host, domain, exact, tags } = &self.filter;
        let fits = |wanted: &str, is: &str| {
            wanted.is_empty() || if *exact { is == wanted } else { is.contains(wanted) }
        };
        let nowhere = cluster.is_empty() && domain.is_empty();
        nowhere
            && server.is_tagged(tags)
            && fits(name, server.server_name())
            && fits(host, server.host())
    }

    fn take(&mut self, (name, kind, parameter): Field, value: &Value) -> Option<()> {
        match (kind, value) {
            (Kind::Text, Value::String(text)) => match name {
                "server_name" => self.filter.name.clone_from(text),
                "cluster" => self.filter.cluster.clone_from(text),
                "host" => self.filter.host.clone_from(text),
                "domain" => self.filter.domain.clone_from(text),
                _ => self.query.put(parameter, text),
            },
            (Kind::Flag, Value::Bool(flag)) => match name {
                "exact_match" => self.filter.exact = *flag,
                "include_unused" => self.include_unused = *flag,
                _ if *flag => self.query.put(parameter, "1"),
                _ => {}
            },
            (Kind::Details, Value::Bool(flag)) => {
                if *flag {
                    self.query.put(parameter, "detail");
                }
            }
            (Kind::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.query.put(parameter, &number.to_string());
            }
            (Kind::State, Value::Number(number)) => {
                let state = match number.as_u64()? {
                    0 => "open",
                    1 => "closed",
                    _ => "all",
                };
                self.query.put(parameter, state);
            }
            (Kind::Texts, Value::Array(list)) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let texts: Vec<String> = texts?.into_iter().map(str::to_owned).collect();
                match name {
                    "tags" => self.filter.tags = texts,
                    _ => self.accounts = texts,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// Reads options; what is wrong is said in the words of Go. Nothing is no options.
pub(super) fn read(form: Form, payload: &[u8]) -> Result<Options, String> {
    let mut options = Options::default();
    for (name, value) in object(form.name, payload)?.iter().filter(|(_, it)| !it.is_null()) {
        let known = form.fields.iter().chain(FILTER).find(|(known, ..)| known == name);
        let Some(field) = known else { continue };
        options.take(*field, value).ok_or_else(|| {
            let wanted = match field.1 {
                Kind::Text => "string",
                Kind::Flag | Kind::Details => "bool",
                Kind::Integer => "int",
                Kind::Texts => "[]string",
                Kind::State => "server.ConnState",
            };
            let place = format!("{}.{name}", form.name);
            let field = format!("Go struct field {place} of type {wanted}");
            format!("json: cannot unmarshal {} into {field}", kind_of(value))
        })?;
    }
    Ok(options)
}

/// The fields of a JSON object.
pub(super) fn object(name: &str, payload: &[u8]) -> Result<Map<String, Value>, String> {
    if payload.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(value) => {
            let kind = kind_of(&value);
            Err(format!("json: cannot unmarshal {kind} into Go value of type server.{name}"))
        }
        Err(error) => Err(words(&error, payload)),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What is wrong with a text that is no JSON, as Go says it where that is one of its two usual
/// sentences.
fn words(error: &serde_json::Error, payload: &[u8]) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let line = payload.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
    let byte = line.and_then(|line| line.get(error.column().saturating_sub(1)));
    let letter = byte.map_or(' ', |byte| char::from(*byte));
    let where_to = match error.to_string().starts_with("key must be a string") {
        true => "looking for beginning of object key string",
        false => "looking for beginning of value",
    };
    format!("invalid character '{letter}' {where_to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_the_words_of_go() {
        for (payload, words) in [
            ("bad", "invalid character 'b' looking for beginning of value"),
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("{", "unexpected end of JSON input"),
            ("[]", "json: cannot unmarshal array into Go value of type server.ConnzEventOptions"),
            (
                r#"{"limit":"x"}"#,
                "json: cannot unmarshal string into Go struct field ConnzEventOptions.limit of \
                 type int",
            ),
            (
                r#"{"state":"closed"}"#,
                "json: cannot unmarshal string into Go struct field ConnzEventOptions.state of \
                 type server.ConnState",
            ),
        ] {
            let found = read(Form::of("CONNZ"), payload.as_bytes()).err();
            assert_eq!(found.as_deref(), Some(words), "{payload}");
        }
    }
}
