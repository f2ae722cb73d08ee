//! The parts of a request that both signature versions cover, in one canonical form. Verifying
//! and signing read a request through this module and no other way.

use http::{HeaderMap, HeaderValue};

use crate::domain::op::Target;
use crate::domain::query::Query;

/// The parts of a request that a signature can cover, beside the resource and the body.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The method, in upper case as on the wire.
    pub method: &'a str,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The query, decoded.
    pub query: &'a Query,
}

impl SignedRequest<'_> {
    /// The value of a header as it is signed: white space around it removed, several lines joined
    /// with `,`, and nothing if it is absent. Bytes, because a header need not be text.
    pub(super) fn header(&self, name: &str) -> Vec<u8> {
        let lines: Vec<_> =
            self.headers.get_all(name).iter().map(|line| trim(line.as_bytes())).collect();
        lines.join(&b","[..])
    }

    /// Appends `name:value\n` for each header that `signed` chooses, sorted by name.
    pub(super) fn write_headers(&self, out: &mut Vec<u8>, signed: impl Fn(&str) -> bool) {
        let mut names: Vec<_> =
            self.headers.keys().map(http::HeaderName::as_str).filter(|name| signed(name)).collect();
        names.sort_unstable();
        for name in names {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(&self.header(name));
            out.push(b'\n');
        }
    }
}

/// The resource as it is signed: `/`, `/bucket/` or `/bucket/key`, decoded. It names the bucket
/// even if the request does so by its host.
pub(super) fn resource(target: &Target) -> String {
    match target {
        Target::Service => "/".to_owned(),
        Target::Bucket(bucket) => format!("/{bucket}/"),
        Target::Object(bucket, key) => format!("/{bucket}/{key}"),
    }
}

/// Whether a header or a parameter is one of OSS's own, all of which are signed.
pub(super) fn is_oss_own(name: &str) -> bool {
    name.starts_with("x-oss-")
}

/// The only line of a header, without the white space around it.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes).map(trim)
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}
