//! Where a page comes from, as browsers say it: `https://example.com:8443`.

/// A site; the port is that of the scheme unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// In small letters, as is the host.
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// Reads a URL; what follows the host and port does not matter.
    pub(super) fn parse(text: &str) -> Option<Origin> {
        let (scheme, rest) = text.split_once("://")?;
        let site = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let scheme = scheme.to_ascii_lowercase();
        let usual = if scheme == "https" { 443 } else { 80 };
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match site.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host.to_owned(), port.parse().ok()?),
            _ => (site, usual),
        };
        let is_url =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_url(&scheme) && is_url(&host)).then_some(Origin { scheme, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_filled_in() {
        let parsed = |text: &str| {
            Origin::parse(text).map(|origin| format!("{}|{}", origin.host, origin.port))
        };
        for (text, expected) in [
            ("http://A.test", "a.test|80"),
            ("https://a.test/x:1", "a.test|443"),
            ("https://a.test:444", "a.test|444"),
            ("http://[::1]", "[::1]|80"),
            ("http://[::1]:81", "[::1]|81"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected));
        }
        for text in ["null", "a.test", "http://", "http://a b", "http://a:x"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
