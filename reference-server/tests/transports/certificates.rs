//! An authority, and what it has signed.

use std::{fs, path::PathBuf, sync::Arc};

use nats_reference_server::{Pem, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        version,
    },
};

/// `ca.pem`, and a pair of `.pem` and `.key` for `server` and `client`. The `stranger` is signed by
/// another authority.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Certificates {
        let made = Certificates { folder: TempDir::new().unwrap() };
        let (ca, ours) = authority();
        let (_, others) = authority();
        fs::write(made.path("ca.pem"), ca).unwrap();
        made.issue("server", &ours);
        made.issue("client", &ours);
        made.issue("stranger", &others);
        made
    }

    fn issue(&self, name: &str, authority: &Issuer<'_, KeyPair>) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let email = format!("{name}@probe.test").try_into().unwrap();
        params.subject_alt_names.push(SanType::Rfc822Name(email));
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, authority).unwrap();
        fs::write(self.path(&format!("{name}.pem")), signed.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_files(self.path("server.pem"), self.path("server.key"))
    }

    pub(crate) fn verifying(&self) -> Tls {
        self.tls().verify_clients(Pem::File(self.path("ca.pem")))
    }

    /// A client that trusts the authority.
    pub(crate) fn options(&self) -> async_nats::ConnectOptions {
        async_nats::ConnectOptions::new().add_root_certificates(self.path("ca.pem"))
    }

    /// One that shows a certificate.
    pub(crate) fn options_of(&self, name: &str) -> async_nats::ConnectOptions {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        self.options().add_client_certificate(self.path(&pem), self.path(&key))
    }

    /// A handshake by hand.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.handshake_with(stream, &[&version::TLS13, &version::TLS12], None).await
    }

    pub(crate) async fn handshake_with(
        &self,
        stream: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
        shows: Option<&str>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let pem = |name: String| CertificateDer::from_pem_file(self.path(&name)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(pem("ca.pem".to_owned())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match shows {
            None => config.with_no_client_auth(),
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
                config.with_client_auth_cert(vec![pem(format!("{name}.pem"))], key).unwrap()
            }
        };
        let name = stream.peer_addr().unwrap().ip().into();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}
