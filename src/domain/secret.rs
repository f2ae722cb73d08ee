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
/// compile, and [`Digest::matches`] is the only comparison.
#[derive(Debug)]
pub struct Digest(Vec<u8>);

impl Digest {
    /// Wraps the bytes of a digest.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Compares in constant time. Unequal lengths never match.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
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
    }
}
