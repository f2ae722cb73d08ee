//! Sealing secrets for the database, and opening them.

use super::clock::{NoRandomness, nonce};
use crate::domain::seal::{Cell, Keyring, Sealed, Unopenable};
use crate::domain::secret::SecretKey;

/// Seals what the database must not show. Which secrets it holds it does not know.
#[derive(Debug)]
pub struct Vault {
    keys: Keyring,
}

impl Vault {
    /// A vault under these keys.
    pub const fn new(keys: Keyring) -> Self {
        Self { keys }
    }

    /// Seals a secret for a place in the database.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn seal(&self, cell: Cell<'_>, secret: &SecretKey) -> Result<Sealed, NoRandomness> {
        Ok(self.keys.seal(cell, secret.expose().as_bytes(), nonce()?))
    }

    /// Opens a secret that was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`Unopenable`]. What is no text was not sealed by [`Vault::seal`].
    pub fn open(&self, cell: Cell<'_>, sealed: &Sealed) -> Result<SecretKey, Unopenable> {
        let bytes = self.keys.open(cell, sealed)?;
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| Unopenable::Forged(sealed.version()))?;
        Ok(SecretKey::new(text.to_owned()))
    }
}
