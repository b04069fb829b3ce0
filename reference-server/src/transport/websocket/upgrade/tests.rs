use super::*;

const HEAD: &str = "Host: a.test:80\r\nUpgrade: WebSocket\r\n\
                    Connection: keep-alive, upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn judged(options: WebSocket, request: &str) -> Result<(Upgrade, String), Refusal> {
    let rules = Rules::new(&options, Profile::default()).unwrap();
    parse(request.as_bytes(), |request| rules.judge(request, false)).map(Option::unwrap)
}

fn asked(options: WebSocket, more: &str) -> Result<(Upgrade, String), Refusal> {
    judged(options, &format!("GET /any/path?x=y HTTP/1.1\r\n{HEAD}{more}\r\n"))
}

fn status(options: &WebSocket, more: &str) -> u16 {
    asked(options.clone(), more).err().map_or(101, |refusal| refusal.status.unwrap())
}

#[test]
fn a_good_request_is_answered_as_the_rfc_says() {
    let (upgrade, answer) = asked(WebSocket::default(), "").unwrap();
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("Extensions"));
    assert_eq!(upgrade, Upgrade { masked: true, ..Upgrade::default() });
}

#[test]
fn requests_that_lack_something_are_refused() {
    for (from, to, expected) in [
        ("GET", "POST", 405),
        ("Host: a.test:80\r\n", "", 400),
        ("WebSocket\r\n", "h2c\r\n", 400),
        ("upgrade", "close", 400),
        ("Version: 13", "Version: 12", 400),
        ("dGhl", "", 400),
        ("/any/path?x=y", "/any/mqtt?x=y", 404),
        ("/any/path", "/leafnode", 404),
    ] {
        let request = format!("GET /any/path?x=y HTTP/1.1\r\n{HEAD}\r\n");
        assert!(request.contains(from));
        let refusal = judged(WebSocket::default(), &request.replace(from, to)).unwrap_err();
        assert_eq!(refusal.status, Some(expected), "{from}");
    }
}

#[test]
fn compression_is_agreed_on_if_both_want_it() {
    let offer = "Sec-WebSocket-Extensions: foo, permessage-deflate; client_max_window_bits\r\n";
    assert!(!asked(WebSocket::default(), offer).unwrap().0.compressed);
    let options = WebSocket { compression: true, ..WebSocket::default() };
    assert!(!asked(options.clone(), "").unwrap().0.compressed);
    let (upgrade, answer) = asked(options, offer).unwrap();
    assert!(upgrade.compressed);
    assert!(answer.contains(
        "Extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover\r\n"
    ));
}

#[test]
fn origins_are_looked_at_where_that_is_asked_for() {
    let any = WebSocket::default();
    let same = WebSocket { same_origin: true, ..WebSocket::default() };
    let allowed_origins = vec!["http://good.test".to_owned(), "https://two.test:444".to_owned()];
    let listed = WebSocket { allowed_origins, ..WebSocket::default() };
    for (origin, expected) in [
        ("", [101, 101, 101]),
        ("Origin: http://A.test\r\n", [101, 101, 403]),
        ("Origin: https://a.test\r\n", [101, 403, 403]),
        ("Origin: https://a.test:80\r\n", [101, 403, 403]),
        ("Origin: http://good.test:80\r\n", [101, 403, 101]),
        ("Origin: https://two.test\r\n", [101, 403, 403]),
        ("Origin: https://two.test:444\r\n", [101, 403, 101]),
        ("Origin: nonsense\r\n", [101, 403, 403]),
    ] {
        let statuses = [&any, &same, &listed].map(|options| status(options, origin));
        assert_eq!(statuses, expected, "{origin}");
    }
}

#[test]
fn cookies_and_headers_are_taken_over() {
    let options = WebSocket {
        headers: vec![("X-Probe".to_owned(), "hello".to_owned())],
        user_cookie: Some("u".to_owned()),
        pass_cookie: Some("p".to_owned()),
        token_cookie: Some("t".to_owned()),
        ..WebSocket::default()
    };
    let more = "Cookie: uu=no; u=ann; p=\"a=b\"\r\nNats-No-Masking: true\r\n\
                User-Agent: Mozilla/5.0\r\n";
    let (upgrade, answer) = asked(options, more).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let cookies = Cookies { user: text("ann"), pass: text("a=b"), ..Cookies::default() };
    let expected = Upgrade { compressed: false, masked: false, browser: true, cookies };
    assert_eq!(upgrade, expected);
    assert!(answer.contains("\r\nNats-No-Masking: true\r\nX-Probe: hello\r\n"));
}

#[test]
fn options_that_can_not_be_meant_are_refused() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for headers in [header("host", "x"), header("Sec-WebSocket-Key", "x"), header("A", "b\nc")] {
        let options = WebSocket { headers, ..WebSocket::default() };
        assert!(Rules::new(&options, Profile::default()).is_err());
    }
    let allowed_origins = vec!["good.test".to_owned()];
    let options = WebSocket { allowed_origins, ..WebSocket::default() };
    let error = Rules::new(&options, Profile::default()).unwrap_err().to_string();
    assert!(error.starts_with("unable to parse allowed origin: "), "{error}");
}
