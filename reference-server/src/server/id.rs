//! Ids of servers.

/// A public server nkey made of random bytes: prefix, key, checksum, in base 32 (ADR-14).
pub(super) fn server_id(key: [u8; 32]) -> String {
    const PREFIX_SERVER: u8 = 13 << 3;
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut raw = vec![PREFIX_SERVER];
    raw.extend_from_slice(&key);
    raw.extend_from_slice(&crc16(&raw).to_le_bytes());
    let mut text = String::new();
    for chunk in raw.chunks(5) {
        let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for at in (0..8).rev() {
            text.push(char::from(LETTERS[(bits >> (at * 5) & 31) as usize]));
        }
    }
    text
}

/// CRC-16/XMODEM, as nkeys use it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_id_is_a_server_nkey() {
        assert_eq!(crc16(b"123456789"), 0x31C3); // the check value of CRC-16/XMODEM
        let id = server_id([7; 32]);
        assert!(id.len() == 56 && id.starts_with('N'), "{id}");
        assert_ne!(server_id(rand::random()), server_id(rand::random()));
    }
}
