//! Computing what is told of bytes.

use std::fmt;

use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};

use super::{Digesting, Sha256, Written};

/// The digests of bytes, of which more may come.
pub struct Digests {
    /// Bytes that are still to be left out.
    skip: u64,
    length: u64,
    md5: Md5,
    crc64: crc_fast::Digest,
    sha256: Option<sha2::Sha256>,
}

impl Digests {
    /// The digests of no bytes.
    pub fn new(Digesting { sha256, skip }: Digesting) -> Self {
        Self {
            skip,
            length: 0,
            md5: Md5::new(),
            crc64: crc_fast::Digest::new(CrcAlgorithm::Crc64Xz),
            sha256: match sha256 {
                Sha256::Wanted => Some(sha2::Sha256::new()),
                Sha256::Unwanted => None,
            },
        }
    }

    /// Adds bytes behind those that came before.
    pub fn update(&mut self, bytes: &[u8]) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        self.length += bytes.len() as u64;
        self.md5.update(bytes);
        self.crc64.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// The digests of all of them.
    pub fn finish(self) -> Written {
        Written {
            length: self.length,
            md5: self.md5.finalize().into(),
            crc64: self.crc64.finalize(),
            sha256: self.sha256.map(|sha256| sha256.finalize().into()),
        }
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").finish_non_exhaustive()
    }
}
