use std::{
    fs,
    time::{Duration, Instant},
};

use nats_reference_server::{
    AccountOptions, Config, HandshakeFirst, Identity, Pem, Server, StartError, Tls, TlsVersion,
    User,
};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::rustls::version;
use x509_parser::{certificate::X509Certificate, pem::parse_x509_pem, prelude::FromDer};

use super::{
    certificates::Certificates, connect, is_cut_off_for_not_reading, ping, read_rest, read_until,
    soon, talks,
};

async fn started(tls: Tls) -> Server {
    Server::builder().tls(tls).start().await.unwrap()
}

/// Connects and reads INFO in clear.
async fn greeted(server: &Server) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let info = read_until(&mut stream, "\r\n").await;
    (stream, info)
}

#[tokio::test]
async fn clients_talk_inside_tls() {
    let certificates = Certificates::new();
    let server = started(certificates.tls()).await;
    let client = connect(server.client_url(), certificates.options()).await.unwrap();
    talks(&client).await;
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let (stream, info) = greeted(&server).await;
        assert!(info.contains("\"tls_required\":true"), "{info}");
        assert!(!info.contains("tls_available") && !info.contains("tls_verify"), "{info}");
        let handshake = certificates.handshake_with(stream, versions, None);
        ping(&mut handshake.await.unwrap()).await;
    }
}

#[tokio::test]
async fn clients_must_show_a_certificate_where_it_is_asked_for() {
    let certificates = Certificates::new();
    let server = started(certificates.verifying()).await;
    assert!(greeted(&server).await.1.contains("\"tls_verify\":true"));
    let good = connect(server.client_url(), certificates.options_of("client")).await.unwrap();
    talks(&good).await;
    assert!(connect(server.client_url(), certificates.options()).await.is_err());
    let stranger = certificates.options_of("stranger");
    assert!(connect(server.client_url(), stranger).await.is_err());
    // Its authority has the same name as ours.
    let (stream, _) = greeted(&server).await;
    let shown = certificates.handshake_with(stream, &[&version::TLS12], Some("stranger")).await;
    assert!(shown.unwrap_err().to_string().contains("UnknownCA"));
}

#[tokio::test]
async fn only_pinned_keys_are_let_in() {
    let certificates = Certificates::new();
    let fingerprint = |name: &str| -> [u8; 32] {
        let text = fs::read(certificates.path(name)).unwrap();
        let (_, pem) = parse_x509_pem(&text).unwrap();
        let (_, parsed) = X509Certificate::from_der(&pem.contents).unwrap();
        Sha256::digest(parsed.public_key().raw).into()
    };
    for (name, let_in) in [("client.pem", true), ("server.pem", false)] {
        let pinned_certs = vec![fingerprint(name)];
        let server = started(Tls { pinned_certs, ..certificates.verifying() }).await;
        let client = connect(server.client_url(), certificates.options_of("client")).await;
        assert_eq!(client.is_ok(), let_in, "{name}");
    }
}

#[tokio::test]
async fn who_does_not_do_the_handshake_is_cut_off_without_a_word() {
    let certificates = Certificates::new();
    let timeout = Duration::from_millis(300);
    let server = started(Tls { timeout, ..certificates.tls() }).await;
    let (mut clear, _) = greeted(&server).await;
    clear.write_all(b"CONNECT {}\r\nPING\r\n").await.unwrap();
    assert_eq!(read_rest(&mut clear).await, b"");
    let before = Instant::now();
    let (mut silent, _) = greeted(&server).await;
    // Half a record: a handshake that never goes on.
    silent.write_all(b"\x16\x03\x01\x02").await.unwrap();
    // Others are served meanwhile.
    let client = connect(server.client_url(), certificates.options()).await.unwrap();
    talks(&client).await;
    assert_eq!(read_rest(&mut silent).await, b"");
    assert!(before.elapsed() >= timeout);
    drop(client);
    soon(async {
        while server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let certificates = Certificates::new();
    let timeout = Duration::from_secs(600);
    let builder = Server::builder().tls(Tls { timeout, ..certificates.tls() });
    let server = builder.shutdown_grace(Duration::from_secs(600)).start().await.unwrap();
    let (mut silent, _) = greeted(&server).await;
    soon(server.shutdown()).await;
    assert_eq!(read_rest(&mut silent).await, b"");
}

#[tokio::test]
async fn both_kinds_of_client_are_served_where_that_is_allowed() {
    let certificates = Certificates::new();
    let server =
        Server::builder().tls(certificates.tls()).allow_non_tls(true).start().await.unwrap();
    let (mut clear, info) = greeted(&server).await;
    assert!(info.contains("\"tls_available\":true") && !info.contains("tls_required"), "{info}");
    ping(&mut clear).await;
    let (stream, _) = greeted(&server).await;
    ping(&mut certificates.handshake(stream).await.unwrap()).await;
    assert!(server.client_url().starts_with("nats://"));
    talks(&async_nats::connect(server.client_url()).await.unwrap()).await;
}

#[tokio::test]
async fn the_handshake_can_come_first() {
    let certificates = Certificates::new();
    let options = || certificates.options().tls_first();
    let handshake_first = HandshakeFirst::Always;
    let timeout = Duration::from_millis(300);
    let tls = Tls { handshake_first, timeout, ..certificates.tls() };
    let server = started(tls.clone()).await;
    talks(&connect(server.client_url(), options()).await.unwrap()).await;
    // There is no fallback, not even where clear text is allowed.
    let both = Server::builder().tls(tls).allow_non_tls(true).start().await.unwrap();
    for server in [server, both] {
        let mut waits = TcpStream::connect(server.addr()).await.unwrap();
        assert_eq!(read_rest(&mut waits).await, b"");
    }
}

#[tokio::test]
async fn who_waits_for_info_gets_it_after_a_while() {
    let certificates = Certificates::new();
    let handshake_first = HandshakeFirst::Within(Duration::from_millis(200));
    let tls = Tls { handshake_first, ..certificates.tls() };
    let server = Server::builder().tls(tls).allow_non_tls(true).start().await.unwrap();
    let url = format!("tls://{}", server.addr());
    talks(&connect(url, certificates.options().tls_first()).await.unwrap()).await;
    let before = Instant::now();
    let (stream, _) = greeted(&server).await;
    assert!(before.elapsed() >= Duration::from_millis(200));
    ping(&mut certificates.handshake(stream).await.unwrap()).await;
    ping(&mut greeted(&server).await.0).await;
}

#[tokio::test]
async fn a_lowest_version_holds() {
    let certificates = Certificates::new();
    let tls = Tls { min_version: TlsVersion::V1_3, ..certificates.tls() };
    let server = started(tls).await;
    let (stream, _) = greeted(&server).await;
    let error = certificates.handshake_with(stream, &[&version::TLS12], None).await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn other_certificates_hold_for_new_connections() {
    let certificates = Certificates::new();
    let server = started(certificates.tls()).await;
    let (stream, _) = greeted(&server).await;
    let mut old = certificates.handshake(stream).await.unwrap();
    let shown = |stream: &tokio_rustls::client::TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    for kind in ["pem", "key"] {
        let new = certificates.path(&format!("client.{kind}"));
        fs::copy(new, certificates.path(&format!("server.{kind}"))).unwrap();
    }
    server.reload_certificates().unwrap();
    let (stream, _) = greeted(&server).await;
    let mut new = certificates.handshake(stream).await.unwrap();
    assert_ne!(shown(&old), shown(&new));
    ping(&mut old).await;
    ping(&mut new).await;
    // What can't be used changes nothing.
    fs::write(certificates.path("server.key"), "nothing").unwrap();
    assert!(server.reload_certificates().is_err());
    let (stream, _) = greeted(&server).await;
    ping(&mut certificates.handshake(stream).await.unwrap()).await;
}

#[tokio::test]
async fn the_first_certificate_that_fits_is_shown() {
    let certificates = Certificates::new();
    let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap();
    let other = Identity {
        certificates: Pem::Text(other.cert.pem()),
        key: Pem::Text(other.signing_key.serialize_pem()),
    };
    let mut tls = certificates.tls();
    tls.identities.insert(0, other);
    let server = started(tls).await;
    let url = format!("tls://localhost:{}", server.addr().port());
    talks(&connect(url, certificates.options()).await.unwrap()).await;
}

#[tokio::test]
async fn what_can_not_be_used_stops_the_start() {
    let certificates = Certificates::new();
    let mixed = Tls::from_files(certificates.path("server.pem"), certificates.path("client.key"));
    let error = Server::builder().tls(mixed).start().await.unwrap_err();
    assert!(matches!(error, StartError::Transport(_)), "{error:?}");
    assert!(error.to_string().ends_with("private key does not match public key"), "{error}");
}

#[tokio::test]
async fn no_more_connections_than_there_is_room_for() {
    let certificates = Certificates::new();
    let server =
        Server::builder().tls(certificates.tls()).max_connections(1).start().await.unwrap();
    let (waits, _) = greeted(&server).await;
    let mut second = TcpStream::connect(server.addr()).await.unwrap();
    let told = String::from_utf8(read_rest(&mut second).await).unwrap();
    assert!(told.ends_with("-ERR 'maximum connections exceeded'\r\n"), "{told}");
    ping(&mut certificates.handshake(waits).await.unwrap()).await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let certificates = Certificates::new();
    let builder = Server::builder().tls(certificates.tls()).allow_non_tls(true);
    let server = builder.write_deadline(Duration::from_millis(300)).start().await.unwrap();
    let (stream, _) = greeted(&server).await;
    let mut stream = certificates.handshake(stream).await.unwrap();
    is_cut_off_for_not_reading(&server, &mut stream, b"SUB stalled 1\r\n").await;
}

#[tokio::test]
async fn a_reload_can_switch_tls_on_and_off() {
    let certificates = Certificates::new();
    let server = Server::builder().start().await.unwrap();
    let (mut old, info) = greeted(&server).await;
    assert!(!info.contains("tls_"), "{info}");
    let plain = server.config();
    let tls = Some(certificates.tls());
    let secure = Config { tls: tls.clone(), ..(*plain).clone() };
    let changes = server.reload(secure.clone()).unwrap();
    assert_eq!(changes, ["authorization timeout = 3", "tls = enabled"]);
    let (stream, info) = greeted(&server).await;
    assert!(info.contains("\"tls_required\":true"), "{info}");
    ping(&mut certificates.handshake(stream).await.unwrap()).await;
    ping(&mut old).await;
    // The same options, and the files as they are by now (TLS-021).
    fs::write(certificates.path("server.key"), "nothing").unwrap();
    let refused = server.reload(secure).unwrap_err().to_string();
    assert!(refused.contains("error parsing X509 certificate/key pair"), "{refused}");
    let both = Config { allow_non_tls: true, ..(*server.config()).clone() };
    let refused = server.reload(both).unwrap_err().to_string();
    assert!(refused.contains("not supported for AllowNonTLS"), "{refused}");
    let changes = server.reload((*plain).clone()).unwrap();
    assert_eq!(changes, ["authorization timeout = 2", "tls = disabled"]);
    let (mut stream, info) = greeted(&server).await;
    assert!(!info.contains("tls_"), "{info}");
    ping(&mut stream).await;
}

#[tokio::test]
async fn a_reload_says_what_has_changed_about_tls() {
    // LIFE-008; as the log of nats-server 2.15.1 says it.
    let certificates = Certificates::new();
    let server = started(certificates.tls()).await;
    let with = |tls: Tls| Config { tls: Some(tls), ..(*server.config()).clone() };
    let tls = || Tls { timeout: Duration::from_secs(2), ..certificates.tls() };
    for (tls, told) in [
        (tls(), &[][..]),
        (
            Tls { timeout: Duration::from_secs(3), ..tls() },
            &["authorization timeout = 4", "tls timeout = 3"],
        ),
        (
            Tls { handshake_first: HandshakeFirst::Within(Duration::from_millis(50)), ..tls() },
            &[
                "authorization timeout = 3",
                "tls timeout = 2",
                "Client TLS handshake first: true",
                "Client TLS handshake first fallback delay: 50ms",
            ],
        ),
        (
            Tls { handshake_first: HandshakeFirst::Always, ..tls() },
            &["Client TLS handshake first fallback delay: 0s"],
        ),
        (
            Tls { pinned_certs: vec![[0; 32]], min_version: TlsVersion::V1_3, ..tls() },
            &["tls = enabled", "1 pinned_certs", "Client TLS handshake first: false"],
        ),
    ] {
        assert_eq!(server.reload(with(tls)).unwrap(), told);
    }
    let refused = server.reload(with(Tls { connections_per_second: 3, ..tls() })).unwrap_err();
    let words = "config reload not supported for TLSRateLimit: old=0, new=3";
    assert_eq!(refused.to_string(), words);
}

#[tokio::test]
async fn a_certificate_can_say_who_the_user_is() {
    // TLS-013
    let certificates = Certificates::new();
    let tls = Tls { verify_and_map: true, ..certificates.verifying() };
    let mapped = |name: &str| {
        let users = AccountOptions::new("M").user(User::with_password(name, ""));
        Server::builder().tls(tls.clone()).account(users).user("zed", "z").start()
    };
    for name in ["client@probe.test", "localhost", "CN=client"] {
        let server = mapped(name).await.unwrap();
        let options = certificates.options_of("client");
        talks(&connect(server.client_url(), options.clone()).await.unwrap()).await;
        let options = options.user_and_password("zed".to_owned(), "z".to_owned());
        assert!(connect(server.client_url(), options).await.is_err(), "{name}: another user");
    }
    let server = mapped("stranger@probe.test").await.unwrap();
    assert!(connect(server.client_url(), certificates.options_of("client")).await.is_err());
}
