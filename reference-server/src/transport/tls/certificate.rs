//! What a client's certificate says of its holder.

use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::FromDer,
    x509::{AttributeTypeAndValue, X509Name},
};

use crate::transport::ClientCertificate;

/// Short names of what stands in a distinguished name, as nats-server writes them.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.17", "POSTALCODE"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// Reads a certificate in DER.
///
/// # Errors
/// What is no certificate, in words.
pub(super) fn read(der: &[u8]) -> Result<ClientCertificate, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let mut read = ClientCertificate {
        subject: subject(certificate.subject()),
        spki_sha256: Sha256::digest(certificate.public_key().raw).into(),
        cert_sha256: Sha256::digest(der).into(),
        ..ClientCertificate::default()
    };
    let alternatives = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
    for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::RFC822Name(name) => read.emails.push((*name).to_owned()),
            GeneralName::DNSName(name) => read.dns_names.push((*name).to_owned()),
            GeneralName::URI(name) => read.uris.push((*name).to_owned()),
            _ => {}
        }
    }
    Ok(read)
}

/// Until when a certificate in DER is valid.
pub(super) fn valid_until(der: &[u8]) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// RFC 4514: the last part first.
fn subject(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let known = SHORT_NAMES.iter().find(|(known, _)| *known == id);
    let name = known.map_or(id.as_str(), |(_, name)| name);
    let value = attribute.attr_value();
    let text = attribute.as_str().map_or_else(|_| String::from_utf8_lossy(value.data), Into::into);
    format!("{name}={}", escaped(&text))
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (at, letter) in value.chars().enumerate() {
        let special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        if special || (letter == ' ' && (at == 0 || at == last)) || (letter == '#' && at == 0) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn names_come_out_as_nats_server_writes_them() {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Probe, Inc");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Ops");
        params.distinguished_name.push(DnType::CommonName, " carl");
        params.subject_alt_names = vec![
            SanType::URI("nats://x".try_into().unwrap()),
            SanType::DnsName("carl.test".try_into().unwrap()),
            SanType::Rfc822Name("carl@test".try_into().unwrap()),
        ];
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = read(made.der()).unwrap();
        let names: Vec<_> = read.names().collect();
        let subject = "CN=\\ carl,OU=Ops,O=Probe\\, Inc";
        assert_eq!(names, ["carl@test", "carl.test", "nats://x", subject]);
        assert_ne!(read.spki_sha256, read.cert_sha256);
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(read(b"0\x82").is_err());
    }
}
