//! The configuration language: no text makes the reader panic, an error says where, and what was
//! read once is read the same again.

use nats_reference_server::Config;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut config = Config::default();
    match config.merge(text) {
        Ok(_) => {
            let once = format!("{config:?}");
            assert!(config.merge(text).is_ok());
            assert_eq!(format!("{config:?}"), once, "said again");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
