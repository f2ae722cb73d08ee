//! What a client says of the content that it sends, and whether it is true.

use super::super::error::Error;
use crate::blob::{Sha256, Written};
use crate::domain::code::Code;
use crate::domain::secret::Digest;

/// The digests of a body that the client announced.
#[derive(Debug, Default)]
pub struct Announced {
    /// `Content-MD5`.
    pub md5: Option<Digest>,
    /// `x-oss-content-sha256`, if it is a digest.
    pub sha256: Option<Digest>,
}

impl Announced {
    /// Reads the value of `Content-MD5`.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidDigest`]: not the base64 of 16 bytes.
    pub fn read_md5(header: &[u8]) -> Result<Digest, Error> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(header);
        let md5: Option<[u8; 16]> = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        md5.map(Digest::new).ok_or(Error::Code(Code::InvalidDigest))
    }

    /// Checks a body that is in memory as a whole.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidDigest`] or [`Code::XContentSha256Mismatch`].
    pub fn check(&self, body: &[u8]) -> Result<(), Error> {
        use md5::Digest as _;
        if let Some(want) = &self.md5 {
            matches(want, md5::Md5::digest(body).as_slice(), Code::InvalidDigest)?;
        }
        if let Some(want) = &self.sha256 {
            let sha256 = sha2::Sha256::digest(body);
            matches(want, sha256.as_slice(), Code::XContentSha256Mismatch)?;
        }
        Ok(())
    }

    /// Which digests must be computed to check what is written.
    pub(super) const fn sha256(&self) -> Sha256 {
        if self.sha256.is_some() { Sha256::Wanted } else { Sha256::Unwanted }
    }

    pub(super) fn check_written(&self, written: &Written) -> Result<(), Error> {
        if let Some(want) = &self.md5 {
            matches(want, &written.md5, Code::InvalidDigest)?;
        }
        if let Some(want) = &self.sha256 {
            let sha256 = written.sha256.ok_or(Error::Fault("a digest was not computed"))?;
            matches(want, &sha256, Code::XContentSha256Mismatch)?;
        }
        Ok(())
    }
}

fn matches(want: &Digest, got: &[u8], otherwise: Code) -> Result<(), Error> {
    if want.matches(&Digest::new(got)) { Ok(()) } else { Err(Error::Code(otherwise)) }
}
