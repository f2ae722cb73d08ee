//! Secrets at rest: sealed with AES-256-GCM under a master key that the database does not hold.
//!
//! Whoever reads the database alone learns no secret, and whoever writes it cannot pass one row's
//! secret off as another's: the [`Cell`] that a secret belongs to is authenticated with it.
//!
//! Master keys have versions, so that they can be replaced: the newest seals, all open. A sealed
//! secret names its version.
//!
//! What is not hidden is the length of a secret.
//!
//! Source: NIST SP 800-38D; with nonces drawn at random, one key may seal 2^32 secrets (8.3).

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use zeroize::Zeroizing;

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a nonce, which has to be drawn at random for every secret.
pub const NONCE_BYTES: usize = 12;

/// The version of a master key: 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyVersion(pub u32);

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key that seals secrets. `Debug` never shows it; it is wiped on drop.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    /// Takes the key over.
    pub const fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(key)
    }

    /// The key itself, for the one place that stores it.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The place in the database that a secret belongs to. A secret that is moved does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What names the row for ever: an id that is never given to another.
    pub row: &'a str,
}

impl Cell<'_> {
    /// Tables and columns are words of the program without a `/`, so no two cells are the same
    /// text.
    fn text(&self) -> String {
        format!("{}/{}/{}", self.table, self.column, self.row)
    }
}

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    version: KeyVersion,
    nonce: [u8; NONCE_BYTES],
    text: Vec<u8>,
}

impl Sealed {
    /// The version of the key that opens it.
    pub const fn version(&self) -> KeyVersion {
        self.version
    }

    /// As it is stored: 4 bytes of the version, the highest first, the nonce, what is sealed with
    /// its tag of 16 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.version.0.to_be_bytes()[..], &self.nonce, &self.text].concat()
    }

    /// Reads what was stored. `None` if it is too short to be anything sealed.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (nonce, text) = rest.split_first_chunk()?;
        let version = KeyVersion(u32::from_be_bytes(*version));
        Some(Self { version, nonce: *nonce, text: text.to_vec() })
    }
}

/// All versions of the master key.
#[derive(Clone, Debug)]
pub struct Keyring {
    newest: KeyVersion,
    keys: BTreeMap<KeyVersion, MasterKey>,
}

/// Keys that make no keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyring {
    /// There is no key at all.
    #[error("there is no key in it")]
    Empty,
    /// Versions count from 1.
    #[error("a version is 1 or more")]
    VersionZero,
    /// Two keys have one version.
    #[error("version {0} is there twice")]
    Twice(KeyVersion),
}

/// Why a sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopenable {
    /// The key that sealed it is not there.
    #[error("it is sealed with version {0} of the master key, which is not there")]
    NoKey(KeyVersion),
    /// It was sealed with another key, for another place, or was changed since.
    #[error("version {0} of the master key does not open it: another key, or a changed row")]
    Forged(KeyVersion),
}

impl Keyring {
    /// Makes a keyring.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyring`].
    pub fn new(
        keys: impl IntoIterator<Item = (KeyVersion, MasterKey)>,
    ) -> Result<Self, InvalidKeyring> {
        let mut all = BTreeMap::new();
        for (version, key) in keys {
            if version.0 == 0 {
                return Err(InvalidKeyring::VersionZero);
            }
            if all.insert(version, key).is_some() {
                return Err(InvalidKeyring::Twice(version));
            }
        }
        let newest = *all.keys().next_back().ok_or(InvalidKeyring::Empty)?;
        Ok(Self { newest, keys: all })
    }

    /// The version that seals.
    pub const fn newest(&self) -> KeyVersion {
        self.newest
    }

    /// Whether there is a key of that version.
    pub fn has(&self, version: KeyVersion) -> bool {
        self.keys.contains_key(&version)
    }

    /// Every version with its key, the oldest first.
    pub fn keys(&self) -> impl Iterator<Item = (KeyVersion, &MasterKey)> {
        self.keys.iter().map(|(version, key)| (*version, key))
    }

    /// Seals a secret with the newest key. The nonce must never have been used before.
    ///
    /// # Panics
    ///
    /// On a secret of 64 GiB or more, which memory does not hold either.
    pub fn seal(&self, cell: Cell<'_>, secret: &[u8], nonce: [u8; NONCE_BYTES]) -> Sealed {
        let key = self.keys.get(&self.newest).expect("a keyring has its newest key");
        let cell = cell.text();
        let payload = Payload { msg: secret, aad: cell.as_bytes() };
        let text = cipher(key).encrypt(&Nonce::from(nonce), payload);
        let text = text.expect("AES-GCM takes anything under 64 GiB");
        Sealed { version: self.newest, nonce, text }
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`Unopenable`].
    pub fn open(&self, cell: Cell<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
        let version = sealed.version;
        let key = self.keys.get(&version).ok_or(Unopenable::NoKey(version))?;
        let cell = cell.text();
        let payload = Payload { msg: &sealed.text, aad: cell.as_bytes() };
        let opened = cipher(key).decrypt(&Nonce::from(sealed.nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| Unopenable::Forged(version))
    }
}

fn cipher(key: &MasterKey) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Cell<'_> = Cell { table: "access_keys", column: "secret", row: "LTAI1" };

    fn key(first: u8) -> MasterKey {
        MasterKey::new(Zeroizing::new(std::array::from_fn(|i| {
            first.wrapping_add(u8::try_from(i).unwrap())
        })))
    }

    fn ring(keys: &[(u32, u8)]) -> Keyring {
        Keyring::new(keys.iter().map(|&(version, first)| (KeyVersion(version), key(first))))
            .unwrap()
    }

    /// The expected bytes were computed with another implementation (`cryptography` of Python).
    #[test]
    fn what_is_sealed_is_aes_256_gcm_of_the_secret_and_its_cell() {
        let nonce = std::array::from_fn(|i| 100 + u8::try_from(i).unwrap());
        let sealed = ring(&[(7, 0)]).seal(CELL, b"hunter2", nonce);
        let want = "00000007\
                    6465666768696a6b6c6d6e6f\
                    206eb0121c9b645b29e2a25bdf00d8591a1be2540467f1";
        assert_eq!(hex::encode(sealed.to_bytes()), want);
        let read = Sealed::from_bytes(&sealed.to_bytes()).unwrap();
        assert_eq!(*ring(&[(7, 0)]).open(CELL, &read).unwrap(), b"hunter2");
    }

    #[test]
    fn the_newest_key_seals_and_all_open() {
        let (old, both) = (ring(&[(1, 10)]), ring(&[(2, 20), (1, 10)]));
        let (sealed_old, sealed_new) =
            (old.seal(CELL, b"a", [1; 12]), both.seal(CELL, b"b", [2; 12]));
        assert_eq!((sealed_old.version(), sealed_new.version()), (KeyVersion(1), KeyVersion(2)));
        assert_eq!(*both.open(CELL, &sealed_old).unwrap(), b"a");
        assert_eq!(*both.open(CELL, &sealed_new).unwrap(), b"b");
        assert_eq!(old.open(CELL, &sealed_new), Err(Unopenable::NoKey(KeyVersion(2))));
    }

    #[test]
    fn what_was_changed_or_moved_does_not_open() {
        let (ring, other) = (ring(&[(1, 10)]), ring(&[(1, 11)]));
        let bytes = ring.seal(CELL, b"hunter2", [3; 12]).to_bytes();
        for place in 4..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let sealed = Sealed::from_bytes(&changed).unwrap();
            assert_eq!(ring.open(CELL, &sealed), Err(Unopenable::Forged(KeyVersion(1))), "{place}");
        }
        let sealed = Sealed::from_bytes(&bytes).unwrap();
        for cell in [
            Cell { row: "LTAI2", ..CELL },
            Cell { column: "token", ..CELL },
            Cell { table: "domains", ..CELL },
        ] {
            assert_eq!(ring.open(cell, &sealed), Err(Unopenable::Forged(KeyVersion(1))));
        }
        assert_eq!(other.open(CELL, &sealed), Err(Unopenable::Forged(KeyVersion(1))));
        assert_eq!(Sealed::from_bytes(&bytes[..15]), None);
    }

    #[test]
    fn which_keys_make_a_keyring() {
        let new = |versions: &[u32]| {
            Keyring::new(versions.iter().map(|&version| (KeyVersion(version), key(0))))
                .map(|ring| ring.newest())
        };
        assert_eq!(new(&[]), Err(InvalidKeyring::Empty));
        assert_eq!(new(&[0]), Err(InvalidKeyring::VersionZero));
        assert_eq!(new(&[2, 1, 2]), Err(InvalidKeyring::Twice(KeyVersion(2))));
        assert_eq!(new(&[3, 1]), Ok(KeyVersion(3)));
    }

    #[test]
    fn a_key_is_not_printed() {
        let shown = format!("{:?}", ring(&[(1, 65)]));
        assert!(shown.contains("MasterKey(..)") && !shown.contains("65"), "{shown}");
    }
}
