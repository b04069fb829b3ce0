//! Options of TLS, certificates and keys, made into what rustls takes.

use std::{path::Path, sync::Arc, time::SystemTime};

use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, SupportedCipherSuite,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName, pem, pem::PemObject},
    server::danger::ClientCertVerifier,
    server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
    version,
};

use super::{certificate, strangers::Strangers};
use crate::transport::{Identity, Pem, Tls, TlsVersion, TransportError};

/// Makes the configuration; reads every file that it names.
///
/// # Errors
/// As [`Acceptor::new`](super::Acceptor::new).
pub(super) fn server_config(tls: &Tls) -> Result<ServerConfig, TransportError> {
    let provider = Arc::new(provider(tls)?);
    if tls.identities.is_empty() {
        return Err(unusable("missing 'cert_file' in TLS configuration"));
    }
    let keys: Result<Vec<_>, _> =
        tls.identities.iter().map(|identity| key(identity, &provider).map(Arc::new)).collect();
    let versions: &[_] = match tls.min_version {
        TlsVersion::V1_2 => &[&version::TLS13, &version::TLS12],
        TlsVersion::V1_3 => &[&version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| TransportError::Option(error.to_string()))?;
    let builder = match tls.asks_for_certificate() {
        true => builder.with_client_cert_verifier(verifier(tls, provider)?),
        false => builder.with_no_client_auth(),
    };
    Ok(builder.with_cert_resolver(Arc::new(Keys(keys?))))
}

/// Whose signatures below certificates of clients count, as far as the options say it.
///
/// # Errors
/// As [`Acceptor::new`](super::Acceptor::new).
pub(super) fn authorities(tls: &Tls) -> Result<Vec<Vec<u8>>, TransportError> {
    let named = tls.authorities.as_ref().filter(|_| tls.asks_for_certificate());
    let read = named.map_or(Ok(Vec::new()), certificates)?;
    Ok(read.iter().map(|certificate| certificate.to_vec()).collect())
}

/// Until when the first of the certificates is valid; nothing if they can't be read.
pub(super) fn valid_until(tls: &Tls) -> Option<SystemTime> {
    let chain = certificates(&tls.identities.first()?.certificates).ok()?;
    certificate::valid_until(chain.first()?)
}

/// The name in the registry: rustls marks those of TLS 1.3.
pub(super) fn iana_name(suite: SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

/// All that ring has, less what the options leave out.
fn provider(tls: &Tls) -> Result<CryptoProvider, TransportError> {
    let mut provider = ring::default_provider();
    // Another name that nats-server knows it by.
    let same = |name: &str, suite: &str| suite.strip_suffix("_SHA256").unwrap_or(suite) == name;
    let is = |name: &str, suite: &str| {
        name == suite || (name.ends_with("CHACHA20_POLY1305") && same(name, suite))
    };
    for name in &tls.cipher_suites {
        if !provider.cipher_suites.iter().any(|suite| is(name, &iana_name(*suite))) {
            return Err(TransportError::Option(format!("unrecognized cipher {name}")));
        }
    }
    if !tls.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| {
            let name = iana_name(*suite);
            suite.tls13().is_some() || tls.cipher_suites.iter().any(|wanted| is(wanted, &name))
        });
    }
    if !tls.curve_preferences.is_empty() {
        let groups: Result<Vec<_>, _> = tls
            .curve_preferences
            .iter()
            .map(|name| match name.as_str() {
                "X25519" => Ok(ring::kx_group::X25519),
                "CurveP256" => Ok(ring::kx_group::SECP256R1),
                "CurveP384" => Ok(ring::kx_group::SECP384R1),
                _ => Err(TransportError::Option(format!("unrecognized curve preference {name}"))),
            })
            .collect();
        provider.kx_groups = groups?;
    }
    Ok(provider)
}

fn verifier(
    tls: &Tls,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TransportError> {
    let mut roots = RootCertStore::empty();
    match &tls.authorities {
        Some(pem) => {
            for certificate in certificates(pem)? {
                roots.add(certificate).map_err(|_| unusable(NO_AUTHORITY))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
    Ok(Arc::new(Strangers(verifier.map_err(|_| unusable(NO_AUTHORITY))?)))
}

const NO_AUTHORITY: &str = "failed to parse root ca certificate";

fn key(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, TransportError> {
    let failed =
        |words: String| unusable(format!("error parsing X509 certificate/key pair: {words}"));
    let chain = certificates(&identity.certificates).map_err(|error| failed(error.to_string()))?;
    if chain.is_empty() {
        let words = "tls: failed to find any PEM data in certificate input";
        return Err(failed(words.to_owned()));
    }
    let key = match &identity.key {
        Pem::Text(text) => PrivateKeyDer::from_pem_slice(text.as_bytes()),
        Pem::File(path) => PrivateKeyDer::from_pem_file(path),
    };
    let key = key.map_err(|error| failed(not_read(&identity.key, &error)))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        tokio_rustls::rustls::Error::InconsistentKeys(_) => {
            failed("tls: private key does not match public key".to_owned())
        }
        other => failed(other.to_string()),
    })
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let read = match pem {
        Pem::Text(text) => CertificateDer::pem_slice_iter(text.as_bytes()).collect(),
        Pem::File(path) => CertificateDer::pem_file_iter(path).and_then(Iterator::collect),
    };
    read.map_err(|error| unusable(not_read(pem, &error)))
}

fn not_read(pem: &Pem, error: &pem::Error) -> String {
    let path = match pem {
        Pem::Text(_) => Path::new("PEM"),
        Pem::File(path) => path,
    };
    match error {
        pem::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("open {}: no such file or directory", path.display())
        }
        pem::Error::Io(error) => format!("open {}: {error}", path.display()),
        other => format!("{}: {other}", path.display()),
    }
}

fn unusable(words: impl Into<String>) -> TransportError {
    TransportError::Certificate(words.into())
}

/// The server's identities, in the order of preference (TLS-018).
#[derive(Debug)]
struct Keys(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Keys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let signs =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let named = |key: &&Arc<CertifiedKey>| match hello.server_name() {
            Some(name) => is_for(key, name),
            None => true,
        };
        let suitable = || self.0.iter().filter(signs);
        suitable().find(named).or_else(|| suitable().next()).cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &str) -> bool {
    let (Some(own), Ok(name)) = (key.cert.first(), DnsName::try_from(name)) else { return false };
    ParsedCertificate::try_from(own).is_ok_and(|parsed| {
        let name = ServerName::DnsName(name.to_owned());
        tokio_rustls::rustls::client::verify_server_name(&parsed, &name).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn refused(tls: &Tls) -> String {
        server_config(tls).unwrap_err().to_string()
    }

    #[test]
    fn what_can_not_be_used_is_refused_in_nats_servers_words() {
        let (certificate, key) = made();
        let (_, other) = made();
        let good = Tls::from_pem(&certificate, &key);
        assert!(server_config(&good).is_ok());
        let pair = "error parsing X509 certificate/key pair: ";
        assert_eq!(
            refused(&Tls::from_pem(&certificate, other)),
            format!("{pair}tls: private key does not match public key")
        );
        assert_eq!(
            refused(&Tls::from_files("nofile.pem", "nofile.key")),
            format!("{pair}open nofile.pem: no such file or directory")
        );
        assert!(refused(&Tls::from_pem("", &key)).contains("failed to find any PEM data"));
        assert!(refused(&Tls::from_pem(&certificate, "")).starts_with(pair));
        let no_authority = good.clone().verify_clients(Pem::Text(String::new()));
        assert_eq!(refused(&no_authority), "failed to parse root ca certificate");
        let suites = Tls { cipher_suites: vec!["FOO".to_owned()], ..good.clone() };
        assert_eq!(refused(&suites), "unrecognized cipher FOO");
        let curves = Tls { curve_preferences: vec!["CurveX".to_owned()], ..good };
        assert_eq!(refused(&curves), "unrecognized curve preference CurveX");
        assert_eq!(refused(&Tls::default()), "missing 'cert_file' in TLS configuration");
    }

    #[test]
    fn a_list_of_suites_leaves_those_of_tls_1_3() {
        let (certificate, key) = made();
        let name = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".to_owned();
        let chacha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305".to_owned();
        let cipher_suites = vec![name.clone(), chacha];
        let tls = Tls { cipher_suites, ..Tls::from_pem(certificate, key) };
        let names: Vec<_> =
            provider(&tls).unwrap().cipher_suites.into_iter().map(iana_name).collect();
        assert_eq!(names.len(), 5, "{names:?}");
        assert!(names.contains(&name) && names.contains(&"TLS_AES_128_GCM_SHA256".to_owned()));
    }
}
