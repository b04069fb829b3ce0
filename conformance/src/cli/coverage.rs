//! `coverage`: which clauses the scenarios show.

use anstyle::{AnsiColor, Style};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use nats_conformance::{
    corpus::Corpus,
    coverage::{Count, Coverage, Entry, Standing},
    report::clauses::{LEVELS, json, markdown},
};

use super::{FINDINGS, HELD, Stop};

#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    /// The whole register as JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// The whole register as a page, `scenarios/CLAUSES.md`.
    #[arg(long)]
    markdown: bool,
}

pub(super) fn coverage(corpus: &Corpus, args: &CoverageArgs) -> Result<u8, Stop> {
    let coverage = Coverage::of(corpus);
    if args.json {
        anstream::println!("{:#}", json(&coverage));
    } else if args.markdown {
        anstream::print!("{}", markdown(&coverage));
        return Ok(HELD);
    } else {
        show(&coverage, corpus.scenarios.len());
    }
    Ok(if coverage.gaps().next().is_some() { FINDINGS } else { HELD })
}

fn show(coverage: &Coverage<'_>, scenarios: usize) {
    anstream::println!("{}", table(coverage));
    let reached = coverage.standing(Standing::Reached).count();
    anstream::println!(
        "{scenarios} scenarios reach {reached} of {} clauses",
        coverage.entries.len()
    );
    for (standing, what) in [
        (Standing::Tested, "shown by tests"),
        (Standing::Outside, "shown by nothing, with a reason"),
        (Standing::Unreached, "shown by nothing"),
    ] {
        let entries: Vec<&Entry<'_>> = coverage.standing(standing).collect();
        if !entries.is_empty() {
            anstream::println!("\n{} {what}:", entries.len());
        }
        for entry in entries {
            let clause = entry.clause;
            let style = if entry.is_gap() { red() } else { Style::new() };
            anstream::println!(
                "  {style}{:<6}{style:#} {}  {}\n         {}",
                clause.level,
                clause.id,
                clause.name,
                clause.text
            );
            clause.tests.iter().for_each(|test| anstream::println!("         = {test}"));
            clause.outside.iter().for_each(|reason| anstream::println!("         = {reason}"));
        }
    }
}

fn table(coverage: &Coverage<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["section", "MUST", "SHOULD", "MAY", "all"]);
    let row = |name: &str, section: Option<&str>| {
        let levels = LEVELS.map(Some).into_iter().chain([None]);
        let cells = levels.map(|level| cell(coverage.count(section, level)));
        [name.to_owned()].into_iter().chain(cells).collect::<Vec<String>>()
    };
    for section in coverage.sections() {
        table.add_row(row(section, Some(section)));
    }
    table.add_row(row("all", None));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cell(count: Count) -> String {
    match count {
        Count { all: 0, .. } => String::new(),
        Count { covered, all } if covered == all => all.to_string(),
        Count { covered, all } => format!("{covered} of {all}"),
    }
}

fn red() -> Style {
    AnsiColor::Red.on_default().bold()
}
