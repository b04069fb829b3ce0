//! Texts that nobody may see.

use std::fmt;

use subtle::ConstantTimeEq;

/// A password or a token. Its `Debug` form does not show it, and comparing two takes as long
/// whatever they have in common; only that their lengths differ can be seen.
///
/// ```
/// let secret = nats_reference_server::Secret::from("s3cr3t");
/// assert_eq!(format!("{secret:?}"), "[REDACTED]");
/// ```
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself, for those who verify it and show it to nobody.
    #[cfg(feature = "jwt")]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is to be compared as a hash (AUTH-008): `$2a$`, `$2b$`, `$2x$` or `$2y$`, two
    /// digits, `$`.
    pub fn is_bcrypt(&self) -> bool {
        match self.0.as_bytes() {
            [b'$', b'2', b'a' | b'b' | b'x' | b'y', b'$', tens, ones, b'$', ..] => {
                tens.is_ascii_digit() && ones.is_ascii_digit()
            }
            _ => false,
        }
    }

    /// Whether this hash is one of the offered text. Takes milliseconds to seconds: as long as the
    /// hash's own cost says.
    #[cfg(feature = "bcrypt")]
    pub(crate) fn is_hash_of(&self, offered: &Secret) -> bool {
        // bcrypt looks at 72 bytes and no more; longer passwords are refused, as by nats-server.
        offered.0.len() <= 72 && bcrypt::verify(&offered.0, &self.0).unwrap_or(false)
    }

    /// Without the feature no hash gets past the start of the server.
    #[cfg(not(feature = "bcrypt"))]
    pub(crate) fn is_hash_of(&self, _: &Secret) -> bool {
        false
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_by_their_text_and_never_shown() {
        let secret = Secret::from("s3cr3t");
        assert_eq!(secret, Secret::from("s3cr3t".to_owned()));
        assert!(secret != Secret::from("s3cr3T") && secret != Secret::from("s3cr3t2"));
        assert!(!format!("{secret:?}").contains("s3"));
    }

    #[test]
    fn hashes_are_told_by_their_beginning() {
        for (text, is_hash) in [
            ("$2a$04$abc", true),
            ("$2y$11$", true),
            ("$2c$04$abc", false),
            ("$2a$4$abc", false),
            ("2a$04$abc", false),
            ("", false),
        ] {
            assert_eq!(Secret::from(text).is_bcrypt(), is_hash, "{text}");
        }
    }

    #[cfg(feature = "bcrypt")]
    #[test]
    fn a_hash_accepts_its_password_and_not_itself() {
        let hash = Secret::from(bcrypt::hash("right", 4).unwrap());
        assert!(hash.is_bcrypt() && hash.is_hash_of(&"right".into()));
        assert!(!hash.is_hash_of(&"wrong".into()) && !hash.is_hash_of(&hash));
        assert!(!Secret::from("$2a$04$broken").is_hash_of(&"".into()));
    }
}
