//! What is seen of a server outside of its conversations: the door of WebSockets, pages, the
//! program's own runs, its log.

use super::{
    Expr, Kind, Peer, Problem, Spanned, Statement, Template,
    config::config,
    line::Line,
    template::{Use, expr, is_name, whole},
    words,
};

/// The client's half of the change to a WebSocket.
#[derive(Debug, Clone, PartialEq)]
pub struct Upgrade {
    /// Each of them.
    pub peers: Vec<Peer>,
    /// What is asked for; `/` if absent.
    pub path: Option<Template>,
    /// Headers of the request besides the usual ones, or in their place, one a line.
    pub headers: Option<Template>,
    /// What the answer is called: its `status` and `headers`.
    pub answer: Option<Spanned<String>>,
    /// The status that must come instead of the change.
    pub refused: Option<u16>,
}

/// A page that is asked for again until what is said of it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What it is called: its `status`, `headers` and `body`.
    pub name: Spanned<String>,
    /// Where.
    pub port: Spanned<Expr>,
    /// With its query.
    pub path: Template,
    /// In TLS.
    pub tls: bool,
    /// What is said of it.
    pub body: Vec<Statement>,
}

/// A run of the server's program that ends by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it is called: its exit `code`, and what it wrote, `out` and `err`.
    pub name: Spanned<String>,
    /// Separated by blanks.
    pub arguments: Template,
    /// What stands in the file `<config>`.
    pub config: Option<Template>,
}

/// Whether what stands below this statement is text of another language.
pub(super) fn has_text_below(line: Line<'_>) -> bool {
    let (_, verb) = words::peers_and_verb(line);
    let upgrades = words::after(verb.text, &["upgrades", "upgrade"]).is_some()
        || verb.text.contains("to upgrade with ");
    upgrades || words::first(line).0 == "run"
}

/// `alice upgrades`, `alice fails to upgrade with 403`; nothing if the verb is another one.
pub(super) fn upgrade(
    peers: &str,
    verb: Line<'_>,
    line: Line<'_>,
) -> Result<Option<Upgrade>, Problem> {
    let words: Vec<&str> = verb.text.split_whitespace().collect();
    let wrong = |label: &str| Problem::new(verb.span(), "a change that can't be read", label);
    let (mut path, mut answer, mut refused) = (None, None, None);
    let place = |word: &str| verb.start + (word.as_ptr() as usize - verb.text.as_ptr() as usize);
    match words[..] {
        ["upgrades" | "upgrade", ref rest @ ..] => {
            let mut rest = rest;
            if let ["at", at, more @ ..] = rest {
                (path, rest) = (Some(whole(at, place(at), Use::Send)?), more);
            }
            if let ["as", name, more @ ..] = rest {
                let span = place(name)..place(name) + name.len();
                let named = is_name(name).then(|| Spanned { value: (*name).to_owned(), span });
                answer = Some(named.ok_or_else(|| wrong("expected a name behind `as`"))?);
                rest = more;
            }
            if !rest.is_empty() {
                return Err(wrong("expected `upgrades`, `upgrades at /path as answer`"));
            }
        }
        ["fails" | "fail", "to", "upgrade", ref rest @ ..] => {
            let status = match rest {
                ["with", status] => status.parse().ok(),
                _ => None,
            };
            let label = "expected the status of the answer: `fails to upgrade with 403`";
            refused = Some(status.ok_or_else(|| wrong(label))?);
        }
        _ => return Ok(None),
    }
    let peers = words::peers(peers, line.start, ',')?;
    Ok(Some(Upgrade { peers, path, headers: None, answer, refused }))
}

impl Upgrade {
    /// The same with the lines below as headers.
    pub(super) fn with(self, below: &[Line<'_>]) -> Result<Upgrade, Problem> {
        if let Some(line) = below.iter().find(|line| !line.text.contains([':', '<'])) {
            let label = "expected `Name: value`";
            return Err(Problem::new(line.span(), "no header of a request", label));
        }
        Ok(Upgrade { headers: (!below.is_empty()).then(|| config(below)), ..self })
    }
}

/// Reads what stands behind the word `page`; `body` is its block.
pub(super) fn page(rest: Line<'_>, body: Vec<Statement>) -> Result<Page, Problem> {
    let wrong = || {
        let label = "expected `page varz from ports.http /varz`, or with `over tls` behind it";
        Problem::new(rest.span(), "a page that can't be read", label)
    };
    let said = |statement: &&Statement| {
        let is_block = matches!(statement.kind, Kind::Since(..) | Kind::Until(..));
        !is_block && !matches!(statement.kind, Kind::Check(_) | Kind::Caption(_))
    };
    if let Some(other) = body.iter().find(said) {
        let label = "expected only `check`, `since` and `until` here";
        return Err(Problem::new(other.span.clone(), "nothing that is said of a page", label));
    }
    let (name, place) = rest.text.split_once(" from ").ok_or_else(wrong)?;
    let (name, start) = (name.trim(), rest.start + rest.text.len() - place.len());
    let (port, path) = place.split_once(' ').ok_or_else(wrong)?;
    if !is_name(name) || !path.starts_with(['/', '<']) {
        return Err(wrong());
    }
    let name = Spanned { value: name.to_owned(), span: rest.start..rest.start + name.len() };
    let port = expr(port, start)?;
    let (path, tls) = path.strip_suffix(" over tls").map_or((path, false), |path| (path, true));
    let path = whole(path, start + place.find(' ').map_or(0, |at| at + 1), Use::Send)?;
    Ok(Page { name, port, path, tls, body })
}

/// Reads what stands behind the word `run`; `below` is the configuration.
pub(super) fn run(rest: Line<'_>, below: &[Line<'_>]) -> Result<Run, Problem> {
    let read = rest.text.split_once(" with ").filter(|(name, _)| is_name(name.trim()));
    let Some((name, arguments)) = read else {
        let label = "expected `run said with --version`";
        return Err(Problem::new(rest.span(), "a run that can't be read", label));
    };
    let start = rest.start + rest.text.len() - arguments.len();
    let name = name.trim();
    Ok(Run {
        name: Spanned { value: name.to_owned(), span: rest.start..rest.start + name.len() },
        arguments: whole(arguments, start, Use::Send)?,
        config: (!below.is_empty()).then(|| config(below)),
    })
}

/// What a statement of the log says.
type Logged = fn(Template) -> Kind;

/// What begins such a statement.
const LOGS: [(&str, Logged); 2] =
    [("the server logs ", Kind::Logs), ("the server has not logged ", Kind::HasNotLogged)];

/// Whether it is a statement of the log.
pub(super) fn is_of_log(text: &str) -> bool {
    LOGS.iter().any(|(form, _)| text.starts_with(form))
}

/// Reads a statement of the log; nothing if it is another one.
pub(super) fn logged(line: Line<'_>) -> Option<Result<Kind, Problem>> {
    LOGS.iter().find_map(|(form, kind)| {
        let words = line.text.strip_prefix(form)?;
        let start = line.start + form.len();
        Some(whole(words.trim_end(), start, Use::Expect).map(kind))
    })
}

/// `closed with 1008`: the code of a WebSocket's last frame.
pub(super) fn closed_with(verb: Line<'_>) -> Option<Result<u16, Problem>> {
    let words: Vec<&str> = verb.text.split_whitespace().collect();
    let ["is" | "are", "closed", "with", ref rest @ ..] = words[..] else { return None };
    let code = match rest {
        [code] => code.parse().ok(),
        _ => None,
    };
    Some(code.ok_or_else(|| {
        let label = "expected the code of a WebSocket's close: `is closed with 1008`";
        Problem::new(verb.span(), "an end that can't be read", label)
    }))
}
