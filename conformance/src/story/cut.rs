//! What is sent, in pieces.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// How what is sent is cut into pieces.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Only where the story says.
    #[default]
    None,
    /// Between all bytes.
    EveryByte,
    /// Anywhere, from the seed.
    Random,
}

/// The pieces in which bytes go out. Of long ones only the ends are cut into single bytes: what
/// can go wrong goes wrong at control lines and at the end of a payload.
pub(super) fn cut<'b>(writes: &'b [Vec<u8>], how: Cut, chance: &mut ChaCha8Rng) -> Vec<&'b [u8]> {
    const CUT_BYTES_MAX: usize = 512;
    let mut pieces: Vec<&[u8]> = Vec::new();
    for write in writes {
        match how {
            Cut::None => pieces.push(write),
            Cut::EveryByte => {
                let head = write.len().min(CUT_BYTES_MAX);
                let tail = head.max(write.len().saturating_sub(4));
                pieces.extend(write[..head].chunks(1));
                pieces.extend(write[head..tail].chunks(64 << 10));
                pieces.extend(write[tail..].chunks(1));
            }
            Cut::Random => {
                let mut rest = &write[..];
                while !rest.is_empty() {
                    let most = rest.len().min(1 + pieces.len() * 8).max(1);
                    let (piece, tail) = rest.split_at(chance.random_range(1..=most));
                    pieces.push(piece);
                    rest = tail;
                }
            }
        }
    }
    pieces
}
