//! Options of the monitoring pages.

/// Where the monitoring pages are, and how much is remembered for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitoring {
    /// The address to listen on; that of clients if absent, the default.
    pub host: Option<String>,
    /// The port to listen on; 0 takes a free one. None, the default, is no monitoring. Takes the
    /// feature `monitoring`.
    pub port: Option<u16>,
    /// What comes before the path of each page, such as `/nats`. Default empty.
    pub base_path: String,
    /// Closed connections that `/connz` remembers (MON-018). Default 10 000.
    pub max_closed_clients: usize,
}

impl Default for Monitoring {
    fn default() -> Monitoring {
        Monitoring { host: None, port: None, base_path: String::new(), max_closed_clients: 10_000 }
    }
}

impl Monitoring {
    /// What comes before the path of each page: empty, or with a slash before and none behind.
    pub(crate) fn prefix(&self) -> String {
        let names = self.base_path.split('/').filter(|name| !name.is_empty());
        names.map(|name| format!("/{name}")).collect()
    }

    /// Says what can't be meant, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_built_in = cfg!(feature = "monitoring");
        (self.port.is_some() && !is_built_in)
            .then(|| "this server was built without the feature `monitoring`".to_owned())
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
        assert_eq!(read("max_closed_clients: 0").max_closed_clients, 10_000);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["http: x", "http_port: 70000", "max_closed_clients: -1", "https_port: 1"] {
            assert!(Config::default().merge(text).is_err(), "{text}");
        }
    }
}
