//! Statements of one line in which nothing is sent or expected.

use super::{
    Act, Kind, Part, Peer, Problem, Spanned, Template, Who, control,
    line::Line,
    outside,
    problem::nearest,
    template::{Use, is_name, whole},
    words,
};

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

pub(super) fn binding(rest: Line<'_>) -> Result<Kind, Problem> {
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

pub(super) fn waiting(line: Line<'_>, rest: Line<'_>) -> Result<Kind, Problem> {
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
pub(super) fn deed(line: Line<'_>) -> Result<Kind, Problem> {
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
