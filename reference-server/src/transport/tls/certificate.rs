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

/// The way from a client's certificate to its authority, in DER. That there is one has been
/// verified; which of those that the client has shown belong to it is found by names here.
pub(super) fn chain(shown: &[impl AsRef<[u8]>], authorities: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut left: Vec<&[u8]> = shown.iter().map(AsRef::as_ref).collect();
    left.extend(authorities.iter().map(Vec::as_slice));
    let mut chain: Vec<Vec<u8>> = Vec::new();
    let mut next = shown.first().map(AsRef::as_ref);
    while let Some(der) = next {
        left.retain(|other| *other != der);
        chain.push(der.to_vec());
        let Ok((_, last)) = X509Certificate::from_der(der) else { break };
        let vouches = |other: &&&[u8]| {
            let issuer = last.issuer().as_raw();
            X509Certificate::from_der(other).is_ok_and(|(_, it)| it.subject().as_raw() == issuer)
        };
        let is_authority = authorities.iter().any(|it| it == der);
        next = left.iter().filter(|_| !is_authority).find(vouches).copied();
    }
    chain
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
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

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
    fn a_chain_leads_to_the_authority_and_no_further() {
        let made = |name: &str, issuer: Option<&Issuer<'_, KeyPair>>| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate().unwrap();
            let made = match issuer {
                Some(issuer) => params.signed_by(&key, issuer).unwrap(),
                None => params.self_signed(&key).unwrap(),
            };
            (made.der().to_vec(), Issuer::new(params, key))
        };
        let (root, root_issuer) = made("root", None);
        let (middle, middle_issuer) = made("middle", Some(&root_issuer));
        let (own, _) = made("own", Some(&middle_issuer));
        let (other, _) = made("other", None);
        let shown = [own.clone(), other.clone(), middle.clone()];
        let authorities = [other, root.clone()];
        let whole = [own.clone(), middle.clone(), root];
        assert_eq!(chain(&shown, &authorities), whole);
        assert_eq!(chain(&shown, std::slice::from_ref(&middle)), [own.clone(), middle]);
        assert_eq!(chain(&shown[..1], std::slice::from_ref(&own)), [own]);
        assert!(chain(&[] as &[Vec<u8>], &authorities).is_empty());
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(read(b"0\x82").is_err());
    }
}
