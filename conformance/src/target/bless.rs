//! A target file brought up to date with a run: what deviates is in it, what does not is not.
//! What people wrote stays: reasons, links, comments, order.

use std::{collections::BTreeMap, mem};

use thiserror::Error;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TomlError, value};

use super::file::{TO_BE_EXPLAINED, TargetFile};
use crate::{
    run::{Outcome, Verdict, matches},
    scenario::{Case, Version},
};

/// A target file and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blessed {
    /// The file's new text.
    pub text: String,
    /// What is different, in the order of the file.
    pub changes: Vec<Change>,
}

/// What has become of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// New, with [`TO_BE_EXPLAINED`] for a reason.
    Added(String),
    /// Nothing that it names deviates any longer.
    Removed(String),
    /// Some of what it named no longer deviates; the rest has its words.
    Narrowed(String, Vec<String>),
}

/// Why a file can't be brought up to date.
#[derive(Debug, Error)]
pub enum BlessError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(#[from] TomlError),
    /// `known` is written in another form.
    #[error("write each known deviation as a table of its own, [[known]]")]
    NoTables,
}

/// What a run has shown of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Holds,
    /// It is not as it should be, and an entry is needed.
    Deviates,
    /// It was not chosen, skipped, could not be judged, or is a MAY.
    Open,
}

/// Brings a target file up to date with the outcomes of a run on that release of the target. `file`
/// is what `text` says; entries of other releases, and of cases that were not judged, stay.
///
/// # Errors
/// Text that can't be edited.
pub fn bless(
    text: &str,
    file: &TargetFile,
    release: &Version,
    outcomes: &[Outcome],
    all: &[Case],
) -> Result<Blessed, BlessError> {
    let mut document: DocumentMut = text.parse()?;
    let old = match document.remove("known") {
        None => ArrayOfTables::new(),
        Some(Item::ArrayOfTables(tables)) => tables,
        Some(_) => return Err(BlessError::NoTables),
    };
    let seen: BTreeMap<&str, Seen> =
        outcomes.iter().map(|outcome| (&*outcome.case.id, seen(outcome))).collect();
    let seen = |case: &Case| seen.get(&*case.id).copied().unwrap_or(Seen::Open);
    let mut edit = Edit::default();
    let mut unnamed: Vec<&Case> = all.iter().collect();
    for (table, entry) in old.into_iter().zip(&file.known) {
        if !entry.is_of(release) {
            edit.keep(table);
            continue;
        }
        let (named, rest) = mem::take(&mut unnamed)
            .into_iter()
            .partition::<Vec<_>, _>(|case| matches(&entry.id, &case.id));
        unnamed = rest;
        let left: Vec<&Case> =
            named.iter().copied().filter(|case| seen(case) != Seen::Holds).collect();
        if left.is_empty() {
            edit.remove(table, &entry.id);
        } else if left.len() == named.len() {
            edit.keep(table);
        } else {
            edit.narrow(&table, &entry.id, patterns(&left, all));
        }
    }
    unnamed.retain(|case| seen(case) == Seen::Deviates);
    let trailing = document.trailing().as_str().unwrap_or_default().trim_end().to_owned();
    document.set_trailing("");
    if !trailing.is_empty() {
        // Comments at the end stand above what is added, where they stood.
        edit.comments.push_str(&format!("{trailing}\n\n"));
    }
    patterns(&unnamed, all).into_iter().for_each(|id| edit.add(id));
    Ok(edit.finish(document))
}

fn seen(outcome: &Outcome) -> Seen {
    match (outcome.verdict, &outcome.failure) {
        // Without a failure it is the entry that does not hold, not the server that deviates.
        (Verdict::Pass, _) | (Verdict::Fail, None) => Seen::Holds,
        (Verdict::Fail | Verdict::Warn, _) => Seen::Deviates,
        (Verdict::Info | Verdict::Known | Verdict::Skip | Verdict::Error, _) => Seen::Open,
    }
}

/// Patterns that name these cases and no other: `scenario[*]` where every row is among them. (A
/// mere `scenario*` would also name its neighbours `scenario-of-something`.)
fn patterns(cases: &[&Case], all: &[Case]) -> Vec<String> {
    let rows = |id: &str| all.iter().filter(|case| case.scenario.id == id).count();
    let mut patterns = Vec::new();
    for group in cases.chunk_by(|a, b| a.scenario.id == b.scenario.id) {
        let id = &group[0].scenario.id;
        match group.len() == rows(id) && group.len() > 1 {
            true => patterns.push(format!("{id}[*]")),
            false => patterns.extend(group.iter().map(|case| case.id.clone())),
        }
    }
    patterns
}

/// The entries of the new file, one after the other.
#[derive(Default)]
struct Edit {
    tables: ArrayOfTables,
    changes: Vec<Change>,
    /// Comments that lost the entry they stood above, but were not about it.
    comments: String,
}

impl Edit {
    fn keep(&mut self, mut table: Table) {
        if !self.comments.is_empty() {
            let own = prefix(&table).trim_start_matches('\n').to_owned();
            let comments = mem::take(&mut self.comments);
            table.decor_mut().set_prefix(format!("{comments}{own}"));
        }
        self.tables.push(table);
    }

    /// A comment goes with the entry it stands directly above; one with a blank line between stays.
    fn remove(&mut self, table: Table, id: &str) {
        if let Some((above, _)) = prefix(&table).rsplit_once("\n\n")
            && !above.trim().is_empty()
        {
            self.comments.push_str(&format!("{above}\n\n"));
        }
        self.changes.push(Change::Removed(id.to_owned()));
    }

    fn narrow(&mut self, table: &Table, id: &str, patterns: Vec<String>) {
        for (at, pattern) in patterns.iter().enumerate() {
            let mut table = table.clone();
            table["id"] = value(pattern);
            if at > 0 {
                table.decor_mut().set_prefix("\n");
            }
            self.keep(table);
        }
        self.changes.push(Change::Narrowed(id.to_owned(), patterns));
    }

    fn add(&mut self, id: String) {
        let mut table = Table::new();
        table["id"] = value(&id);
        table["reason"] = value(TO_BE_EXPLAINED);
        table.decor_mut().set_prefix("\n");
        self.keep(table);
        self.changes.push(Change::Added(id));
    }

    fn finish(self, mut document: DocumentMut) -> Blessed {
        if !self.tables.is_empty() {
            document.insert("known", Item::ArrayOfTables(self.tables));
        }
        document.set_trailing(self.comments);
        let text = format!("{}\n", document.to_string().trim_matches('\n'));
        Blessed { text, changes: self.changes }
    }
}

/// What stands above a table.
fn prefix(table: &Table) -> &str {
    table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        scenario::{cases, parse},
        story::Failure,
    };

    const FILE: &str = "\
# A file of mine.
name = \"mine\" # so it is called

# Sizes.
[[known]]
id = \"a/rows[*]\"
reason = \"they are written anew\" # for now
link = \"https://example.org/1\"

# About a/one.
[[known]]
id = \"a/one\"
reason = \"old\"
";

    /// `a/one`, and `a/rows` with three rows, and `a/rows-too`.
    fn all() -> Vec<Case> {
        let head = "spec: CORE-PING-001\nlevel: MUST\n\n";
        let one = "alice connects\nalice> PING\nalice< PONG\n";
        let rows = "for word in\n  | PING\n  | ping\n  | Ping\n  alice connects\n  \
                    alice> <word>\n  alice< PONG\n";
        [("a/one", one), ("a/rows", rows), ("a/rows-too", one)]
            .into_iter()
            .flat_map(|(id, body)| {
                let text = format!("title: {id}\n{head}{body}");
                cases(&Arc::new(parse(id, &text).unwrap()))
            })
            .collect()
    }

    fn outcome(case: Case, verdict: Verdict, deviates: bool) -> Outcome {
        let failure = deviates.then(|| Failure {
            span: 0..1,
            message: "another frame came".to_owned(),
            expected: None,
            got: None,
            waiting: Vec::new(),
            is_error: false,
        });
        let (message, events, duration, log) = (None, Vec::new(), Duration::ZERO, None);
        Outcome { case, verdict, message, failure, events, duration, log }
    }

    /// Judges the cases as `run` would: those named deviate, or were skipped.
    fn blessed(text: &str, deviating: &[&str], skipped: &[&str]) -> Blessed {
        let file = TargetFile::parse("my.toml", text).unwrap();
        let release = Version::parse("0.4.1").unwrap();
        let known: Vec<_> = file.known.iter().filter(|e| e.is_of(&release)).collect();
        let outcomes: Vec<Outcome> = all()
            .into_iter()
            .map(|case| {
                let is_known = known.iter().any(|entry| matches(&entry.id, &case.id));
                let deviates = deviating.contains(&&*case.id);
                let verdict = match (is_known, deviates) {
                    _ if skipped.contains(&&*case.id) => Verdict::Skip,
                    (true, true) => Verdict::Known,
                    (false, false) => Verdict::Pass,
                    (true, false) | (false, true) => Verdict::Fail,
                };
                outcome(case, verdict, deviates)
            })
            .collect();
        bless(text, &file, &release, &outcomes, &all()).unwrap()
    }

    const ROWS: [&str; 3] = ["a/rows[1]", "a/rows[2]", "a/rows[3]"];

    #[test]
    fn nothing_new_changes_nothing() {
        let deviating = ["a/one", ROWS[0], ROWS[1], ROWS[2]];
        let expected = Blessed { text: FILE.to_owned(), changes: Vec::new() };
        assert_eq!(blessed(FILE, &deviating, &[]), expected);
    }

    #[test]
    fn a_new_finding_is_added_to_be_explained() {
        let after = blessed(FILE, &["a/one", ROWS[0], ROWS[1], ROWS[2], "a/rows-too"], &[]);
        assert_eq!(after.changes, [Change::Added("a/rows-too".to_owned())]);
        let added = "\n[[known]]\nid = \"a/rows-too\"\nreason = \"to be explained\"\n";
        assert_eq!(after.text, format!("{FILE}{added}"));
    }

    #[test]
    fn a_file_of_comments_keeps_them_above_the_first_entry() {
        let after = blessed("# Mine.\n", &["a/one"], &[]);
        let added = "[[known]]\nid = \"a/one\"\nreason = \"to be explained\"\n";
        assert_eq!(after.text, format!("# Mine.\n\n{added}"));
        let file = format!("{added}\n# The end.\n");
        assert_eq!(blessed(&file, &["a/one"], &[]).text, file);
        let after = blessed(&file, &["a/one", "a/rows-too"], &[]);
        let more = added.replace("a/one", "a/rows-too");
        assert_eq!(after.text, format!("{added}\n# The end.\n\n{more}"));
    }

    #[test]
    fn rows_collapse_only_where_every_one_deviates() {
        let after = blessed("", &ROWS, &[]);
        assert_eq!(after.text, "[[known]]\nid = \"a/rows[*]\"\nreason = \"to be explained\"\n");
        let after = blessed("", &[ROWS[0], ROWS[2]], &[]);
        let added = |id: &str| Change::Added(id.to_owned());
        assert_eq!(after.changes, [added(ROWS[0]), added(ROWS[2])]);
    }

    #[test]
    fn an_entry_that_no_longer_deviates_is_removed_and_the_others_keep_their_words() {
        let after = blessed(FILE, &ROWS, &[]);
        assert_eq!(after.changes, [Change::Removed("a/one".to_owned())]);
        assert_eq!(after.text, FILE.split("\n# About").next().unwrap());
        let after = blessed(FILE, &["a/one"], &[]);
        assert_eq!(after.changes, [Change::Removed("a/rows[*]".to_owned())]);
        assert!(after.text.starts_with("# A file of mine.\nname = \"mine\" # so it is called\n"));
        assert!(
            after.text.ends_with("\n# About a/one.\n[[known]]\nid = \"a/one\"\nreason = \"old\"\n")
        );
        assert!(!after.text.contains("Sizes"), "{}", after.text);
    }

    #[test]
    fn a_comment_that_is_not_about_the_removed_entry_stays() {
        let file = format!("# Of the whole file.\n\n{}", FILE.split_once("# About").unwrap().1)
            .replace(" a/one.", "# About a/one.");
        assert_eq!(blessed(&file, &[], &[]).text, "# Of the whole file.\n");
        let two = format!("{file}\n[[known]]\nid = \"a/rows[2]\"\nreason = \"r\"\n");
        let left = "# Of the whole file.\n\n[[known]]\nid = \"a/rows[2]\"\nreason = \"r\"\n";
        assert_eq!(blessed(&two, &[ROWS[1]], &[]).text, left);
    }

    #[test]
    fn an_entry_is_narrowed_to_what_still_deviates() {
        let after = blessed(FILE, &["a/one", ROWS[0], ROWS[2]], &[]);
        let left = vec![ROWS[0].to_owned(), ROWS[2].to_owned()];
        assert_eq!(after.changes, [Change::Narrowed("a/rows[*]".to_owned(), left)]);
        assert_eq!(after.text.matches("reason = \"they are written anew\" # for now").count(), 2);
        assert_eq!(after.text.matches("# Sizes.").count(), 1);
        let again = blessed(&after.text, &["a/one", ROWS[0], ROWS[2]], &[]);
        assert_eq!(again.changes, []);
    }

    #[test]
    fn what_was_not_judged_stays() {
        let all = ["a/one", ROWS[0], ROWS[1], ROWS[2]];
        assert_eq!(blessed(FILE, &[], &all).text, FILE);
        let elsewhere = FILE.replace("\"old\"", "\"old\"\nuntil = \"0.3\"");
        let after = blessed(&elsewhere, &ROWS, &[]);
        assert_eq!(after.text, elsewhere);
    }

    #[test]
    fn an_entry_about_no_case_is_removed() {
        let file = "[[known]]\nid = \"b/*\"\nreason = \"r\"\n";
        assert_eq!(blessed(file, &[], &[]).changes, [Change::Removed("b/*".to_owned())]);
    }

    #[test]
    fn another_form_is_refused() {
        let text = "known = [{ id = \"a/one\", reason = \"r\" }]\n";
        let file = TargetFile::parse("my.toml", text).unwrap();
        let error = bless(text, &file, &Version(vec![1]), &[], &all()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "write each known deviation as a table of its own, [[known]]"
        );
    }
}
