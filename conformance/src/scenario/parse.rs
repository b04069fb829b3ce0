//! Text to a [`Scenario`].

use std::time::Duration;

use super::{
    Act, Expectation, From, Kind, Part, Peer, Problem, Row, Scenario, Span, Spanned, Statement,
    Tally, Template, Version, Who, control,
    header::header,
    needs, outside,
    problem::nearest,
    tally,
    template::{Use, expr, is_name, text, whole},
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

/// A line without its indentation and line end; blanks at its end may be bytes and stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) indent: usize,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Line<'_> {
    pub(super) fn span(&self) -> Span {
        self.start..self.start + self.text.trim_end().len().max(1)
    }
}

pub(super) fn lines(source: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for whole in source.split_inclusive('\n') {
        // Every CR: one that was left would be the line's end when it is read again.
        let line = whole.trim_end_matches(['\n', '\r']);
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let text = if text.trim().is_empty() { "" } else { text };
        lines.push(Line { indent, text, start: start + indent });
        start += whole.len();
    }
    lines
}

struct Parser<'a> {
    lines: &'a [Line<'a>],
    at: usize,
    problems: Vec<Problem>,
}

/// Words that begin a statement which no peer begins, for "did you mean".
const STATEMENTS: &[&str] = &[
    "in any order",
    "for",
    "let",
    "check",
    "since",
    "until",
    "tally",
    "within",
    "between",
    "wait",
    "everyone is quiet",
    "page",
    "run",
    "the server logs",
    "the server has not logged",
    "the server reloads",
    "the server enters lame duck mode",
    "the server shuts down",
    "another server joins",
    "another server leaves",
];

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

fn binding(rest: Line<'_>) -> Result<Kind, Problem> {
    let wrong =
        || Problem::new(rest.span(), "a value that can't be read", "expected `let x = text`");
    let (name, value) = rest.text.split_once('=').ok_or_else(wrong)?;
    let start = rest.start + name.len() + 1;
    let blanks = value.len() - value.trim_start().len();
    let name = Spanned { value: name.trim().to_owned(), span: rest.start..start - 1 };
    if !is_name(&name.value) {
        return Err(wrong());
    }
    Ok(Kind::Let(name, whole(value.trim(), start + blanks, Use::Send)?))
}

fn waiting(line: Line<'_>, rest: Line<'_>) -> Result<Kind, Problem> {
    let because = rest.text.split_once(" because ");
    let parsed = because.and_then(|(time, reason)| Some((words::duration(time)?, reason.trim())));
    match parsed {
        Some((time, reason)) if !reason.is_empty() => Ok(Kind::Wait(time, reason.to_owned())),
        _ => Err(Problem::new(
            line.span(),
            "a wait without its reason",
            "expected `wait 2s because …`",
        )
        .advise("what can be fenced is not waited for: say `alice is quiet`")),
    }
}

/// `alice, bob connect {…}` and the other deeds and states of peers.
fn deed(line: Line<'_>) -> Result<Kind, Problem> {
    type Deed = fn(Vec<Peer>) -> Kind;
    const DEEDS: &[(&[&str], Deed)] = &[
        (&["dials", "dial"], |peers| Kind::Dial(peers, None)),
        (&["is refused", "are refused"], Kind::Refused),
        (&["is quiet", "are quiet"], |peers| Kind::Quiet(Who::Peers(peers))),
        (&["is closed", "are closed"], |peers| Kind::Closed(peers, None)),
        (&["closes", "close"], |peers| Kind::Act(peers, Act::Close)),
        (&["half-closes", "half-close"], |peers| Kind::Act(peers, Act::HalfClose)),
        (&["resets", "reset"], |peers| Kind::Act(peers, Act::Reset)),
        (&["stops reading", "stop reading"], |peers| Kind::Act(peers, Act::StopReading)),
        (&["reads on", "read on"], |peers| Kind::Act(peers, Act::ReadOn)),
    ];
    let (peers, verb) = words::peers_and_verb(line);
    if let Some(json) = words::after(verb.text, &["connects", "connect"]) {
        let names = words::peers(peers, line.start, ',')?;
        let start = verb.start + verb.text.len() - json.len();
        let json = json.trim_end();
        let options = match json.is_empty() {
            true => None,
            false => Some(options(json, start)?),
        };
        return Ok(Kind::Connect(names, options));
    }
    if let Some(kind) = control::peers_deed(peers, verb, line)? {
        return Ok(kind);
    }
    if let Some(upgrade) = outside::upgrade(peers, verb, line)? {
        return Ok(Kind::Upgrade(upgrade));
    }
    if let Some(code) = outside::closed_with(verb) {
        return Ok(Kind::Closed(words::peers(peers, line.start, ',')?, Some(code?)));
    }
    for (forms, kind) in DEEDS {
        if words::is(verb, forms) {
            return Ok(kind(words::peers(peers, line.start, ',')?));
        }
    }
    let problem = Problem::new(line.span(), "a line that can't be read", "expected a statement");
    if let Some(at) = line.text.find(['<', '>']).filter(|at| is_name(&line.text[..*at])) {
        let (peer, text) = line.text.split_at(at);
        let (sign, text) = text.split_at(1);
        return Err(problem.advise(format!("did you mean `{peer}{sign} {text}`, with a blank?")));
    }
    let deeds = DEEDS.iter().flat_map(|(forms, _)| *forms).copied();
    let deeds = deeds.chain(["connects", "starts tls", "fails tls", "upgrades"]);
    let known = nearest(line.text, STATEMENTS.iter().copied())
        .or_else(|| nearest(words::first(line).0, STATEMENTS.iter().copied()))
        .map(str::to_owned)
        .or_else(|| nearest(verb.text, deeds).map(|deed| format!("{peers} {deed}")));
    Err(match known {
        Some(known) => problem.advise(format!("did you mean `{known}`?")),
        None => problem.advise("`alice> text` sends, `alice< text` expects; see FORMAT.md"),
    })
}

/// The JSON object behind `connects`; with placeholders in it, it is one only later.
fn options(json: &str, start: usize) -> Result<Template, Problem> {
    let template = whole(json, start, Use::Send)?;
    if let [Part::Bytes(bytes)] = &template.parts[..]
        && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_err()
    {
        let label = "expected a JSON object such as `{\"verbose\":true}`, or nothing";
        return Err(Problem::new(template.span, "not the options of a CONNECT", label));
    }
    Ok(template)
}

/// `alice, bob> text`: the peers, the sign, the text behind one blank.
pub(super) fn split_dialogue(line: Line<'_>) -> Option<(String, char, Line<'_>)> {
    let at = line.text.find(['<', '>'])?;
    let (peers, rest) = line.text.split_at(at);
    let listed = peers.split([',', '|']).all(|peer| is_name(peer.trim()));
    let sign = rest.chars().next()?;
    let text = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
    if !listed || (text.len() + 1 == rest.len() && !text.is_empty()) {
        return None;
    }
    let start = line.start + line.text.len() - text.len();
    Some((peers.to_owned(), sign, Line { text, start, ..line }))
}

/// The cells of a row, blanks around them cut off.
pub(super) fn row_cells(row: Line<'_>) -> Vec<&str> {
    let body = row.text[1..].trim_end();
    let body = body.strip_suffix(" |").unwrap_or(body);
    split_cells(body).into_iter().map(str::trim).collect()
}

fn cells(row: Line<'_>) -> Result<Vec<Template>, Problem> {
    let offset = row.text.as_ptr() as usize;
    let cell = |cell: &str| {
        let start = row.start + (cell.as_ptr() as usize - offset);
        whole(cell, start, Use::Expect)
    };
    row_cells(row).into_iter().map(cell).collect()
}

/// Splits at `|`, but not at the cut `\|`.
fn split_cells(body: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut from = 0;
    for (at, _) in body.match_indices('|') {
        if !body[..at].ends_with('\\') {
            cells.push(&body[from..at]);
            from = at + 1;
        }
    }
    cells.push(&body[from..]);
    cells
}

/// A remark stands behind a blank and `#`, outside of JSON texts.
pub(super) fn without_remark(text: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if before != '\\' => quoted = !quoted,
            '#' if !quoted && before == ' ' => return text[..at].trim_end(),
            _ => {}
        }
        before = letter;
    }
    text.trim_end()
}

/// Adds the CR LF that ends a line.
fn end_line(template: &mut Template, unfinished: bool) {
    if unfinished {
        return;
    }
    match template.parts.last_mut() {
        Some(Part::Bytes(bytes)) => bytes.extend_from_slice(b"\r\n"),
        _ => template.parts.push(Part::Bytes(b"\r\n".to_vec())),
    }
}

/// Whether it is a message that ends with its first line.
fn lacks_payload(text: &str, template: &Template) -> bool {
    let verb = text.split([' ', '\t']).next().unwrap_or_default();
    matches!(verb, "MSG" | "HMSG") && !has_payload(template)
}

/// Whether anything follows the first line end.
fn has_payload(template: &Template) -> bool {
    let mut ended = false;
    for part in &template.parts {
        match part {
            Part::Bytes(bytes) if !ended => {
                let end = bytes.windows(2).position(|pair| pair == b"\r\n");
                if let Some(end) = end {
                    ended = true;
                    if end + 2 < bytes.len() {
                        return true;
                    }
                }
            }
            _ if ended => return true,
            _ => {}
        }
    }
    false
}
