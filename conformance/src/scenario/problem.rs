//! What is wrong with a scenario, and how it is shown.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Span;

/// One mistake: where, what, what was expected there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub span: Span,
    /// What is wrong, in one line.
    pub title: String,
    /// What was expected at the place.
    pub label: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Span, title: impl Into<String>, label: impl Into<String>) -> Problem {
        Problem { span, title: title.into(), label: label.into(), advice: None }
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Problem {
        self.advice = Some(advice.into());
        self
    }
}

/// The problems of one file as text: an excerpt, a caret, what was expected, and advice.
pub fn render(path: &str, text: &str, problems: &[Problem], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let shown: Vec<String> = problems
        .iter()
        .map(|problem| {
            // Letters of several bytes are marked whole.
            let is_boundary = |at: &usize| text.is_char_boundary(*at);
            let end = (problem.span.end..text.len()).find(is_boundary).unwrap_or(text.len());
            let start = (0..=problem.span.start.min(end)).rfind(is_boundary).unwrap_or(0);
            let label = AnnotationKind::Primary.span(start..end).label(&*problem.label);
            let snippet = Snippet::source(text).path(path).annotation(label);
            let mut report = vec![Level::ERROR.primary_title(&*problem.title).element(snippet)];
            if let Some(advice) = &problem.advice {
                report.push(Group::with_title(Level::HELP.secondary_title(&**advice)));
            }
            renderer.render(&report).to_string()
        })
        .collect();
    shown.join("\n\n")
}

/// The nearest of the words, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| distance(candidate, word);
    words.into_iter().min_by_key(near).filter(|found| near(found) <= 1 + word.len() / 3)
}

/// Letters to add, remove or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
