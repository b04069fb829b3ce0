//! The register of clauses as a page for people, `scenarios/CLAUSES.md`, and for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    coverage::{Count, Coverage, Entry, Standing},
    scenario::Level,
};

/// The levels in the order of columns.
pub const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::May];

const INTRODUCTION: &str = "\
# The NATS client protocol in clauses

What a server promises to its clients, clause by clause: the sentence, its force, where it is
written down, what differs between releases of nats-server, and the scenarios that show it. Each
clause goes by an id and by a name; both are stable, and `nats-conformance` takes either:

```sh
nats-conformance run unsub.max-counts-from-sub   # the scenarios that show one clause
nats-conformance run 'unsub.*' CORE-PING-001     # several
nats-conformance show CORE-SUB-012               # a clause, and what shows it
nats-conformance coverage                        # which clauses are shown
```

*MUST*: every client relies on it, or the documentation promises it. *SHOULD*: what nats-server does
and what tools rely on. *MAY*: a detail that could be otherwise.

This page is made from [`clauses.toml`](clauses.toml) and the scenarios, not written:
`cargo conformance coverage --markdown > scenarios/CLAUSES.md`.
";

/// The whole page.
pub fn markdown(coverage: &Coverage<'_>) -> String {
    let mut page = INTRODUCTION.to_owned();
    summary(&mut page, coverage);
    for section in coverage.sections() {
        // Writing to a String can't fail.
        let _ = write!(page, "\n## {section}\n\n");
        page.push_str("| clause | level | a server promises | shown by |\n|---|---|---|---|\n");
        for entry in coverage.section(section) {
            row(&mut page, entry);
        }
    }
    page
}

fn summary(page: &mut String, coverage: &Coverage<'_>) {
    let cell = |count: Count| match count {
        Count { all: 0, .. } => String::new(),
        Count { covered, all } if covered == all => format!("{all}"),
        Count { covered, all } => format!("**{covered}** of {all}"),
    };
    let mut line = |name: &str, section: Option<&str>| {
        let _ = write!(page, "| {name} |");
        for level in LEVELS.map(Some).into_iter().chain([None]) {
            let _ = write!(page, " {} |", cell(coverage.count(section, level)));
        }
        page.push('\n');
    };
    line("\n| section | MUST | SHOULD | MAY | all |\n|---|---|---|---|---|", None);
    for section in coverage.sections() {
        let name = format!("[{section}](#{})", anchor(section));
        line(&name, Some(section));
    }
    line("all", None);
}

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let letters = heading.to_lowercase();
    letters
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .collect::<String>()
        .replace(' ', "-")
}

fn row(page: &mut String, entry: &Entry<'_>) {
    let clause = entry.clause;
    let _ = write!(
        page,
        "| <a id=\"{}\"></a>{}<br>`{}` | {} | {}",
        clause.name,
        clause.id,
        clause.name,
        clause.level,
        escaped(&clause.text)
    );
    if let Some(versions) = &clause.versions {
        let _ = write!(page, "<br>*Releases:* {}", escaped(versions));
    }
    let _ = write!(page, "<br><sub>{}</sub> | ", escaped(&clause.source));
    let shown: Vec<String> = match entry.standing() {
        Standing::Reached => {
            let link = |id: &str| format!("[{id}]({id}.nats)");
            entry.scenarios.iter().map(|scenario| link(&scenario.id)).collect()
        }
        Standing::Tested => clause.tests.iter().map(|test| format!("`{test}`")).collect(),
        Standing::Outside => vec![escaped(clause.outside.as_deref().unwrap_or_default())],
        Standing::Unreached => vec!["**nothing yet**".to_owned()],
    };
    let _ = writeln!(page, "{} |", shown.join("<br>"));
}

/// Text as it is, whatever Markdown would make of it; code stays code.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for c in text.chars() {
        in_code ^= c == '`';
        if c == '|' || (!in_code && "\\*_<>[]$~".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The same for programs.
pub fn json(coverage: &Coverage<'_>) -> Value {
    let counts = |section: Option<&str>| {
        let of = |level: Level| (level.to_string(), json!(coverage.count(section, Some(level))));
        Value::Object(LEVELS.map(of).into_iter().collect::<Map<_, _>>())
    };
    let sections = coverage.sections().into_iter();
    let clauses = coverage.entries.iter().map(|entry| {
        let mut value = json!(entry.clause);
        value["standing"] = json!(entry.standing());
        let ids = entry.scenarios.iter().map(|scenario| &*scenario.id);
        value["scenarios"] = json!(ids.collect::<Vec<&str>>());
        value
    });
    json!({
        "schema": 1,
        "summary": counts(None),
        "sections": sections
            .map(|name| (name.to_owned(), counts(Some(name))))
            .collect::<Map<_, _>>(),
        "clauses": clauses.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_taken_literally() {
        assert_eq!(escaped("*.*.east.> and $KV or _INBOX"), r"\*.\*.east.\> and \$KV or \_INBOX");
        assert_eq!(escaped("`MSG a [b]|c` *"), r"`MSG a [b]\|c` \*");
    }

    #[test]
    fn anchors_are_as_github_makes_them() {
        assert_eq!(anchor("SUB and UNSUB"), "sub-and-unsub");
        assert_eq!(anchor("INFO"), "info");
    }
}
