//! CONNECT's JSON: what is taken over does not depend on what was there before it, and saying the
//! same again changes nothing.

use nats_reference_server::protocol::ConnectOptions;

pub(crate) fn check(data: &[u8]) {
    let mut once = ConnectOptions::default();
    let first = once.merge(data).is_ok();
    let mut twice = once.clone();
    assert_eq!(twice.merge(data).is_ok(), first, "what can be read once can be read again");
    if first {
        assert_eq!(twice, once, "said again");
        // A blank around it and members that nobody knows are no news.
        let padded = [b" \t", data, b"\n "].concat();
        let mut other = ConnectOptions::default();
        assert!(other.merge(&padded).is_ok() && other == once, "with blanks");
    }
}
