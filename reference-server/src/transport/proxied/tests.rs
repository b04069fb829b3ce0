use super::*;

/// The line or block alone, as if a client had sent it and closed.
fn read_all(bytes: &[u8]) -> (Result<Preface, String>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut rest = bytes;
    let read = runtime.block_on(read(&mut rest)).map_err(|error| error.to_string());
    (read, rest.to_vec())
}

fn origin_of(header: &[u8]) -> Option<String> {
    let (read, rest) = read_all(&[header, b"PING\r\n"].concat());
    assert_eq!(rest, b"PING\r\n", "read too far, or not far enough: {header:?}");
    let preface = read.unwrap();
    assert_eq!(preface.early, b"");
    preface.origin.map(|origin| origin.to_string())
}

fn problem_of(header: &[u8]) -> String {
    read_all(&[header, b"CONNECT {}\r\n"].concat()).0.unwrap_err()
}

fn v2(version_and_command: u8, family_and_protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, [version_and_command, family_and_protocol].as_slice(), &len, body].concat()
}

fn v4() -> Vec<u8> {
    [[9, 8, 7, 6, 1, 2, 3, 4].as_slice(), &4444_u16.to_be_bytes(), &4222_u16.to_be_bytes()].concat()
}

fn v6(source: &str) -> Vec<u8> {
    let octets = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let ports = [4444_u16.to_be_bytes(), 4222_u16.to_be_bytes()].concat();
    [octets(source).as_slice(), &octets("::1"), &ports].concat()
}

#[test]
fn a_line_says_where_the_client_is() {
    let origin = |line: &str| origin_of(line.as_bytes());
    let client = Some("9.8.7.6:4444".to_owned());
    assert_eq!(origin("PROXY TCP4 9.8.7.6 1.2.3.4 4444 4222\r\n"), client);
    assert_eq!(origin("PROXY  TCP4\t9.8.7.6 1.2.3.4 0004444 4222 \n\r\n"), client);
    assert_eq!(origin("PROXY TCP6 ::ffff:9.8.7.6 ::1 4444 4222\r\n"), client);
    assert_eq!(origin("PROXY TCP6 2001:db8::1 ::1 1 2\r\n").unwrap(), "[2001:db8::1]:1");
    assert_eq!(origin("PROXY UNKNOWN\r\n"), None);
    assert_eq!(origin("PROXY UNKNOWN whatever it says\r\n"), None);
    assert_eq!(origin(&format!("PROXY UNKNOWN {}\r\n", "x".repeat(91))), None);
}

#[test]
fn a_line_that_says_something_else_is_refused() {
    let problem =
        |line: &str| problem_of(line.as_bytes()).replace("invalid PROXY protocol header: ", "");
    for line in [
        "PROXY \r\n",
        "PROXY unknown\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 4444\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 4444 4222 7\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 4444 4222\n",
    ] {
        assert_eq!(problem(line), "invalid v1 format", "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(problem(&long), "v1 line too long");
    assert_eq!(problem("PROXY TCP4 9.8.7 1.2.3.4 1 2\r\n"), "invalid address");
    assert_eq!(problem("PROXY TCP4 9.8.7.6 1.2.3.4 +1 2\r\n"), "invalid source port");
    assert_eq!(problem("PROXY TCP4 9.8.7.6 1.2.3.4 1 65536\r\n"), "invalid dest port");
    assert_eq!(problem("PROXY TCP4 9.8.7.6 ::1 1 2\r\n"), "TCP4 with IPv6 address");
    assert_eq!(problem("PROXY TCP6 ::1 9.8.7.6 1 2\r\n"), "TCP6 with IPv4 address");
    assert_eq!(problem("PROXY UDP4 9.8.7.6 1.2.3.4 1 2\r\n"), "invalid protocol UDP4");
    assert_eq!(problem("PROXY UDP6 ::1 ::2 1 2\r\n"), "invalid protocol UDP6");
}

#[test]
fn a_block_says_where_the_client_is() {
    let client = Some("9.8.7.6:4444".to_owned());
    assert_eq!(origin_of(&v2(0x21, 0x11, &v4())), client);
    assert_eq!(origin_of(&v2(0x21, 0x21, &v6("::ffff:9.8.7.6"))), client);
    assert_eq!(origin_of(&v2(0x21, 0x21, &v6("2001:db8::1"))).unwrap(), "[2001:db8::1]:4444");
    // More than was asked for is passed over.
    assert_eq!(origin_of(&v2(0x21, 0x11, &[v4(), vec![4; 60_000]].concat())), client);
    // The proxy speaks for itself, or does not say for whom.
    for body in [Vec::new(), v4(), vec![0; 65_535]] {
        assert_eq!(origin_of(&v2(0x20, 0x11, &body)), None);
        assert_eq!(origin_of(&v2(0x20, 0x77, &body)), None);
        assert_eq!(origin_of(&v2(0x21, 0x01, &body)), None);
    }
}

#[test]
fn a_block_that_says_something_else_is_refused() {
    let problem = |header: Vec<u8>| problem_of(&header);
    let unsupported = |what: &str| format!("unsupported PROXY protocol feature: {what}");
    assert_eq!(problem(v2(0x22, 0x11, &v4())), "unknown PROXY protocol command: 0x02");
    let version = "invalid PROXY protocol header: invalid version 0x10";
    assert_eq!(problem(v2(0x11, 0x11, &v4())), version);
    for not_stream in [0x00, 0x10, 0x12, 0x22] {
        let words = unsupported("only STREAM protocol supported");
        assert_eq!(problem(v2(0x21, not_stream, &v4())), words);
    }
    let family = unsupported("unsupported address family 0x30");
    assert_eq!(problem(v2(0x21, 0x31, &[0; 216])), family);
    assert_eq!(problem(v2(0x21, 0x11, &v4()[..8])), "IPv4 address data too short: 8 bytes");
    assert_eq!(problem(v2(0x21, 0x21, &v4())), "IPv6 address data too short: 12 bytes");
    let signature = [&SIGNATURE[..11], b"X\x21\x11\0\0"].concat();
    assert_eq!(problem(signature), "invalid PROXY protocol header: invalid signature");
}

#[test]
fn what_is_no_header_is_the_clients() {
    for (sent, early) in [("PING\r\n", "PI"), ("PROX\r\n", "PROX\r"), ("\r\nPING\r\n", "\r\nP")] {
        let (read, rest) = read_all(sent.as_bytes());
        assert_eq!(read, Ok(Preface { origin: None, early: early.into() }));
        assert_eq!([early.as_bytes(), &rest].concat(), sent.as_bytes());
    }
}

#[test]
fn an_end_within_a_header_is_an_error() {
    let line = b"PROXY TCP4 9.8.7.6 1.2.3.4 4444 4222\r\n".to_vec();
    for header in [line, v2(0x21, 0x11, &v4()), v2(0x20, 0, &v4())] {
        for end in 1..header.len() {
            assert!(read_all(&header[..end]).0.is_err(), "{:?}", &header[..end]);
        }
        assert!(read_all(&header).0.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn first_bytes_and_header_have_five_seconds() {
    use tokio::{io::AsyncWriteExt, net::TcpListener, time::Instant};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for begun in ["", "PROX", "PROXY TCP4 9.8.7.6", "\r\n\r\n\0\r\nQUIT\n\x21"] {
        let mut proxy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        proxy.write_all(begun.as_bytes()).await.unwrap();
        let start = Instant::now();
        let problem = preface(&mut stream).await.unwrap_err();
        assert!(matches!(problem, ProxyError::TooSlow), "{begun:?}: {problem}");
        assert_eq!(start.elapsed().as_secs(), 5);
        drop(proxy);
    }
}
