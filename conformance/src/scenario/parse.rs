//! Text to a [`Scenario`].

use std::time::Duration;

use super::{
    Expectation, From, Kind, Part, Problem, Row, Scenario, Spanned, Statement, Tally, Version, Who,
    control,
    deed::{binding, deed, waiting},
    header::header,
    line::{Line, cells, lines, split_dialogue, without_remark},
    needs, outside, tally,
    template::{Use, end_line, expr, has_payload, lacks_payload, text, whole},
    words,
};

/// Reads a scenario, or says everything that is wrong with it.
///
/// # Errors
/// Each mistake with its place; a statement that can't be read does not hide the next one.
pub fn parse(id: &str, source: &str) -> Result<Scenario, Vec<Problem>> {
    let mut lines = lines(source);
    let blank = lines.iter().position(|line| line.text.is_empty()).unwrap_or(lines.len());
    let body_lines = lines.split_off(blank);
    let mut problems = Vec::new();
    let header = header(&lines, source.len(), &mut problems);
    let body_lines: Vec<Line<'_>> =
        body_lines.into_iter().filter(|line| !line.text.is_empty()).collect();
    let mut parser = Parser { lines: &body_lines, at: 0, problems };
    let body = parser.block(0);
    if body.is_empty() && parser.problems.is_empty() {
        let end = source.len().saturating_sub(1)..source.len();
        parser.problems.push(
            Problem::new(end, "a scenario without a story", "expected statements")
                .advise("leave a line blank behind the header, then say who does what"),
        );
    }
    match (header, parser.problems.is_empty()) {
        (Some(mut header), true) => {
            needs::add_needs(&mut header, &body);
            Ok(Scenario { id: id.to_owned(), text: source.to_owned(), header, body })
        }
        _ => Err(parser.problems),
    }
}

struct Parser<'a> {
    lines: &'a [Line<'a>],
    at: usize,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    /// The statements with exactly this indentation; deeper ones have no block to belong to.
    fn block(&mut self, indent: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        while let Some(line) = self.lines.get(self.at).copied() {
            if line.text.starts_with('\t') {
                self.at += 1;
                let span = line.start..line.start + 1;
                self.problems.push(
                    Problem::new(span, "a tab before a line", "expected blanks")
                        .advise("blocks are indented by two blanks"),
                );
                continue;
            }
            if line.indent < indent {
                break;
            }
            self.at += 1;
            if line.indent > indent {
                let label = format!("expected {indent} blanks before it, found {}", line.indent);
                self.problems.push(
                    Problem::new(line.span(), "a line that is indented", label)
                        .advise("only blocks are indented, by two blanks"),
                );
                self.pass_over_block(indent);
                continue;
            }
            match self.statement(line) {
                Ok(kind) => statements.push(Statement { span: line.span(), kind }),
                Err(problem) => {
                    self.problems.push(problem);
                    self.pass_over_block(indent);
                }
            }
        }
        statements
    }

    /// What is indented below a mistake is part of it.
    fn pass_over_block(&mut self, indent: usize) {
        let deeper = self.lines[self.at..].iter().take_while(|line| line.indent > indent);
        self.at += deeper.count();
    }

    fn indented_block(&mut self, line: Line<'_>) -> Result<Vec<Statement>, Problem> {
        let before = self.problems.len();
        let body = self.block(line.indent + 2);
        match body.is_empty() && self.problems.len() == before {
            false => Ok(body),
            true => {
                Err(Problem::new(line.span(), "a block without statements", "expected a block")
                    .advise("indent what belongs to it by two blanks"))
            }
        }
    }

    fn statement(&mut self, line: Line<'a>) -> Result<Kind, Problem> {
        if let Some(caption) = line.text.strip_prefix('#') {
            return Ok(Kind::Caption(caption.trim().to_owned()));
        }
        if let Some((peers, sign, rest)) = split_dialogue(line) {
            return match sign {
                '>' => self.send(line, &peers, rest),
                _ => self.expect(line, &peers, rest).map(Kind::Expect),
            };
        }
        // `let` and `tally` end in text, where `#` is a byte like any other.
        let (first, rest) = words::first(line);
        match first {
            "let" => return binding(rest),
            "tally" => return self.tally(line, rest),
            _ => {}
        }
        let stated = Line { text: without_remark(line.text), ..line };
        let (first, rest) = words::first(stated);
        match first {
            "in" if stated.text == "in any order" => self.in_any_order(line),
            "for" => self.repetition(stated, rest),
            "check" => super::check::check(rest).map(Kind::Check),
            "since" | "until" => self.versions(stated, first, rest),
            "within" | "between" => self.timed(stated, first, rest),
            "wait" => waiting(stated, rest),
            "page" => {
                let body = self.indented_block(line)?;
                outside::page(rest, body).map(Kind::Page)
            }
            "run" => outside::run(rest, &self.fragment(line)).map(Kind::Run),
            "everyone" if words::is(rest, &["is quiet"]) => Ok(Kind::Quiet(Who::Everyone)),
            "the" | "another" if words::first(rest).0 == "server" => {
                if let Some(logged) = outside::logged(line) {
                    return logged;
                }
                let fragment = self.fragment(line);
                control::control(stated, &fragment).map(Kind::Control)
            }
            _ => match deed(stated)? {
                Kind::Upgrade(it) => it.with(&self.fragment(line)).map(Kind::Upgrade),
                kind => Ok(kind),
            },
        }
    }

    /// The lines below that are indented: configuration, not statements.
    fn fragment(&mut self, line: Line<'a>) -> Vec<Line<'a>> {
        let below = &self.lines[self.at..];
        let end = below.iter().position(|next| next.indent <= line.indent);
        let fragment = &below[..end.unwrap_or(below.len())];
        self.at += fragment.len();
        fragment.to_vec()
    }

    /// A PUB whose size is to be counted is sent together with the payload below it.
    fn send(&mut self, line: Line<'a>, peers: &str, rest: Line<'a>) -> Result<Kind, Problem> {
        let to = words::peers(peers, line.start, ',')?;
        let read = text(rest.text, rest.start, Use::Send)?;
        let mut template = read.template;
        let mut finished = !read.unfinished;
        end_line(&mut template, read.unfinished);
        let counted = template.parts.contains(&Part::Size);
        if counted && !has_payload(&template) {
            let Some(payload) = self.payload(line, peers, '>') else {
                let label = "the size of what? expected a payload line below";
                return Err(Problem::new(line.span(), "`#` without a payload", label)
                    .advise("an empty payload is a line with nothing behind `>`"));
            };
            let read = text(payload.text, payload.start, Use::Send)?;
            template.parts.extend(read.template.parts);
            finished = !read.unfinished;
            end_line(&mut template, read.unfinished);
        }
        Ok(Kind::Send { to, text: template, finished })
    }

    fn expect(
        &mut self,
        line: Line<'a>,
        peers: &str,
        rest: Line<'a>,
    ) -> Result<Expectation, Problem> {
        let from = match peers.contains('|') {
            true => From::OneOf(words::peers(peers, line.start, '|')?),
            false => From::Each(words::peers(peers, line.start, ',')?),
        };
        let mut template = whole(rest.text, rest.start, Use::Expect)?;
        end_line(&mut template, false);
        let mut span = line.span();
        if lacks_payload(rest.text, &template) {
            let Some(payload) = self.payload(line, peers, '<') else {
                let label = "expected its payload on the next line, from the same peer";
                return Err(Problem::new(line.span(), "a message without its payload", label)
                    .advise("an empty payload is a line with nothing behind `<`"));
            };
            template.parts.extend(whole(payload.text, payload.start, Use::Expect)?.parts);
            end_line(&mut template, false);
            span.end = payload.start + payload.text.len();
        }
        Ok(Expectation { from, frame: template, span })
    }

    /// The next line, if it is from or to the same peers.
    fn payload(&mut self, line: Line<'a>, peers: &str, sign: char) -> Option<Line<'a>> {
        let next = self.lines.get(self.at).filter(|next| next.indent == line.indent)?;
        let (next_peers, next_sign, rest) = split_dialogue(*next)?;
        let same = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
        if sign != next_sign || same(&next_peers) != same(peers) {
            return None;
        }
        self.at += 1;
        Some(rest)
    }

    fn in_any_order(&mut self, line: Line<'a>) -> Result<Kind, Problem> {
        let mut frames = Vec::new();
        for statement in self.indented_block(line)? {
            match statement.kind {
                Kind::Expect(expectation) => frames.push(expectation),
                Kind::Caption(_) => {}
                _ => {
                    let label = "expected only `<` lines here";
                    return Err(Problem::new(statement.span, "not a frame", label));
                }
            }
        }
        Ok(Kind::AnyOrder(frames))
    }

    fn repetition(&mut self, line: Line<'a>, rest: Line<'a>) -> Result<Kind, Problem> {
        let wrong = || {
            Problem::new(
                rest.span(),
                "a loop that can't be read",
                "expected `n in 1..9`, or \
                `a, b in` and rows below that start with `|`",
            )
        };
        let (names, range) = match rest.text.split_once(" in ") {
            Some((names, range)) => (names, range),
            None => (rest.text.strip_suffix(" in").ok_or_else(wrong)?, ""),
        };
        let names = words::names(names, rest.start)?;
        if range.trim().is_empty() {
            return self.table(line, names);
        }
        let (from, to) = range.split_once("..").ok_or_else(wrong)?;
        let start = rest.start + rest.text.len() - range.len();
        let [name] = &names[..] else { return Err(wrong()) };
        let from_expr = expr(from, start)?.value;
        let to_expr = expr(to, start + from.len() + 2)?.value;
        let body = self.indented_block(line)?;
        Ok(Kind::Loop { name: name.clone(), from: from_expr, to: to_expr, body })
    }

    fn table(&mut self, line: Line<'a>, names: Vec<Spanned<String>>) -> Result<Kind, Problem> {
        if line.indent > 0 {
            let label = "rows are cases of their own, so their loop stands in no block";
            return Err(Problem::new(line.span(), "a table inside a block", label));
        }
        let mut rows = Vec::new();
        while let Some(row) = self.lines.get(self.at).copied() {
            if row.indent <= line.indent || !row.text.starts_with('|') {
                break;
            }
            self.at += 1;
            let cells = cells(row)?;
            if cells.len() != names.len() {
                let plural = if names.len() == 1 { "" } else { "s" };
                let label = format!("expected {} cell{plural}, found {}", names.len(), cells.len());
                let advice = match cells.len() > names.len() {
                    true => "a `|` inside a cell is written `\\x7c`",
                    false => "an empty cell at the end is written `| |`",
                };
                return Err(
                    Problem::new(row.span(), "a row of the wrong length", label).advise(advice)
                );
            }
            rows.push(Row { span: row.span(), cells });
        }
        if rows.is_empty() {
            let label = "expected rows that start with `|`, indented by two blanks";
            return Err(Problem::new(line.span(), "a table without rows", label));
        }
        let body = self.indented_block(line)?;
        Ok(Kind::Table { names, rows, body })
    }

    fn versions(&mut self, line: Line<'a>, word: &str, rest: Line<'a>) -> Result<Kind, Problem> {
        let version = Version::parse(rest.text.trim()).ok_or_else(|| {
            Problem::new(rest.span(), "not a release", "expected a number such as 2.12 or 2.12.8")
        })?;
        let body = self.indented_block(line)?;
        Ok(if word == "since" { Kind::Since(version, body) } else { Kind::Until(version, body) })
    }

    fn timed(&mut self, line: Line<'a>, word: &str, rest: Line<'a>) -> Result<Kind, Problem> {
        let wrong = || {
            Problem::new(
                rest.span(),
                "a time that can't be read",
                "expected `within 3s` or \
                `between 450ms and 2s`",
            )
        };
        let (from, to) = match word {
            "within" => (Some(Duration::ZERO), words::duration(rest.text)),
            _ => match rest.text.split_once(" and ") {
                Some((from, to)) => (words::duration(from), words::duration(to)),
                None => (None, None),
            },
        };
        let (Some(from), Some(to)) = (from, to) else { return Err(wrong()) };
        if from >= to {
            return Err(Problem::new(
                rest.span(),
                "a time that never is",
                "expected less before more",
            ));
        }
        let body = self.indented_block(line)?;
        Ok(Kind::Timed { from, to, body })
    }

    fn tally(&mut self, line: Line<'a>, rest: Line<'a>) -> Result<Kind, Problem> {
        let wrong = || {
            Problem::new(
                rest.span(),
                "a tally that can't be read",
                "expected `tally a, b: 900 of \
                MSG subject 1 5\\r\\nhello`",
            )
        };
        let (peers, what) = rest.text.split_once(": ").ok_or_else(wrong)?;
        let (count, frame) = what.split_once(" of ").ok_or_else(wrong)?;
        let peers = words::peers(peers, rest.start, ',')?;
        let count: u64 = count.trim().parse().map_err(|_| wrong())?;
        let start = rest.start + rest.text.len() - frame.len();
        let words = frame;
        let mut frame = whole(words, start, Use::Expect)?;
        end_line(&mut frame, false);
        if lacks_payload(words, &frame) {
            let label = "expected its payload in the same line";
            let span = start..start + words.len();
            return Err(Problem::new(span, "a message without its payload", label)
                .advise("write `MSG subject 1 5\\r\\nhello`"));
        }
        let number = frame.parts.iter().find_map(|part| match part {
            Part::Value(value) => match &value.value {
                super::Expr::Path(name, path) if path.is_empty() && name == "n" => {
                    Some(name.clone())
                }
                _ => None,
            },
            _ => None,
        });
        let mut tally =
            Tally { peers, count, frame, number, shares: Vec::new(), bounds: Vec::new() };
        while let Some(bound) = self.lines.get(self.at).filter(|next| next.indent > line.indent) {
            self.at += 1;
            let stated = Line { text: without_remark(bound.text), ..*bound };
            tally::bound(stated, &mut tally)?;
        }
        Ok(Kind::Tally(tally))
    }
}
