//! The block `tls`, of the top and of `websocket`.

use std::{path::PathBuf, time::Duration};

use super::{
    Problem,
    block::{Field, Setting, Table, ignored, put, setting, unsupported},
};
use crate::{HandshakeFirst, Identity, Pem, Tls, TlsVersion, transport};

/// How long `handshake_first: auto` waits for a client's first byte (TLS-015).
const AUTO_FALLBACK: Duration = Duration::from_millis(50);

/// A block that is being read.
#[derive(Default)]
struct Draft {
    tls: Tls,
    pair: Pair,
}

#[derive(Default)]
struct Pair {
    certificates: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Reads a block and the files that it names, so that a check of the configuration finds what is
/// wrong with them (TLS-008).
pub(super) fn read(it: Field<'_>) -> Result<Tls, Problem> {
    let mut draft = Draft::default();
    let before = it.problems();
    it.block_of("error parsing tls config, ", TLS, &mut draft)?;
    let Draft { mut tls, pair } = draft;
    match (pair.certificates, pair.key) {
        (None, None) => {}
        (Some(_), None) => return Err(it.problem("missing 'key_file' in TLS configuration")),
        (None, Some(_)) => return Err(it.problem("missing 'cert_file' in TLS configuration")),
        (Some(_), _) if !tls.identities.is_empty() => {
            let words = "cannot combine 'cert_file' option with 'certs' option";
            return Err(wrong(it, words));
        }
        (Some(certificates), Some(key)) => tls.identities.push(identity(certificates, key)),
    }
    if it.problems() == before && !tls.identities.is_empty() {
        transport::TlsAcceptor::new(&tls, false).map_err(|error| it.problem(error))?;
    }
    Ok(tls)
}

const TLS: &Table<Draft> = &[
    setting(&["cert_file"], |d, it| put(&mut d.pair.certificates, it.path().map(Some))),
    setting(&["key_file"], |d, it| put(&mut d.pair.key, it.path().map(Some))),
    setting(&["certs", "certificates"], |d, it| {
        for it in it.elements()? {
            let mut pair = Pair::default();
            it.block(PAIR, &mut pair)?;
            let (Some(certificates), Some(key)) = (pair.certificates, pair.key) else {
                let words = "both 'cert_file' and 'cert_key' options are required";
                return Err(it.problem(format!("error parsing certificates config: {words}")));
            };
            d.tls.identities.push(identity(certificates, key));
        }
        Ok(())
    }),
    setting(&["ca_file"], |d, it| {
        put(&mut d.tls.authorities, it.path().map(|path| Some(Pem::File(path))))
    }),
    setting(&["verify"], |d, it| put(&mut d.tls.verify, flag(it))),
    setting(&["verify_and_map"], |d, it| put(&mut d.tls.verify_and_map, flag(it))),
    setting(&["timeout"], |d, it| put(&mut d.tls.timeout, timeout(it))),
    HANDSHAKE_FIRST,
    setting(&["min_version"], |d, it| put(&mut d.tls.min_version, min_version(it))),
    setting(&["cipher_suites"], |d, it| put(&mut d.tls.cipher_suites, names(it))),
    setting(&["curve_preferences"], |d, it| put(&mut d.tls.curve_preferences, names(it))),
    setting(&["pinned_certs"], |d, it| put(&mut d.tls.pinned_certs, fingerprints(it))),
    setting(&["connection_rate_limit"], |d, it| put(&mut d.tls.connections_per_second, it.count())),
    ignored(&["insecure"], "it is about connections to other servers"),
    ignored(&["allow_insecure_cipher_suites"], "there are no insecure cipher suites"),
    unsupported(&["verify_cert_and_check_known_urls"]),
    unsupported(&["cert_store", "cert_match_by", "cert_match", "cert_match_skip_invalid"]),
    unsupported(&["ca_certs_match"]),
    unsupported(&["ocsp_peer"]),
];

const PAIR: &Table<Pair> = &[
    setting(&["cert_file"], |pair, it| put(&mut pair.certificates, it.path().map(Some))),
    setting(&["key_file"], |pair, it| put(&mut pair.key, it.path().map(Some))),
];

const HANDSHAKE_FIRST: Setting<Draft> =
    setting(&["handshake_first", "first", "immediate"], |draft, it| {
        let first = &mut draft.tls.handshake_first;
        if it.is_flag() {
            *first = if it.flag()? { HandshakeFirst::Always } else { HandshakeFirst::No };
            return Ok(());
        }
        let text = it.text().map_err(|_| {
            it.problem(format!("field \"{}\" should be a boolean or a string", it.name))
        })?;
        *first = match text.to_ascii_lowercase().as_str() {
            "true" | "on" => HandshakeFirst::Always,
            "false" | "off" => HandshakeFirst::No,
            "auto" | "auto_fallback" => HandshakeFirst::Within(AUTO_FALLBACK),
            _ => HandshakeFirst::Within(it.duration_text().map_err(|_| {
                it.problem(format!("field \"{}\"'s value \"{text}\" is invalid", it.name))
            })?),
        };
        Ok(())
    });

fn identity(certificates: PathBuf, key: PathBuf) -> Identity {
    Identity { certificates: Pem::File(certificates), key: Pem::File(key) }
}

fn wrong(it: Field<'_>, words: impl std::fmt::Display) -> Problem {
    it.problem(format!("error parsing tls config, {words}"))
}

fn flag(it: Field<'_>) -> Result<bool, Problem> {
    it.flag().map_err(|_| wrong(it, format!("expected '{}' to be a boolean", it.name)))
}

/// A number of seconds, or a duration; 0 is the usual one (TLS-005).
fn timeout(it: Field<'_>) -> Result<Duration, Problem> {
    let time = match it.is_text() {
        true => {
            let told = |problem: Problem| wrong(it, format!("'timeout' {}", problem.message));
            it.duration_text().map_err(told)?
        }
        false => {
            let seconds = it.float().map_err(|_| wrong(it, "'timeout' wrong type"))?;
            let range = |_| wrong(it, "'timeout' is out of range");
            Duration::try_from_secs_f64(seconds).map_err(range)?
        }
    };
    Ok(if time.is_zero() { Tls::default().timeout } else { time })
}

fn min_version(it: Field<'_>) -> Result<TlsVersion, Problem> {
    let wrong = |words: String| it.problem(format!("error parsing tls config: {words}"));
    // Only numbers are written without quotes by mistake.
    let value = it.float().map_or_else(|_| String::new(), |number| format!(": {number}"));
    let text = it.text().map_err(|_| wrong(format!("'min_version' wrong type{value}")))?;
    match text.as_str() {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        "1.0" | "1.1" => Err(wrong(format!("unsupported TLS version: TLS {text}"))),
        _ => Err(wrong(format!("unknown version: {text}"))),
    }
}

fn names(it: Field<'_>) -> Result<Vec<String>, Problem> {
    let names = it.texts()?;
    match names.is_empty() {
        true => Err(wrong(it, format!("'{}' cannot be empty", it.name))),
        false => Ok(names),
    }
}

/// SHA-256 of public keys, in hexadecimal digits (TLS-012).
fn fingerprints(it: Field<'_>) -> Result<Vec<[u8; 32]>, Problem> {
    let mut all = Vec::new();
    for text in it.texts()? {
        let byte = |at: usize| {
            let digits = text.get(at * 2..at * 2 + 2)?;
            let both = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            both.then(|| u8::from_str_radix(digits, 16).ok())?
        };
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let fingerprint = bytes.filter(|_| text.len() == 64).and_then(|b| b.try_into().ok());
        all.push(fingerprint.ok_or_else(|| {
            let what = "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo";
            wrong(it, format!("'pinned_certs' key {text} does not look like {what}"))
        })?);
    }
    Ok(all)
}

#[cfg(feature = "tls")]
#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::Config;

    /// A configuration with a certificate and its key; `more` stands in the block.
    fn merged(more: &str) -> Result<Tls, String> {
        let folder = std::env::temp_dir().join(format!("nats-tls-{}", rand::random::<u64>()));
        fs::create_dir(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let result = merged_in(&folder, more);
        fs::remove_dir_all(&folder).unwrap();
        result
    }

    fn merged_in(folder: &Path, more: &str) -> Result<Tls, String> {
        let text = format!(
            "tls {{\ncert_file: \"{0}/cert.pem\"\nkey_file: \"{0}/key.pem\"\n{more}\n}}",
            folder.display()
        );
        let mut config = Config::default();
        config.merge(&text).map_err(|error| error.to_string())?;
        Ok(config.tls.unwrap())
    }

    #[test]
    fn the_options_are_read_in_all_their_forms() {
        let tls = merged("timeout: 0.5, min_version: \"1.3\", handshake_first: true").unwrap();
        assert_eq!(tls.timeout, Duration::from_millis(500));
        assert_eq!(tls.min_version, TlsVersion::V1_3);
        assert_eq!(tls.handshake_first, HandshakeFirst::Always);
        for (text, first) in [
            ("first: auto", HandshakeFirst::Within(AUTO_FALLBACK)),
            ("immediate: \"300ms\"", HandshakeFirst::Within(Duration::from_millis(300))),
            ("handshake_first: off", HandshakeFirst::No),
        ] {
            assert_eq!(merged(text).unwrap().handshake_first, first);
        }
        let pinned = merged(&format!("pinned_certs: [\"{}\"]", "0f".repeat(32))).unwrap();
        assert_eq!(pinned.pinned_certs, [[15; 32]]);
    }

    #[test]
    fn mistakes_are_told_in_nats_servers_words() {
        for (text, words) in [
            ("timeout: \"x\"", "error parsing tls config, 'timeout' time: invalid duration \"x\""),
            ("verify: maybe", "error parsing tls config, expected 'verify' to be a boolean"),
            ("timeout: true", "error parsing tls config, 'timeout' wrong type"),
            ("handshake_first: soon", "field \"handshake_first\"'s value \"soon\" is invalid"),
            ("handshake_first: 5", "field \"handshake_first\" should be a boolean or a string"),
            ("min_version: 1.3", "error parsing tls config: 'min_version' wrong type: 1.3"),
            ("min_version: \"1.1\"", "unsupported TLS version: TLS 1.1"),
            ("cipher_suites: []", "error parsing tls config, 'cipher_suites' cannot be empty"),
            ("cipher_suites: [FOO]", "unrecognized cipher FOO"),
            ("pinned_certs: [abc]", "'pinned_certs' key abc does not look like hex-encoded"),
            ("colour: red", "error parsing tls config, unknown field \"colour\""),
            ("ca_file: nope, verify: true", "open nope: no such file or directory"),
            ("certs: [ {cert_file: a} ]", "both 'cert_file' and 'cert_key' options are required"),
            ("certs: [ {cert_file: a, key_file: b} ]", "cannot combine 'cert_file' option"),
        ] {
            let error = merged(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let only = |text: &str| Config::default().merge(text).unwrap_err().to_string();
        assert!(only("tls { cert_file: a }").contains("missing 'key_file' in TLS configuration"));
        assert!(only("tls { key_file: a }").contains("missing 'cert_file' in TLS configuration"));
        assert!(only("tls { cert_file: a, key_file: b }").contains("open a: no such file"));
    }
}
