//! Making signatures, for our own client and for links.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::canonical::{SignedRequest, single};
use super::v4::{ALGORITHM, PRODUCT, Scope, UNSIGNED_PAYLOAD, parameter};
use super::{v1, v4};
use crate::domain::encode::percent_encode;
use crate::domain::name::{AccessKeyId, Region};
use crate::domain::op::Target;
use crate::domain::query::Query;
use crate::domain::secret::SecretKey;
use crate::domain::time::UnixMillis;

/// Signs requests with one access key at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The public half of the key.
    pub access_key_id: &'a AccessKeyId,
    /// The secret half of the key.
    pub secret: &'a SecretKey,
    /// The region of the server.
    pub region: &'a Region,
    /// The moment of signing.
    pub now: UnixMillis,
}

impl Signer<'_> {
    /// Signs a request with V4 by header: sets `x-oss-date`, `Authorization` and, unless it is
    /// there, `x-oss-content-sha256: UNSIGNED-PAYLOAD`. To sign the body, put its SHA-256 in
    /// lower-case hexadecimal there before.
    ///
    /// Of the other headers `content-type`, `content-md5` and `x-oss-*` are signed, so they must
    /// be complete. `Date` is not.
    pub fn sign_v4_header(
        &self,
        method: &str,
        target: &Target,
        query: &Query,
        headers: &mut HeaderMap,
    ) {
        let date = self.basic_date();
        headers.insert("x-oss-date", ascii(&date));
        headers.entry("x-oss-content-sha256").or_insert(HeaderValue::from_static(UNSIGNED_PAYLOAD));
        let payload = single(headers, "x-oss-content-sha256").map(String::from_utf8_lossy);
        let payload = payload.unwrap_or_default();
        let request = SignedRequest { method, headers, query };
        let canonical = v4::canonical_request(&request, target, &[], &payload);
        let credential = self.credential(&date);
        let signature = self.sign_v4(&date, &canonical);
        let value = format!("{ALGORITHM} Credential={credential},Signature={signature}");
        headers.insert(AUTHORIZATION, ascii(&value));
    }

    /// Makes the query of a V4 URL, without the `?`, that is good for 1 to 604 800 seconds from
    /// now. `parameters` are those of the request itself, decoded.
    pub fn presign_v4(
        &self,
        method: &str,
        target: &Target,
        parameters: &[(&str, &str)],
        expires_seconds: u32,
    ) -> String {
        let date = self.basic_date();
        let (credential, seconds) = (self.credential(&date), expires_seconds.to_string());
        let own = [
            ("x-oss-signature-version", ALGORITHM),
            ("x-oss-credential", &credential),
            ("x-oss-date", &date),
            ("x-oss-expires", &seconds),
        ];
        let text = query_text(parameters.iter().chain(&own));
        let (query, headers) = (parsed(&text), HeaderMap::new());
        let request = SignedRequest { method, headers: &headers, query: &query };
        let canonical = v4::canonical_request(&request, target, &[], UNSIGNED_PAYLOAD);
        format!("{text}&x-oss-signature={}", self.sign_v4(&date, &canonical))
    }

    /// Makes the query of a V1 URL, without the `?`, that is good to the end of the second
    /// `expires` after the epoch. `parameters` are those of the request itself, decoded.
    ///
    /// For a key that somebody else chose take [`Signer::presign_v4`]: a V1 signature of the key
    /// `?referer` is also one of the bucket's sub-resource `referer`.
    pub fn presign_v1(
        &self,
        method: &str,
        target: &Target,
        parameters: &[(&str, &str)],
        expires: u32,
    ) -> String {
        let expires = expires.to_string();
        let own = [("OSSAccessKeyId", self.access_key_id.as_str()), ("Expires", &expires)];
        let text = query_text(parameters.iter().chain(&own));
        let (query, headers) = (parsed(&text), HeaderMap::new());
        let request = SignedRequest { method, headers: &headers, query: &query };
        let string_to_sign = v1::string_to_sign(&request, target, expires.as_bytes());
        let signature = v1::sign(self.secret, &string_to_sign);
        format!("{text}&Signature={}", percent_encode(&signature))
    }

    fn sign_v4(&self, date: &str, canonical_request: &[u8]) -> String {
        let scope = self.scope(date);
        let string_to_sign = v4::string_to_sign(date, &scope, canonical_request);
        v4::sign(self.secret, &scope, &string_to_sign)
    }

    fn credential(&self, date: &str) -> String {
        format!("{}/{}", self.access_key_id, self.scope(date))
    }

    fn scope<'s>(&'s self, date: &'s str) -> Scope<'s> {
        let day = date.split('T').next().unwrap_or_default();
        Scope { date: day, region: self.region.as_str(), product: PRODUCT }
    }

    /// The moment of signing in the form of `x-oss-date`: `20231216T162057Z`.
    fn basic_date(&self) -> String {
        self.now.to_iso8601().replace(".000", "").replace(['-', ':'], "")
    }
}

/// Writes parameters as a query.
fn query_text<'p>(parameters: impl Iterator<Item = &'p (&'p str, &'p str)>) -> String {
    let parts: Vec<_> = parameters
        .map(|(name, value)| parameter(percent_encode(name), &percent_encode(value)))
        .collect();
    parts.join("&")
}

/// Reads a query of our own making, so that what is signed is what a server will read.
fn parsed(text: &str) -> Query {
    Query::parse(text).expect("every byte that needs it is escaped, and all of it was UTF-8")
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("access key ids, dates, regions and hex are ASCII")
}
