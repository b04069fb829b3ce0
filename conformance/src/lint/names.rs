//! Names that are bound and never used, or used and never bound; peers that act before they are
//! connected; silence that nothing was said before.

use std::collections::{HashMap, HashSet};

use crate::scenario::{
    Check, Control, Expectation, Expr, From, Kind, Part, Peer, Problem, Role, Scenario, Span,
    Spanned, Statement, Template, Test, Who, block,
};

pub(super) fn names(scenario: &Scenario) -> Vec<Problem> {
    let mut walk = Walk::default();
    walk.fixtures(scenario);
    walk.block(&scenario.body);
    for (by, of) in std::mem::take(&mut walk.later) {
        walk.signed(&by, &of);
    }
    for (name, span) in &walk.bound {
        if !walk.used.contains(name) {
            let title = format!("`{name}` is bound and never used");
            let advice = match walk.keys.contains(name) {
                true => "a key that nobody needs is left out",
                false => "write `<_>` for a word that does not matter",
            };
            walk.problems.push(
                Problem::new(span.clone(), title, "nothing looks at its value").advise(advice),
            );
        }
    }
    walk.problems.sort_by_key(|problem| problem.span.start);
    walk.problems
}

#[derive(Default)]
struct Walk {
    bound: HashMap<String, Span>,
    used: HashSet<String>,
    peers: HashSet<String>,
    /// Names that the header gives keys.
    keys: HashSet<String>,
    spoken: bool,
    /// Signatures in cells: what they sign may be bound below the table's head.
    later: Vec<(Spanned<String>, Spanned<Expr>)>,
    problems: Vec<Problem>,
}

impl Walk {
    /// What is there before the story begins.
    fn fixtures(&mut self, scenario: &Scenario) {
        for key in &scenario.header.keys {
            self.keys.insert(key.name.value.clone());
            self.bind(&key.name.value, &key.name.span);
            // Who vouches is of use to those below.
            if let Role::Account(Some(by)) | Role::User(Some(by)) = &key.role {
                self.used.insert(by.clone());
            }
            self.used.extend(key.named());
        }
        for name in ["certs", "ports"] {
            self.bound.insert(name.to_owned(), 0..0);
            self.used.insert(name.to_owned());
        }
        let told = self.problems.len();
        scenario.header.config.iter().for_each(|config| self.sent(config));
        for problem in &mut self.problems[told..] {
            let advice = "a configuration has `<certs>`, `<ports.NAME>`, and the keys of `keys:`";
            problem.advice = Some(advice.to_owned());
        }
        // Where it listens is known only when it has started.
        self.bound.insert("server".to_owned(), 0..0);
        self.used.insert("server".to_owned());
    }

    fn block(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            Kind::Dial(peers, port) => {
                port.iter().for_each(|port| self.look(&port.value, &port.span));
                self.connected(peers);
            }
            Kind::Refused(_) => {}
            Kind::Tls(tls) => self.present(&tls.peers),
            Kind::Upgrade(_)
            | Kind::Page(_)
            | Kind::Run(_)
            | Kind::Logs(_)
            | Kind::HasNotLogged(_) => {
                self.outside(&statement.kind);
            }
            Kind::Control(control) => self.control(control, &statement.span),
            Kind::Connect(peers, options) => {
                options.iter().for_each(|template| self.sent(template));
                self.connected(peers);
                self.spoken = true;
            }
            Kind::Send { to, text, .. } => {
                self.present(to);
                self.sent(text);
                self.spoken = true;
            }
            Kind::Expect(expectation) => self.expected(expectation),
            Kind::AnyOrder(expectations) => {
                expectations.iter().for_each(|expectation| self.expected(expectation));
            }
            Kind::Quiet(Who::Peers(peers)) => {
                self.present(peers);
                self.silence(&statement.span);
            }
            Kind::Quiet(Who::Everyone) => self.silence(&statement.span),
            Kind::Closed(peers, _) | Kind::Act(peers, _) => self.present(peers),
            Kind::Table { names, rows, body } => {
                for name in names {
                    self.bind(&name.value, &name.span);
                }
                rows.iter().flat_map(|row| &row.cells).for_each(|cell| self.matched(cell));
                self.block(body);
            }
            Kind::Loop { name, from, to, body } => {
                self.look(from, &statement.span);
                self.look(to, &statement.span);
                // A loop may just count.
                self.bind(&name.value, &name.span);
                self.used.insert(name.value.clone());
                self.block(body);
            }
            Kind::Let(name, text) => {
                self.sent(text);
                self.bind(&name.value, &name.span);
            }
            Kind::Check(check) => self.check(check),
            Kind::Tally(tally) => {
                self.present(&tally.peers);
                if let Some(number) = &tally.number {
                    self.used.insert(number.clone());
                }
                self.matched(&tally.frame);
            }
            Kind::Caption(_) | Kind::Wait(..) => {}
            Kind::Since(..) | Kind::Until(..) | Kind::Timed { .. } => {
                self.block(block(&statement.kind));
            }
        }
    }

    /// What happens outside of conversations.
    fn outside(&mut self, kind: &Kind) {
        match kind {
            Kind::Upgrade(upgrade) => {
                self.present(&upgrade.peers);
                upgrade.path.iter().chain(&upgrade.headers).for_each(|text| self.sent(text));
                upgrade.answer.iter().for_each(|name| self.bind(&name.value, &name.span));
            }
            Kind::Page(page) => {
                self.look(&page.port.value, &page.port.span);
                self.sent(&page.path);
                self.bind(&page.name.value, &page.name.span);
                self.block(&page.body);
            }
            Kind::Run(run) => {
                if let Some(config) = &run.config {
                    self.sent(config);
                    self.bind("config", &run.name.span);
                }
                self.sent(&run.arguments);
                self.bind(&run.name.value, &run.name.span);
            }
            Kind::Logs(words) | Kind::HasNotLogged(words) => self.matched(words),
            _ => {}
        }
    }

    fn control(&mut self, control: &Control, span: &Span) {
        match control {
            Control::Reload(config) | Control::RefuseReload(config) => self.sent(config),
            Control::Join(config) => {
                self.sent(config);
                self.bind("another", span);
                // Its port need not matter.
                self.used.insert("another".to_owned());
            }
            Control::LameDuck | Control::ShutDown | Control::Leave => {}
        }
    }

    fn expected(&mut self, expectation: &Expectation) {
        let (From::Each(peers) | From::OneOf(peers)) = &expectation.from;
        self.present(peers);
        self.matched(&expectation.frame);
    }

    fn check(&mut self, check: &Check) {
        self.look(&check.left.value, &check.left.span);
        if let Test::Compare(_, right) | Test::Contains(right) = &check.test {
            self.sent(right);
        }
    }

    /// Everything in it must have a value.
    fn sent(&mut self, template: &Template) {
        for part in &template.parts {
            match part {
                Part::Value(value) | Part::Repeat(_, value) => {
                    self.look(&value.value, &value.span);
                }
                Part::Signature { by, of, .. } => self.signed(by, of),
                _ => {}
            }
        }
    }

    /// Plain names are bound by it, or compared.
    fn matched(&mut self, template: &Template) {
        for part in &template.parts {
            match part {
                Part::Value(value) => match &value.value {
                    Expr::Path(name, steps)
                        if steps.is_empty() && !self.bound.contains_key(name) =>
                    {
                        self.bind(name, &value.span);
                    }
                    expr => self.look(expr, &value.span),
                },
                Part::Repeat(_, count) => self.look(&count.value, &count.span),
                Part::Json(name) | Part::Regex(name, _) => self.bind(&name.value, &name.span),
                Part::Signature { by, of, .. } => self.later.push((by.clone(), of.clone())),
                _ => {}
            }
        }
    }

    fn signed(&mut self, by: &Spanned<String>, of: &Spanned<Expr>) {
        self.used.insert(by.value.clone());
        if !self.bound.contains_key(&by.value) {
            let title = format!("nobody called `{}` has a key", by.value);
            self.problems.push(
                Problem::new(by.span.clone(), title, "this can't be signed")
                    .advise(format!("write `{} is a user` below `keys:` in the header", by.value)),
            );
        }
        self.look(&of.value, &of.span);
    }

    fn bind(&mut self, name: &str, span: &Span) {
        if name != "_" {
            self.bound.entry(name.to_owned()).or_insert_with(|| span.clone());
        }
    }

    fn look(&mut self, expr: &Expr, span: &Span) {
        match expr {
            Expr::Number(_) => {}
            Expr::Sum(left, _) => self.look(left, span),
            Expr::Path(name, _) => {
                self.used.insert(name.clone());
                if !self.bound.contains_key(name) {
                    let title = format!("`{name}` is never bound");
                    let label = "this has no value here";
                    self.problems.push(Problem::new(span.clone(), title, label).advise(
                        "a name is bound by `let`, by a loop, or by a `<` line before this one",
                    ));
                }
            }
        }
    }

    fn connected(&mut self, peers: &[Peer]) {
        self.peers.extend(peers.iter().map(|peer| peer.value.clone()));
    }

    fn present(&mut self, peers: &[Peer]) {
        for peer in peers {
            if !self.peers.contains(&peer.value) {
                let title = format!("{} is not connected", peer.value);
                let label = "nobody of this name dials or connects before";
                self.problems.push(
                    Problem::new(peer.span.clone(), title, label)
                        .advise(format!("write `{} connects`", peer.value)),
                );
                // Once is enough.
                self.peers.insert(peer.value.clone());
            }
        }
    }

    fn silence(&mut self, span: &Span) {
        if !self.spoken {
            let label = "nobody has said anything before";
            self.problems.push(
                Problem::new(span.clone(), "a silence that proves nothing", label).advise(
                    "let somebody send something first; every story ends in silence anyway",
                ),
            );
            self.spoken = true;
        }
    }
}
