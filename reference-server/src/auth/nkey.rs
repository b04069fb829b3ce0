//! Logging in with a key pair: the client signs the nonce of INFO (AUTH-009).

use data_encoding::{BASE64, BASE64URL_NOPAD};
use nkeys::{KeyPair, KeyPairType};

/// Whether this is the public key of a user: `U…`, with a checksum that is right.
pub(super) fn is_public_user_key(key: &str) -> bool {
    kind(key) == Some(KeyPairType::User)
}

/// Of what this is the public key, if it is one.
pub(super) fn kind(key: &str) -> Option<KeyPairType> {
    KeyPair::from_public_key(key).ok().map(|pair| pair.key_pair_type())
}

/// Whether this is the key's signature over the nonce as it is written, in base64 without padding
/// in the alphabet for URLs, or with padding in the standard one.
pub(super) fn has_signed(key: &str, nonce: &str, signature: &str) -> bool {
    let signature = signature.as_bytes();
    let signature = BASE64URL_NOPAD.decode(signature).or_else(|_| BASE64.decode(signature));
    signature.is_ok_and(|signature| verifies(key, nonce, &signature))
}

/// The one of these keys that has signed the nonce, in base64 without padding in the alphabet for
/// URLs.
pub(super) fn signer<'a>(keys: &'a [String], nonce: &str, signature: &str) -> Option<&'a String> {
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    keys.iter().find(|key| verifies(key, nonce, &signature))
}

fn verifies(key: &str, nonce: &str, signature: &[u8]) -> bool {
    KeyPair::from_public_key(key).is_ok_and(|key| key.verify(nonce.as_bytes(), signature).is_ok())
}

/// A fresh nonce: 11 random bytes in 15 letters.
pub(super) fn nonce() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 11]>())
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL;

    use super::*;

    #[test]
    fn only_user_keys_are_user_keys() {
        let user = KeyPair::new_user().public_key();
        assert!(is_public_user_key(&user));
        assert!(!is_public_user_key(&KeyPair::new_account().public_key()));
        for bad in ["", "U", "é", &user[..55], &user.to_lowercase()] {
            assert!(!is_public_user_key(bad), "{bad}");
        }
    }

    #[test]
    fn a_signature_counts_for_its_key_and_its_nonce_alone() {
        let pair = KeyPair::new_user();
        let key = pair.public_key();
        // One that the two alphabets write differently; one of fifteen is not.
        let signed = |nonce: String| (pair.sign(nonce.as_bytes()).unwrap(), nonce);
        let differs = |(it, _): &(Vec<u8>, _)| BASE64.encode(it) != BASE64URL.encode(it);
        let (signature, nonce) = std::iter::repeat_with(nonce).map(signed).find(differs).unwrap();
        assert_eq!(nonce.len(), 15);
        let url = BASE64URL_NOPAD.encode(&signature);
        assert!(has_signed(&key, &nonce, &url));
        assert!(has_signed(&key, &nonce, &BASE64.encode(&signature)));
        let padded_for_urls = BASE64URL.encode(&signature);
        // One signature in fifteen has neither of the letters in which the alphabets differ.
        let differs = padded_for_urls.contains(['-', '_']);
        assert_eq!(has_signed(&key, &nonce, &padded_for_urls), !differs);
        assert!(!has_signed(&key, "another", &url));
        assert!(!has_signed(&KeyPair::new_user().public_key(), &nonce, &url));
        for bad in ["", "AAAA", "not base64!", &url[..80]] {
            assert!(!has_signed(&key, &nonce, bad), "{bad}");
        }
        let decoded = BASE64URL_NOPAD.decode(nonce.as_bytes()).unwrap();
        let over_bytes = BASE64URL_NOPAD.encode(&pair.sign(&decoded).unwrap());
        assert!(!has_signed(&key, &nonce, &over_bytes));
    }
}
