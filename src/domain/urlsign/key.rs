//! The keys of a delivery domain.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::scheme::Scheme;
use crate::domain::secret::SecretKey;

/// The characters and the length that a vendor allows for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// The fewest characters.
    pub min: usize,
    /// The most characters.
    pub max: usize,
    /// Which characters.
    pub charset: Charset,
}

/// The characters of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Letters and digits of ASCII.
    Alphanumeric,
    /// Every visible character of ASCII.
    Visible,
}

/// Why a key, or a pair of keys, cannot be used. No variant holds any of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It is empty.
    #[error("a key is empty")]
    Empty,
    /// It is too short or too long for the scheme.
    #[error("a key of {scheme} has {min} to {max} characters, this one has {got}")]
    Length {
        /// The scheme.
        scheme: Scheme,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
        /// What it has.
        got: usize,
    },
    /// It has a character that the scheme does not allow.
    #[error("a key of {0} has letters and digits of ASCII only")]
    NotAlphanumeric(Scheme),
    /// It has a character that cannot be seen, or is not ASCII.
    #[error("a key of {0} has visible characters of ASCII only")]
    NotVisible(Scheme),
    /// The secondary key is the primary, or one begins or ends with the other. Keys stand in the
    /// hashed text without a mark, so what one signs would partly be signed by the other.
    #[error("neither of the two keys may begin or end with the other")]
    Alike,
}

/// Which of the two keys of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The one that signs.
    Primary,
    /// The one that is good as well while signers move.
    Secondary,
}

impl Slot {
    /// `primary` or `secondary`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// The keys of a domain, checked against the rule of its scheme. Both verify; the primary signs.
#[derive(Clone, Debug)]
pub struct Keys {
    primary: SigningKey,
    secondary: Option<SigningKey>,
}

/// A key and its id. `Debug` shows the id alone.
#[derive(Clone)]
pub(super) struct SigningKey {
    secret: SecretKey,
    id: String,
}

impl Keys {
    /// Checks a key, or a pair of them.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`].
    pub fn new(
        scheme: Scheme,
        primary: SecretKey,
        secondary: Option<SecretKey>,
    ) -> Result<Self, InvalidKey> {
        scheme.check_key(&primary)?;
        if let Some(secondary) = &secondary {
            scheme.check_key(secondary)?;
            let (a, b) = (primary.expose(), secondary.expose());
            if a.starts_with(b) || a.ends_with(b) || b.starts_with(a) || b.ends_with(a) {
                return Err(InvalidKey::Alike);
            }
        }
        Ok(Self { primary: SigningKey::new(primary), secondary: secondary.map(SigningKey::new) })
    }

    /// A key, for the one place that stores or shows it.
    pub fn expose(&self, slot: Slot) -> Option<&SecretKey> {
        self.get(slot).map(|key| &key.secret)
    }

    /// The public name of a key: 8 hexadecimal digits that follow from it.
    pub fn id(&self, slot: Slot) -> Option<&str> {
        self.get(slot).map(SigningKey::id)
    }

    /// The public names of both keys, or of one.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(|(_, key)| key.id())
    }

    pub(super) const fn primary(&self) -> &SigningKey {
        &self.primary
    }

    /// Both keys, or one.
    pub(super) fn all(&self) -> impl Iterator<Item = (Slot, &SigningKey)> {
        [Slot::Primary, Slot::Secondary]
            .into_iter()
            .filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    const fn get(&self, slot: Slot) -> Option<&SigningKey> {
        match slot {
            Slot::Primary => Some(&self.primary),
            Slot::Secondary => self.secondary.as_ref(),
        }
    }
}

impl SigningKey {
    fn new(secret: SecretKey) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(b"refgate key id");
        let digest = mac.finalize().into_bytes();
        let id = hex::encode(digest.first_chunk::<4>().copied().unwrap_or_default());
        Self { secret, id }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.secret.expose().as_bytes()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

impl KeyRule {
    /// Whether a key keeps the rule of the scheme.
    pub(super) fn check(self, scheme: Scheme, key: &SecretKey) -> Result<(), InvalidKey> {
        let text = key.expose();
        let Self { min, max, charset } = self;
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        match charset {
            Charset::Alphanumeric if !text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Err(InvalidKey::NotAlphanumeric(scheme))
            }
            Charset::Visible if !text.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(InvalidKey::NotVisible(scheme))
            }
            Charset::Alphanumeric | Charset::Visible if !(min..=max).contains(&text.len()) => {
                Err(InvalidKey::Length { scheme, min, max, got: text.len() })
            }
            Charset::Alphanumeric | Charset::Visible => Ok(()),
        }
    }
}
