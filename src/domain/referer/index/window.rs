//! Windows: pieces of text of a few fixed widths, by their hashes.
//!
//! A subject that a rule fits holds every window of every literal run of the rule. So if each rule
//! is filed under one of its windows, looking up all windows of a subject finds every rule that can
//! fit it. Fixed widths make that a hash and a look-up per byte and width, one independent of the
//! other, where an automaton must wait for the memory at every byte.

/// The hash of a window, and of its width.
pub(in super::super) type Hash = u64;

/// The widths of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Width {
    One,
    Two,
    Four,
    Eight,
    Sixteen,
    ThirtyTwo,
    SixtyFour,
}

impl Width {
    pub(super) const ALL: [Self; 7] = [
        Self::One,
        Self::Two,
        Self::Four,
        Self::Eight,
        Self::Sixteen,
        Self::ThirtyTwo,
        Self::SixtyFour,
    ];

    pub(super) const fn bytes(self) -> usize {
        1 << self as usize
    }

    /// Calls `each` with the hash of every window of a text, from left to right.
    pub(in super::super) fn windows(self, text: &[u8], each: impl FnMut(Hash)) {
        match self {
            Self::One => windows::<1>(text, each),
            Self::Two => windows::<2>(text, each),
            Self::Four => windows::<4>(text, each),
            Self::Eight => windows::<8>(text, each),
            Self::Sixteen => windows::<16>(text, each),
            Self::ThirtyTwo => windows::<32>(text, each),
            Self::SixtyFour => windows::<64>(text, each),
        }
    }
}

#[inline]
fn windows<const N: usize>(text: &[u8], each: impl FnMut(Hash)) {
    text.array_windows().map(hash::<N>).for_each(each);
}

/// Not keyed: who can choose the windows of rules can also repeat one window in all rules, and the
/// index has to bear that anyway.
#[inline]
fn hash<const N: usize>(window: &[u8; N]) -> Hash {
    let salt = (N as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = window.as_chunks();
    let mut hash = words.iter().fold(salt, |hash, word| mix(hash ^ u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut word = [0; 8];
        word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        hash = mix(hash ^ u64::from_le_bytes(word));
    }
    hash
}

/// The product with an odd constant, its halves folded: each bit depends on all bits.
#[inline]
pub(in super::super) fn mix(word: u64) -> u64 {
    let (low, high) = halves(u128::from(word ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9);
    low ^ high
}

/// Scales a hash to below `size`, by its highest bits.
#[inline]
pub(in super::super) fn scale(hash: Hash, size: usize) -> usize {
    let (_, scaled) = halves(u128::from(hash) * size as u128);
    // It is below a `usize`, so it is one.
    usize::try_from(scaled).unwrap_or_default()
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "to cut is what it is for")]
fn halves(product: u128) -> (u64, u64) {
    (product as u64, (product >> 64) as u64)
}

/// The literal runs of a rule: what its wildcards leave.
pub(in super::super) fn literals(rule: &[u8]) -> impl Iterator<Item = &[u8]> {
    rule.split(|byte| matches!(byte, b'*' | b'?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_window_at_every_byte() {
        let text: Vec<u8> = (0..100).collect();
        for width in Width::ALL {
            let mut hashes = Vec::new();
            width.windows(&text, |hash| hashes.push(hash));
            assert_eq!(hashes.len(), 101 - width.bytes());
            hashes.sort_unstable();
            hashes.dedup();
            assert_eq!(hashes.len(), 101 - width.bytes(), "no two are alike");
        }
    }

    #[test]
    fn literals_are_between_wildcards() {
        let runs: Vec<_> = literals(b"*ab?c*").collect();
        assert_eq!(runs, [b"".as_slice(), b"ab", b"c", b""]);
    }
}
