//! What can be read but can't be meant.

mod chance;
mod fixtures;
mod names;
mod sizes;

use crate::{
    corpus::Corpus,
    scenario::{Kind, Problem, Scenario, Spanned, Statement},
    target::CAPABILITIES,
};

/// Everything doubtful about one scenario of a corpus.
pub fn lint(scenario: &Scenario, corpus: &Corpus) -> Vec<Problem> {
    let mut problems = header(scenario, corpus);
    problems.extend(names::names(scenario));
    if !scenario.header.tags.iter().any(|tag| tag == "error") {
        problems.extend(sizes::sizes(&scenario.body));
    }
    problems.extend(chance::tallies(&scenario.body));
    problems.extend(tables(&scenario.body));
    problems.extend(fixtures::fixtures(scenario));
    problems
}

fn header(scenario: &Scenario, corpus: &Corpus) -> Vec<Problem> {
    let header = &scenario.header;
    let mut problems = Vec::new();
    let mut find = |name: &Spanned<String>| {
        let clause = corpus.register.find(&name.value);
        if clause.is_none() {
            let title = format!("unknown clause `{}`", name.value);
            let label = "not in the register";
            problems.push(
                Problem::new(name.span.clone(), title, label)
                    .advise("clauses stand in scenarios/clauses.toml; add the clause there first"),
            );
        }
        clause
    };
    let clauses: Vec<_> = header.spec.iter().map(&mut find).collect();
    if let Some(Some(main)) = clauses.first()
        && header.level < main.level
    {
        let label = format!("{} is only a {}", main.id, main.level);
        let span = header.spec[0].span.clone();
        problems.push(
            Problem::new(span, "a scenario more severe than its clause", label)
                .advise(format!("write `level: {}`", main.level)),
        );
    }
    for need in &header.needs {
        if !CAPABILITIES.contains(&need.value.as_str()) {
            let title = format!("unknown capability `{}`", need.value);
            let label = format!("there are {}", CAPABILITIES.join(", "));
            problems.push(Problem::new(need.span.clone(), title, label));
        }
    }
    let same = |other: &&std::sync::Arc<Scenario>| {
        other.header.title.value == header.title.value && other.id < scenario.id
    };
    if let Some(other) = corpus.scenarios.iter().find(same) {
        let label = format!("{} has the same one", other.id);
        problems.push(
            Problem::new(header.title.span.clone(), "a title used twice", label)
                .advise("say what this one shows and the other does not"),
        );
    }
    problems
}

/// Rows are cases of their own, so there can be only one table.
fn tables(body: &[Statement]) -> Vec<Problem> {
    let tables = body.iter().filter(|statement| matches!(statement.kind, Kind::Table { .. }));
    let second = tables.skip(1).map(|table| {
        let label = "the rows of the first one are the cases";
        Problem::new(table.span.clone(), "a second table", label)
            .advise("put it into a scenario of its own")
    });
    second.collect()
}
