//! What is done to the server itself, to its neighbours, and to a connection's transport.

use super::{
    Kind, Peer, Problem, Spanned, Template,
    config::config,
    line::{Line, without_remark},
    problem::nearest,
    template::expr,
    words,
};

/// What happens to the server, not to a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// `the server reloads`: with this configuration instead of the one before.
    Reload(Template),
    /// `the server refuses to reload`: with this configuration, and keeps the one it has.
    RefuseReload(Template),
    /// `the server enters lame duck mode`.
    LameDuck,
    /// `the server shuts down`.
    ShutDown,
    /// `another server joins`: a second one of the same kind, with this configuration.
    Join(Template),
    /// `another server leaves`: the second one shuts down.
    Leave,
}

/// The client's half of the change to TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// Each of them.
    pub peers: Vec<Peer>,
    /// The certificate that is shown to the server, one of [`CERTIFICATES`].
    pub certificate: Option<Spanned<String>>,
    /// The only version that is spoken, one of [`VERSIONS`].
    pub version: Option<Spanned<String>>,
    /// Whether it must come about.
    pub succeeds: bool,
}

/// What a client can show: a certificate that the server's `<certs>/ca.pem` has signed, one signed
/// by somebody else, one that is too old.
pub const CERTIFICATES: &[&str] = &["client", "stranger", "expired"];

/// Versions of TLS that a client can keep to.
pub const VERSIONS: &[&str] = &["1.2", "1.3"];

const SERVER: &[&str] = &[
    "the server reloads",
    "the server refuses to reload",
    "the server enters lame duck mode",
    "the server shuts down",
    "another server joins",
    "another server leaves",
];

/// Reads what begins with `the server` or `another server`; `below` is the configuration.
pub(super) fn control(line: Line<'_>, below: &[Line<'_>]) -> Result<Control, Problem> {
    let control = match SERVER.iter().position(|form| words::is(line, &[form])) {
        Some(0) => Control::Reload(fragment(line, below)?),
        Some(1) => Control::RefuseReload(fragment(line, below)?),
        Some(2) => Control::LameDuck,
        Some(3) => Control::ShutDown,
        Some(4) => Control::Join(fragment(line, below)?),
        Some(_) => Control::Leave,
        None => {
            let label = format!("expected `{}`", SERVER.join("`, `"));
            let problem = Problem::new(line.span(), "nothing that a server does", label);
            return Err(match nearest(line.text, SERVER.iter().copied()) {
                Some(known) => problem.advise(format!("did you mean `{known}`?")),
                None => problem,
            });
        }
    };
    match (&control, below.first()) {
        (Control::LameDuck | Control::ShutDown | Control::Leave, Some(below)) => {
            let label = "nothing is configured here";
            Err(Problem::new(below.span(), "a line that is indented", label))
        }
        _ => Ok(control),
    }
}

/// Whether what stands below this statement is configuration.
pub(super) fn configures(line: Line<'_>) -> bool {
    let stated = Line { text: without_remark(line.text), ..line };
    words::is(stated, &[SERVER[0], SERVER[1], SERVER[4]])
}

fn fragment(line: Line<'_>, below: &[Line<'_>]) -> Result<Template, Problem> {
    match below.is_empty() {
        false => Ok(config(below)),
        true => Err(Problem::new(line.span(), "a server without its configuration", "with what?")
            .advise("write the whole configuration below, indented by two blanks")),
    }
}

/// `alice starts tls as client in 1.2`, `alice dials ports.route`; nothing if the verb is another
/// one.
pub(super) fn peers_deed(
    peers: &str,
    verb: Line<'_>,
    line: Line<'_>,
) -> Result<Option<Kind>, Problem> {
    let words: Vec<&str> = verb.text.split_whitespace().collect();
    match words[..] {
        [word @ ("starts" | "start" | "fails" | "fail"), "tls", ref rest @ ..] => {
            let (shown, version) = match *rest {
                [] => (None, None),
                ["as", name] => (Some(name), None),
                ["in", version] => (None, Some(version)),
                ["as", name, "in", version] => (Some(name), Some(version)),
                _ => {
                    let label = "expected `starts tls`, `starts tls as client`, `… in 1.2`";
                    return Err(Problem::new(verb.span(), "a change that can't be read", label));
                }
            };
            let one_of = |word: &str, known, what| one_of(word, known, what, verb);
            let shown = shown.map(|name| one_of(name, CERTIFICATES, "certificate"));
            let version = version.map(|version| one_of(version, VERSIONS, "version of TLS"));
            let (certificate, version) = (shown.transpose()?, version.transpose()?);
            let (peers, succeeds) =
                (words::peers(peers, line.start, ',')?, word.starts_with("start"));
            Ok(Some(Kind::Tls(Tls { peers, certificate, version, succeeds })))
        }
        ["dials" | "dial", _, ..] => {
            let rest = words::first(verb).1;
            let port = expr(rest.text, rest.start).map_err(|_| {
                let label = "expected nothing, or a port such as `ports.route`";
                Problem::new(rest.span(), "not a port", label)
                    .advise("`<ports.route>` in the configuration is a port that is free")
            })?;
            Ok(Some(Kind::Dial(words::peers(peers, line.start, ',')?, Some(port))))
        }
        _ => Ok(None),
    }
}

/// A word of `verb` that must be one of these.
fn one_of(
    word: &str,
    known: &[&str],
    what: &str,
    verb: Line<'_>,
) -> Result<Spanned<String>, Problem> {
    let start = verb.start + (word.as_ptr() as usize - verb.text.as_ptr() as usize);
    let span = start..start + word.len();
    if known.contains(&word) {
        return Ok(Spanned { value: word.to_owned(), span });
    }
    let label = format!("there are {}", known.join(", "));
    let problem = Problem::new(span, format!("unknown {what} `{word}`"), label);
    Err(match nearest(word, known.iter().copied()) {
        Some(known) => problem.advise(format!("did you mean `{known}`?")),
        None => problem,
    })
}
