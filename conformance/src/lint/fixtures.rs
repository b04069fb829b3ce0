//! Certificates, keys, ports and servers that a story uses and has not got.

use crate::scenario::{Control, Expr, Kind, Part, Problem, Scenario, Statement, Template, block};

pub(super) fn fixtures(scenario: &Scenario) -> Vec<Problem> {
    let mut walk = Walk { scenario, joined: false, problems: Vec::new() };
    scenario.header.config.iter().for_each(|config| walk.config(config));
    walk.block(&scenario.body);
    walk.problems
}

struct Walk<'a> {
    scenario: &'a Scenario,
    /// Another server has joined.
    joined: bool,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn block(&mut self, statements: &[Statement]) {
        for (at, statement) in statements.iter().enumerate() {
            let control = match &statement.kind {
                Kind::Tls(_) if !self.scenario.needs_certificates() => {
                    let label = "no configuration names `<certs>`";
                    self.problem(
                        statement,
                        "TLS without certificates",
                        label,
                        "the server needs `tls { cert_file: \"<certs>/server.pem\", \
                         key_file: \"<certs>/server.key\" }` in its `config:`",
                    );
                    continue;
                }
                Kind::Control(control) => control,
                kind => {
                    self.block(block(kind));
                    continue;
                }
            };
            if matches!(control, Control::Join(_) | Control::Leave | Control::LameDuck) {
                self.consequence(&statements[at + 1..]);
            }
            match control {
                Control::Reload(config) | Control::RefuseReload(config) => {
                    self.config(config);
                    if self.scenario.header.config.is_none() {
                        let label = "there is no `config:` in the header to be replaced";
                        let advice = "write the configuration that the server starts with";
                        self.problem(statement, "a reload of nothing", label, advice);
                    }
                }
                Control::Join(config) => {
                    self.config(config);
                    self.joined = true;
                }
                Control::Leave if !self.joined => {
                    let label = "there is only one server here";
                    let advice = "`another server joins` comes before";
                    self.problem(statement, "nobody who could leave", label, advice);
                }
                Control::Leave => self.joined = false,
                Control::LameDuck | Control::ShutDown => {}
            }
        }
    }

    /// Servers tell each other in their own time; a fence on one of them proves nothing about that.
    fn consequence(&mut self, behind: &[Statement]) {
        let hears = |next: &&Statement| {
            let deed = matches!(
                next.kind,
                Kind::Caption(_) | Kind::Dial(..) | Kind::Send { .. } | Kind::Let(..)
            );
            !deed
        };
        let timed = |next: &&Statement| {
            matches!(next.kind, Kind::Timed { .. } | Kind::Wait(..) | Kind::Control(_))
        };
        if let Some(next) = behind.iter().find(hears).filter(|next| !timed(next)) {
            let label = "what the statement above brings about comes in its own time";
            let advice = "write `within 5s` above it, and indent it";
            self.problem(next, "a consequence without its time", label, advice);
        }
    }

    /// A key or port as such is no text that a configuration could hold.
    fn config(&mut self, config: &Template) {
        for part in &config.parts {
            let Part::Value(value) = part else { continue };
            let Expr::Path(name, steps) = &value.value else { continue };
            let keys = &self.scenario.header.keys;
            let path = match name.as_str() {
                "ports" => "ports.NAME".to_owned(),
                name if keys.iter().any(|key| key.name.value == name) => {
                    format!("{name}.key>` or `<{name}.jwt")
                }
                _ => continue,
            };
            if steps.len() != 1 {
                let label = format!("expected `<{path}>`");
                self.problems.push(Problem::new(
                    value.span.clone(),
                    "a name without its value",
                    label,
                ));
            }
        }
    }

    fn problem(&mut self, statement: &Statement, title: &str, label: &str, advice: &str) {
        self.problems.push(Problem::new(statement.span.clone(), title, label).advise(advice));
    }
}
