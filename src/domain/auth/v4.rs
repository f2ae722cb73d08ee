//! Signature version 4: HMAC-SHA256 with a key for one day, region and product, over the digest
//! of a canonical request.
//!
//! Source: OSS "Include a V4 signature in the Authorization header", "Include a V4 signature in
//! a URL"; the signers of alibabacloud-oss-go-sdk-v2 and alibabacloud-oss-v2 (Python).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::canonical::{SignedRequest, is_oss_own, resource};
use crate::domain::encode::{percent_encode, percent_encode_path};
use crate::domain::op::Target;
use crate::domain::query::Query;
use crate::domain::secret::SecretKey;

/// The scheme of an `Authorization` header and the value of `x-oss-signature-version`.
pub(super) const ALGORITHM: &str = "OSS4-HMAC-SHA256";
/// The product of a scope. Cloud boxes sign with another, so it is no part of the algorithm.
pub(super) const PRODUCT: &str = "oss";
/// The last part of a scope.
pub(super) const TERMINATOR: &str = "aliyun_v4_request";
/// The payload line of a request whose body is not signed.
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What a signing key is good for: `20231216/cn-hangzhou/oss/aliyun_v4_request`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The date as `YYYYMMDD`.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) product: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.product)
    }
}

/// The canonical request. `additional` holds the names of headers that are signed beside those
/// that always are, in lower case and sorted; `payload` is the last line.
pub(super) fn canonical_request(
    request: &SignedRequest,
    target: &Target,
    additional: &[String],
    payload: &str,
) -> Vec<u8> {
    let path = percent_encode_path(&resource(target));
    let query = canonical_query(request.query);
    let mut text = format!("{}\n{path}\n{query}\n", request.method).into_bytes();
    request.write_headers(&mut text, |name| {
        is_oss_own(name)
            || matches!(name, "content-type" | "content-md5")
            || additional.iter().any(|also| also == name)
    });
    text.extend_from_slice(format!("\n{}\n{payload}", additional.join(";")).as_bytes());
    text
}

/// The parameters encoded anew and sorted by encoded name; a parameter without a value is its
/// name alone. Of one name the order of the request stays, because it decides which value counts:
/// [`Query::first`]. The signature cannot cover itself.
fn canonical_query(query: &Query) -> String {
    let mut pairs: Vec<_> = query
        .pairs()
        .filter(|(name, _)| *name != "x-oss-signature")
        .map(|(name, value)| (percent_encode(name), percent_encode(value)))
        .collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let parts: Vec<_> = pairs.into_iter().map(|(name, value)| parameter(name, &value)).collect();
    parts.join("&")
}

/// One encoded parameter of a query.
pub(super) fn parameter(name: String, value: &str) -> String {
    if value.is_empty() { name } else { format!("{name}={value}") }
}

/// The text under a V4 signature. `date` is the value of `x-oss-date` as it was sent.
pub(super) fn string_to_sign(date: &str, scope: &Scope, canonical_request: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(canonical_request));
    format!("{ALGORITHM}\n{date}\n{scope}\n{digest}")
}

/// The V4 signature of a text, in lower-case hexadecimal.
pub(super) fn sign(secret: &SecretKey, scope: &Scope, string_to_sign: &str) -> String {
    let secret = Zeroizing::new(format!("aliyun_v4{}", secret.expose()));
    let parts = [scope.date, scope.region, scope.product, TERMINATOR];
    let key = parts
        .into_iter()
        .fold(Zeroizing::new(secret.as_bytes().to_vec()), |key, part| hmac(&key, part));
    hex::encode(&*hmac(&key, string_to_sign))
}

fn hmac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}
