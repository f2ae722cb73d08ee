//! Secrets that cannot be printed and digests that cannot be compared carelessly.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
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
/// compile, and [`Digest::matches`] is the only comparison.
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

    /// Whether a text is a digest of at most 32 bytes in hexadecimal digits in lower case. Compares in
    /// constant time.
    pub fn is_hex(&self, text: &str) -> bool {
        let Held::Short(bytes, length) = &self.0 else { return false };
        let mut digits = [[0; 2]; 32];
        for (pair, byte) in digits.iter_mut().zip(bytes) {
            *pair = [hex_digit(byte >> 4), hex_digit(byte & 15)];
        }
        let digits = digits.as_flattened().get(..2 * length);
        digits.is_some_and(|digits| same(digits, text.as_bytes()))
    }
}

/// The digit of a number below 16, by no look-up and no branch: the number is secret.
const fn hex_digit(number: u8) -> u8 {
    let is_letter = 9_u8.wrapping_sub(number) >> 7;
    b'0' + number + is_letter * (b'a' - b'0' - 10)
}

/// Whether bytes are the same, in a time that tells their number alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((words, rest), (others, other_rest)) = (a.as_chunks(), b.as_chunks());
    let words = words.iter().zip(others).fold(Choice::from(1), |same, (a, b)| {
        same & u128::from_ne_bytes(*a).ct_eq(&u128::from_ne_bytes(*b))
    });
    a.len() == b.len() && (words & rest.ct_eq(other_rest)).into()
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
        for byte in u8::MIN..=u8::MAX {
            assert!(Digest::new([byte]).is_hex(&format!("{byte:02x}")), "{byte}");
        }
        assert!(Digest::new([0xab; 32]).is_hex(&"ab".repeat(32)));
        assert!(!Digest::new([0xab; 33]).is_hex(&"ab".repeat(33)));
    }
}
