//! Options of the monitoring pages.

/// Where the monitoring pages are, and how much is remembered for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitoring {
    /// The address to listen on; that of clients if absent, the default.
    pub host: Option<String>,
    /// The port to listen on; 0 takes a free one. None, the default, is no monitoring. Takes the
    /// feature `monitoring`.
    pub port: Option<u16>,
    /// In place of [`port`](Monitoring::port): pages over HTTPS, with the certificate that the
    /// server shows clients. Takes the feature `tls`, too.
    pub https_port: Option<u16>,
    /// What comes before the path of each page, such as `/nats`. Default empty.
    pub base_path: String,
    /// Closed connections that `/connz` remembers (MON-018). Default 10 000.
    pub max_closed_clients: usize,
}

impl Default for Monitoring {
    fn default() -> Monitoring {
        Monitoring {
            host: None,
            port: None,
            https_port: None,
            base_path: String::new(),
            max_closed_clients: 10_000,
        }
    }
}

impl Monitoring {
    /// What comes before the path of each page: empty, or with a slash before and none behind.
    pub(crate) fn prefix(&self) -> String {
        let names = self.base_path.split('/').filter(|name| !name.is_empty());
        names.map(|name| format!("/{name}")).collect()
    }

    /// Whether there are pages.
    pub(crate) fn is_on(&self) -> bool {
        self.port.or(self.https_port).is_some()
    }

    /// Says what can't be meant, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_built_in = cfg!(feature = "monitoring");
        (self.is_on() && !is_built_in)
            .then(|| "this server was built without the feature `monitoring`".to_owned())
    }

    /// Says why the pages can't be served, if so; nats-server finds it out when it starts them.
    pub(crate) fn contradiction(&self, has_tls: bool) -> Option<String> {
        // There, too, a free port is shown as it was asked for.
        let shown = |port: u16| if port == 0 { "-1".to_owned() } else { port.to_string() };
        match (self.port, self.https_port) {
            (Some(http), Some(https)) => {
                let (http, https) = (shown(http), shown(https));
                Some(format!("can't specify both HTTP ({http}) and HTTPs ({https}) ports"))
            }
            (None, Some(_)) if !has_tls => Some("TLS cert and key required for HTTPS".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn a_prefix_has_a_slash_before_and_none_behind() {
        for (base_path, prefix) in
            [("", ""), ("/", ""), ("nats", "/nats"), ("/nats/", "/nats"), ("a//b", "/a/b")]
        {
            let options = Monitoring { base_path: base_path.to_owned(), ..Monitoring::default() };
            assert_eq!(options.prefix(), prefix, "{base_path}");
        }
    }

    fn read(text: &str) -> Monitoring {
        let mut config = Config::default();
        config.merge(text).unwrap();
        config.monitoring
    }

    #[test]
    fn options_have_the_names_that_they_have_there() {
        let options = read("http: \"1.2.3.4:80\", http_base_path: /x, max_closed_clients: 3");
        let expected = Monitoring {
            host: Some("1.2.3.4".to_owned()),
            port: Some(80),
            https_port: None,
            base_path: "/x".to_owned(),
            max_closed_clients: 3,
        };
        assert_eq!(options, expected);
        for (text, port) in [
            ("http: 81", Some(81)),
            ("http_port: 82", Some(82)),
            ("monitor_port: -1", Some(0)),
            ("http_port: 0", None),
            ("http: 81, http_port: 83", Some(83)),
            ("", None),
        ] {
            assert_eq!(read(text).port, port, "{text}");
        }
        assert_eq!(read("https: 84").https_port, Some(84));
        assert_eq!(read("https_port: -1").https_port, Some(0));
        assert_eq!(read("https: \"1.2.3.4:85\"").host.as_deref(), Some("1.2.3.4"));
        assert_eq!(read("max_closed_clients: 0").max_closed_clients, 10_000);
    }

    #[test]
    fn one_listener_serves_the_pages() {
        for (text, has_tls, problem) in [
            ("http: 81", false, None),
            ("https: 81", true, None),
            ("https: 81", false, Some("TLS cert and key required for HTTPS")),
            (
                "http: 81, https: -1",
                true,
                Some("can't specify both HTTP (81) and HTTPs (-1) ports"),
            ),
        ] {
            assert_eq!(read(text).contradiction(has_tls).as_deref(), problem, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["http: x", "http_port: 70000", "max_closed_clients: -1", "https: x"] {
            assert!(Config::default().merge(text).is_err(), "{text}");
        }
    }
}
