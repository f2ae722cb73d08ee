//! Secrets that cannot be printed and digests that cannot be compared carelessly.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The secret half of an access key. `Debug` never shows it; it is wiped on drop.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// Takes the secret over; the caller keeps no copy.
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// Whether both are the same secret, compared in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The secret itself, for a digest or for the one place that stores it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A digest or signature. Deliberately without `PartialEq`: a `==` that leaks timing does not
/// compile, and [`Digest::matches`] and [`Digest::is_hex`] are the only comparisons.
#[derive(Debug)]
pub struct Digest(Held);

/// The bytes of a digest: almost all have at most 32, which need no memory of their own.
#[derive(Debug)]
enum Held {
    Short([u8; 32], usize),
    Long(Box<[u8]>),
}

impl Digest {
    /// Takes the bytes of a digest.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut short = [0; 32];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self(Held::Short(short, bytes.len()))
            }
            None => Self(Held::Long(bytes.into())),
        }
    }

    /// The bytes, for whoever writes them down.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Held::Short(bytes, length) => bytes.get(..*length).unwrap_or_default(),
            Held::Long(bytes) => bytes,
        }
    }

    /// Compares in constant time. Unequal lengths never match.
    pub fn matches(&self, other: &Self) -> bool {
        same(self.bytes(), other.bytes())
    }

    /// Whether a text is the digest in hexadecimal digits in lower case. Compares in constant time.
    /// A digest whose length is no multiple of 4 bytes matches no text.
    pub fn is_hex(&self, text: &str) -> bool {
        let ((ours, rest), (texts, other_rest)) =
            (self.bytes().as_chunks(), text.as_bytes().as_chunks());
        let differences = ours.iter().zip(texts).fold(0, |all, (bytes, text)| {
            all | hex_digits(u32::from_be_bytes(*bytes)) ^ u64::from_be_bytes(*text)
        });
        let whole = rest.is_empty() && other_rest.is_empty() && ours.len() == texts.len();
        whole && differences.ct_eq(&0).into()
    }
}

/// The eight digits of four bytes, all at once: by no look-up and no branch, because the digest that
/// is expected is a secret.
const fn hex_digits(bytes: u32) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let mut halves = bytes as u64;
    halves = (halves | halves << 16) & 0x0000_ffff_0000_ffff;
    halves = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    halves = (halves | halves << 4) & (EACH * 15);
    // Adding 6 carries from 10 on.
    let letters = ((halves + EACH * 6) >> 4) & EACH;
    halves + EACH * (b'0' as u64) + letters * ((b'a' - b'0' - 10) as u64)
}

/// Whether bytes are the same, in a time that tells their number alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((words, rest), (others, other_rest)) = (a.as_chunks(), b.as_chunks());
    let words = words.iter().zip(others);
    let words = words.map(|(a, b)| u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b));
    let rest = rest.iter().zip(other_rest).map(|(a, b)| u128::from(a ^ b));
    let differences = words.chain(rest).fold(0, |all, one| all | one);
    a.len() == b.len() && differences.ct_eq(&0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", SecretKey::new("hunter2".into())), "SecretKey(..)");
    }

    #[test]
    fn a_secret_is_compared() {
        let secret = |text: &str| SecretKey::new(text.to_owned());
        assert!(secret("hunter2").matches(&secret("hunter2")));
        assert!(!secret("hunter2").matches(&secret("hunter3")));
        assert!(!secret("hunter2").matches(&secret("hunter22")));
    }

    #[test]
    fn digests_match_by_content_and_length() {
        assert!(Digest::new([1, 2]).matches(&Digest::new([1, 2])));
        assert!(!Digest::new([1, 2]).matches(&Digest::new([1, 3])));
        assert!(!Digest::new([1, 2]).matches(&Digest::new([1, 2, 3])));
        for length in 0..80 {
            let bytes: Vec<u8> = (0..length).collect();
            let digest = Digest::new(&bytes);
            assert_eq!(digest.bytes(), bytes);
            assert!(digest.matches(&Digest::new(&bytes)), "{length}");
            assert!(!digest.matches(&Digest::new([&bytes[..], &[0]].concat())), "{length}");
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert!(!digest.matches(&Digest::new(&other)), "{length} {at}");
            }
        }
    }

    #[test]
    fn a_digest_has_one_spelling_in_hexadecimal_digits() {
        // RFC 1321, A.5: MD5 of nothing.
        let digest = Digest::new(0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e_u128.to_be_bytes());
        let text = "d41d8cd98f00b204e9800998ecf8427e";
        assert!(digest.is_hex(text));
        let upper = text.to_ascii_uppercase();
        for other in ["", &text[..31], &text[..30], "d41d8cd98f00b204e9800998ecf8427f", &upper] {
            assert!(!digest.is_hex(other), "{other}");
        }
        assert!(!digest.is_hex(&format!("{text}00")));
        for start in (0..=u8::MAX).step_by(16) {
            let bytes: Vec<u8> = (start..=start + 15).collect();
            let text = hex::encode(&bytes);
            assert!(Digest::new(&bytes).is_hex(&text), "{text}");
            for at in 0..text.len() {
                for other in ['/', ':', '`', 'g', 'A', '\0', '\x7f'] {
                    let mut text = text.clone();
                    text.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
                    assert!(!Digest::new(&bytes).is_hex(&text), "{text:?}");
                }
            }
        }
        assert!(Digest::new([0xab; 32]).is_hex(&"ab".repeat(32)));
        assert!(!Digest::new([0xab; 32]).is_hex(&format!("{}ac", "ab".repeat(31))));
        assert!(!Digest::new([0xab; 32]).is_hex(&"ab".repeat(31)));
        assert!(!Digest::new([0xab; 32]).is_hex(&"ab".repeat(33)));
    }
}
