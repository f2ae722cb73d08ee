//! Computing what is told of bytes.
//!
//! MD5 is half of what a large upload costs the processor, and can be computed of several uploads at
//! once (`blob/md5`), so it can be parted from the others.

use std::fmt;
use std::mem;

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use sha2::Digest as _;

use super::md5::Md5;
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
            md5: Md5::default(),
            crc64: crc_fast::Digest::new(CrcAlgorithm::Crc64Xz),
            sha256: match sha256 {
                Sha256::Wanted => Some(sha2::Sha256::new()),
                Sha256::Unwanted => None,
            },
        }
    }

    /// Adds bytes behind those that came before.
    pub fn update(&mut self, bytes: &[u8]) {
        let counted = self.update_others(bytes);
        self.md5.update(counted);
    }

    /// Gives MD5 away, with what of these bytes is to be added to it. They are the next for
    /// [`Digests::update_others`], and before there is more, MD5 comes back.
    pub(super) fn lend_md5(&mut self, bytes: &Bytes) -> (Md5, Bytes) {
        (mem::take(&mut self.md5), bytes.slice(self.skipped(bytes)..))
    }

    /// MD5 with the bytes added.
    pub(super) fn return_md5(&mut self, md5: Md5) {
        self.md5 = md5;
    }

    /// Adds bytes to all but MD5. Those that count.
    pub(super) fn update_others<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let skipped = self.skipped(bytes);
        self.skip -= skipped as u64;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        self.length += bytes.len() as u64;
        self.crc64.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        bytes
    }

    /// How many of the next bytes are left out.
    fn skipped(&self, bytes: &[u8]) -> usize {
        usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len())
    }

    /// The digests of all of them.
    pub fn finish(self) -> Written {
        Written {
            length: self.length,
            md5: self.md5.finish(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Digesting;
    use proptest::prelude::*;

    /// The digests of bytes that come in pieces.
    fn told_of(skip: u64, pieces: &[Vec<u8>]) -> Written {
        let mut digests = Digests::new(Digesting { skip, ..Digesting::all(Sha256::Wanted) });
        for piece in pieces {
            digests.update(piece);
        }
        digests.finish()
    }

    /// RFC 1321, section A.5; the check value of CRC-64/XZ; FIPS 180-4.
    #[test]
    fn known_answers() {
        let digits = told_of(0, &[b"123456789".to_vec()]);
        assert_eq!((digits.crc64, digits.length), (0x995d_c9bb_df19_39fa, 9));
        let of = |text: &str| hex::encode(told_of(0, &[text.into()]).md5);
        #[rustfmt::skip]
        let table = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
            ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"),
        ];
        for (text, md5) in table {
            assert_eq!(of(text), md5, "{text}");
        }
        let abc = told_of(0, &[b"abc".to_vec()]).sha256.map(hex::encode);
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(abc.as_deref(), Some(want));
    }

    proptest! {
        /// However bytes come, MD5 is what another implementation makes of all of them.
        #[test]
        fn pieces_make_no_difference(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
            skip in 0_usize..300,
        ) {
            let whole = pieces.concat();
            let rest = &whole[whole.len().min(skip)..];
            let told = told_of(skip as u64, &pieces);
            let md5: [u8; 16] = <md5::Md5 as md5::Digest>::digest(rest).into();
            prop_assert_eq!((told.md5, told.length), (md5, rest.len() as u64));
            let at_once = told_of(0, &[rest.to_vec()]);
            prop_assert_eq!((told.crc64, told.sha256), (at_once.crc64, at_once.sha256));
        }
    }
}
