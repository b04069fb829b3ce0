//! The command line, with the rules of Go's `flag` package that nats-server follows: one dash or
//! two, `-flag value` or `-flag=value`, and the first word that is no flag ends them (CLI-005).

use std::path::{Path, PathBuf};

use nats_reference_server::{Config, ConfigError, ConfigWarning, Pem, Profile, Tls};

use super::table::{self, Does, Flag, SECTIONS, Set, Takes};

const TLS_HELP: &str = "
TLS is configured in the tls section of a configuration file:

    tls {
        cert_file: \"server-cert.pem\"
        key_file:  \"server-key.pem\"
        ca_file:   \"ca.pem\"
        verify:    true
    }

or by the flags --tls, --tlscert, --tlskey, --tlsverify and --tlscacert.";

/// What the command line asks for.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Print this on standard output and leave.
    Print(String),
    /// Send a signal to a running server: `reload=1234`.
    Signal(String),
    /// Look at this configuration file and leave.
    Check(PathBuf),
    /// Serve.
    Serve(Box<CommandLine>),
}

/// What can't be done; the words are for standard error.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// A flag that nats-server does not know either: the usage is shown, and the status is 0, as
    /// there (CLI-004).
    Usage(String),
    /// All else: the status is 1.
    Fatal(String),
}

/// Flags that say how to serve. They are kept, as a reload reads the file again, and they win
/// over it again (CONF-016).
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub(super) config_file: Option<PathBuf>,
    /// What was accepted and is without effect.
    pub(super) warnings: Vec<String>,
    settings: Vec<(Set, String)>,
    /// Takes the place of the file's (TLS-009).
    tls: Option<Tls>,
}

/// A flag as it was given.
struct Given {
    flag: &'static Flag,
    name: String,
    value: String,
}

/// Reads the arguments behind the program's name.
pub(super) fn parse(arguments: impl Iterator<Item = String>) -> Result<Outcome, Refusal> {
    let (given, word) = split(arguments)?;
    let last = |name: &str| given.iter().rfind(|given: &&Given| given.flag.names.contains(&name));
    let is_on = |name| last(name).is_some_and(|given| given.value == "true");
    let word = word.map(|word| (word.to_lowercase(), word));
    let is_word = |name| word.as_ref().is_some_and(|(word, _)| word == name);
    if is_on("version") || is_word("version") {
        return Ok(Outcome::Print(version()));
    }
    if is_on("help") || is_word("help") {
        return Ok(Outcome::Print(help()));
    }
    if is_on("help_tls") {
        return Ok(Outcome::Print(TLS_HELP.to_owned()));
    }
    if let Some((_, word)) = word {
        return Err(Refusal::Fatal(format!("unrecognized command: {word:?}")));
    }
    if let Some(given) = last("signal") {
        return Ok(Outcome::Signal(given.value.clone()));
    }
    let config_file = last("config").map(|given| PathBuf::from(&given.value));
    if is_on("t") {
        let words = "must specify [-c, --config] option to check configuration file syntax";
        return match config_file {
            Some(path) => Ok(Outcome::Check(path)),
            None => Err(Refusal::Fatal(words.to_owned())),
        };
    }
    let text = |name: &str| last(name).map(|given| given.value.clone());
    let tls = tls(&text)?;
    let mut line = CommandLine { config_file, tls, ..CommandLine::default() };
    given.into_iter().try_for_each(|given| line.take(given))?;
    Ok(Outcome::Serve(Box::new(line)))
}

/// TLS as the flags have it; none where they say nothing of it.
fn tls(text: &dyn Fn(&str) -> Option<String>) -> Result<Option<Tls>, Refusal> {
    let any =
        ["tls", "tlscert", "tlskey", "tlsverify", "tlscacert"].iter().any(|it| text(it).is_some());
    if !any || text("tls").as_deref() == Some("false") {
        return Ok(None);
    }
    let missing = |what| Refusal::Fatal(format!("TLS Server {what} must be present and valid"));
    let certificates = text("tlscert").ok_or_else(|| missing("certificate"))?;
    let key = text("tlskey").ok_or_else(|| missing("private key"))?;
    Ok(Some(Tls {
        authorities: text("tlscacert").map(|path| Pem::File(path.into())),
        verify: text("tlsverify").as_deref() == Some("true"),
        ..Tls::from_files(certificates, key)
    }))
}

/// The flags, and the first word that is none.
fn split(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(Vec<Given>, Option<String>), Refusal> {
    let mut all = Vec::new();
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            return Ok((all, Some(argument)));
        };
        match argument.as_str() {
            "-" => return Ok((all, Some(argument))),
            "--" => return Ok((all, arguments.next())),
            _ if name.starts_with(['-', '=']) => {
                return Err(Refusal::Usage(format!("bad flag syntax: {argument}")));
            }
            _ => {}
        }
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (name.to_owned(), None),
        };
        let unknown = || Refusal::Usage(format!("flag provided but not defined: -{name}"));
        let is_it = |flag: &&Flag| flag.names.contains(&name.as_str());
        let flag = table::all().find(is_it).ok_or_else(unknown)?;
        let value = match (flag.takes, value) {
            (_, Some(value)) => value,
            (Takes::Switch, None) => "true".to_owned(),
            (_, None) => arguments
                .next()
                .ok_or_else(|| Refusal::Usage(format!("flag needs an argument: -{name}")))?,
        };
        let value = checked(flag, &name, value)?;
        all.push(Given { flag, name, value });
    }
    Ok((all, None))
}

/// The value in one spelling, if it has the right type.
fn checked(flag: &Flag, name: &str, value: String) -> Result<String, Refusal> {
    match flag.takes {
        Takes::Switch => match value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true".to_owned()),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".to_owned()),
            _ => {
                let words = format!("invalid boolean value {value:?} for -{name}: parse error");
                Err(Refusal::Usage(words))
            }
        },
        Takes::Integer(_) if value.parse::<i64>().is_err() => {
            Err(Refusal::Usage(format!("invalid value {value:?} for flag -{name}: parse error")))
        }
        _ => Ok(value),
    }
}

impl CommandLine {
    fn take(&mut self, Given { flag, name, value }: Given) -> Result<(), Refusal> {
        match flag.does {
            Does::Set(set) => {
                // Tried at once, so that a mistake is told with the flag's name.
                set(&mut Config::default(), &value).map_err(|words| {
                    Refusal::Fatal(format!("invalid value {value:?} for flag -{name}: {words}"))
                })?;
                self.settings.push((set, value));
            }
            Does::Program => {}
            Does::Nothing(why) => {
                self.warnings.push(format!("flag -{name} has no effect here: {why}"));
            }
            Does::Unsupported if value == "false" => {}
            Does::Unsupported => {
                let words = format!("flag -{name} of nats-server is not supported by this server");
                return Err(Refusal::Fatal(words));
            }
        }
        Ok(())
    }

    /// The program's defaults, what the file says, and above it what the flags say.
    pub(super) fn config(&self) -> Result<(Config, Vec<ConfigWarning>), ConfigError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let host = "0.0.0.0".to_owned();
        let mut config = Config { host, port: 4222, threads, ..Config::default() };
        let read = |path: &PathBuf| config.merge_file(path);
        let warnings = self.config_file.as_ref().map(read).transpose()?.unwrap_or_default();
        for (set, value) in &self.settings {
            // It has been tried before.
            let _ = set(&mut config, value);
        }
        config.tls = self.tls.clone().or(config.tls);
        Ok((config, warnings))
    }
}

/// Reads a file for nothing but its mistakes; what nats-server warns of is one here (CONF-013).
/// Answers what else there is to say, and the digest of the file.
pub(super) fn check(path: &Path) -> Result<(Vec<ConfigWarning>, String), String> {
    let mut config = Config::default();
    let warnings = config.merge_file(path).map_err(|error| error.to_string())?;
    let (errors, others): (Vec<_>, Vec<_>) =
        warnings.into_iter().partition(|warning| warning.is_error_in_check);
    match errors.is_empty() {
        true => Ok((others, config.digest)),
        false => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The line of the release that is spoken, as launchers of nats-server read it (CLI-001).
fn version() -> String {
    format!("nats-server: v{}", Profile::default().version())
}

/// The usage, headings and flags as nats-server has them (CLI-002).
pub(super) fn help() -> String {
    let mut text = "\nUsage: nats-server [options]\n\n".to_owned();
    text.push_str(concat!("This is nats-reference-server ", env!("CARGO_PKG_VERSION"), ".\n"));
    for (heading, flags) in SECTIONS {
        text.push_str(&format!("\n{heading}:\n"));
        for flag in *flags {
            let dashed = |name: &&str| format!("{}{name}", if name.len() > 2 { "--" } else { "-" });
            let names: Vec<String> = flag.names.iter().map(dashed).collect();
            let value = match flag.takes {
                Takes::Switch => "",
                Takes::Integer(value) | Takes::Text(value) => value,
            };
            let left = format!("{} {value}", names.join(", "));
            let note = match flag.does {
                Does::Unsupported => " (not supported)",
                Does::Nothing(_) => " (without effect)",
                _ => "",
            };
            text.push_str(&format!("    {left:<38} {}{note}\n", flag.help));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Config, Refusal> {
        match parse(line.split_whitespace().map(str::to_owned))? {
            Outcome::Serve(line) => {
                line.config().map(|(config, _)| config).map_err(|e| Refusal::Fatal(e.to_string()))
            }
            other => Err(Refusal::Fatal(format!("{other:?}"))),
        }
    }

    #[test]
    fn one_dash_or_two_and_an_equals_sign() {
        // CLI-005
        for line in [
            "-a ::1 -p -1 -DV",
            "--addr=::1 --port -1 --debug -V=true",
            "-net ::1 -p=0 -DVV",
            "-a x -a ::1 -port 3 --p=-1 -D -trace=T",
        ] {
            let config = parsed(line).unwrap();
            assert_eq!((config.host.as_str(), config.port), ("::1", 0), "{line}");
            assert!(config.program.debug && config.program.trace, "{line}");
        }
        assert_eq!(parsed("").unwrap().port, 4222);
    }

    #[test]
    fn a_flag_that_nats_server_does_not_know_shows_the_usage() {
        // CLI-004
        for (line, words) in [
            ("-p", "flag needs an argument: -p"),
            ("-p x", "invalid value \"x\" for flag -p: parse error"),
            ("--frob", "flag provided but not defined: -frob"),
            ("-D=maybe", "invalid boolean value \"maybe\" for -D: parse error"),
            ("---D", "bad flag syntax: ---D"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), Refusal::Usage(words.to_owned()));
        }
    }

    #[test]
    fn other_mistakes_are_fatal() {
        for (line, words) in [
            ("serve", "unrecognized command: \"serve\""),
            ("-D true", "unrecognized command: \"true\""),
            ("-js", "flag -js of nats-server is not supported"),
            ("-c /no/such/file", "open /no/such/file: no such file or directory"),
            ("-t", "must specify [-c, --config] option"),
            ("-p 70000", "invalid value \"70000\" for flag -p: expected a port"),
            ("--profile 2.13", "invalid value \"2.13\" for flag -profile"),
        ] {
            let Err(Refusal::Fatal(problem)) = parsed(line) else { panic!("{line}") };
            assert!(problem.contains(words), "{line}: {problem}");
        }
    }

    #[test]
    fn tls_flags_stand_for_themselves() {
        // TLS-009
        let pair = "--tlscert c --tlskey k";
        for (line, verify, authorities) in [
            (pair.to_owned(), false, None),
            (format!("--tls {pair} --tlscacert a"), false, Some(Pem::File("a".into()))),
            (format!("--tlsverify {pair}"), true, None),
        ] {
            let tls = Tls { verify, authorities, ..Tls::from_files("c", "k") };
            assert_eq!(parsed(&line).unwrap().tls, Some(tls), "{line}");
        }
        assert_eq!(parsed(&format!("--tls=false {pair}")).unwrap().tls, None);
        for (line, what) in [
            ("--tls", "certificate"),
            ("--tlscacert a", "certificate"),
            ("--tlsverify --tlscert c", "private key"),
        ] {
            let words = format!("TLS Server {what} must be present and valid");
            assert_eq!(parsed(line).unwrap_err(), Refusal::Fatal(words), "{line}");
        }
    }

    #[test]
    fn what_does_nothing_here_is_accepted() {
        // CLI-007; `--profile PORT` is a port of nats-server's.
        let line = "-sd dir --cluster_name c --no_advertise --connect_retries 3 --profile 6060";
        assert_eq!(parsed(line).unwrap(), parsed("").unwrap());
        assert_eq!(parsed("-js=false").unwrap(), parsed("").unwrap());
    }
}
