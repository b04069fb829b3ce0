//! The header of a scenario.

use super::{
    Header, Level, Problem, Span, Spanned, Template, Version, config::config, keys::keys,
    line::Line, problem::nearest,
};

const KEYS: &[&str] = &[
    "title", "spec", "level", "since", "until", "tags", "needs", "keys", "config", "pings", "infos",
];

/// What the key `spec` wants.
const CLAUSES: &str = "the clauses it shows, such as CORE-SUB-001";

/// Reads the header's lines; `end` is the length of the text.
pub(super) fn header(
    lines: &[Line<'_>],
    end: usize,
    problems: &mut Vec<Problem>,
) -> Option<Header> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut keyless = false;
    for line in lines {
        if line.indent > 0 {
            match fields.last_mut() {
                Some(field) if matches!(field.key, "config" | "keys") => field.block.push(*line),
                _ => {
                    let label = "expected `key: value` at the start of the line";
                    problems.push(
                        Problem::new(line.span(), "an indented header line", label)
                            .advise("only the lines of `config:` and `keys:` are indented"),
                    );
                }
            }
            continue;
        }
        let Some((key, value)) = key_and_value(line) else {
            // Where the blank line is missing, the whole story has none: once is enough.
            if !std::mem::replace(&mut keyless, true) {
                let label = "expected `key: value`, or a blank line before the story";
                problems.push(Problem::new(line.span(), "a header line without a key", label));
            }
            continue;
        };
        match field(*line, key, value) {
            Ok(field) if fields.iter().any(|other| other.key == field.key) => {
                problems.push(Problem::new(
                    field.key_span,
                    "a key twice",
                    "it has been given before",
                ));
            }
            Ok(field) => fields.push(field),
            Err(problem) => problems.push(problem),
        }
    }
    let start = lines.first().map_or(0..end.min(1), Line::span);
    Reader { fields, problems, start }.read()
}

struct Field<'a> {
    key: &'a str,
    key_span: Span,
    value: Spanned<String>,
    /// The indented lines below it.
    block: Vec<Line<'a>>,
}

/// A line of the story may hold a colon as well.
fn key_and_value<'a>(line: &Line<'a>) -> Option<(&'a str, &'a str)> {
    line.text.split_once(':').filter(|(key, _)| !key.contains([' ', '<', '>']))
}

fn field<'a>(line: Line<'a>, key: &'a str, value: &str) -> Result<Field<'a>, Problem> {
    let key_span = line.start..line.start + key.len().max(1);
    if !KEYS.contains(&key) {
        let problem =
            Problem::new(key_span, format!("unknown key `{key}`"), "expected a header key");
        return Err(match nearest(key, KEYS.iter().copied()) {
            Some(known) => problem.advise(format!("did you mean `{known}`?")),
            None => problem.advise(format!("the keys are {}", KEYS.join(", "))),
        });
    }
    let start = line.start + line.text.len() - value.trim_start().len();
    let text = value.trim().to_owned();
    // Of an empty value there is only the line to show.
    let span = if text.is_empty() { line.span() } else { start..start + text.len() };
    let value = Spanned { span, value: text };
    Ok(Field { key, key_span, value, block: Vec::new() })
}

struct Reader<'a, 'p> {
    fields: Vec<Field<'a>>,
    problems: &'p mut Vec<Problem>,
    start: Span,
}

impl Reader<'_, '_> {
    fn read(mut self) -> Option<Header> {
        let title = self.required("title", "one sentence that is true of a correct server");
        let spec = self.required("spec", CLAUSES);
        let level = self.required("level", "MUST, SHOULD or MAY");
        let level = level.and_then(|level| match level.value.as_str() {
            "MUST" => Some(Level::Must),
            "SHOULD" => Some(Level::Should),
            "MAY" => Some(Level::May),
            _ => {
                let label = "expected MUST, SHOULD or MAY";
                self.problems.push(Problem::new(level.span, "not a level", label));
                None
            }
        });
        let (since, until) = self.releases();
        let tags = self.list("tags").into_iter().map(|tag| tag.value).collect();
        let needs = self.list("needs");
        let manual_pings = self.manual("pings");
        let manual_infos = self.manual("infos");
        let config = self.config();
        let keys = self.keys();
        let spec = split(&spec?);
        if spec.is_empty() {
            self.no("spec", CLAUSES);
        }
        Some(Header {
            title: title?,
            spec,
            level: level?,
            since,
            until,
            tags,
            needs,
            config,
            keys,
            manual_pings,
            manual_infos,
        })
    }

    fn value(&self, key: &str) -> Option<Spanned<String>> {
        self.fields.iter().find(|field| field.key == key).map(|field| field.value.clone())
    }

    fn required(&mut self, key: &str, what: &str) -> Option<Spanned<String>> {
        let value = self.value(key).filter(|value| !value.value.is_empty());
        if value.is_none() {
            self.no(key, what);
        }
        value
    }

    fn no(&mut self, key: &str, what: &str) {
        let label = format!("expected `{key}:` in the header: {what}");
        self.problems.push(Problem::new(self.start.clone(), format!("no {key}"), label));
    }

    /// The first and the last one.
    fn releases(&mut self) -> (Option<Version>, Option<Version>) {
        let (since, until) = (self.version("since"), self.version("until"));
        if let (Some(first), Some(last), Some(value)) = (&since, &until, self.value("until"))
            && !first.at_most(last)
        {
            let label = format!("no release is both since {first} and until {last}");
            self.problems.push(Problem::new(value.span, "a scenario for no release", label));
        }
        (since, until)
    }

    fn version(&mut self, key: &str) -> Option<Version> {
        let value = self.value(key)?;
        let version = Version::parse(&value.value);
        if version.is_none() {
            let label = "expected a number such as 2.12 or 2.12.8";
            self.problems.push(Problem::new(value.span, "not a release", label));
        }
        version
    }

    fn list(&self, key: &str) -> Vec<Spanned<String>> {
        self.value(key).map(|value| split(&value)).unwrap_or_default()
    }

    fn manual(&mut self, key: &str) -> bool {
        let Some(value) = self.value(key) else { return false };
        if value.value != "manual" {
            let label = format!("expected `{key}: manual`, or no such line");
            self.problems.push(Problem::new(value.span, "an unknown word", label));
        }
        true
    }

    /// The line of a key, and the lines indented below it.
    fn block(&self, key: &str) -> Option<Vec<Line<'_>>> {
        let field = self.fields.iter().find(|field| field.key == key)?;
        let text = field.value.value.as_str();
        let first = Line { indent: 0, text, start: field.value.span.start };
        Some(
            [first]
                .into_iter()
                .filter(|line| !line.text.is_empty())
                .chain(field.block.iter().copied())
                .collect(),
        )
    }

    fn config(&mut self) -> Option<Template> {
        let lines = self.block("config")?;
        if lines.is_empty() {
            let span = self.value("config")?.span;
            let label = "expected configuration, indented below";
            self.problems.push(Problem::new(span, "an empty config", label));
            return None;
        }
        Some(config(&lines))
    }

    fn keys(&mut self) -> Vec<super::Key> {
        let Some(lines) = self.block("keys") else { return Vec::new() };
        let (found, problems) = keys(&lines);
        self.problems.extend(problems);
        found
    }
}

/// Words separated by blanks or commas.
fn split(value: &Spanned<String>) -> Vec<Spanned<String>> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in value.value.split([' ', ',']) {
        if !word.is_empty() {
            let start = value.span.start + at;
            words.push(Spanned { value: word.to_owned(), span: start..start + word.len() });
        }
        at += word.len() + 1;
    }
    words
}
