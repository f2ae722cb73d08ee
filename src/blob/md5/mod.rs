//! MD5 in a form that can be handed on between blocks, so that several can be computed together.

mod lanes;
#[cfg(test)]
mod tests;
mod together;

use lanes::{Chain, Text};
pub(super) use together::{SHORT, Together, Waiting};

/// The MD5 of bytes, of which more may come.
#[derive(Clone, Debug)]
pub(super) struct Md5 {
    chain: Chain,
    /// The block that has begun, as far as it has come.
    begun: [u8; 64],
    length: u64,
}

impl Default for Md5 {
    /// Of no bytes: RFC 1321, section 3.3.
    fn default() -> Self {
        let chain = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        Self { chain, begun: [0; 64], length: 0 }
    }
}

impl Md5 {
    /// Adds bytes behind those that came before.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.text(bytes).hash();
    }

    /// Takes bytes, and says which of them are still to be hashed: whole blocks behind the one that
    /// had begun. What is left behind them begins the next.
    fn text<'t>(&'t mut self, bytes: &'t [u8]) -> Text<'t> {
        let begun = usize::try_from(self.length % 64).unwrap_or_default();
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if begun > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(64 - begun));
            keep(&mut self.begun, begun, now);
            if begun + now.len() < 64 {
                return Text { chain: &mut self.chain, blocks: &[] };
            }
            fast_md5::transform(&mut self.chain, &self.begun);
            bytes = later;
        }
        let (blocks, rest) = bytes.as_chunks();
        keep(&mut self.begun, 0, rest);
        Text { chain: &mut self.chain, blocks }
    }

    /// The digest of all of them: RFC 1321, sections 3.1, 3.2 and 3.5.
    pub(super) fn finish(mut self) -> [u8; 16] {
        let bits = self.length.wrapping_mul(8).to_le_bytes();
        let mut padding = [0; 64];
        padding[0] = 0x80;
        let short = self.length % 64 < 56;
        let padded = if short { 56 } else { 120 } - self.length % 64;
        let padded = usize::try_from(padded).unwrap_or_default();
        self.update(padding.get(..padded).unwrap_or_default());
        self.update(&bits);
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.chain) {
            *bytes = word.to_le_bytes();
        }
        digest
    }
}

/// Copies bytes into a block from a place on.
fn keep(block: &mut [u8; 64], from: usize, bytes: &[u8]) {
    for (kept, byte) in block.iter_mut().skip(from).zip(bytes) {
        *kept = *byte;
    }
}
