//! Command-line flags with the rules of Go's `flag` package, as nats-server has them: one dash or
//! two, `-flag value` or `-flag=value`. Each flag is declared once, in [`FLAGS`]; the help text
//! is printed from there.

use nats_reference_server::{Config, Profile};

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Print this and leave.
    Print(String),
    /// Do this.
    Run(Command),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Serve.
    Serve(Box<Config>),
    /// Nothing: the configuration file was to be checked, and is fine.
    Check(String),
}

struct Flag {
    names: &'static [&'static str],
    /// What stands for the value in the help text; a flag without is on or off.
    value: Option<&'static str>,
    help: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

const fn flag(
    names: &'static [&'static str],
    value: Option<&'static str>,
    help: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
) -> Flag {
    Flag { names, value, help, set }
}

const FLAGS: &[Flag] = &[
    flag(&["a", "addr", "net"], Some("HOST"), "Bind to host address (default: 0.0.0.0)", |c, v| {
        c.host = v.to_owned();
        Ok(())
    }),
    flag(
        &["p", "port"],
        Some("PORT"),
        "Use port for clients (default: 4222; -1 for a free one)",
        |c, v| {
            c.port = port(v)?;
            Ok(())
        },
    ),
    flag(
        &["m", "http_port"],
        Some("PORT"),
        "Use port for monitoring pages over HTTP (default: none; -1 for a free one)",
        |c, v| {
            c.monitoring.port = Some(port(v)?).filter(|_| v != "0");
            Ok(())
        },
    ),
    flag(&["http_base_path"], Some("PATH"), "Put monitoring pages below this path", |c, v| {
        c.monitoring.base_path = v.to_owned();
        Ok(())
    }),
    flag(&["n", "name", "server_name"], Some("NAME"), "Server name (default: its id)", |c, v| {
        c.server_name = Some(v.to_owned());
        Ok(())
    }),
    flag(&["client_advertise"], Some("HOST:PORT"), "Address that INFO shows instead", |c, v| {
        c.client_advertise = Some(v.to_owned());
        Ok(())
    }),
    flag(&["c", "config"], Some("FILE"), "Configuration file", |_, _| Ok(())),
    flag(&["t"], None, "Test the configuration file and exit", |_, _| Ok(())),
    flag(&["P", "pid"], Some("FILE"), "File to store the process id in", |c, v| {
        c.program.pid_file = Some(v.into());
        Ok(())
    }),
    flag(&["l", "log"], Some("FILE"), "File to write the log to", |c, v| {
        c.program.log_file = Some(v.into());
        Ok(())
    }),
    flag(&["D", "debug"], None, "Log connections coming and going", |c, v| {
        on_or_off(&mut c.program.debug, v)
    }),
    flag(&["V", "trace"], None, "Log the operations of clients", |c, v| {
        on_or_off(&mut c.program.trace, v)
    }),
    flag(&["DV"], None, "Both", |c, v| {
        on_or_off(&mut c.program.debug, v)?;
        on_or_off(&mut c.program.trace, v)
    }),
    flag(&["T", "logtime"], None, "Accepted and without effect: lines have a time", |_, v| {
        on_or_off(&mut false, v)
    }),
    flag(&["profile"], Some("RELEASE"), "Behave like this nats-server: 2.9 to 2.15", |c, v| {
        c.profile = Profile::parse(v).ok_or_else(|| "knows no such release".to_owned())?;
        Ok(())
    }),
    flag(
        &["threads"],
        Some("N"),
        "Threads that serve connections (default: one a core)",
        |c, v| {
            c.threads = v.parse().map_err(|_| "wants a number".to_owned())?;
            Ok(())
        },
    ),
];

/// Flags of nats-server whose feature this server has not got.
const NOT_SUPPORTED: &[&str] = &[
    "auth",
    "cluster",
    "cluster_advertise",
    "cluster_listen",
    "cluster_name",
    "connect_retries",
    "ep",
    "https_port",
    "jetstream",
    "js",
    "ms",
    "no_advertise",
    "pass",
    "ports_file_dir",
    "profile_port",
    "r",
    "routes",
    "s",
    "sd",
    "signal",
    "sl",
    "store_dir",
    "syslog",
    "remote_syslog",
    "tls",
    "tlscacert",
    "tlscert",
    "tlskey",
    "tlsverify",
    "user",
];

/// Reads the arguments behind the program's name. The configuration file comes first, whatever
/// the order: flags win over it.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Outcome, String> {
    let mut given = Vec::new();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            return Err(format!("unrecognized command: {argument:?}"));
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        match name {
            "h" | "help" => return Ok(Outcome::Print(help())),
            "v" | "version" => return Ok(Outcome::Print(version())),
            _ => {}
        }
        let flag = find(name)?;
        let value = match (flag.value, value) {
            (_, Some(value)) => value,
            (None, None) => "true".to_owned(),
            (Some(_), None) => {
                arguments.next().ok_or_else(|| format!("flag needs an argument: -{name}"))?
            }
        };
        given.push((flag, name.to_owned(), value));
    }
    let mut config = defaults();
    let file = given.iter().find(|(flag, ..)| flag.names.contains(&"c")).map(|(.., path)| path);
    if let Some(path) = file {
        let odd = config.merge_file(path.as_ref()).map_err(|error| error.to_string())?;
        odd.iter().for_each(|warning| eprintln!("nats-reference-server: {warning}"));
    }
    for (flag, name, value) in &given {
        (flag.set)(&mut config, value)
            .map_err(|problem| format!("invalid value {value:?} for flag -{name}: {problem}"))?;
    }
    match given.iter().any(|(flag, ..)| flag.names == ["t"]) {
        false => Ok(Outcome::Run(Command::Serve(Box::new(config)))),
        true => match file {
            Some(path) => Ok(Outcome::Run(Command::Check(path.clone()))),
            None => Err("must specify a configuration file with the -c option".to_owned()),
        },
    }
}

/// The program's defaults are nats-server's, not those of a server embedded in a test.
fn defaults() -> Config {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Config { host: "0.0.0.0".to_owned(), port: 4222, threads, ..Config::default() }
}

fn find(name: &str) -> Result<&'static Flag, String> {
    if let Some(flag) = FLAGS.iter().find(|flag| flag.names.contains(&name)) {
        return Ok(flag);
    }
    match NOT_SUPPORTED.contains(&name) {
        true => Err(format!("flag -{name} of nats-server is not supported by this server")),
        false => Err(format!("flag provided but not defined: -{name}\n{}", help())),
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text {
        "-1" => Ok(0),
        _ => text.parse().map_err(|_| "wants a port from 0 to 65535, or -1".to_owned()),
    }
}

fn on_or_off(option: &mut bool, value: &str) -> Result<(), String> {
    *option = match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
        _ => return Err("wants true or false".to_owned()),
    };
    Ok(())
}

fn version() -> String {
    format!("nats-reference-server: v{}", env!("CARGO_PKG_VERSION"))
}

fn help() -> String {
    let mut text = "Usage: nats-reference-server [options]\n\nOptions:\n".to_owned();
    for flag in FLAGS {
        let dashed =
            |name: &&str| if name.len() > 2 { format!("--{name}") } else { format!("-{name}") };
        let names: Vec<String> = flag.names.iter().map(dashed).collect();
        let left = format!("{} {}", names.join(", "), flag.value.unwrap_or_default());
        text.push_str(&format!("    {left:<34} {}\n", flag.help));
    }
    text.push_str("    -v, --version                      Print the version\n");
    text.push_str("    -h, --help                         Print this text\n\n");
    text.push_str(
        "One dash or two, `-p 4222` or `-p=4222`. Of nats-server's flags these are not\n",
    );
    text.push_str("supported: ");
    text.push_str(&NOT_SUPPORTED.join(" "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Config, String> {
        match parse(line.split_whitespace().map(str::to_owned))? {
            Outcome::Run(Command::Serve(config)) => Ok(*config),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn one_dash_or_two_and_an_equals_sign() {
        for line in
            ["-a ::1 -p -1 -DV", "--addr=::1 --port -1 --debug -V=true", "-net ::1 -p=0 -DV"]
        {
            let config = parsed(line).unwrap();
            assert_eq!((config.host.as_str(), config.port), ("::1", 0), "{line}");
            assert!(config.program.debug && config.program.trace, "{line}");
        }
        assert_eq!(parsed("").unwrap().port, 4222);
    }

    #[test]
    fn monitoring_is_on_with_a_port() {
        for (line, port) in
            [("", None), ("-m 8222", Some(8222)), ("--http_port=-1", Some(0)), ("-m 0", None)]
        {
            assert_eq!(parsed(line).unwrap().monitoring.port, port, "{line}");
        }
        let options = parsed("-m 1 -http_base_path /nats").unwrap().monitoring;
        assert_eq!(options.base_path, "/nats");
        assert!(parsed("-m x").unwrap_err().contains("wants a port"));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, words) in [
            ("serve", "unrecognized command"),
            ("-p", "needs an argument"),
            ("-p x", "invalid value \"x\" for flag -p"),
            ("-frob", "not defined: -frob"),
            ("-js", "not supported"),
            ("-c /no/such/file", "open /no/such/file: no such file"),
            ("-t", "must specify a configuration file"),
            ("-D=maybe", "wants true or false"),
        ] {
            let problem = parsed(line).unwrap_err();
            assert!(problem.contains(words), "{line}: {problem}");
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let path = std::env::temp_dir().join(format!("flags-{}.conf", std::process::id()));
        std::fs::write(&path, "port: 1111\nserver_name: file").unwrap();
        let config = parsed(&format!("-p 2222 -c {}", path.display()));
        std::fs::remove_file(&path).unwrap();
        let config = config.unwrap();
        assert_eq!((config.port, config.server_name.as_deref()), (2222, Some("file")));
    }

    #[test]
    fn help_names_every_flag() {
        let text = help();
        for flag in FLAGS {
            assert!(flag.names.iter().all(|name| text.contains(name)), "{:?}", flag.names);
        }
    }
}
