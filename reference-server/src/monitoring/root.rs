//! `/`: links to the pages, and what is connected, for people (MON-005).
//!
//! The page is fixed text, but for the names of the server and the paths. Its script asks for
//! `/varz` and `/connz` and makes text of what they say, never markup.

use crate::{Profile, server::Overview};

const PAGE: &str = include_str!("root.html");

/// The page asks nobody but its server.
pub(super) const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Paths, what they are called, and since when there are links to them.
const LINKS: &[(&str, &str, Profile)] = &[
    ("/varz", "General", Profile::V2_9),
    ("/jsz", "JetStream", Profile::V2_9),
    ("/connz", "Connections", Profile::V2_9),
    ("/accountz", "Accounts", Profile::V2_9),
    ("/accstatz", "Account Stats", Profile::V2_9),
    ("/subsz", "Subscriptions", Profile::V2_9),
    ("/routez", "Routes", Profile::V2_9),
    ("/leafz", "LeafNodes", Profile::V2_9),
    ("/gatewayz", "Gateways", Profile::V2_9),
    ("/raftz", "Raft Groups", Profile::V2_10),
    ("/healthz", "Health Probe", Profile::V2_9),
    ("/debug/vars", "Expvar", Profile::V2_11),
];

pub(super) fn page(server: &Overview<'_>, prefix: &str) -> String {
    let base = format!(".{}", escaped(prefix));
    let profile = server.profile();
    let there = LINKS.iter().filter(|(.., since)| profile >= *since);
    let links = there.map(|(path, title, _)| format!("<a href=\"{base}{path}\">{title}</a>\n"));
    PAGE.replace("{{base}}", &base)
        .replace("{{own_version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{version}}", profile.version())
        .replace("{{links}}", &links.collect::<String>())
        .replace("{{name}}", &escaped(&server.name()))
}

/// Text, wherever it stands in HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(letter),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text() {
        assert_eq!(escaped("<b>&'\"x"), "&lt;b&gt;&amp;&#39;&quot;x");
    }
}
