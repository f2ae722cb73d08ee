//! The only clock and the only randomness.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::name::{BlobId, RequestId, UploadId};
use crate::domain::seal::{KEY_BYTES, MasterKey, NONCE_BYTES};
use crate::domain::secret::SecretKey;
use crate::domain::time::UnixMillis;

/// Tells the time and makes ids.
#[derive(Debug)]
pub struct Clock {
    /// Where the sequence of request ids begins: random, so that two processes do not share one.
    seed: u64,
    requests: AtomicU64,
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system's random generator failed: {0}")]
pub struct NoRandomness(getrandom::Error);

impl Clock {
    /// The system's clock.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn system() -> Result<Self, NoRandomness> {
        let seed = getrandom::u64().map_err(NoRandomness)?;
        Ok(Self { seed, requests: AtomicU64::new(0) })
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> UnixMillis {
        UnixMillis::from_system_time(SystemTime::now())
    }

    /// A fresh request id: the time in seconds and a number that no other request of this
    /// process has. Not a secret, and made without a system call.
    pub fn request_id(&self) -> RequestId {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let seconds = u32::try_from(self.now().as_secs()).unwrap_or(u32::MAX);
        let mut id = [0; 12];
        let (time, rest) = id.split_at_mut(4);
        time.copy_from_slice(&seconds.to_be_bytes());
        rest.copy_from_slice(&scramble(self.seed.wrapping_add(number)).to_be_bytes());
        RequestId(id)
    }

    /// How many request ids there were.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// A fresh blob id.
    pub fn blob_id(&self) -> BlobId {
        BlobId(self.unique())
    }

    /// A fresh id of an upload: 48 bits of milliseconds and 80 random bits.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn upload_id(&self) -> Result<UploadId, NoRandomness> {
        let mut id = [0; 16];
        let (time, random) = id.split_at_mut(6);
        let [_, _, millis @ ..] = self.now().0.to_be_bytes();
        time.copy_from_slice(&millis);
        getrandom::fill(random).map_err(NoRandomness)?;
        Ok(UploadId(id))
    }

    /// A fresh UUID.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws ids")]
    pub fn unique(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The finaliser of SplitMix64: a permutation of all numbers that leaves no visible order.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Draws the two halves of a new access key: `LTAI` and 20 characters, and 30 characters, as
/// OSS's own keys look. 30 of 62 characters are 178 bits.
///
/// # Errors
///
/// [`NoRandomness`].
pub fn new_access_key() -> Result<(String, SecretKey), NoRandomness> {
    Ok((format!("LTAI{}", alphanumeric(20)?), SecretKey::new(alphanumeric(30)?)))
}

/// Draws the two halves of a temporary key: the beginning and 22 characters, and 30 characters.
///
/// # Errors
///
/// [`NoRandomness`].
pub(super) fn new_temporary_key(prefix: &str) -> Result<(String, SecretKey), NoRandomness> {
    Ok((format!("{prefix}{}", alphanumeric(22)?), SecretKey::new(alphanumeric(30)?)))
}

/// Draws the random text of a link: that many letters and digits, a letter first.
///
/// # Errors
///
/// [`NoRandomness`].
pub fn link_id(length: usize) -> Result<String, NoRandomness> {
    // One in six begins with a digit, so a few are always enough.
    let mut drawn = alphanumeric(length + 64)?;
    let digits = drawn.find(|c: char| c.is_ascii_alphabetic()).unwrap_or_default();
    drawn.drain(..digits);
    drawn.truncate(length);
    Ok(drawn)
}

/// Draws the token of an application: `rgapp_` and 40 letters and digits, 238 bits.
///
/// # Errors
///
/// [`NoRandomness`].
pub(super) fn new_application_token() -> Result<SecretKey, NoRandomness> {
    Ok(SecretKey::new(format!("rgapp_{}", alphanumeric(40)?)))
}

/// Draws a key that seals secrets.
///
/// # Errors
///
/// [`NoRandomness`].
pub fn new_master_key() -> Result<MasterKey, NoRandomness> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *key).map_err(NoRandomness)?;
    Ok(MasterKey::new(key))
}

/// Draws a key for signing URLs: so many letters and digits.
pub(super) fn new_url_key(length: usize) -> Result<SecretKey, NoRandomness> {
    Ok(SecretKey::new(alphanumeric(length)?))
}

/// Draws the nonce of a secret that is sealed.
pub(super) fn nonce() -> Result<[u8; NONCE_BYTES], NoRandomness> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(NoRandomness)?;
    Ok(nonce)
}

fn alphanumeric(length: usize) -> Result<String, NoRandomness> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(NoRandomness)?;
        // A byte that names no character is thrown away: a remainder would favour the first.
        let chars = bytes.iter().filter_map(|b| ALPHABET.get(usize::from(b & 63)));
        text.extend(chars.take(length - text.len()).map(|c| char::from(*c)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn request_ids_have_24_upper_case_digits_and_differ() {
        let clock = Clock::system().unwrap();
        let ids: HashSet<String> = (0..1000).map(|_| clock.request_id().to_string()).collect();
        assert_eq!(ids.len(), 1000);
        let digits =
            |id: &String| id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        assert!(ids.iter().all(|id| id.len() == 24 && digits(id)));
    }

    #[test]
    fn ids_of_links_begin_with_a_letter() {
        for length in [1, 10, 64] {
            for _ in 0..200 {
                let id = link_id(length).unwrap();
                assert_eq!(id.len(), length);
                assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), "{id}");
            }
        }
    }

    #[test]
    fn upload_ids_begin_with_the_time_and_differ() {
        let clock = Clock::system().unwrap();
        let before = clock.now().0;
        let ids: Vec<_> = (0..100).map(|_| clock.upload_id().unwrap()).collect();
        for id in &ids {
            let millis = i64::from_str_radix(&id.to_string()[..12], 16).unwrap();
            assert!((before..=clock.now().0).contains(&millis), "{id}");
        }
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn access_keys_have_the_vendors_form() {
        let (id, secret) = new_access_key().unwrap();
        assert!(id.starts_with("LTAI") && id.len() == 24);
        assert!(id.parse::<crate::domain::name::AccessKeyId>().is_ok());
        assert_eq!(secret.expose().len(), 30);
        assert_ne!(new_access_key().unwrap().0, id);
    }
}
