//! Who sent a request: reading and verifying signatures, and making them for our own client.
//!
//! [`Claim::read`] says what a request presents; [`SignedClaim::prove`] checks it and is the only
//! maker of a [`Proof`]. Between the two a claim is worth nothing.
//!
//! # What a request presents
//!
//! | `Authorization` | V1 parameters | V4 parameters | claim |
//! | --- | --- | --- | --- |
//! | – | – | – | anonymous |
//! | present, whatever it holds | – | – | V1 or V4 by header, or an error |
//! | – | any of `OSSAccessKeyId`, `Expires`, `Signature` | – | V1 by URL, or an error |
//! | – | – | any of `x-oss-signature-version`, `x-oss-credential`, `x-oss-signature`, `x-oss-access-key-id` | V4 by URL, or an error |
//! | more than one column | | | an error |
//!
//! A header or parameter of the signature that is given twice is an error. OSS documents that
//! the first of two counts; for the parameters that carry the signature itself we refuse, because
//! a proxy before us may have looked at the second. Signature version 2 (`OSS2`) is not served.
//!
//! # Order of checks
//!
//! 1. form: every part is there and can be read
//! 2. time: a V1 URL to the end of its second `Expires`; a V4 URL from 15 minutes before
//!    `x-oss-date` to the end of the second `x-oss-date` + `x-oss-expires`; a header at most
//!    15 minutes away from the clock, the limit included
//! 3. scope (V4): region, and the date against `x-oss-date`
//! 4. whether the access key is known and enabled; for temporary credentials, whether the security
//!    token is there, genuine, theirs and in time
//! 5. the signature, in constant time
//! 6. a permanent key has no security token: a genuine signature with one is still refused
//!
//! # Decided here, where the vendor's pages are silent
//!
//! - A V4 header signature needs `x-oss-date`; `Date` does not stand in for it.
//! - Without `x-oss-content-sha256` the payload line is `UNSIGNED-PAYLOAD`: the signers of the
//!   vendor's SDKs compute it so, by header and by URL.
//! - Signatures are compared as text: base64 or lower-case hexadecimal, exactly as SDKs write it.
//! - A security token on a request without a signature claims nothing, and is passed over. One in
//!   several places must be the same in all.
//!
//! # What this module does not decide
//!
//! Whether the body fits [`PayloadHash`] and `Content-MD5`, which keys there are and what they may
//! do, and what a security token is worth.
//!
//! Sources: OSS "Add signatures to the header", "Add a signature to a URL", "Include a V4
//! signature in the Authorization header", "Include a V4 signature in a URL" and the `EC` pages.

mod canonical;
mod claim;
mod credential;
mod error;
mod form;
mod prove;
mod sign;
mod sub_resource;
mod v1;
mod v4;

pub use canonical::SignedRequest;
pub use claim::{Channel, Claim, SignedClaim};
pub use credential::PayloadHash;
pub use error::{AuthError, MAX_SKEW_MILLIS, Mismatch};
pub use form::{FormClaim, SignedForm};
pub use prove::{KnownKey, Place, Proof, Version};
pub use sign::Signer;
pub use sub_resource::{has_signed as has_v1_sub_resource, is_sub_resource};

#[cfg(test)]
mod known_answers;
#[cfg(test)]
mod tests;
