//! Tags of an object.
//!
//! Sources: OSS "PutObjectTagging" and the pages of the `EC` numbers; the SDKs' tests against the
//! real service for what the pages leave open (letters of any script are letters, the codes).

use crate::domain::code::{self, Reason};
use crate::domain::encode::form_decode_bytes;

/// The most tags of an object.
pub const MAX_TAGS: usize = 10;

/// The most characters of a key.
const MAX_KEY_CHARS: usize = 128;

/// The most characters of a value.
const MAX_VALUE_CHARS: usize = 256;

/// Up to ten tags: pairs of a key of 1 to 128 characters and a value of up to 256, of letters,
/// digits, spaces and `+-=._:/`. No key is there twice. Their order is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

/// Why pairs are no tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTags {
    /// Over ten.
    #[error("an object has at most 10 tags")]
    TooMany,
    /// A key that is there twice.
    #[error("a tag is given twice")]
    Duplicate,
    /// A key that is there twice in a header.
    #[error("a tag is given twice in the header")]
    DuplicateInHeader,
    /// A key of over 128 characters.
    #[error("the key of a tag has over 128 characters")]
    LongKey,
    /// A key that is empty or has another character.
    #[error("the key of a tag has 1 to 128 letters, digits, spaces and +-=._:/")]
    Key,
    /// A value that is too long or has another character.
    #[error("the value of a tag has up to 256 letters, digits, spaces and +-=._:/")]
    Value,
    /// A header that is not `key=value&key=value`, percent-encoded.
    #[error("tags in a header are key=value&key=value, percent-encoded")]
    Form,
    /// Bytes that are not UTF-8.
    #[error("the tags are not UTF-8")]
    Encoding,
}

impl Tags {
    /// Checks tags.
    ///
    /// # Errors
    ///
    /// [`InvalidTags`] says which rule they break.
    pub fn new(pairs: Vec<(String, String)>) -> Result<Self, InvalidTags> {
        if pairs.len() > MAX_TAGS {
            return Err(InvalidTags::TooMany);
        }
        for (n, (key, value)) in pairs.iter().enumerate() {
            if key.chars().count() > MAX_KEY_CHARS {
                return Err(InvalidTags::LongKey);
            }
            if key.is_empty() || !key.chars().all(is_allowed) {
                return Err(InvalidTags::Key);
            }
            if value.chars().count() > MAX_VALUE_CHARS || !value.chars().all(is_allowed) {
                return Err(InvalidTags::Value);
            }
            if pairs.iter().take(n).any(|(other, _)| other == key) {
                return Err(InvalidTags::Duplicate);
            }
        }
        Ok(Self(pairs))
    }

    /// Reads `x-oss-tagging`: `key=value&key`, percent-encoded.
    ///
    /// # Errors
    ///
    /// [`InvalidTags`].
    pub fn read_header(text: &str) -> Result<Self, InvalidTags> {
        let decode = |part: &str| {
            let bytes = form_decode_bytes(part).map_err(|_| InvalidTags::Form)?;
            String::from_utf8(bytes).map_err(|_| InvalidTags::Encoding)
        };
        let read = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if value.contains('=') {
                return Err(InvalidTags::Form);
            }
            Ok((decode(key)?, decode(value)?))
        };
        let parts = text.split('&').filter(|part| !part.is_empty());
        Self::new(parts.map(read).collect::<Result<_, _>>()?).map_err(|err| {
            if err == InvalidTags::Duplicate { InvalidTags::DuplicateInHeader } else { err }
        })
    }

    /// The tags in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl InvalidTags {
    /// What the client is told.
    pub const fn reason(self) -> Reason {
        match self {
            Self::TooMany => code::TOO_MANY_TAGS,
            Self::Duplicate => code::TAG_DUPLICATE,
            Self::DuplicateInHeader => code::TAG_DUPLICATE_IN_HEADER,
            Self::LongKey => code::TAG_KEY_TOO_LONG,
            Self::Key => code::TAG_KEY_INVALID,
            Self::Value => code::TAG_VALUE_INVALID,
            Self::Form => code::TAGS_MALFORMED,
            Self::Encoding => code::TAGS_NOT_UTF8,
        }
    }
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || " +-=._:/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        use InvalidTags::{DuplicateInHeader, Encoding, Form, Key, LongKey, TooMany, Value};
        let long = |n: usize| "a".repeat(n);
        let many = |n: usize| (0..n).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
        #[rustfmt::skip]
        let table = [
            ("OSS: two",             "TagA=A&TagB=B".to_owned(),     Ok(vec![("TagA", "A"), ("TagB", "B")])),
            ("OSS: no value",        "k&l=".into(),                  Ok(vec![("k", ""), ("l", "")])),
            ("nothing",              String::new(),                  Ok(vec![])),
            ("oss2's test",          "%2B-/=%3A%2B%3A".into(),       Ok(vec![("+-/", ":+:")])),
            ("oss2's test, letters", "%20%2B/%20=%E4%B8%AD".into(),  Ok(vec![(" +/ ", "中")])),
            ("the Go SDK's space",   "a+b=c".into(),                 Ok(vec![("a b", "c")])),
            ("an escaped =",         "key1%3D=value%201%2B".into(),  Ok(vec![("key1=", "value 1+")])),
            ("case counts",          "a=1&A=2".into(),               Ok(vec![("a", "1"), ("A", "2")])),
            ("OSS: two signs",       "aa=bb=cc".into(),              Err(Form)),
            ("a lone percent",       "a=%f".into(),                  Err(Form)),
            ("not UTF-8",            "a=%ff".into(),                 Err(Encoding)),
            ("OSS: another character", "key1%26=v".into(),           Err(Key)),
            ("no key",               "=v".into(),                    Err(Key)),
            ("a control character",  "k=%0A".into(),                 Err(Value)),
            ("128 characters",       format!("{}=", long(129)),      Err(LongKey)),
            ("256 characters",       format!("k={}", long(257)),     Err(Value)),
            ("twice",                "a=1&a=2".into(),               Err(DuplicateInHeader)),
            ("eleven",               many(11),                       Err(TooMany)),
        ];
        for (name, text, want) in table {
            let own = |pairs: Vec<(&str, &str)>| {
                pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            };
            assert_eq!(Tags::read_header(&text), want.map(|pairs| Tags(own(pairs))), "{name}");
        }
        let most = format!("{}={}&{}", long(128), long(256), many(9));
        assert_eq!(Tags::read_header(&most).map(|tags| tags.len()), Ok(10));
    }

    #[test]
    fn a_key_is_there_once() {
        let pair = |key: &str| (key.to_owned(), String::new());
        assert_eq!(Tags::new(vec![pair("a"), pair("a")]), Err(InvalidTags::Duplicate));
    }
}
