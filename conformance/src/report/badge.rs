//! A badge for a README: a picture, or what shields.io makes one of.

use serde_json::json;

use super::{json::Report, markdown::html, table::Table};
use crate::run::Verdict;

const LABEL: &str = "NATS conformance";

/// What a badge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// `497 of 497`, and what else there is; a skip is never counted as a pass.
    pub message: String,
    /// A colour of shields.io.
    pub colour: Colour,
}

/// The colours of badges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// All held.
    Green,
    /// No finding, but not all held: some were skipped, or are known to be broken.
    Yellow,
    /// A SHOULD is broken.
    Orange,
    /// A MUST is broken, or could not be judged.
    Red,
}

impl Badge {
    /// What the runs come to, all together.
    pub fn new(reports: &[Report]) -> Badge {
        let table = Table::new(reports);
        let count = |verdict| table.columns.iter().map(|column| column.count(verdict)).sum();
        let total: usize = reports.iter().map(|report| report.cases.len()).sum();
        let passed: usize = count(Verdict::Pass);
        let mut words = vec![format!("{passed} of {total}")];
        for verdict in Verdict::ALL {
            match count(verdict) {
                0 => {}
                n if verdict == Verdict::Skip => words.push(format!("{n} skipped")),
                n if verdict != Verdict::Pass => words.push(format!("{n} {}", verdict.word())),
                _ => {}
            }
        }
        let several =
            if reports.len() > 1 { format!(" on {}", reports.len()) } else { String::new() };
        let bad = count(Verdict::Fail) + count(Verdict::Error);
        let colour = match (bad, count(Verdict::Warn)) {
            (0, 0) if passed == total && total > 0 => Colour::Green,
            (0, 0) => Colour::Yellow,
            (0, _) => Colour::Orange,
            _ => Colour::Red,
        };
        Badge { message: words.join(", ") + &several, colour }
    }

    /// What shields.io reads from an address (its "endpoint" badge).
    pub fn endpoint(&self) -> String {
        let colour = match self.colour {
            Colour::Green => "brightgreen",
            Colour::Yellow => "yellowgreen",
            Colour::Orange => "orange",
            Colour::Red => "red",
        };
        let endpoint = json!({
            "schemaVersion": 1, "label": LABEL, "message": self.message, "color": colour,
        });
        format!("{endpoint:#}\n")
    }

    /// The picture.
    pub fn svg(&self) -> String {
        // Dark enough for white letters.
        let colour = match self.colour {
            Colour::Green => "#2b7a2f",
            Colour::Yellow => "#6d6f12",
            Colour::Orange => "#b04a00",
            Colour::Red => "#b3261e",
        };
        let (left, right) = (width(LABEL), width(&self.message));
        include_str!("assets/badge.svg")
            .replace("{{all}}", &(left + right).to_string())
            .replace("{{left}}", &left.to_string())
            .replace("{{right}}", &right.to_string())
            .replace("{{left-text}}", &(left - 2 * MARGIN).to_string())
            .replace("{{right-text}}", &(right - 2 * MARGIN).to_string())
            .replace("{{left-middle}}", &(left / 2).to_string())
            .replace("{{right-middle}}", &(left + right / 2).to_string())
            .replace("{{colour}}", colour)
            .replace("{{label}}", LABEL)
            .replace("{{message}}", &html(&self.message))
    }
}

const MARGIN: usize = 7;

/// About the width of a text in 11 px Verdana, in px; the picture stretches it to fit exactly.
fn width(text: &str) -> usize {
    let letter = |letter: char| match letter {
        'i' | 'l' | ',' | ' ' | 'f' | 't' | 'r' => 4,
        'N' | 'A' | 'T' | 'S' | 'm' | 'w' => 8,
        _ => 7,
    };
    text.chars().map(letter).sum::<usize>() + 2 * MARGIN
}
