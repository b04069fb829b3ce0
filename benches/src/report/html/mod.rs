//! A page for a browser: one file that asks for no other, with plots.

mod plot;
mod plots;
mod scale;

use std::fmt::Write as _;

use self::{plot::colour, plots::Plot};
use super::{
    figures::{figures, notes, verdicts},
    grid::Grid,
};
use crate::{
    curves,
    error::Result,
    record::{Record, TargetRecord},
};

const STYLE: &str = include_str!("page.css");

/// The page; with a threshold there are verdicts.
///
/// # Errors
/// A plot that can't be drawn; none is known.
pub fn html(record: &Record, threshold: Option<f64>) -> Result<String> {
    let plots: String = plots::all(record)?.iter().map(figure).collect();
    let mut tables = String::new();
    if let Some(threshold) = threshold {
        let title = format!("Verdicts, with a threshold of {} %", threshold * 100.0);
        tables += &table(&title, &verdicts(record, threshold, true));
    }
    tables += &table("All figures", &figures(record));
    tables += &table("Growth", &curves::grid(record));
    let notes: String = notes(record).iter().map(|note| item(note)).collect();
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>broker-bench: {title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
         <header><h1>{title}</h1>{machine}</header>\n{legend}\n\
         <main>\n{plots}</main>\n{tables}<section><h2>Notes</h2><ul>{notes}</ul></section>\n\
         </body></html>\n",
        title = escape(&title(record)),
        machine = machine(record),
        legend = legend(&record.targets),
    ))
}

fn title(record: &Record) -> String {
    let names: Vec<&str> = record.targets.iter().map(|target| target.name.as_str()).collect();
    names.join(", ")
}

/// Where, when and how.
fn machine(record: &Record) -> String {
    let machine = &record.machine;
    let memory = machine.memory_bytes >> 30;
    let method = &record.method;
    let mut facts = vec![
        ("machine", format!("{}, {} cores, {memory} GiB", machine.cpu, machine.cores)),
        ("system", machine.kernel.clone()),
        ("date", record.date.clone()),
        (
            "method",
            format!("{} rounds of {} s, seed {}", method.rounds, method.seconds, record.seed),
        ),
        ("program", format!("broker-bench {}", record.tool_version)),
    ];
    facts.extend(record.command.clone().map(|command| ("command", command)));
    let fact = |(name, what): &(&str, String)| format!("<dt>{name}</dt><dd>{}</dd>", escape(what));
    format!("<dl>{}</dl>", facts.iter().map(fact).collect::<String>())
}

fn legend(targets: &[TargetRecord]) -> String {
    let mut items = String::new();
    for (at, target) in targets.iter().enumerate() {
        let role = if at == 0 { " <small>base</small>" } else { "" };
        // Writing into a string can't fail.
        let _ = write!(
            items,
            "<li><i style=\"background:{}\"></i>{}{role}</li>",
            colour(at),
            escape(&target.name)
        );
    }
    format!("<ul class=\"legend\">{items}</ul>")
}

fn figure(plot: &Plot) -> String {
    let Plot { title, meaning, svg } = plot;
    let title = escape(title);
    format!("<figure><h2>{title}</h2><p>{meaning}</p>\n{svg}</figure>\n")
}

fn table(title: &str, grid: &Grid) -> String {
    if grid.is_empty() {
        return String::new();
    }
    let head: String =
        grid.header.iter().map(|cell| format!("<th>{}</th>", escape(cell))).collect();
    let mut body = String::new();
    for row in &grid.rows {
        body += "<tr>";
        for (cell, right) in row.iter().zip(&grid.numbers) {
            let class = if *right { " class=\"n\"" } else { "" };
            let _ = write!(body, "<td{class}>{}</td>", escape(cell));
        }
        body += "</tr>\n";
    }
    format!(
        "<section><h2>{}</h2><div class=\"wide\" tabindex=\"0\"><table>\
         <thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div></section>\n",
        escape(title)
    )
}

fn item(text: &str) -> String {
    format!("<li>{}</li>", escape(text))
}

/// Text for HTML and for its attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
