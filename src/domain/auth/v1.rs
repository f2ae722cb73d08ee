//! Signature version 1: HMAC-SHA1 over a short text.
//!
//! The text does not cover the body (unless `Content-MD5` is sent), nor parameters that are not
//! sub-resources, and it does not tell the key `k?acl` from the sub-resource `acl` of the key
//! `k`. All three are the vendor's design; V4 has none of them but the first.
//!
//! Source: OSS "Add signatures to the header", "Add a signature to a URL".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::canonical::{SignedRequest, is_oss_own, resource};
use super::sub_resource;
use crate::domain::op::Target;
use crate::domain::secret::SecretKey;

/// The text under a V1 signature. `date` is the value of `x-oss-date`, else of `Date`, and in a
/// URL that of `Expires`, as it was sent.
pub(super) fn string_to_sign(request: &SignedRequest, target: &Target, date: &[u8]) -> Vec<u8> {
    let mut text = request.method.as_bytes().to_vec();
    for line in [&request.header("content-md5"), &request.header("content-type"), date] {
        text.push(b'\n');
        text.extend_from_slice(line);
    }
    text.push(b'\n');
    request.write_headers(&mut text, is_oss_own);
    text.extend_from_slice(resource(target).as_bytes());
    text.extend_from_slice(sub_resource::canonical(request.query).as_bytes());
    text
}

/// The V1 signature of a text, in base64.
pub(super) fn sign(secret: &SecretKey, string_to_sign: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(string_to_sign);
    STANDARD.encode(mac.finalize().into_bytes())
}
