//! What a story needs beside a server, read from the story itself.

use std::collections::BTreeSet;

use super::{
    Control, Expr, Header, Kind, Part, Role, Scenario, Span, Spanned, Statement, Step, Template,
};

impl Scenario {
    /// Whether a case leaves the server otherwise than it found it, or must meet it fresh: its
    /// rows can't share one.
    pub fn needs_own_server(&self) -> bool {
        let mut controls = false;
        each(&self.body, &mut |statement| {
            controls |=
                matches!(statement.kind, Kind::Control(_) | Kind::Logs(_) | Kind::HasNotLogged(_));
        });
        controls || self.header.keys.iter().any(|key| key.lasts.is_some())
    }

    /// Whether certificates are asked for.
    pub fn needs_certificates(&self) -> bool {
        let mut found = false;
        self.configured(&mut |name, _| found |= name == "certs");
        found
    }

    /// The names of the ports that are to be free: `route` of `<ports.route>`.
    pub fn ports(&self) -> BTreeSet<String> {
        let mut ports = BTreeSet::new();
        self.configured(&mut |name, steps| {
            if let ("ports", [Step::Member(port)]) = (name, steps) {
                ports.insert(port.clone());
            }
        });
        ports
    }

    /// Everything that stands for something in a configuration.
    fn configured(&self, look: &mut impl FnMut(&str, &[Step])) {
        configured(&self.header, &self.body, &mut |name, steps, _| look(name, steps));
    }
}

/// Adds what need not be written down because the story shows it.
pub(super) fn add_needs(header: &mut Header, body: &[Statement]) {
    let mut needs: Vec<Spanned<String>> = Vec::new();
    let mut need = |word: &str, span: &Span| {
        if !needs.iter().any(|need| need.value == word) {
            needs.push(Spanned { value: word.to_owned(), span: span.clone() });
        }
    };
    configured(header, body, &mut |name, _, span| {
        if name == "certs" {
            need("tls", span);
        }
    });
    for key in &header.keys {
        let jwt = !matches!(key.role, Role::User(None));
        need(if jwt { "jwt" } else { "nkeys" }, &key.name.span);
    }
    each(body, &mut |statement| {
        let word = match &statement.kind {
            Kind::Tls(_) => "tls",
            Kind::Upgrade(_) => "websocket",
            Kind::Page(page) => {
                if page.tls {
                    need("tls", &statement.span);
                }
                "monitoring"
            }
            Kind::Run(_) | Kind::Logs(_) | Kind::HasNotLogged(_) => "program",
            Kind::Control(Control::Reload(_) | Control::RefuseReload(_)) => "reload",
            Kind::Control(Control::LameDuck) => "signals",
            Kind::Control(Control::ShutDown) => "shutdown",
            Kind::Control(Control::Join(_) | Control::Leave) => "cluster",
            _ => return,
        };
        need(word, &statement.span);
    });
    needs.retain(|need| !header.needs.iter().any(|written| written.value == need.value));
    header.needs.extend(needs);
}

fn configured(header: &Header, body: &[Statement], look: &mut impl FnMut(&str, &[Step], &Span)) {
    let mut config = |template: &Template| {
        for part in &template.parts {
            if let Part::Value(Spanned { value: Expr::Path(name, steps), span }) = part {
                look(name, steps, span);
            }
        }
    };
    header.config.iter().for_each(&mut config);
    each(body, &mut |statement| match &statement.kind {
        Kind::Control(
            Control::Reload(template) | Control::RefuseReload(template) | Control::Join(template),
        ) => config(template),
        Kind::Run(run) => {
            config(&run.arguments);
            run.config.iter().for_each(&mut config);
        }
        _ => {}
    });
}

/// All statements, those in blocks too.
fn each<'a>(body: &'a [Statement], look: &mut impl FnMut(&'a Statement)) {
    for statement in body {
        look(statement);
        each(block(&statement.kind), look);
    }
}

/// The statements inside a statement.
pub(crate) fn block(kind: &Kind) -> &[Statement] {
    match kind {
        Kind::Table { body, .. }
        | Kind::Loop { body, .. }
        | Kind::Since(_, body)
        | Kind::Until(_, body)
        | Kind::Timed { body, .. } => body,
        Kind::Page(page) => &page.body,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Scenario, parse};

    fn scenario(header: &str, story: &str) -> Scenario {
        parse("t", &format!("title: t\nspec: X\nlevel: MUST\n{header}\n{story}\n")).unwrap()
    }

    #[test]
    fn what_the_story_shows_need_not_be_written() {
        let tls = "config:\n    tls { cert_file: \"<certs>/server.pem\" }\n";
        for (header, story, needs) in [
            ("", "alice dials", ""),
            ("needs: headers\n", "the server shuts down", "headers shutdown"),
            (tls, "alice dials", "tls"),
            ("needs: tls\n", "alice dials\nalice starts tls", "tls"),
            ("", "since 2.10\n  the server reloads\n    max_payload: 5", "reload"),
            ("", "the server enters lame duck mode", "signals"),
            ("", "another server joins\n  port: 0\nanother server leaves", "cluster"),
            ("keys:\n    ann is a user\n", "alice dials", "nkeys"),
            ("keys:\n    op is an operator\n", "alice dials", "jwt"),
        ] {
            let found = scenario(header, story).header.needs;
            let found: Vec<&str> = found.iter().map(|need| need.value.as_str()).collect();
            assert_eq!(found.join(" "), needs, "{header}{story}");
        }
    }

    #[test]
    fn rows_share_a_server_only_if_they_leave_it_as_it_was() {
        let users = "keys:\n    op is an operator\n    acme is an account of op";
        for (header, story, own) in [
            (String::new(), "alice dials", false),
            (String::new(), "since 2.10\n  the server shuts down", true),
            (format!("{users}\n"), "alice dials", false),
            (format!("{users} for 2s\n"), "alice dials", true),
        ] {
            assert_eq!(scenario(&header, story).needs_own_server(), own, "{header}{story}");
        }
    }

    #[test]
    fn ports_are_found_wherever_a_server_is_configured() {
        let header = "config:\n    cluster { listen: \"127.0.0.1:<ports.a>\" }\n";
        let story = "the server reloads\n  x: <ports.b>\nanother server joins\n  y: <ports.c>";
        let ports: Vec<String> = scenario(header, story).ports().into_iter().collect();
        assert_eq!(ports, ["a", "b", "c"]);
    }
}
