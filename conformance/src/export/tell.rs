//! A scenario's tree, told as data. The matches are exhaustive: a new statement is missed by the
//! compiler.

use super::{
    Act, Bound, Case, Clause, Control, Counted, Frame, Key, Level, Role, Row, Sign, Step, Tally,
    Test, What, text::Cells,
};
use crate::{
    clauses::Register,
    report::json::line_of,
    scenario::{self as tree, Kind, Spanned, Statement},
};

/// A case as data.
pub(super) fn case(case: &tree::Case, register: &Register) -> Case {
    let (scenario, header) = (&*case.scenario, &case.scenario.header);
    let cells = Cells::new(case);
    let clause = |id: &Spanned<String>| {
        let known = register.find(&id.value);
        Clause {
            id: id.value.clone(),
            name: known.map(|clause| clause.name.clone()),
            text: known.map(|clause| clause.text.clone()),
            section: known.map(|clause| clause.section.clone()),
            source: known.map(|clause| clause.source.clone()),
        }
    };
    let teller = Teller { source: &scenario.text, cells: &cells };
    Case {
        id: case.id.clone(),
        scenario: scenario.id.clone(),
        title: header.title.value.clone(),
        row: case.row.map(|row| Row {
            number: row + 1,
            text: case.row_text().unwrap_or_default().to_owned(),
            cells: cells.texts(),
        }),
        clauses: header.spec.iter().map(clause).collect(),
        level: match header.level {
            tree::Level::Must => Level::Must,
            tree::Level::Should => Level::Should,
            tree::Level::May => Level::May,
        },
        since: header.since.as_ref().map(ToString::to_string),
        until: header.until.as_ref().map(ToString::to_string),
        tags: header.tags.clone(),
        needs: names(&header.needs),
        keys: header.keys.iter().map(key).collect(),
        config: header.config.as_ref().map(|config| cells.text(config)),
        manual_pings: header.manual_pings,
        manual_infos: header.manual_infos,
        steps: teller.steps(&scenario.body),
    }
}

/// Tells the statements of one case as data.
struct Teller<'a> {
    source: &'a str,
    cells: &'a Cells<'a>,
}

impl Teller<'_> {
    fn steps(&self, statements: &[Statement]) -> Vec<Step> {
        statements.iter().flat_map(|statement| self.step(statement)).collect()
    }

    /// A table is the steps of one of its rows; all else is one step.
    fn step(&self, statement: &Statement) -> Vec<Step> {
        let what = match &statement.kind {
            Kind::Table { names: _, rows: _, body } => return self.steps(body),
            Kind::Caption(text) => What::Caption { text: text.clone() },
            Kind::Dial(peers, port) => What::Dial {
                peers: names(peers),
                port: port.as_ref().map(|port| self.cells.value(&port.value)),
            },
            Kind::Refused(peers) => What::Refused { peers: names(peers) },
            Kind::Tls(tls) => What::Tls {
                peers: names(&tls.peers),
                certificate: tls.certificate.as_ref().map(|name| name.value.clone()),
                version: tls.version.as_ref().map(|version| version.value.clone()),
                succeeds: tls.succeeds,
            },
            Kind::Upgrade(_)
            | Kind::Page(_)
            | Kind::Run(_)
            | Kind::Logs(_)
            | Kind::HasNotLogged(_) => {
                return self.outside(statement);
            }
            Kind::Control(control) => What::Server { control: self.control(control) },
            Kind::Connect(peers, options) => What::Connect {
                peers: names(peers),
                options: options.as_ref().map(|options| self.cells.text(options)),
            },
            Kind::Send { to, text, finished } => {
                What::Send { peers: names(to), text: self.cells.text(text), finished: *finished }
            }
            Kind::Expect(expectation) => What::Expect(self.frame(expectation)),
            Kind::AnyOrder(expectations) => What::InAnyOrder {
                frames: expectations.iter().map(|one| self.frame(one)).collect(),
            },
            Kind::Quiet(tree::Who::Everyone) => What::Quiet { peers: None },
            Kind::Quiet(tree::Who::Peers(peers)) => What::Quiet { peers: Some(names(peers)) },
            Kind::Closed(peers, code) => What::Closed { peers: names(peers), code: *code },
            Kind::Act(peers, what) => What::Act { peers: names(peers), act: act(*what) },
            Kind::Loop { name, from, to, body } => What::Loop {
                name: name.value.clone(),
                from: self.cells.value(from),
                to: self.cells.value(to),
                steps: self.steps(body),
            },
            Kind::Let(name, text) => {
                What::Let { name: name.value.clone(), text: self.cells.text(text) }
            }
            Kind::Check(check) => What::Check {
                value: self.cells.value(&check.left.value),
                test: self.test(&check.test),
            },
            Kind::Since(release, body) => {
                What::Since { release: release.to_string(), steps: self.steps(body) }
            }
            Kind::Until(release, body) => {
                What::Until { release: release.to_string(), steps: self.steps(body) }
            }
            Kind::Tally(tally) => What::Tally(self.tally(tally)),
            Kind::Timed { from, to, body } => {
                What::Timed { from_ms: ms(*from), to_ms: ms(*to), steps: self.steps(body) }
            }
            Kind::Wait(time, because) => What::Wait { ms: ms(*time), because: because.clone() },
        };
        vec![Step { line: line_of(self.source, statement.span.start), what }]
    }

    /// What happens outside of conversations.
    fn outside(&self, statement: &Statement) -> Vec<Step> {
        let text = |text: &tree::Template| self.cells.text(text);
        let what = match &statement.kind {
            Kind::Upgrade(upgrade) => What::Upgrade {
                peers: names(&upgrade.peers),
                path: upgrade.path.as_ref().map(text),
                headers: upgrade.headers.as_ref().map(text),
                answer: upgrade.answer.as_ref().map(|name| name.value.clone()),
                refused: upgrade.refused,
            },
            Kind::Page(page) => What::Page {
                name: page.name.value.clone(),
                port: self.cells.value(&page.port.value),
                path: text(&page.path),
                tls: page.tls,
                steps: self.steps(&page.body),
            },
            Kind::Run(run) => What::Run {
                name: run.name.value.clone(),
                arguments: text(&run.arguments),
                config: run.config.as_ref().map(text),
            },
            Kind::Logs(words) => What::Logs { text: text(words) },
            Kind::HasNotLogged(words) => What::HasNotLogged { text: text(words) },
            _ => return Vec::new(),
        };
        vec![Step { line: line_of(self.source, statement.span.start), what }]
    }

    fn control(&self, control: &tree::Control) -> Control {
        match control {
            tree::Control::Reload(config) => Control::Reload { config: self.cells.text(config) },
            tree::Control::RefuseReload(config) => {
                Control::RefuseReload { config: self.cells.text(config) }
            }
            tree::Control::LameDuck => Control::LameDuck,
            tree::Control::ShutDown => Control::ShutDown,
            tree::Control::Join(config) => Control::Join { config: self.cells.text(config) },
            tree::Control::Leave => Control::Leave,
        }
    }

    fn frame(&self, expectation: &tree::Expectation) -> Frame {
        let (peers, one_of) = match &expectation.from {
            tree::From::Each(peers) => (peers, false),
            tree::From::OneOf(peers) => (peers, true),
        };
        Frame { peers: names(peers), one_of, frame: self.cells.text(&expectation.frame) }
    }

    fn test(&self, test: &tree::Test) -> Test {
        match test {
            tree::Test::Compare(ordering, with) => {
                Test::Compare { sign: sign(*ordering), with: self.cells.text(with) }
            }
            tree::Test::Contains(words) => Test::Contains { words: self.cells.text(words) },
            tree::Test::Matches(pattern) => Test::Matches { pattern: pattern.clone() },
            tree::Test::Exists => Test::Exists,
            tree::Test::Missing => Test::Missing,
        }
    }

    fn tally(&self, tally: &tree::Tally) -> Tally {
        let bound = |bound: &tree::Bound| {
            let (of, peer) = match &bound.of {
                tree::Counted::Each => (Counted::Each, None),
                tree::Counted::Peer(peer) => (Counted::Peer, Some(peer.value.clone())),
                tree::Counted::Repeats => (Counted::Repeats, None),
            };
            Bound { of, peer, sign: sign(bound.ordering), value: bound.value }
        };
        Tally {
            peers: names(&tally.peers),
            count: tally.count,
            frame: self.cells.text(&tally.frame),
            number: tally.number.clone(),
            shares: tally.shares.clone(),
            bounds: tally.bounds.iter().map(bound).collect(),
        }
    }
}

fn key(key: &tree::Key) -> Key {
    let (role, of) = match &key.role {
        tree::Role::Operator => (Role::Operator, None),
        tree::Role::Account(of) => (Role::Account, of.clone()),
        tree::Role::User(of) => (Role::User, of.clone()),
    };
    Key {
        name: key.name.value.clone(),
        role,
        of,
        lasts_ms: key.lasts.map(ms),
        claims: key.claims.clone(),
    }
}

fn act(act: tree::Act) -> Act {
    match act {
        tree::Act::Close => Act::Close,
        tree::Act::HalfClose => Act::HalfClose,
        tree::Act::Reset => Act::Reset,
        tree::Act::StopReading => Act::StopReading,
        tree::Act::ReadOn => Act::ReadOn,
    }
}

fn sign(ordering: tree::Ordering) -> Sign {
    match ordering {
        tree::Ordering::Equal => Sign::Equal,
        tree::Ordering::NotEqual => Sign::NotEqual,
        tree::Ordering::Less => Sign::Less,
        tree::Ordering::AtMost => Sign::AtMost,
        tree::Ordering::More => Sign::More,
        tree::Ordering::AtLeast => Sign::AtLeast,
    }
}

fn names(spanned: &[Spanned<String>]) -> Vec<String> {
    spanned.iter().map(|name| name.value.clone()).collect()
}

fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
