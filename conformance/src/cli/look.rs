//! `list`, `show`, `check`, `fmt`: looking at scenarios without a server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use comfy_table::{Table, presets};
use nats_conformance::{
    clauses::Clause,
    corpus::{Corpus, CorpusError},
    export::Export,
    run::select,
    scenario::{format, parse, render},
};
use serde_json::json;

use super::{FINDINGS, HELD, Stop, is_watched, report::write};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// As for `run`.
    selectors: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// As for `run`.
    selectors: Vec<String>,
    /// As JSON; there is no other form yet.
    #[arg(long, conflicts_with = "schema")]
    json: bool,
    /// Print the JSON schema of it instead.
    #[arg(long, conflicts_with = "selectors")]
    schema: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The id of a scenario or of one of its cases, or the id or name of a clause.
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct FmtArgs {
    /// Change nothing, but fail where something would be changed.
    #[arg(long)]
    check: bool,
    /// Files or folders.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

pub(super) fn list(corpus: &Corpus, args: &ListArgs) -> Result<u8, Stop> {
    let (cases, useless) = corpus.select(&args.selectors);
    if let Some(selector) = useless.first() {
        return Err(Stop::usage(format!("no case is named by {selector:?}")));
    }
    if args.json {
        let cases: Vec<_> = cases
            .iter()
            .map(|case| {
                let header = &case.scenario.header;
                let clauses: Vec<&str> = header.spec.iter().map(|clause| &*clause.value).collect();
                json!({
                    "id": case.id, "title": header.title.value, "row": case.row_text(),
                    "clauses": clauses, "level": header.level, "tags": header.tags,
                })
            })
            .collect();
        println!("{:#}", json!(cases));
        return Ok(HELD);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for case in &cases {
        let header = &case.scenario.header;
        let clause = header.spec.first().map_or("", |clause| &clause.value);
        let level = header.level.to_string();
        let what = case.row_text().unwrap_or(&header.title.value);
        table.add_row([&case.id, &level, clause, what]);
    }
    anstream::println!("{table}\n{} cases of {} scenarios", cases.len(), corpus.scenarios.len());
    Ok(HELD)
}

pub(super) fn export(corpus: &Corpus, args: &ExportArgs) -> Result<u8, Stop> {
    let failed = |error: serde_json::Error| Stop::usage(error.to_string());
    let print = |text: &str| write(Path::new("-"), text).map(|()| HELD);
    if args.schema {
        return print(&Export::schema().map_err(failed)?);
    }
    if !args.json {
        return Err(Stop::usage("say --json, or --schema for the schema of it"));
    }
    let (cases, useless) = corpus.select(&args.selectors);
    if let Some(selector) = useless.first() {
        return Err(Stop::usage(format!("no case is named by {selector:?}")));
    }
    let export = Export::new(&cases, &corpus.register);
    print(&(serde_json::to_string_pretty(&export).map_err(failed)? + "\n"))
}

pub(super) fn show(corpus: &Corpus, args: &ShowArgs) -> Result<u8, Stop> {
    let register = &corpus.register.clauses;
    if let Some(clause) = register.iter().find(|c| c.id == args.id || c.name == args.id) {
        show_clause(clause);
        let (cases, _) = select(&corpus.scenarios, std::slice::from_ref(&clause.id));
        let mut scenarios: Vec<_> = cases.iter().map(|case| &case.scenario).collect();
        scenarios.dedup_by(|a, b| a.id == b.id);
        if scenarios.is_empty() {
            anstream::println!("\nNo scenario shows it.");
        }
        for scenario in scenarios {
            anstream::println!("\n{}\n  {}", scenario.id, scenario.header.title.value);
        }
        return Ok(HELD);
    }
    let id = args.id.split('[').next().unwrap_or_default();
    let Some(scenario) = corpus.scenarios.iter().find(|scenario| scenario.id == id) else {
        return Err(Stop::usage(format!("no scenario and no clause {id:?}; see `list`")));
    };
    let clauses = scenario.header.spec.iter().filter_map(|name| corpus.register.find(&name.value));
    clauses.for_each(show_clause);
    anstream::println!("\nscenarios/{}.nats\n\n{}", scenario.id, scenario.text);
    Ok(HELD)
}

fn show_clause(clause: &Clause) {
    anstream::println!("{}  {}, {}, {}", clause.id, clause.name, clause.level, clause.section);
    anstream::println!("  {}", clause.text);
    anstream::println!("  Source: {}", clause.source);
    for (what, text) in [("Releases", &clause.versions), ("No scenario", &clause.outside)] {
        text.iter().for_each(|text| anstream::println!("  {what}: {text}"));
    }
    clause.tests.iter().for_each(|test| anstream::println!("  Test: {test}"));
}

pub(super) fn check(
    corpus: impl FnOnce() -> Result<Corpus, CorpusError>,
    paths: &[PathBuf],
) -> Result<u8, Stop> {
    let checked = |corpus: Corpus| {
        let (cases, _) = select(&corpus.scenarios, &[]);
        println!("{} scenarios, {} cases: fine", corpus.scenarios.len(), cases.len());
    };
    if paths.is_empty() {
        checked(corpus()?);
        return Ok(HELD);
    }
    for path in paths {
        if path.is_dir() {
            checked(Corpus::load(path)?);
            continue;
        }
        let text = read(path)?;
        let id = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        match parse(&id.unwrap_or_default(), &text) {
            Ok(scenario) => {
                let corpus = Corpus::built_in()?;
                let problems = nats_conformance::lint::lint(&scenario, &corpus);
                if !problems.is_empty() {
                    return Err(Stop::usage(shown(path, &text, &problems)));
                }
                println!("{}: fine", path.display());
            }
            Err(problems) => return Err(Stop::usage(shown(path, &text, &problems))),
        }
    }
    Ok(HELD)
}

fn shown(path: &Path, text: &str, problems: &[nats_conformance::scenario::Problem]) -> String {
    format!("\n{}", render(&path.display().to_string(), text, problems, is_watched()))
}

pub(super) fn fmt(args: &FmtArgs) -> Result<u8, Stop> {
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    let mut different = 0;
    for path in &files {
        let text = read(path)?;
        if let Err(problems) = parse("", &text) {
            return Err(Stop::usage(shown(path, &text, &problems)));
        }
        let formatted = format(&text);
        if formatted == text {
            continue;
        }
        different += 1;
        println!("{}", path.display());
        if !args.check {
            let failed = |error| Stop::usage(format!("can't write {}: {error}", path.display()));
            fs::write(path, formatted).map_err(failed)?;
        }
    }
    let word = if args.check { "would be" } else { "were" };
    println!("{different} of {} files {word} changed", files.len());
    Ok(if args.check && different > 0 { FINDINGS } else { HELD })
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let failed = |error| Stop::usage(format!("can't read {}: {error}", path.display()));
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() || path.extension().is_some_and(|ending| ending == "nats") {
            collect(&path, files)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path)
        .map_err(|error| Stop::usage(format!("can't read {}: {error}", path.display())))
}
