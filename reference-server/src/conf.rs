//! The configuration language of nats-server, as far as our options need it.
//!
//! [`syntax`] reads text into values that know where they stand; the table [`OPTIONS`] says what
//! each key means. What is not in the table is an error: an option that is silently ignored
//! would be worse.

mod syntax;

use std::{fmt, io, path::Path, path::PathBuf, time::Duration};

use thiserror::Error;

use self::syntax::{Item, Place, Value};
use crate::{Config, Profile};

/// What is wrong with a configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text can't be meant.
    #[error("{file}{line}:{column}: {message}\n    {excerpt}")]
    Text {
        /// The file's name and a colon, or nothing.
        file: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong, and what to do.
        message: String,
        /// The line.
        excerpt: String,
    },
}

/// An option of the language: its names, and what it does.
struct Setting {
    names: &'static [&'static str],
    set: fn(&mut Config, &Value) -> Result<(), String>,
}

const fn setting(
    names: &'static [&'static str],
    set: fn(&mut Config, &Value) -> Result<(), String>,
) -> Setting {
    Setting { names, set }
}

/// Every option that is understood; names match without regard to case.
const OPTIONS: &[Setting] = &[
    setting(&["host", "net"], |c, v| put(&mut c.host, v.text())),
    setting(&["port"], |c, v| put(&mut c.port, v.port())),
    setting(&["listen"], |c, v| {
        let (host, port) = v.address()?;
        c.host = host.unwrap_or_else(|| c.host.clone());
        put(&mut c.port, Ok(port))
    }),
    setting(&["server_name"], |c, v| put(&mut c.server_name, v.text().map(Some))),
    setting(&["client_advertise"], |c, v| put(&mut c.client_advertise, v.text().map(Some))),
    setting(&["max_payload"], |c, v| put(&mut c.max_payload_bytes, v.size())),
    setting(&["max_control_line"], |c, v| put(&mut c.max_control_line_bytes, v.size())),
    setting(&["max_connections", "max_conn"], |c, v| put(&mut c.max_connections, v.size())),
    setting(&["max_subscriptions", "max_subs"], |c, v| put(&mut c.max_subscriptions, v.size())),
    setting(&["max_sub_tokens", "max_subscription_tokens"], |c, v| {
        put(&mut c.max_subject_tokens, v.size())
    }),
    setting(&["max_pending"], |c, v| put(&mut c.max_pending_bytes, v.size())),
    setting(&["write_deadline"], |c, v| put(&mut c.write_deadline, v.duration())),
    setting(&["ping_interval"], |c, v| put(&mut c.ping_interval, v.duration())),
    setting(&["ping_max"], |c, v| put(&mut c.ping_max, v.count())),
    setting(&["no_header_support"], |c, v| put(&mut c.headers, v.flag().map(|off| !off))),
    setting(&["profile"], |c, v| put(&mut c.profile, profile(v))),
    setting(&["debug"], |c, v| put(&mut c.program.debug, v.flag())),
    setting(&["trace"], |c, v| put(&mut c.program.trace, v.flag())),
    setting(&["logfile", "log_file"], |c, v| put(&mut c.program.log_file, path(v))),
    setting(&["pidfile", "pid_file"], |c, v| put(&mut c.program.pid_file, path(v))),
];

/// Options of nats-server that this server has not got, for a clearer word than "unknown".
const NOT_SUPPORTED: &[&str] = &[
    "accounts",
    "authorization",
    "cluster",
    "gateway",
    "http",
    "http_port",
    "https",
    "https_port",
    "include",
    "jetstream",
    "lame_duck_duration",
    "lame_duck_grace_period",
    "leafnodes",
    "mappings",
    "monitor_port",
    "mqtt",
    "no_auth_user",
    "operator",
    "resolver",
    "system_account",
    "tls",
    "websocket",
];

impl Config {
    /// Takes over what a text in nats-server's configuration language says; what it leaves out
    /// stays as it was.
    ///
    /// ```
    /// let mut config = nats_reference_server::Config::default();
    /// config.merge("max_payload: 8kb  # small\nping_interval = \"500ms\"")?;
    /// assert_eq!(config.max_payload_bytes, 8 << 10);
    /// let error = config.merge("max_paylod: 1").unwrap_err().to_string();
    /// assert!(error.contains("did you mean `max_payload`?"), "{error}");
    /// # Ok::<(), nats_reference_server::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Text that can't be read, unknown options and values that don't fit, with line and column.
    pub fn merge(&mut self, text: &str) -> Result<(), ConfigError> {
        self.merge_named("", text)
    }

    /// Takes over what a configuration file says; see [`merge`](Config::merge).
    ///
    /// # Errors
    /// As there, and a file that can't be read.
    pub fn merge_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        self.merge_named(&format!("{}:", path.display()), &text)
    }

    fn merge_named(&mut self, file: &str, text: &str) -> Result<(), ConfigError> {
        let items = syntax::read(text).map_err(|(place, words)| error(file, text, place, words))?;
        for item in items {
            self.apply(&item).map_err(|(place, words)| error(file, text, place, words))?;
        }
        Ok(())
    }

    fn apply(&mut self, item: &Item) -> Result<(), (Place, String)> {
        let key = item.key.to_ascii_lowercase();
        match OPTIONS.iter().find(|option| option.names.contains(&key.as_str())) {
            Some(option) => (option.set)(self, &item.value)
                .map_err(|words| (item.value_at, format!("`{key}` {words}"))),
            None => Err((item.key_at, unknown(&key))),
        }
    }
}

fn unknown(key: &str) -> String {
    if NOT_SUPPORTED.contains(&key) {
        return format!("`{key}` is an option of nats-server that this server does not support");
    }
    let names = || OPTIONS.iter().flat_map(|option| option.names);
    match names().min_by_key(|name| distance(name, key)).filter(|name| distance(name, key) <= 3) {
        Some(name) => format!("unknown option `{key}`; did you mean `{name}`?"),
        None => format!("unknown option `{key}`"),
    }
}

/// Letters to add, remove or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn error(file: &str, text: &str, place: Place, message: impl fmt::Display) -> ConfigError {
    let excerpt = text.lines().nth(place.line - 1).unwrap_or_default();
    ConfigError::Text {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        message: message.to_string(),
        excerpt: excerpt.trim().to_owned(),
    }
}

fn put<T>(option: &mut T, value: Result<T, String>) -> Result<(), String> {
    *option = value?;
    Ok(())
}

fn path(value: &Value) -> Result<Option<PathBuf>, String> {
    Ok(Some(value.text()?.into()))
}

fn profile(value: &Value) -> Result<Profile, String> {
    let text = value.text()?;
    Profile::parse(&text).ok_or_else(|| format!("knows no release {text:?}; try \"2.15\""))
}

impl Value {
    fn text(&self) -> Result<String, String> {
        match self {
            Value::Word(text) | Value::Quoted(text) => Ok(text.clone()),
            _ => Err("wants a text".to_owned()),
        }
    }

    fn flag(&self) -> Result<bool, String> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err("wants true or false".to_owned()),
        }
    }

    /// A number with an optional unit: `k`, `kb` and `ki` are all 1024, as nats-server has it for
    /// sizes; plain `k` and `m` mean thousands there as well as here.
    fn size(&self) -> Result<usize, String> {
        let text = self.text()?.to_ascii_lowercase();
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit: usize = match &text[digits.len()..] {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            "g" => 1_000_000_000,
            "kb" | "ki" | "kib" => 1 << 10,
            "mb" | "mi" | "mib" => 1 << 20,
            "gb" | "gi" | "gib" => 1 << 30,
            _ => return Err("wants a number, with a unit such as kb or mb".to_owned()),
        };
        let number: Option<usize> = digits.parse().ok();
        number
            .and_then(|number| number.checked_mul(unit))
            .ok_or_else(|| "wants a number that is not negative and not huge".to_owned())
    }

    fn count(&self) -> Result<u32, String> {
        u32::try_from(self.size()?).map_err(|_| "wants a number that is not huge".to_owned())
    }

    fn port(&self) -> Result<u16, String> {
        let text = self.text()?;
        match text.as_str() {
            // nats-server's way to ask for a free port.
            "-1" => Ok(0),
            _ => text.parse().map_err(|_| "wants a port from 0 to 65535, or -1".to_owned()),
        }
    }

    fn address(&self) -> Result<(Option<String>, u16), String> {
        let text = self.text()?;
        match text.rsplit_once(':') {
            Some((host, port)) => Ok((Some(host.to_owned()), Value::Word(port.into()).port()?)),
            None => Ok((None, self.port()?)),
        }
    }

    /// `"1m30s"`, `"500ms"`, or a number of seconds.
    fn duration(&self) -> Result<Duration, String> {
        let text = self.text()?;
        let wrong = || "wants a duration such as \"500ms\" or \"2m\"".to_owned();
        if let Ok(seconds) = text.parse() {
            return Ok(Duration::from_secs(seconds));
        }
        let mut rest = text.as_str();
        let mut total = Duration::ZERO;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
            let unit = rest[digits..]
                .find(|c: char| !c.is_ascii_alphabetic())
                .map_or(rest.len(), |length| digits + length);
            let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
            let seconds = match &rest[digits..unit] {
                "ns" => 1e-9,
                "us" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
            let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
            total = total.checked_add(part).ok_or_else(wrong)?;
            rest = &rest[unit..];
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(text: &str) -> Config {
        let mut config = Config::default();
        config.merge(text).unwrap();
        config
    }

    fn refused(text: &str) -> String {
        Config::default().merge(text).unwrap_err().to_string()
    }

    #[test]
    fn every_separator_and_comment_is_understood() {
        let config = merged(
            "# a comment\nport: -1; host = \"::1\" // another\nserver_name 'a b'\n\
             MAX_PAYLOAD: 1mb, debug: yes\nno_header_support: true",
        );
        assert_eq!((config.port, config.host.as_str()), (0, "::1"));
        assert_eq!(config.server_name.as_deref(), Some("a b"));
        assert_eq!(config.max_payload_bytes, 1 << 20);
        assert!(config.program.debug && !config.headers);
    }

    #[test]
    fn durations_and_addresses_have_their_forms() {
        assert_eq!(merged("ping_interval: \"1m30s\"").ping_interval, Duration::from_secs(90));
        assert_eq!(merged("ping_interval: \"1.5s\"").ping_interval, Duration::from_millis(1500));
        assert_eq!(merged("write_deadline: 3").write_deadline, Duration::from_secs(3));
        let config = merged("listen: 0.0.0.0:4444");
        assert_eq!((config.host.as_str(), config.port), ("0.0.0.0", 4444));
        assert_eq!(merged("listen: 4444").port, 4444);
    }

    #[test]
    fn errors_show_the_place_and_what_to_do() {
        assert_eq!(
            refused("\nmax_paylod: 1"),
            "2:1: unknown option `max_paylod`; did you mean `max_payload`?\n    max_paylod: 1"
        );
        assert_eq!(
            refused("  port: huge"),
            "1:9: `port` wants a port from 0 to 65535, or -1\n    port: huge"
        );
        assert!(refused("tls { verify: true }").contains("does not support"));
        for text in [
            "port:",
            "a: {",
            "a: [1",
            "a: \"x",
            "}",
            "max_payload: 99999999999999gb",
            "ping_max: 4294967296",
        ] {
            assert!(refused(text).starts_with("1:"), "{text}");
        }
    }
}
