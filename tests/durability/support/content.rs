//! Contents of objects. Each is made from a number of its own, which it also begins with, so a
//! body that is cut, mixed of two, or another object's is recognised.

use md5::{Digest, Md5};

/// A sequence of numbers that a seed determines (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) seed: u64,
    pub(crate) length: u64,
}

/// Bytes that are made at once: a multiple of 8.
pub(crate) const PIECE: usize = 64 * 1024;

impl Content {
    /// The bytes in pieces, for contents that do not fit into memory.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Vec<u8>> {
        let mut random = Random(self.seed);
        let mut first = Some(self.seed);
        let mut left = usize::try_from(self.length).unwrap();
        std::iter::from_fn(move || {
            let length = left.min(PIECE);
            left -= length;
            let mut piece = Vec::with_capacity(PIECE + 8);
            while piece.len() < length {
                let number = first.take().unwrap_or_else(|| random.next());
                piece.extend_from_slice(&number.to_le_bytes());
            }
            piece.truncate(length);
            (length > 0).then_some(piece)
        })
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }

    /// As it is written in `ETag`.
    pub(crate) fn etag(bytes: &[u8]) -> String {
        format!("\"{}\"", hex::encode_upper(Md5::digest(bytes)))
    }
}

/// Says of bytes that nobody expected where they seem to come from.
pub(crate) fn describe(bytes: &[u8]) -> String {
    let Some(seed) = bytes.first_chunk().map(|first| u64::from_le_bytes(*first)) else {
        return format!("{} bytes {bytes:?}", bytes.len());
    };
    let length = bytes.len() as u64;
    let whole = Content { seed, length }.bytes();
    let same = whole.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    format!("{length} bytes, of which the first {same} are of content {seed}")
}
