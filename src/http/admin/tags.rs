//! Entity tags of the JSON API, and the conditions that name them.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use sha2::{Digest, Sha256};

use super::ApiError;
use crate::domain::code::Code;

/// What `If-Match` asks for (RFC 9110, section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Nothing, or that there is something: in this API there always is.
    Anything,
    /// One of these tags, without their quotes. A weak tag is none of them: it fits nothing.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Reads the header.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let bad = || {
            let sentence = "If-Match must be * or entity tags such as \"3\".";
            ApiError::saying(Code::InvalidArgument, sentence)
        };
        let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self::Anything);
        }
        let mut tags = Vec::new();
        for value in values {
            let value = value.to_str().map_err(|_| bad())?;
            if value.trim() == "*" {
                return Ok(Self::Anything);
            }
            for tag in value.split(',').map(str::trim) {
                let (weak, quoted) =
                    tag.strip_prefix("W/").map_or((false, tag), |rest| (true, rest));
                let text = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let text = text.ok_or_else(bad)?;
                tags.extend((!weak).then(|| text.to_owned()));
            }
        }
        Ok(Self::OneOf(tags))
    }
}

/// The tag of a representation: the same text, the same tag, also after a restart.
pub(super) fn tag_of(json: &str) -> String {
    let digest = Sha256::digest(json.as_bytes());
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// An answer with a text of JSON and its tag. It is never kept by a cache.
pub(super) fn tagged(json: String) -> Response<Body> {
    let tag = HeaderValue::try_from(format!("\"{}\"", tag_of(&json)));
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_tags() {
        let of = |tags: &[&str]| Some(IfMatch::OneOf(tags.iter().map(|&t| t.into()).collect()));
        #[rustfmt::skip]
        let table: [(&[&str], Option<IfMatch>); 12] = [
            (&[],                   Some(IfMatch::Anything)),
            (&["*"],                Some(IfMatch::Anything)),
            (&[" * "],              Some(IfMatch::Anything)),
            (&["\"3\""],            of(&["3"])),
            (&["\"3\", \"4\""],     of(&["3", "4"])),
            (&["\"3\"", "\"4\""],   of(&["3", "4"])),
            (&["W/\"3\""],          of(&[])),
            (&["\"abc\""],          of(&["abc"])),
            (&["\"\""],             of(&[""])),
            (&["3"],                None),
            (&[""],                 None),
            (&["\"3"],              None),
        ];
        for (values, want) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(IfMatch::read(&headers).ok(), want, "{values:?}");
        }
    }
}
